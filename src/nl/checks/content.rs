//! What a part of an answer says, for looking up words and numbers of the description in it.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::api::{Backoff, Duration};
use crate::nl::answer::{StepAnswer, WorkflowAnswer};

/// The strings and numbers of a part of an answer, its quotes aside.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// All strings and keys in lower case, one a line; lists of strings also as one line.
    text: String,
    /// The words of all strings, in lower case.
    words: HashSet<String>,
    /// Words with references, as patterns.
    templates: Vec<Regex>,
    numbers: Vec<f64>,
    /// Bounds of retries and loops, which texts count as attempts.
    attempts: Vec<f64>,
}

static DIGITS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?").expect("the pattern is valid"));
static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{[^{}]*\}\}").expect("the pattern is valid"));
static FILLED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<[^<>]+>|\{[^{}]+\}|[A-Z][A-Z0-9_]*").expect("the pattern is valid"));
/// Places to fill in, as people write them.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{?[^{}]*\}?\}|<[^<>]{1,40}>|\[[^\[\]]{1,40}\]|\([^()]{1,40}\)|\$\{?\w+\}?")
        .expect("the pattern is valid")
});

impl Content {
    /// A step without its quote; how often it runs and how long it waits between attempts count as its numbers.
    pub(super) fn of_step(step: &StepAnswer) -> Self {
        let mut value = json!(step);
        if let Some(fields) = value.as_object_mut() {
            fields.remove("text");
        }
        let mut content = Self::of(&value);
        #[expect(clippy::cast_precision_loss, reason = "at most 10,000 items")]
        content.numbers.extend(step.map.as_ref().and_then(|map| map.over.count()).map(|count| count as f64));
        content.attempts.extend(step.settings.retry.as_ref().map(|retry| f64::from(retry.limit) + 1.0));
        content.attempts.extend(step.exec_while.as_ref().map(|repeat| f64::from(repeat.limit) - 1.0));
        if let Some(retry) = &step.settings.retry
            && let Some(backoff) = &retry.backoff
        {
            let waits = (0..retry.limit.min(10)).map(|attempt| seconds_of(backoff, attempt));
            content.numbers.extend(waits.flat_map(|wait| [wait, wait / 60.0]));
        }
        content
    }

    /// What belongs to the workflow as a whole.
    pub(super) fn of_whole(answer: &WorkflowAnswer) -> Self {
        let zone = answer.schedule.as_ref();
        Self::of(&json!([answer.name, answer.parameters, zone, answer.settings]))
    }

    pub(super) fn of(value: &Value) -> Self {
        let mut content = Self::default();
        content.add(value);
        content.text = content.text.to_lowercase();
        content
    }

    /// Both together.
    pub(super) fn extend(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.words.extend(other.words.iter().cloned());
        self.templates.extend(other.templates.iter().cloned());
        self.numbers.extend(&other.numbers);
        self.attempts.extend(&other.attempts);
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_text(text),
            Value::Number(number) => self.numbers.extend(number.as_f64()),
            Value::Array(items) => {
                #[expect(clippy::cast_precision_loss, reason = "lists are short")]
                self.numbers.push(items.len() as f64);
                let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                if words.len() > 1 {
                    self.add_line(&words.join(" "));
                }
                for item in items {
                    self.add(item);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.add_line(key);
                    if let Value::String(text) = item {
                        self.add_line(&format!("{key}={text}"));
                    }
                    self.add(item);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn add_line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
        // Texts in scripts stand between quotation marks.
        let inner =
            text.split(|c: char| c.is_whitespace() || "\"'`(){}".contains(c)).filter(|word| !word.is_empty());
        self.words.extend(inner.map(str::to_lowercase));
        self.words.extend(text.split_whitespace().flat_map(|word| {
            let lower = word.to_lowercase();
            let bare = bare(&lower).to_owned();
            [lower, bare]
        }));
    }

    fn add_text(&mut self, text: &str) {
        self.add_line(text);
        self.numbers.extend(DIGITS.find_iter(text).filter_map(|digits| digits.as_str().parse::<f64>().ok()));
        if let Ok(duration) = text.parse::<Duration>() {
            #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^52 seconds")]
            let seconds = duration.seconds() as f64;
            self.numbers.extend([1.0, 60.0, 3_600.0, 86_400.0, 604_800.0].map(|unit| seconds / unit));
        }
        if text.contains("{{") {
            self.templates
                .extend(text.split_whitespace().filter(|word| word.contains("{{")).filter_map(pattern));
        }
    }

    /// Whether a literal stands in it: as it is, or word by word, places to fill in aside.
    pub(super) fn holds(&self, literal: &str, quoted: bool) -> bool {
        let lower = literal.to_lowercase();
        let bare = lower.trim_start_matches('-');
        if self.text.contains(&lower)
            || self.fits(&lower)
            || (bare.len() < lower.len() && self.text.contains(bare))
        {
            return true;
        }
        if !quoted {
            return false;
        }
        // A place to fill in may have several words.
        let joined = PLACE.replace_all(literal, |place: &regex::Captures<'_>| {
            if place[0].starts_with('<') || place[0].starts_with('{') {
                "<x>".to_owned()
            } else {
                place[0].to_owned()
            }
        });
        if joined.split_whitespace().all(|word| word == "<x>" || self.holds_word(word)) {
            return true;
        }
        let without = PLACE.replace_all(literal, " ");
        let words: Vec<&str> =
            without.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
        let kept = words.iter().filter(|word| self.holds_word(word)).count();
        // Names for what is filled in may stand among the words: ID, NN, DATE.
        let named = words
            .iter()
            .filter(|word| !self.holds_word(word) && word.chars().all(|c| !c.is_lowercase()))
            .count();
        !words.is_empty() && kept > 0 && kept + named == words.len()
    }

    fn holds_word(&self, word: &str) -> bool {
        let lower = word.to_lowercase();
        let flag = lower.starts_with('-');
        self.words.contains(&lower)
            || (!flag && self.words.contains(bare(&lower)))
            || self.fits(&lower)
            || self.holds_filled(word)
    }

    /// Whether some word is the given one with its places filled in: `--id=ID` is `--id=p{{item}}`.
    fn holds_filled(&self, word: &str) -> bool {
        if !FILLED.is_match(word) || !word.contains(|c: char| !c.is_alphanumeric()) {
            return false;
        }
        let mut pattern = String::from("(?i)");
        let mut last = 0;
        for place in FILLED.find_iter(word) {
            pattern.push_str(&regex::escape(&word[last..place.start()]));
            pattern.push_str(r"[^\s]+");
            last = place.end();
        }
        pattern.push_str(&regex::escape(&word[last..]));
        Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(&self.text))
    }

    /// Whether a word with references stands for the literal.
    fn fits(&self, literal: &str) -> bool {
        self.templates.iter().any(|template| template.is_match(literal))
    }

    /// Whether it holds a number that is one of the values.
    pub(super) fn holds_number(&self, values: &[f64]) -> bool {
        values
            .iter()
            .any(|value| self.numbers.iter().chain(&self.attempts).any(|number| near(*number, *value)))
    }
}

/// Without punctuation around it; the dashes of a flag are a part of it.
fn bare(word: &str) -> &str {
    let flag = word.starts_with('-');
    let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
    if flag { word } else { word.trim_start_matches(|c: char| !c.is_alphanumeric()) }
}

/// The wait before an attempt, in seconds.
#[expect(clippy::cast_precision_loss, reason = "durations are far below 2^52 seconds")]
fn seconds_of(backoff: &Backoff, attempt: u32) -> f64 {
    let factor = backoff.factor.map_or(1.0, f64::from);
    backoff.duration.seconds() as f64 * factor.powi(i32::try_from(attempt).unwrap_or(0))
}

/// Equal, rounding aside.
pub(super) fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-6 * right.abs().max(1e-9)
}

fn pattern(word: &str) -> Option<Regex> {
    let mut pattern = String::from("(?i)^");
    let mut last = 0;
    for reference in REFERENCE.find_iter(word) {
        pattern.push_str(&regex::escape(&word[last..reference.start()]));
        pattern.push_str("[^ ]{1,40}?");
        last = reference.end();
    }
    pattern.push_str(&regex::escape(&word[last..]));
    pattern.push('$');
    // A reference alone would stand for anything.
    (word.len() > word.matches("{{").count() * 2 + 2
        && REFERENCE.replace_all(word, "").chars().any(char::is_alphanumeric))
    .then(|| Regex::new(&pattern).ok())
    .flatten()
}
