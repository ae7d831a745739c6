//! What a description gives character by character: addresses, images, names, commands, texts in quotation marks.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A piece of text that a program must hold as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands, quotation marks aside.
    pub span: Range<usize>,
    /// The text.
    pub text: String,
    /// Whether it stands in quotation marks: it may be a command or message, with places to fill in.
    pub quoted: bool,
}

static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"„([^“”"\n]{1,300})[“”"]|"([^"\n]{1,300})"|“([^”\n]{1,300})”|«\s*([^»\n]{1,300}?)\s*»|`([^`\n]+)`|「([^」\n]{1,300})」|『([^』\n]{1,300})』|《([^》\n]{1,300})》"#,
    )
    .expect("the pattern is valid")
});

/// A run of characters that words of a language do not have.
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9_./:@#$%{}=+*~&?!\\|<>\[\]^-]*[A-Za-z0-9_/}*]").expect("the pattern is valid")
});
static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\d{1,2}[:.h]\d{2}h?$").expect("the pattern is valid"));
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-z][a-z0-9+]*://\S").expect("the pattern is valid"));
static PATH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:~|\.{1,2})?/[\w.@%+=*-]").expect("the pattern is valid"));
static IMAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9][\w.-]*$").expect("the pattern is valid")
});
static FILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[\w*-]+(?:\.[\w-]+)*\.[a-z][a-z0-9]{1,7}$").expect("the pattern is valid")
});
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+$").expect("the pattern is valid"));
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$").expect("the pattern is valid"));
static CHANNEL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^#[A-Za-z][\w-]*$").expect("the pattern is valid"));
/// Names of things of a cluster, behind the word for them; the words are the same in most languages.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:secrets?|claims?|pvc|service[ -]?account|namespace|sekret|segreto|secreto|config ?map)\s+(?:named |called |namens )?([a-z0-9][a-z0-9._-]+)").expect("the pattern is valid")
});
static FLAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^--[a-z][\w-]*").expect("the pattern is valid"));

/// All literals, in the order of the text, not overlapping.
pub(super) fn literals(text: &str) -> Vec<Literal> {
    let mut found: Vec<Literal> = QUOTED
        .captures_iter(text)
        .filter_map(|captures| {
            let inner = captures.iter().skip(1).flatten().next()?;
            Some(Literal { span: inner.range(), text: inner.as_str().to_owned(), quoted: true })
        })
        .collect();
    let quoted: Vec<Range<usize>> = found.iter().map(|literal| literal.span.clone()).collect();
    for token in CODE.find_iter(text) {
        let (start, word) = trimmed(token.start(), token.as_str());
        let span = start..start + word.len();
        let inside = quoted.iter().any(|other| other.start < span.end && span.start < other.end);
        if !inside && is_code(word) {
            found.push(Literal { span, text: word.to_owned(), quoted: false });
        }
    }
    for captures in NAMED.captures_iter(text) {
        let Some(name) = captures.get(1) else { continue };
        let word = name.as_str().trim_end_matches(['-', '.', '_']);
        let span = name.start()..name.start() + word.len();
        let inside = found.iter().any(|other| other.span.start < span.end && span.start < other.span.end);
        if !inside && word.contains(['-', '_']) {
            found.push(Literal { span, text: word.to_owned(), quoted: false });
        }
    }
    found.sort_by_key(|literal| literal.span.start);
    found
}

/// Without the punctuation of the sentence around it.
fn trimmed(start: usize, token: &str) -> (usize, &str) {
    let front = token.len()
        - token.trim_start_matches(['<', '[', '{', '!', '?', '|', '&', '=', '>', '\\', '^']).len();
    let word = token[front..].trim_end_matches([':', '.', '!', '?', '>', ']', '|', '<', '=', '&', '\\']);
    (start + front, word)
}

/// Whether a token can only be meant as it stands.
fn is_code(word: &str) -> bool {
    if word.len() < 3 || TIME.is_match(word) || !word.chars().any(char::is_alphabetic) {
        return false;
    }
    let image = IMAGE.is_match(word)
        && (word.contains('/')
            || word.split(':').nth(1).is_some_and(|tag| tag.chars().any(|c| c.is_ascii_digit())));
    [&*SCHEME, &*PATH, &*NAME, &*ADDRESS, &*CHANNEL, &*FLAG].iter().any(|pattern| pattern.is_match(word))
        || image
        || (FILE.is_match(word) && word.len() > 4 && word.split('.').all(|part| part.len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_words() {
        let text = "Read s3://shop/a.csv, then \"say hi\" in acme/scan:1 (see e.g. train/test at 16:30), group by customer_id: /mnt/data. Mail ops@shop.com in #ml-ops with --fast.";
        let read: Vec<String> = literals(text).into_iter().map(|literal| literal.text).collect();
        assert_eq!(
            read,
            [
                "s3://shop/a.csv",
                "say hi",
                "acme/scan:1",
                "customer_id",
                "/mnt/data",
                "ops@shop.com",
                "#ml-ops",
                "--fast"
            ]
        );
    }
}
