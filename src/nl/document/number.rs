//! Numbers of a description: digits in all spellings, and words of many languages.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A number and what it may mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Where it stands.
    pub span: Range<usize>,
    /// The values that it may have: `1,000` is 1000 or 1; `80/20` is 80, 20, 0.8 and 0.2.
    pub values: Vec<f64>,
    /// Whether it is written in digits.
    pub digits: bool,
}

static WORDS: LazyLock<HashMap<String, f64>> = LazyLock::new(|| {
    let text = include_str!("../../../prompts/vocabulary/numbers.yaml");
    let languages: HashMap<String, HashMap<String, f64>> =
        serde_saphyr::from_str(text).expect("the built-in vocabulary is tested");
    languages.into_values().flatten().collect()
});

static DIGITS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d+(?:[ _.,'’]\d{3})+\b(?:[.,]\d+)?|\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
        .expect("the pattern is valid")
});

/// All numbers, in the order of the text. A number inside of a longer name (`g4dn`, `v2`) is one as well.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let mut found: Vec<Number> = DIGITS
        .find_iter(text)
        .map(|number| {
            let percent = text[number.end()..].trim_start().starts_with(['%', '٪', '％'])
                || text[number.end()..].trim_start().starts_with("percent");
            Number { span: number.range(), values: readings(number.as_str(), percent), digits: true }
        })
        .collect();
    found.extend(words(text));
    found.sort_by_key(|number| number.span.start);
    found
}

/// What the digits may mean.
fn readings(written: &str, percent: bool) -> Vec<f64> {
    let mut values = Vec::new();
    let mut add = |text: String| {
        if let Ok(value) = text.parse::<f64>()
            && value.is_finite()
            && !values.contains(&value)
        {
            values.push(value);
        }
    };
    let bare: String = written.chars().filter(|c| !" _'’".contains(*c)).collect();
    add(bare.replace(',', "."));
    add(bare.replace(['.', ','], ""));
    add(bare.replace('.', "").replace(',', "."));
    add(bare.replace(',', ""));
    // A time of some languages: 06.40.
    if written.len() == 5 && written.is_char_boundary(2) && written[2..].starts_with('.') {
        add(written[..2].to_owned());
        add(written[3..].to_owned());
    }
    for part in written.split(' ') {
        add(part.replace(',', "."));
    }
    if percent {
        let shares: Vec<f64> = values.iter().map(|value| value / 100.0).collect();
        values.extend(shares);
    }
    values
}

fn words(text: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        if let Some(value) =
            WORDS.get(character.encode_utf8(&mut [0; 4]) as &str).filter(|_| !character.is_ascii())
        {
            // Scripts without spaces: each sign for itself.
            found.push(Number { span: at..at + character.len_utf8(), values: vec![*value], digits: false });
        }
        match (start, character.is_alphabetic() || character == '\'') {
            (None, true) => start = Some(at),
            (Some(begin), false) => {
                start = None;
                if let Some(value) = WORDS.get(&text[begin..at].to_lowercase()) {
                    found.push(Number { span: begin..at, values: vec![*value], digits: false });
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_words_are_read() {
        let read =
            |text: &str| -> Vec<Vec<f64>> { numbers(text).into_iter().map(|number| number.values).collect() };
        assert_eq!(read("1,000 trees, 0,5 and 80 %"), [vec![1.0, 1000.0], vec![0.5, 5.0], vec![80.0, 0.8]]);
        assert_eq!(read("retry twice, drei mal"), [vec![2.0], vec![3.0]]);
        assert_eq!(read("1e-5"), [vec![1e-5]]);
    }
}
