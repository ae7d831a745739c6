//! Conditions such as `evaluate.auc >= 0.9 and flip.result == 'heads'`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A condition on outputs of earlier steps, workflow parameters or the item of a map.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One comparison.
    Compare {
        /// Left side.
        left: Operand,
        /// Operator.
        comparison: Comparison,
        /// Right side.
        right: Operand,
    },
    /// The left side is one of the values.
    In {
        /// Left side.
        left: Operand,
        /// The values.
        values: Vec<Literal>,
    },
    /// All parts hold (at least two).
    And(Vec<Condition>),
    /// At least one part holds (at least two).
    Or(Vec<Condition>),
}

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The operator that holds exactly when this one does not.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// `STEP.OUTPUT`; the output `result` is what the step printed.
    Output {
        /// The step.
        step: String,
        /// Its output.
        output: String,
    },
    /// `parameters.NAME`
    Parameter(String),
    /// `item` or `item.KEY`
    Item(Option<String>),
    /// A number, word or quoted text.
    Literal(Literal),
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A number as it was written.
    Number(String),
    /// Text.
    Text(String),
}

impl Literal {
    /// The value without quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Number(text) | Self::Text(text) => text,
        }
    }
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a condition: {reason}; write for example evaluate.auc >= 0.9 or flip.result == 'heads'"
)]
pub struct ConditionError {
    /// The text as given.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

impl Condition {
    /// All operands, from left to right.
    pub fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Compare { left, right, .. } => vec![left, right],
            Self::In { left, .. } => vec![left],
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::operands).collect(),
        }
    }

    /// The outputs it reads, as (step, output).
    pub fn outputs(&self) -> Vec<(&str, &str)> {
        self.operands()
            .into_iter()
            .filter_map(|operand| match operand {
                Operand::Output { step, output } => Some((step.as_str(), output.as_str())),
                _ => None,
            })
            .collect()
    }

    /// The condition that holds when this one does not. Both are false where a value was never written.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Compare { left, comparison, right } => {
                Self::Compare { left, comparison: comparison.negated(), right }
            }
            Self::In { left, values } => {
                let unequal = |value| Self::Compare {
                    left: left.clone(),
                    comparison: Comparison::NotEqual,
                    right: Operand::Literal(value),
                };
                let mut parts: Vec<Self> = values.into_iter().map(unequal).collect();
                if parts.len() == 1 { parts.remove(0) } else { Self::And(parts) }
            }
            Self::And(parts) => Self::Or(flattened(parts.into_iter().map(Self::negated).collect(), false)),
            Self::Or(parts) => Self::And(flattened(parts.into_iter().map(Self::negated).collect(), true)),
        }
    }

    /// The same condition with every operand passed through `change`.
    #[must_use]
    pub fn map_operands(&self, change: &dyn Fn(&Operand) -> Operand) -> Self {
        match self {
            Self::Compare { left, comparison, right } => {
                Self::Compare { left: change(left), comparison: *comparison, right: change(right) }
            }
            Self::In { left, values } => Self::In { left: change(left), values: values.clone() },
            Self::And(parts) => Self::And(parts.iter().map(|part| part.map_operands(change)).collect()),
            Self::Or(parts) => Self::Or(parts.iter().map(|part| part.map_operands(change)).collect()),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => formatter.write_str(number),
            Self::Text(text) => write!(formatter, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output { step, output } => write!(formatter, "{step}.{output}"),
            Self::Parameter(name) => write!(formatter, "parameters.{name}"),
            Self::Item(None) => formatter.write_str("item"),
            Self::Item(Some(key)) => write!(formatter, "item.{key}"),
            Self::Literal(literal) => literal.fmt(formatter),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare { left, comparison, right } => {
                write!(formatter, "{left} {} {right}", comparison.symbol())
            }
            Self::In { left, values } => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(formatter, "{left} in [{}]", values.join(", "))
            }
            Self::And(parts) => write_parts(formatter, parts, " and ", |part| matches!(part, Self::Or(_))),
            Self::Or(parts) => write_parts(formatter, parts, " or ", |_| false),
        }
    }
}

fn write_parts(
    formatter: &mut fmt::Formatter<'_>,
    parts: &[Condition],
    word: &str,
    bracket: fn(&Condition) -> bool,
) -> fmt::Result {
    let written: Vec<String> =
        parts.iter().map(|part| if bracket(part) { format!("({part})") } else { part.to_string() }).collect();
    formatter.write_str(&written.join(word))
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 14] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", "(", ")", "[", "]", "!"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let used = if first == '\'' || first == '"' {
            let (content, used) = quoted(rest, first)?;
            found.push(Token::Text(content));
            used
        } else if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            found.push(Token::Symbol(if symbol == "=" { "==" } else { symbol }));
            symbol.len()
        } else if first == ',' {
            found.push(Token::Symbol(","));
            1
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || "._-+%/:".contains(c)))
                .filter(|end| *end > 0)
                .or_else(|| {
                    rest.chars().all(|c| c.is_alphanumeric() || "._-+%/:".contains(c)).then_some(rest.len())
                })
                .ok_or_else(|| format!("unexpected {first:?}"))?;
            found.push(Token::Word(rest[..end].to_owned()));
            end
        };
        rest = rest[used..].trim_start();
    }
    Ok(found)
}

fn quoted(text: &str, quote: char) -> Result<(String, usize), String> {
    let mut content = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Ok((content, at + quote.len_utf8()));
        }
        if character == '\\' {
            content.extend(characters.next().map(|(_, next)| next));
        } else {
            content.push(character);
        }
    }
    Err("a quote is not closed".into())
}

/// Brackets inside each other.
const DEEPEST: usize = 64;

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek_word(&self, word: &str, symbol: &str) -> bool {
        match self.tokens.get(self.at) {
            Some(Token::Word(found)) => found.eq_ignore_ascii_case(word),
            Some(Token::Symbol(found)) => *found == symbol,
            _ => false,
        }
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn or(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.and()?];
        while self.peek_word("or", "||") {
            self.at += 1;
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Or(flattened(parts, false)) })
    }

    fn and(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.comparison()?];
        while self.peek_word("and", "&&") {
            self.at += 1;
            parts.push(self.comparison()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::And(flattened(parts, true)) })
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        let negates = self.peek_word("not", "!") && self.tokens.get(self.at + 1) == Some(&Token::Symbol("("));
        if negates {
            self.at += 1;
            return Ok(self.comparison()?.negated());
        }
        if self.tokens.get(self.at) == Some(&Token::Symbol("(")) {
            self.at += 1;
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(format!("it has more than {DEEPEST} brackets inside each other"));
            }
            let inner = self.or()?;
            self.depth -= 1;
            return if self.next()? == Token::Symbol(")") {
                Ok(inner)
            } else {
                Err("a bracket is not closed".into())
            };
        }
        let left = operand(self.next()?)?;
        match self.next()? {
            Token::Word(word) if word.eq_ignore_ascii_case("in") => {
                Ok(Condition::In { left, values: self.list()? })
            }
            Token::Word(word) if word.eq_ignore_ascii_case("not") && self.peek_word("in", "") => {
                self.at += 1;
                Ok(Condition::In { left, values: self.list()? }.negated())
            }
            Token::Symbol(symbol) => {
                let comparison = comparison(symbol).ok_or_else(|| format!("{symbol:?} is no comparison"))?;
                Ok(Condition::Compare { left, comparison, right: operand(self.next()?)? })
            }
            other => Err(format!("a comparison is missing before {other:?}")),
        }
    }

    fn list(&mut self) -> Result<Vec<Literal>, String> {
        let close = match self.next()? {
            Token::Symbol("[") => Token::Symbol("]"),
            Token::Symbol("(") => Token::Symbol(")"),
            _ => return Err("`in` needs a list like [a, b]".into()),
        };
        let mut values = Vec::new();
        loop {
            match self.next()? {
                token if token == close && !values.is_empty() => return Ok(values),
                Token::Symbol(",") => {}
                Token::Word(word) => values.push(literal(&word)),
                Token::Text(text) => values.push(Literal::Text(text)),
                Token::Symbol(symbol) => return Err(format!("unexpected {symbol:?} in the list")),
            }
        }
    }
}

fn flattened(parts: Vec<Condition>, and: bool) -> Vec<Condition> {
    parts
        .into_iter()
        .flat_map(|part| match part {
            Condition::And(inner) if and => inner,
            Condition::Or(inner) if !and => inner,
            other => vec![other],
        })
        .collect()
}

fn comparison(symbol: &str) -> Option<Comparison> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]
        .into_iter()
        .find(|comparison| comparison.symbol() == symbol)
}

fn literal(word: &str) -> Literal {
    let finite = word.parse::<f64>().is_ok_and(f64::is_finite);
    let numeric = finite && !word.starts_with('+') && word.chars().any(|c| c.is_ascii_digit());
    if numeric { Literal::Number(word.to_owned()) } else { Literal::Text(word.to_owned()) }
}

fn operand(token: Token) -> Result<Operand, String> {
    let word = match token {
        Token::Text(text) => return Ok(Operand::Literal(Literal::Text(text))),
        Token::Word(word) => word,
        Token::Symbol(symbol) => return Err(format!("unexpected {symbol:?}")),
    };
    let constant = literal(&word);
    if matches!(constant, Literal::Number(_)) {
        return Ok(Operand::Literal(constant));
    }
    let name =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    Ok(match word.split_once('.') {
        None if word == "item" => Operand::Item(None),
        Some(("item", key)) if name(key) => Operand::Item(Some(key.to_owned())),
        Some(("parameters", key)) if name(key) => Operand::Parameter(key.to_owned()),
        Some((step, output)) if name(step) && name(output) => {
            Operand::Output { step: step.to_owned(), output: output.to_owned() }
        }
        _ => Operand::Literal(constant),
    })
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: String| ConditionError { text: text.to_owned(), reason };
        let tokens = tokens(text).map_err(error)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let condition = parser.or().map_err(error)?.with_canonical_statuses();
        if parser.at < tokens.len() {
            return Err(error(format!("unexpected {:?} at the end", tokens[parser.at])));
        }
        if condition.operands().iter().all(|operand| matches!(operand, Operand::Literal(_))) {
            return Err(error("it compares constants only".into()));
        }
        Ok(condition)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 3,
            "description": "A condition on STEP.OUTPUT, parameters.NAME or item: ==, !=, <, <=, >, >=, in [a, b]; joined by and, or, not (…). STEP.status is Succeeded, Failed or Skipped; the step then runs however STEP ended.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_have_a_bound() {
        let nested = |depth: usize| format!("{}a.b == 1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(nested(DEEPEST).parse::<Condition>().is_ok());
        let error = nested(100_000).parse::<Condition>().unwrap_err();
        assert!(error.reason.contains("more than 64 brackets"), "{}", error.reason);
    }

    #[test]
    fn writes_what_it_reads() {
        for (text, written) in [
            ("evaluate.auc>0.9", "evaluate.auc > 0.9"),
            ("flip.result == heads", "flip.result == 'heads'"),
            ("a.x > 1 and (b.y < 2 or c.z == 'it\\'s')", "a.x > 1 and (b.y < 2 or c.z == 'it\\'s')"),
            ("parameters.env in [dev, \"prod\"]", "parameters.env in ['dev', 'prod']"),
            ("new-model.auc >= old.auc && item != 3", "new-model.auc >= old.auc and item != 3"),
            ("not (a.x > 1 and b.y == c)", "a.x <= 1 or b.y != 'c'"),
            ("a.x not in [b, c] or !(a.y == 1)", "a.x != 'b' and a.x != 'c' or a.y != 1"),
            ("not (not (a.x in [b, c]) or a.y < 1)", "(a.x == 'b' or a.x == 'c') and a.y >= 1"),
        ] {
            let condition: Condition = text.parse().unwrap();
            assert_eq!(condition.to_string(), written);
            assert_eq!(written.parse::<Condition>().unwrap(), condition);
        }
    }

    #[test]
    fn names_what_is_wrong() {
        for (text, reason) in [
            ("", "it ends too early"),
            ("a.b", "it ends too early"),
            ("1 == 1", "it compares constants only"),
            ("a.b > 1 c", "unexpected Word(\"c\") at the end"),
            ("a.b == 'x", "a quote is not closed"),
            ("a.b in 3", "`in` needs a list like [a, b]"),
        ] {
            assert_eq!(text.parse::<Condition>().unwrap_err().reason, reason, "{text}");
        }
    }
}
