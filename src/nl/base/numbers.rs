//! Numbers in words become digits before anything else reads the text: "eight rounds" is `8 rounds`, "ten percent" `10%`,
//! "a quarter of the rows" `25% of the rows`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::literals::{LiteralKind, literals};

/// Number words of several languages that mean nothing else. "One" is left alone: it is mostly a pronoun.
const WORDS: [(&str, u32); 68] = [
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("ninety", 90),
    ("zwei", 2),
    ("drei", 3),
    ("vier", 4),
    ("fünf", 5),
    ("sechs", 6),
    ("sieben", 7),
    ("acht", 8),
    ("neun", 9),
    ("zehn", 10),
    ("zwölf", 12),
    ("zwanzig", 20),
    ("dreißig", 30),
    ("deux", 2),
    ("trois", 3),
    ("quatre", 4),
    ("cinq", 5),
    ("sept", 7),
    ("huit", 8),
    ("neuf", 9),
    ("dix", 10),
    ("douze", 12),
    ("quinze", 15),
    ("vingt", 20),
    ("trente", 30),
    ("dos", 2),
    ("tres", 3),
    ("cuatro", 4),
    ("cinco", 5),
    ("seis", 6),
    ("siete", 7),
    ("ocho", 8),
    ("nueve", 9),
    ("diez", 10),
    ("doce", 12),
    ("veinte", 20),
    ("treinta", 30),
    ("tre", 3),
    ("quattro", 4),
    ("cinque", 5),
    ("otto", 8),
    ("dieci", 10),
    ("dois", 2),
    ("duas", 2),
    ("três", 3),
    ("quatro", 4),
    ("oito", 8),
    ("dez", 10),
];

/// Words after which a number counts things that are already known: "all three", "the two".
const POINTING: [&str; 16] = [
    "all", "both", "these", "those", "the", "of", "alle", "den", "die", "les", "los", "las", "le", "i", "os",
    "due",
];

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

static SPELLED: LazyLock<Regex> = LazyLock::new(|| {
    let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
    regex(&format!(r"(?i)\b(?:({})(?: (hundred|thousand))?|an? (hundred|thousand|dozen))\b", words.join("|")))
});
static SHARE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(a quarter|one quarter|3 quarters|half|one half|a fifth|one fifth|a tenth|one tenth) of (the|all|its|rows|data|it)\b",
    )
});
static PERCENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)\b(\d+(?:[.,]\d+)?) (?:percent|per cent|prozent|pour cent|por ciento|por cento|per cento)\b")
});

/// The text with its number words as digits, and these numbers: they are less certain than those given as digits.
pub(in crate::nl) fn with_digits(text: &str) -> (String, Vec<String>) {
    let mut spelled = Vec::new();
    let text = outside_of_literals(text, &SPELLED, |captures, before, after| {
        let word = captures.get(1).map(|word| word.as_str().to_lowercase());
        let number = match &word {
            Some(word) => WORDS.iter().find(|(name, _)| name == word)?.1,
            None => 1,
        };
        let scale = captures.get(2).or(captures.get(3)).map(|scale| scale.as_str().to_lowercase());
        let factor = match scale.as_deref() {
            Some("hundred") => 100,
            Some("thousand") => 1000,
            Some("dozen") => 12,
            _ => 1,
        };
        let pointing = before
            .split_whitespace()
            .next_back()
            .is_some_and(|word| POINTING.contains(&word.to_lowercase().as_str()));
        let joined = before.ends_with(['-', '_', '/', '.', ':', '#', '\''])
            || after.starts_with(['-', '_', '/', ':', '\'']);
        if joined || (pointing && factor == 1) {
            return None;
        }
        let digits = (number * factor).to_string();
        spelled.push(digits.clone());
        Some(digits)
    });
    let text = outside_of_literals(&text, &SHARE, |captures, _, _| {
        let share = match captures[1].to_lowercase().rsplit(' ').next()? {
            "quarter" => "25%",
            "quarters" => "75%",
            "half" => "50%",
            "fifth" => "20%",
            _ => "10%",
        };
        spelled.push(share.to_owned());
        Some(format!("{share} of {}", &captures[2]))
    });
    let text = PERCENT.replace_all(&text, "$1%").into_owned();
    (text, spelled)
}

/// Replaces matches that do not lie inside a literal; the function gets the match and the text before and after it.
fn outside_of_literals(
    text: &str,
    pattern: &Regex,
    mut replacement: impl FnMut(&Captures<'_>, &str, &str) -> Option<String>,
) -> String {
    let fixed = literals(text);
    let fixed: Vec<_> = fixed.iter().filter(|literal| literal.kind != LiteralKind::Number).collect();
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for captures in pattern.captures_iter(text) {
        let whole = captures.get(0).expect("group 0 is the match");
        if fixed.iter().any(|literal| literal.start < whole.end() && literal.end > whole.start()) {
            continue;
        }
        if let Some(new) = replacement(&captures, &text[..whole.start()], &text[whole.end()..]) {
            result.push_str(&text[done..whole.start()]);
            result.push_str(&new);
            done = whole.end();
        }
    }
    result.push_str(&text[done..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_words_become_digits() {
        for (text, expected) in [
            ("eight rounds at most, ten at a time", "8 rounds at most, 10 at a time"),
            ("two hundred trees and a dozen pods", "200 trees and 12 pods"),
            ("hold out a quarter of the rows", "hold out 25% of the rows"),
            ("half of the data, ten percent noise", "50% of the data, 10% noise"),
            ("höchstens drei Versuche", "höchstens 3 Versuche"),
        ] {
            assert_eq!(with_digits(text).0, expected);
        }
    }

    #[test]
    fn what_is_no_number_stays() {
        for text in [
            "one-hot encode, then register the better one",
            "load all three and compare the two",
            "send \"ten out of ten\" to #two, run acme/five:six, path /data/two",
            "a two-stage model with column top_ten, due to the holidays",
        ] {
            assert_eq!(with_digits(text), (text.to_owned(), Vec::<String>::new()));
        }
    }
}
