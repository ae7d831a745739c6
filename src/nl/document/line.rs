//! Lines of lists and specifications: their labels, and the numbers of their items.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

static LABELS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("../../../prompts/vocabulary/labels.yaml"))
        .expect("the built-in vocabulary is tested")
});
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^[^\p{L}\p{N}\n]{0,6}(?:\p{L}+[ ]?)?(\p{Lu}?\d+(?:\.\d+)*)(?:[.):–—-]|\s|$)")
        .expect("the pattern is valid")
});

/// Numbers behind the word for a step: "Step 10, 11 and 12".
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    let words: Vec<String> = serde_saphyr::from_str(include_str!("../../../prompts/vocabulary/steps.yaml"))
        .expect("the built-in vocabulary is tested");
    let words: Vec<String> = words.iter().map(|word| regex::escape(word)).collect();
    let number = r"\p{Lu}?\d+(?:\.\d+)*";
    Regex::new(&format!(r"(?i)(?:{})\s*({number}(?:(?:\s*(?:,|-|–|/|&|to|and|or|und|bis|et|à|y|e|en|i|ve|och)\s*)+{number})*)", words.join("|"))).expect("the pattern is valid")
});
static INLINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:[,;]|\band|\bund|\bet|\by|\be)\s+(\d{1,2})[.)]\s+\p{L}").expect("the pattern is valid")
});
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d+(?:\.\d+)*").expect("the pattern is valid"));

/// Whether a place only declares what a step reads, writes or follows: it stands behind such a label in the same sentence.
pub(super) fn declares(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[start..at];
    let Some(colon) = before.rfind([':', '：']).filter(|colon| !before[*colon..].contains(". ")) else {
        return false;
    };
    let label = before[..colon].rsplit(['.', ';', '(', '|']).next().unwrap_or_default();
    LABELS.contains(&label.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
}

/// The numbers in front of a list's items, if there are at least three.
pub(super) fn item_numbers(text: &str) -> HashSet<String> {
    let found: HashSet<String> = ITEM
        .captures_iter(text)
        .map(|captures| captures[1].trim_start_matches(char::is_alphabetic).to_owned())
        .collect();
    let mut found = if found.len() >= 3 { found } else { HashSet::new() };
    // "8. fetch, 9. clean and 10. join": items within a line.
    for captures in INLINE.captures_iter(text) {
        let number = captures[1].to_owned();
        let next =
            |step: i64| number.parse::<i64>().map(|number| (number + step).to_string()).unwrap_or_default();
        if found.contains(&next(-1)) || found.contains(&next(1)) {
            found.insert(number);
        }
    }
    for captures in NUMBERED.captures_iter(text) {
        found.extend(NUMBER.find_iter(&captures[1]).map(|number| number.as_str().to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_item_numbers_are_seen() {
        let text = "Step 1: load\nInput: /a/b.csv\nDepends on: 2\n\nStep 2: x\nStep 3: y";
        assert!(declares(text, text.find("/a").unwrap()));
        assert!(!declares(text, text.find("load").unwrap()));
        assert_eq!(item_numbers(text), ["1", "2", "3"].map(str::to_owned).into());
        assert!(item_numbers("Run 3 jobs").is_empty());
    }
}
