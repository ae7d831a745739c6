//! Regular expressions of the code itself.

use regex::Regex;

/// A pattern that does not tell capital and small letters apart.
///
/// # Panics
/// On a wrong pattern; all of them are constants that tests use.
pub(super) fn regex(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the pattern is valid")
}
