//! Names that Kubernetes and the engines on it accept, each used once.

use std::borrow::Cow;
use std::collections::HashSet;

/// The name of a parameter or artifact (`[-a-zA-Z0-9_]+`). Names that need a change get a digest, so that two
/// different names never become one.
pub(crate) fn port_name(name: &str) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(fits) {
        return Cow::Borrowed(name);
    }
    let readable: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    Cow::Owned(format!("{readable}-{}", &blake3::hash(name.as_bytes()).to_hex()[..6]))
}

/// A DNS label for a volume, made of what it mounts.
pub(crate) fn dns_label(name: &str) -> String {
    let lower: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let label: String = lower.trim_matches('-').chars().take(50).collect();
    let label = label.trim_end_matches('-');
    if label.is_empty() { "volume".to_owned() } else { label.to_owned() }
}

/// Names in use.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// Starts with names that are taken.
    pub(crate) fn taken<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.map(str::to_owned).collect())
    }

    /// The wanted name, or the first of `NAME-2`, `NAME-3`, … that is free.
    pub(crate) fn claim(&mut self, wanted: &str) -> String {
        let mut free = wanted.to_owned();
        let mut number = 1;
        while self.0.contains(&free) {
            number += 1;
            free = format!("{wanted}-{number}");
        }
        self.0.insert(free.clone());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_names_stay_or_get_a_digest() {
        assert_eq!(port_name("train_rows"), "train_rows");
        assert_eq!(port_name("a b"), "a_b-c95e5a");
        assert_ne!(port_name("a b"), port_name("a.b"));
    }

    #[test]
    fn names_are_given_once() {
        let mut names = Names::taken(["main", "main-2"].into_iter());
        assert_eq!(
            (names.claim("main"), names.claim("main"), names.claim("x")),
            ("main-3".into(), "main-4".into(), "x".into())
        );
    }

    #[test]
    fn labels_are_dns_labels() {
        assert_eq!(dns_label("Data_Claim."), "data-claim");
        assert_eq!(dns_label("…"), "volume");
    }
}
