//! Regular expressions of the code itself, and words told apart by their stems.

use regex::Regex;

/// A pattern that does not tell capital and small letters apart.
///
/// # Panics
/// On a wrong pattern; all of them are constants that tests use.
pub(super) fn regex(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the pattern is valid")
}

/// Words of more than `least` characters by their first `length` ones, in small letters.
pub(super) fn stems(text: &str, least: usize, length: usize) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > least)
        .map(|word| word.chars().take(length).collect())
        .collect()
}
