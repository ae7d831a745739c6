//! The language of a description, as far as its small words tell.

use std::collections::HashMap;
use std::sync::LazyLock;

static WORDS: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("../../../prompts/vocabulary/languages.yaml"))
        .expect("the built-in vocabulary is tested")
});

/// The language whose small words are most frequent; by its signs for Chinese, Japanese and Korean.
pub(super) fn of(text: &str) -> &'static str {
    let among = |low: char, high: char| text.chars().filter(|c| (low..=high).contains(c)).count();
    if among('\u{AC00}', '\u{D7A3}') > 5 {
        return "ko";
    }
    if among('\u{3040}', '\u{30FF}') > 5 {
        return "ja";
    }
    if among('\u{4E00}', '\u{9FFF}') > 5 {
        return "zh";
    }
    let lower = text.to_lowercase();
    let count = |words: &[String]| {
        lower
            .split(|c: char| !c.is_alphabetic())
            .filter(|word| words.iter().any(|known| known == word))
            .count()
    };
    WORDS
        .iter()
        .map(|(language, words)| (count(words), language == "en", language.as_str()))
        .max()
        .map_or("en", |(_, _, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        for (text, language) in [
            ("Load the table and train a model on it", "en"),
            ("Die Tabelle laden und damit ein Modell trainieren", "de"),
            ("Cargar la tabla y luego entrenar con los datos", "es"),
            ("Caricare la tabella, poi dividere con seme 3", "it"),
            ("Carregar os dados, depois treinar com uma floresta", "pt"),
            ("每天凌晨两点运行识别流程", "zh"),
            ("train -> test", "en"),
        ] {
            assert_eq!(of(text), language, "{text}");
        }
    }
}
