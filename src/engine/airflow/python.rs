//! Writing Python: expressions that are laid out as `ruff format` would do it.

use std::fmt::Write as _;

/// Longest line.
const WIDTH: usize = 110;

/// A Python expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    /// Code as it stands: a name, a number, an operation.
    Code(String),
    /// A string.
    Text(String),
    /// `[…]`
    List(Vec<Expr>),
    /// `{key: value}`
    Dict(Vec<(String, Expr)>),
    /// `function(…, name=…)`
    Call(String, Vec<Expr>, Vec<(String, Expr)>),
    /// A call and a method of its result.
    Chain(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// Code as it stands.
    pub(crate) fn code(code: impl Into<String>) -> Self {
        Self::Code(code.into())
    }

    /// A string.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A call with positional arguments only.
    pub(crate) fn call(function: &str, arguments: Vec<Self>) -> Self {
        Self::Call(function.to_owned(), arguments, Vec::new())
    }

    /// A call with named arguments only.
    pub(crate) fn with(function: &str, named: Vec<(&str, Self)>) -> Self {
        let named = named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self::Call(function.to_owned(), Vec::new(), named)
    }

    /// `timedelta(seconds=…)`
    pub(crate) fn seconds(seconds: u64) -> Self {
        Self::with("timedelta", vec![("seconds", Self::code(seconds.to_string()))])
    }

    /// The code, broken into lines where it is too long for one that starts at `indent` with `used` characters before
    /// the expression and some after it.
    pub(crate) fn layout(&self, indent: usize, used: usize, after: usize) -> String {
        let flat = self.flat();
        if indent + used + flat.chars().count() + after <= WIDTH {
            return flat;
        }
        let inner = indent + 4;
        let lines: Vec<String> = match self {
            Self::Code(_) | Self::Text(_) => return flat,
            Self::Chain(first, second) => {
                let first = first.layout(indent, used, WIDTH);
                return first + &second.layout(indent, 1, after);
            }
            Self::List(items) => items.iter().map(|item| item.layout(inner, 0, 1)).collect(),
            Self::Dict(entries) => entries
                .iter()
                .map(|(key, value)| {
                    let key = string(key);
                    format!("{key}: {}", value.layout(inner, key.chars().count() + 2, 1))
                })
                .collect(),
            Self::Call(_, positional, named) => {
                let positional = positional.iter().map(|item| item.layout(inner, 0, 1));
                let named = named.iter().map(|(name, value)| {
                    format!("{name}={}", value.layout(inner, name.chars().count() + 1, 1))
                });
                positional.chain(named).collect()
            }
        };
        if lines.is_empty() {
            return flat;
        }
        let (open, close) = self.brackets();
        let mut text = format!("{open}\n");
        for line in lines {
            let _ = writeln!(text, "{:inner$}{line},", "");
        }
        let _ = write!(text, "{:indent$}{close}", "");
        text
    }

    fn brackets(&self) -> (String, char) {
        match self {
            Self::Dict(_) => ("{".to_owned(), '}'),
            Self::Call(function, ..) => (format!("{function}("), ')'),
            _ => ("[".to_owned(), ']'),
        }
    }

    fn flat(&self) -> String {
        let joined = |parts: Vec<String>| {
            let (open, close) = self.brackets();
            format!("{open}{}{close}", parts.join(", "))
        };
        match self {
            Self::Code(code) => code.clone(),
            Self::Text(text) => string(text),
            Self::Chain(first, second) => first.flat() + &second.flat(),
            Self::List(items) => joined(items.iter().map(Self::flat).collect()),
            Self::Dict(entries) => joined(
                entries.iter().map(|(key, value)| format!("{}: {}", string(key), value.flat())).collect(),
            ),
            Self::Call(_, positional, named) => {
                let named = named.iter().map(|(name, value)| format!("{name}={}", value.flat()));
                joined(positional.iter().map(Self::flat).chain(named).collect())
            }
        }
    }
}

/// A string on one line, in the quotes that need fewer backslashes.
pub(crate) fn string(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut written = String::with_capacity(text.len() + 2);
    written.push(quote);
    for character in text.chars() {
        match character {
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            found if found == quote => {
                written.push('\\');
                written.push(found);
            }
            other => push_escaped(&mut written, other),
        }
    }
    written.push(quote);
    written
}

/// A string over several lines, as it looks.
pub(crate) fn block(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 16);
    written.push_str("\"\"\"\\\n");
    let mut quotes = 0;
    for character in text.chars() {
        quotes = if character == '"' { quotes + 1 } else { 0 };
        match character {
            '\n' | '\t' => written.push(character),
            // Three quotes in a row would end the string.
            '"' if quotes == 3 => {
                written.push_str("\\\"");
                quotes = 0;
            }
            other => push_escaped(&mut written, other),
        }
    }
    if quotes > 0 {
        written.pop();
        written.push_str("\\\"");
    }
    written.push_str("\"\"\"");
    written
}

/// What Python would not read as it stands, or nobody could see, is escaped.
fn push_escaped(written: &mut String, character: char) {
    match character {
        '\\' => written.push_str("\\\\"),
        '\r' => written.push_str("\\r"),
        ' '..='~' => written.push(character),
        visible if visible.is_alphanumeric() => written.push(visible),
        other => {
            let code = u32::from(other);
            let _ = match code {
                0..=0xff => write!(written, "\\x{code:02x}"),
                0x100..=0xffff => write!(written, "\\u{code:04x}"),
                _ => write!(written, "\\U{code:08x}"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_take_the_simpler_quotes() {
        for (text, expected) in [
            ("a", r#""a""#),
            (r#"say "hi""#, r#"'say "hi"'"#),
            (r#"it's "x""#, r#""it's \"x\"""#),
            ("a\\b\r\n\té\u{2028}🦀\0", r#""a\\b\r\n\té\u2028\U0001f980\x00""#),
        ] {
            assert_eq!(string(text), expected);
        }
    }

    #[test]
    fn blocks_keep_lines() {
        assert_eq!(block("print(\"\"\"x\"\"\")\n"), "\"\"\"\\\nprint(\"\"\\\"x\"\"\\\")\n\"\"\"");
        assert_eq!(block("echo \"x\""), "\"\"\"\\\necho \"x\\\"\"\"\"");
    }

    #[test]
    fn long_calls_are_broken() {
        let call =
            Expr::with("Step", vec![("task_id", Expr::text("a")), ("command", Expr::text("x".repeat(100)))]);
        let expected = format!("Step(\n    task_id=\"a\",\n    command=\"{}\",\n)", "x".repeat(100));
        assert_eq!(call.layout(0, 0, 0), expected);
    }
}
