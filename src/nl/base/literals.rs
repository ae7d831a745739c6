//! Finding what a description gives word by word: addresses, images, numbers, quoted text, names.
//!
//! Losing one of these is the most frequent fault of small models, and it can be checked without any model.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

/// What a literal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LiteralKind {
    /// `s3://…`, `https://…`, `/data/x`, `data/x.csv`.
    Uri,
    /// `name@host`.
    Email,
    /// A container image.
    Image,
    /// Text in quotes.
    Quoted,
    /// `#channel`.
    Channel,
    /// `NAME=value`.
    Assignment,
    /// A number, possibly with a unit (`30 minutes`, `16Gi`, `80%`).
    Number,
    /// Parts that add up to 100 or 1, like `80/20`.
    Ratio,
    /// A word with an underscore or of capitals and digits: a column, a variable, a model's name.
    Name,
}

/// A literal of a description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Literal {
    /// What it is.
    pub kind: LiteralKind,
    /// The text, without quotes.
    pub text: String,
    /// First byte in the description.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

const FILE_ENDINGS: &str = "csv|tsv|parquet|jsonl|json|xlsx|xls|txt|md|html|pkl|pickle|joblib|onnx|pt|pth|bin|h5|py|sh|sql|yaml|yml|zip|gz|tar|feather|avro|orc|db|png|jpg|pdf|npz|npy|model|ipynb|toml|log";

static PATTERNS: LazyLock<Vec<(LiteralKind, Regex)>> = LazyLock::new(|| {
    use LiteralKind::{Assignment, Channel, Email, Image, Name, Number, Quoted, Ratio, Uri};
    vec![
        (
            Quoted,
            regex(
                r#""([^"\n]+)"|“([^”\n]+)”|„([^“”\n]+)[“”]|«\s*([^»\n]+?)\s*»|`([^`\n]+)`|(?:^|[\s(\[:,])'([^'\n]+)'"#,
            ),
        ),
        (Uri, regex(r#"[a-z][a-z0-9+]{1,14}://[^\s"'`<>,;)\]]+"#)),
        (Ratio, regex(r"\b\d{1,3}%?(?:[/:-]\d{1,3}%?)+")),
        (Email, regex(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")),
        (Assignment, regex(r"\b[A-Z][A-Z0-9_]+=[^\s,;]+")),
        (
            Image,
            regex(
                r"\b(?:[a-z0-9][a-z0-9.-]*(?::[0-9]+)?/)*[a-z](?:[a-z0-9._-]*[a-z0-9])?:[A-Za-z0-9][A-Za-z0-9._-]*\b",
            ),
        ),
        (Uri, regex(&format!(r"(?:\.{{0,2}}/)?(?:[\w.@%+=-]+/)*[\w.@%+=*-]+\.(?:{FILE_ENDINGS})\b"))),
        (Uri, regex(r"(?:^|[\s(])((?:~|\.{1,2})?/[\w.@%+=*-]+(?:/[\w.@%+=*-]*)*)")),
        (
            Image,
            regex(
                r"\b(?:[a-z0-9-]+\.[a-z0-9.-]+/)?[a-z0-9][a-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]\b",
            ),
        ),
        (Channel, regex(r"(?:^|[\s(])(#[A-Za-z][\w-]*)")),
        (
            Number,
            regex(r"[-+]?\d[\d_]*(?:[.,]\d+)?(?:[eE][-+]?\d+)?(?:\s?%|\s?(?:Gi?B?|Mi?B?|Ti?B?|Ki|m)\b)?"),
        ),
        (Name, regex(r"\b(?:[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+|[A-Z][A-Z0-9]*-?[0-9]+[A-Z0-9-]*)\b")),
    ]
});

/// All literals of a description, in the order of the text, not overlapping.
pub fn literals(description: &str) -> Vec<Literal> {
    let mut found: Vec<Literal> = Vec::new();
    for (kind, pattern) in PATTERNS.iter() {
        for captures in pattern.captures_iter(description) {
            let whole = captures.get(0).expect("group 0 is the match");
            let inner = captures.iter().skip(1).flatten().next().unwrap_or(whole);
            let free = found.iter().all(|other| inner.end() <= other.start || inner.start() >= other.end);
            let text = inner.as_str().trim_end_matches(['.', ':', '?', '!']).trim();
            if free && plausible(*kind, text, description, inner.range()) {
                let end = inner.start() + inner.as_str().len();
                found.push(Literal { kind: *kind, text: text.to_owned(), start: inner.start(), end });
            }
        }
    }
    found.sort_by_key(|literal| literal.start);
    found
}

fn plausible(kind: LiteralKind, text: &str, description: &str, range: std::ops::Range<usize>) -> bool {
    let start = range.start;
    let after = description[range.end..].chars().next();
    let before = description[..start].chars().next_back();
    match kind {
        // `and/or`, `train/test`: words joined by a slash are no image.
        LiteralKind::Image if !text.contains(':') => {
            text.contains('.')
                || text.contains('-')
                || text.matches('/').count() > 1
                || follows_image_word(description, start)
        }
        // `notes:` or `16:30` are no image either.
        LiteralKind::Image => {
            // `team=ml:NoSchedule` is a taint.
            let taint = |tag: &str| ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&tag);
            before != Some('=')
                && text
                    .rsplit_once(':')
                    .is_some_and(|(name, tag)| !name.is_empty() && !tag.is_empty() && !taint(tag))
        }
        LiteralKind::Ratio => !super::evidence::ratio(text).is_empty(),
        LiteralKind::Number => {
            !before.is_some_and(|c| c.is_alphanumeric() || "_-.:/#".contains(c))
                && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
        }
        LiteralKind::Quoted => text.chars().any(char::is_alphanumeric),
        _ => !text.is_empty(),
    }
}

fn follows_image_word(description: &str, start: usize) -> bool {
    let words: Vec<&str> = description[..start].split_whitespace().collect();
    words.iter().rev().take(2).any(|word| {
        ["image", "container", "run", "images", "containers", "model", "dataset"]
            .contains(&word.to_lowercase().as_str())
    })
}

impl Literal {
    /// The number, if it is one: `1,000` is 1000, `80%` is 80.
    pub fn number(&self) -> Option<f64> {
        if self.kind != LiteralKind::Number {
            return None;
        }
        let digits: String = self
            .text
            .chars()
            .take_while(|c| c.is_ascii_digit() || "+-.,_eE".contains(*c))
            .filter(|c| *c != '_')
            .collect();
        let grouped =
            digits.split(',').count() > 1 && digits.split(',').skip(1).all(|group| group.len() == 3);
        digits
            .replace(',', if grouped { "" } else { "." })
            .trim_end_matches(['e', 'E', '.', '+', '-'])
            .parse()
            .ok()
    }

    /// Whether the literal stands anywhere in `value`: text inside any string, numbers as any equal number.
    pub fn appears_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.appears_in_text(text),
            Value::Number(number) => number.as_f64().is_some_and(|found| self.equals_number(found)),
            Value::Array(items) => {
                items.iter().any(|item| self.appears_in(item)) || self.appears_in_words(items)
            }
            Value::Object(map) => {
                map.iter().any(|(key, item)| self.appears_in(item) || self.appears_in_text(key))
                    || self.appears_as_pair(map)
            }
            _ => false,
        }
    }

    /// A quoted command may be spread over the items of a list.
    fn appears_in_words(&self, items: &[Value]) -> bool {
        let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        self.text.contains(' ') && words.join(" ").contains(&self.text)
    }

    fn appears_as_pair(&self, map: &serde_json::Map<String, Value>) -> bool {
        self.kind == LiteralKind::Assignment
            && self
                .text
                .split_once('=')
                .is_some_and(|(key, value)| map.get(key).and_then(Value::as_str) == Some(value))
    }

    fn appears_in_text(&self, text: &str) -> bool {
        let plain_number = self.text.chars().all(|c| c.is_ascii_digit() || c == '.');
        if plain_number {
            return NUMBERS
                .find_iter(text)
                .filter_map(|found| found.as_str().parse().ok())
                .any(|found| self.equals_number(found))
                || text
                    .parse::<crate::api::Duration>()
                    .is_ok_and(|duration| self.equals_duration(duration.seconds()));
        }
        if text.contains(&self.text) || text.to_lowercase().contains(&self.text.to_lowercase()) {
            return true;
        }
        if self.kind == LiteralKind::Ratio {
            return NUMBERS
                .find_iter(text)
                .filter_map(|found| found.as_str().parse().ok())
                .any(|found| self.equals_number(found));
        }
        let Some(_) = self.number() else { return false };
        NUMBERS
            .find_iter(text)
            .filter_map(|found| found.as_str().parse().ok())
            .any(|found| self.equals_number(found))
            || text
                .parse::<crate::api::Duration>()
                .is_ok_and(|duration| self.equals_duration(duration.seconds()))
    }

    fn equals_number(&self, found: f64) -> bool {
        if self.kind == LiteralKind::Ratio {
            // One part says the rest: 80/20 is kept by a test share of 0.2.
            return super::evidence::ratio(&self.text)
                .iter()
                .any(|share| (share - found).abs() < 1e-9 || (share * 100.0 - found).abs() < 1e-9);
        }
        let Some(number) = self.number() else { return false };
        let close = |wanted: f64| (wanted - found).abs() <= 1e-9 * wanted.abs().max(1.0);
        let percent = self.text.contains('%') && (close(number / 100.0) || close(1.0 - number / 100.0));
        close(number) || percent
    }

    #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^52 seconds")]
    fn equals_duration(&self, seconds: u64) -> bool {
        [1.0, 60.0, 3_600.0, 86_400.0, 604_800.0].iter().any(|unit| self.equals_number(seconds as f64 / unit))
    }
}

static NUMBERS: LazyLock<Regex> = LazyLock::new(|| regex(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"));

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(text: &str) -> Vec<(LiteralKind, String)> {
        literals(text).into_iter().map(|literal| (literal.kind, literal.text)).collect()
    }

    #[test]
    fn kinds_are_told_apart() {
        use LiteralKind::{Assignment, Channel, Email, Image, Name, Number, Quoted, Uri};
        let text = "Read s3://shop/sales.csv and data/churn.csv, run acme/scan:1 with MODE=fast, 1,000 trees, 80% for \
                    training, mail ops@shop.com 'all done' in #ml-ops, group by customer_id, use /mnt/data.";
        let expected = [
            (Uri, "s3://shop/sales.csv"),
            (Uri, "data/churn.csv"),
            (Image, "acme/scan:1"),
            (Assignment, "MODE=fast"),
            (Number, "1,000"),
            (Number, "80%"),
            (Email, "ops@shop.com"),
            (Quoted, "all done"),
            (Channel, "#ml-ops"),
            (Name, "customer_id"),
            (Uri, "/mnt/data"),
        ];
        assert_eq!(found(text), expected.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn plain_words_are_no_literals() {
        assert_eq!(found("Split into train/test and evaluate, and/or deploy it: fine."), []);
    }

    #[test]
    fn numbers_are_found_in_other_spellings() {
        let literal = |text: &str| literals(text).remove(0);
        assert!(literal("80%").appears_in(&json!({"test_size": 0.2})));
        assert!(literal("1,000").appears_in(&json!(["--trees=1000"])));
        assert!(literal("30").appears_in(&json!({"timeout": "30m"})));
        assert!(literal("90").appears_in(&json!({"timeout": "1h30m"})));
        assert!(!literal("30").appears_in(&json!({"timeout": "300s"})));
    }
}
