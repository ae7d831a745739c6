//! The table of failure patterns. It is data: `patterns.yaml`, and files of the user with the same form.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

const BUILT_IN: &str = include_str!("patterns.yaml");
const FILE_VERSION: &str = "couler/failures/v1";

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Advice {
    /// Try again.
    Retry {
        /// Seconds before the second attempt; each later wait is twice the one before.
        wait: f64,
        /// Most repetitions.
        limit: u32,
    },
    /// Another attempt would fail in the same way.
    Never,
    /// The request is too large: the workflow must be split.
    Split,
    /// Memory ran out: the step must ask for more.
    RaiseMemory,
}

/// What is known about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign<'a> {
    /// The end of the log, or what the system said.
    pub message: &'a str,
    /// The exit code, if a process ended by itself or by a signal (128 + signal).
    pub exit_code: Option<i32>,
    /// Whether the step's own program had started.
    pub started: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternFile {
    version: String,
    patterns: Vec<PatternRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternRow {
    name: String,
    matches: Vec<String>,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    only_before_start: bool,
    advice: Advice,
}

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Not the form of a table.
    #[error("the failure patterns cannot be read: {0}; they are a list of name, matches and advice")]
    Form(String),
    /// Another version.
    #[error("failure patterns of version {0:?}; write `version: {FILE_VERSION}`")]
    Version(String),
    /// A wrong expression.
    #[error("failure pattern {name:?}: {source}")]
    Expression {
        /// The pattern.
        name: String,
        /// What is wrong with it.
        source: Box<regex::Error>,
    },
}

#[derive(Debug)]
struct Pattern {
    name: String,
    expression: Regex,
    exit_code: Option<i32>,
    only_before_start: bool,
    advice: Advice,
}

/// The patterns in the order in which they are tried: those of the user, then those that come with couler, which are
/// read when a failure first needs them.
#[derive(Debug, Default)]
pub struct Patterns {
    own: Vec<Pattern>,
    built_in: OnceLock<Vec<Pattern>>,
}

impl Patterns {
    /// The patterns that come with couler.
    pub fn built_in() -> Self {
        Self::default()
    }

    /// The same, with patterns of the user that are tried first.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn with_user(text: &str) -> Result<Self, PatternError> {
        Ok(Self { own: parse(text)?, built_in: OnceLock::new() })
    }

    fn all(&self) -> impl Iterator<Item = &Pattern> {
        let built_in = self.built_in.get_or_init(|| parse(BUILT_IN).expect("a test reads the table"));
        self.own.iter().chain(built_in)
    }

    /// The first pattern that fits, by name, and its advice.
    pub fn classify(&self, sign: Sign<'_>) -> Option<(&str, Advice)> {
        let found = self.all().find(|pattern| {
            !(pattern.only_before_start && sign.started)
                && pattern.exit_code.is_none_or(|code| sign.exit_code == Some(code))
                && pattern.expression.is_match(sign.message)
        })?;
        let advice = match found.advice {
            Advice::Retry { wait, limit } => {
                Advice::Retry { wait: retry_after(sign.message).unwrap_or(wait), limit }
            }
            other => other,
        };
        Some((&found.name, advice))
    }
}

fn parse(text: &str) -> Result<Vec<Pattern>, PatternError> {
    let file: PatternFile =
        serde_saphyr::from_str(text).map_err(|error| PatternError::Form(error.to_string()))?;
    if file.version != FILE_VERSION {
        return Err(PatternError::Version(file.version));
    }
    file.patterns
        .into_iter()
        .map(|row| {
            let joined: Vec<String> = row.matches.iter().map(|part| format!("(?:{part})")).collect();
            let expression =
                RegexBuilder::new(&joined.join("|")).case_insensitive(true).build().map_err(|source| {
                    PatternError::Expression { name: row.name.clone(), source: Box::new(source) }
                })?;
            Ok(Pattern {
                name: row.name,
                expression,
                exit_code: row.exit_code,
                only_before_start: row.only_before_start,
                advice: row.advice,
            })
        })
        .collect()
}

/// Seconds that a server asks to wait.
fn retry_after(message: &str) -> Option<f64> {
    let lower = message.to_ascii_lowercase();
    let rest = &lower[lower.find("retry-after")? + "retry-after".len()..];
    let digits: String =
        rest.trim_start_matches([':', '=', ' ', '"']).chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<f64>().ok().map(|seconds| seconds.min(3600.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines `LABEL <tab> FLAGS <tab> MESSAGE`; flags are `-`, `started` and `exit=CODE`.
    const MESSAGES: &str = include_str!("messages.tsv");

    fn label(advice: Option<Advice>) -> &'static str {
        match advice {
            None => "none",
            Some(Advice::Retry { .. }) => "retry",
            Some(Advice::Never) => "never",
            Some(Advice::Split) => "split",
            Some(Advice::RaiseMemory) => "memory",
        }
    }

    #[test]
    fn every_labelled_message_is_recognised() {
        let patterns = Patterns::built_in();
        let mut wrong = Vec::new();
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for line in MESSAGES.lines().filter(|line| !line.is_empty()) {
            let mut parts = line.splitn(3, '\t');
            let (expected, flags, message) =
                (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let exit_code = flags.split(',').find_map(|flag| flag.strip_prefix("exit=")?.parse().ok());
            let sign = Sign { message, exit_code, started: flags.contains("started") };
            let found = patterns.classify(sign);
            *counts.entry(expected).or_default() += 1;
            if label(found.map(|(_, advice)| advice)) != expected {
                wrong.push(format!("{expected}: {found:?}: {message}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(counts.values().sum::<usize>() >= 150 && counts["none"] >= 40, "{counts:?}");
    }

    #[test]
    fn every_pattern_is_met_by_a_message() {
        let patterns = Patterns::built_in();
        for pattern in patterns.all() {
            let met = MESSAGES.lines().any(|line| pattern.expression.is_match(line));
            assert!(met, "{}", pattern.name);
        }
    }

    #[test]
    fn a_server_says_how_long_to_wait() {
        let sign =
            Sign { message: "HTTP 429 Too Many Requests, Retry-After: 17", exit_code: None, started: true };
        let (_, advice) = Patterns::built_in().classify(sign).unwrap();
        assert!(matches!(advice, Advice::Retry { wait: 17.0, .. }), "{advice:?}");
    }

    #[test]
    fn patterns_of_the_user_come_first() {
        let text = "version: couler/failures/v1\npatterns:\n  - name: licence\n    matches: [\"no licence left\"]\n    advice: {action: retry, wait: 5, limit: 9}\n";
        let patterns = Patterns::with_user(text).unwrap();
        let sign = Sign { message: "error: No licence left", exit_code: Some(1), started: true };
        assert_eq!(patterns.classify(sign), Some(("licence", Advice::Retry { wait: 5.0, limit: 9 })));
        for broken in ["version: 2\npatterns: []", "patterns: 3", &text.replace("no licence", "(no")] {
            assert!(Patterns::with_user(broken).is_err(), "{broken}");
        }
    }
}
