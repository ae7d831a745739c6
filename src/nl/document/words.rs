//! Words that tell how steps hang together. The vocabulary is a data file; each concept stands there once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// What words can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Concept {
    /// One after the other.
    Then,
    /// In front of something that was said before.
    Before,
    /// A bad end.
    Failure,
    /// A condition, where a wish begins with it.
    Case,
    /// The opposite case.
    Otherwise,
    /// In any case.
    Always,
    /// Behind something that is named.
    After,
    /// Several things that were said before, as one.
    All,
    /// These at the same time.
    Together,
    /// At the same time as something.
    Beside,
    /// A larger value.
    More,
    /// A smaller value.
    Less,
    /// The opposite.
    Negation,
    /// A repetition that ends.
    Until,
    /// A condition.
    If,
    /// What was said before.
    Same,
    /// A good end.
    Success,
}

/// The phrases of a concept: all of them, and those of English and one language.
struct Phrases {
    all: Regex,
    of: HashMap<String, Regex>,
}

static VOCABULARY: LazyLock<HashMap<Concept, Phrases>> = LazyLock::new(|| {
    type Languages = HashMap<String, Vec<String>>;
    let concepts: HashMap<String, Languages> =
        serde_saphyr::from_str(include_str!("../../../prompts/vocabulary/words.yaml"))
            .expect("the built-in vocabulary is tested");
    let named = [
        (Concept::Then, "then"),
        (Concept::Before, "before"),
        (Concept::Failure, "failure"),
        (Concept::Case, "case"),
        (Concept::Otherwise, "otherwise"),
        (Concept::Always, "always"),
        (Concept::After, "after"),
        (Concept::All, "all"),
        (Concept::Together, "together"),
        (Concept::Beside, "beside"),
        (Concept::More, "more"),
        (Concept::Less, "less"),
        (Concept::Negation, "negation"),
        (Concept::Until, "until"),
        (Concept::If, "if"),
        (Concept::Same, "same"),
        (Concept::Success, "success"),
    ];
    named
        .into_iter()
        .map(|(concept, name)| {
            let languages = &concepts[name];
            let with_english = |phrases: &Vec<String>| {
                let english = languages.get("en").cloned().unwrap_or_default();
                pattern([phrases.clone(), english].concat().iter())
            };
            let of = languages
                .iter()
                .map(|(language, phrases)| (language.clone(), with_english(phrases)))
                .collect();
            (concept, Phrases { all: pattern(languages.values().flatten()), of })
        })
        .collect()
});

/// Phrases of languages with spaces end where words end; those of other languages stand anywhere.
fn pattern<'a>(phrases: impl Iterator<Item = &'a String>) -> Regex {
    let (spaced, dense): (Vec<&String>, Vec<&String>) =
        phrases.partition(|phrase| phrase.chars().all(|c| u32::from(c) < 0x2E80));
    let joined = |phrases: &[&String]| {
        phrases.iter().map(|phrase| regex::escape(phrase)).collect::<Vec<_>>().join("|")
    };
    let mut parts = Vec::new();
    if !spaced.is_empty() {
        let spaced = joined(&spaced);
        parts.push(format!(r"(?:^|[^\p{{L}}\p{{N}}])(?:{spaced})(?:$|[^\p{{L}}\p{{N}}])"));
    }
    if !dense.is_empty() {
        parts.push(joined(&dense));
    }
    let pattern = format!("(?i){}", parts.join("|"));
    Regex::new(&pattern).expect("escaped phrases are a pattern")
}

/// Where a text speaks of a concept first.
pub(super) fn find(text: &str, concept: Concept) -> Option<Range<usize>> {
    VOCABULARY[&concept].all.find(text).map(|found| found.range())
}

/// The same with the words of English and one language only, where a word of one means another thing in the next.
pub(super) fn find_in(text: &str, concept: Concept, language: &str) -> Option<Range<usize>> {
    let phrases = &VOCABULARY[&concept];
    phrases.of.get(language).unwrap_or(&phrases.of["en"]).find(text).map(|found| found.range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concepts_are_found_in_many_languages() {
        for (text, concept) in [
            ("run it, then stop", Concept::Then),
            ("beides gleichzeitig", Concept::Beside),
            ("精度超过 0.9", Concept::More),
            ("s'il est inférieur à 3", Concept::Less),
            ("jeśli nie", Concept::Negation),
        ] {
            assert!(find(text, concept).is_some(), "{text}");
        }
        assert!(find("strengthen the beam", Concept::Then).is_none());
    }
}
