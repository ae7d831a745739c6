//! What a text says of a search for hyperparameters: trials, folds, ranges, and the aim of an experiment. No model need
//! read it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::amounts::{AT_ONCE, as_value, number_at_once};
use crate::nl::pattern::regex;

/// How many points are tried: "12 trials", "10 different configurations", "8 Versuche".
pub(in crate::nl) static TRIALS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(\d+)(?: (?:random(?:ly)?|different|more|zufällig\w*|verschiedene\w*|aléatoires?|différent\w*|aleator\w+|diferentes|casuali|divers\w+|candidate|hyper-?parameter|parameter))*[ -](?:(?:drawn|chosen|sampled|picked) )?(?:trials?|tries|configurations?|combinations?|settings|candidates|points|versuche?n?|durchläufen?|kombinationen|konfigurationen|essais?|combinaisons|configurations|pruebas|intentos|ensayos|combinaciones|tentativi|prove|combinazioni|tentativas|combinações|pogingen|prób(?:y|ami)?)\b",
    )
});
static TRIALS_NAMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:trials?|tries|n[_-]?(?:iter|trials)|versuche|essais|pruebas|tentativi|tentativas)\s*[:=]\s*(\d+)\b",
    )
});
static FOLDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:cv|folds?|cross[- ]?validat\w+)\s*[:=]\s*(\d+)\b|\b(\d+)[ -]?(?:folds?\b|fache?\w*\b|plis\b|pliegues\b|fold )",
    )
});

/// Puts what the text states of trials, folds and ranges in the place of what the model chose.
pub(in crate::nl) fn read_search(with: &mut Map<String, Value>, text: &str) {
    if let Some(trials) = stated_trials(text) {
        with.insert("trials".into(), json!(trials));
        if with.get("seed") == Some(&json!(trials)) {
            with.shift_remove("seed");
        }
    }
    if let Some(folds) = FOLDS.captures(text).and_then(|found| number(&found)).filter(|folds| *folds > 1) {
        with.insert("folds".into(), json!(folds));
    }
    let stated = stated_space(text);
    if !stated.is_empty() {
        with.insert("space".into(), Value::Object(stated));
    } else if let Some(Value::Object(space)) = with.get_mut("space") {
        // A range of which no number stands in the text was made up.
        let numbers: Vec<Value> =
            NUMBERS.find_iter(text).filter_map(|hit| hit.as_str().parse().ok()).map(as_value).collect();
        space.retain(|_, values| {
            choices_of(values).all(|value| !value.is_number() || numbers.contains(value))
        });
        if space.is_empty() {
            with.shift_remove("space");
        }
    }
}

/// The values of a list, or the bounds of a range.
fn choices_of(values: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match values {
        Value::Array(values) => Box::new(values.iter()),
        Value::Object(bounds) => Box::new(bounds.values()),
        _ => Box::new(std::iter::empty()),
    }
}

static LESS_IS_BETTER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:minimi\w+|(?:lower|smaller|less|the lower|the smaller)\b[^.;]{0,16}\bbetter|as (?:low|small) as possible)\b",
    )
});
static MORE_IS_BETTER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:maximi\w+|(?:higher|larger|more|the higher|the larger)\b[^.;]{0,16}\bbetter|as (?:high|large) as possible)\b",
    )
});

/// Puts what the text states of an experiment in the place of what the model chose; `description` counts where the step's
/// own words say nothing and there is only one search.
pub(in crate::nl) fn read_experiment(with: &mut Map<String, Value>, text: &str, description: &str) {
    let stated = |read: &dyn Fn(&str) -> Option<Value>| read(text).or_else(|| read(description));
    let trials = stated(&|text| stated_trials(text).map(|trials| json!(trials)));
    let at_once = stated(&|text| number_at_once(text).map(as_value));
    let objective = stated(&|text| match (LESS_IS_BETTER.is_match(text), MORE_IS_BETTER.is_match(text)) {
        (true, false) => Some(json!("minimize")),
        (false, true) => Some(json!("maximize")),
        _ => None,
    });
    let all = [("max_trials", trials), ("parallel_trials", at_once), ("objective", objective)];
    with.extend(all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

fn number(found: &regex::Captures<'_>) -> Option<u64> {
    found.iter().skip(1).flatten().next()?.as_str().parse().ok()
}

/// The number of trials, unless it says how many run at once.
pub(in crate::nl) fn stated_trials(text: &str) -> Option<u64> {
    let at_once: Vec<usize> = AT_ONCE.find_iter(text).map(|hit| hit.start()).collect();
    let found = TRIALS
        .captures_iter(text)
        .filter(|found| {
            found
                .get(0)
                .is_some_and(|hit| !at_once.contains(&hit.start()) || behind_is_one_list(text, hit.end()))
        })
        .find_map(|found| number(&found));
    found
        .or_else(|| TRIALS_NAMED.captures(text).and_then(|found| number(&found)))
        .filter(|trials| *trials > 0)
}

/// "10 configurations in parallel" says both how many there are and that they run side by side.
fn behind_is_one_list(text: &str, end: usize) -> bool {
    ["in parallel", "side by side", "concurrently", "simultaneously"]
        .iter()
        .any(|words| text[end..].trim_start().starts_with(words))
}

const NUMBER: &str = r"-?\d+(?:\.\d+)?(?:e-?\d+)?";

/// Names of hyperparameters as people write them, and as libraries do.
const SPOKEN: [(&str, &str); 14] = [
    ("learning rate", "learning_rate"),
    ("lernrate", "learning_rate"),
    ("taux d'apprentissage", "learning_rate"),
    ("tasa de aprendizaje", "learning_rate"),
    ("maximum depth", "max_depth"),
    ("max depth", "max_depth"),
    ("tree depth", "max_depth"),
    ("depth", "max_depth"),
    ("number of trees", "n_estimators"),
    ("number of estimators", "n_estimators"),
    ("number of neighbors", "n_neighbors"),
    ("number of neighbours", "n_neighbors"),
    ("number of leaves", "num_leaves"),
    ("num leaves", "num_leaves"),
];

/// A name with its range or list of values.
static SPACE: LazyLock<Regex> = LazyLock::new(|| {
    let spoken: Vec<String> = SPOKEN.iter().map(|(words, _)| words.replace(' ', r"[ _-]")).collect();
    let name = format!(
        r"(?-i:\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b|\bC\b)|\b(?:gamma|alpha|subsample|{})\b",
        spoken.join("|")
    );
    let link = r"(?:\s+(?:values?|in the range|range|should|is|are|be|may|varies|goes|of|an integer|a float|as an integer))*\s*[:=]?\s*";
    let words =
        r"(?:between|from|in|of|over|out of|among|one of|either|zwischen|von|entre|de|tra|fra|da)?\s*";
    regex(&format!(
        r"({name}){link}{words}(?:\(?({NUMBER})\s*(?:and|to|up to|und|bis|et|à|y|a|e|–|\.\.\.?|-)\s*({NUMBER})|[\[(]?({NUMBER}(?:\s*(?:,\s*(?:and |or |und |et |y )?|and |or |und |oder |et |ou |y |o |/)\s*{NUMBER})+))"
    ))
});
static RANGE_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:between|from|zwischen|von|entre|de|tra|fra|da|range)\s*\(?-?\d|\d\s*(?:to|up to|bis|à|–|\.\.\.?|-)\s*-?\d",
    )
});

/// Ranges and values by hyperparameter, as far as the text states them: `{min, max}` or a list.
fn stated_space(text: &str) -> Map<String, Value> {
    let mut space = Map::new();
    for found in SPACE.captures_iter(text) {
        let name = library_name(&found[1]);
        let parsed = |text: &str| text.parse::<f64>().ok().map(as_value);
        let both = found.get(2).zip(found.get(3)).filter(|_| RANGE_WORDS.is_match(&found[0]));
        // "0.01, 0.1, 1 and 10" is a list that the first two numbers of do not tell from a range.
        let value = match both {
            Some((low, high)) => {
                let (Some(low), Some(high)) = (parsed(low.as_str()), parsed(high.as_str())) else { continue };
                json!({"min": low, "max": high})
            }
            None => {
                let listed =
                    found.get(4).map_or_else(|| found.get(2).map_or("", |_| &found[0]), |list| list.as_str());
                let values: Vec<Value> =
                    NUMBERS.find_iter(listed).filter_map(|hit| parsed(hit.as_str())).collect();
                if values.len() < 2 {
                    continue;
                }
                Value::Array(values)
            }
        };
        space.insert(name, value);
    }
    space
}

static NUMBERS: LazyLock<Regex> = LazyLock::new(|| regex(NUMBER));

fn library_name(spoken: &str) -> String {
    let plain = spoken.to_lowercase().replace(['_', '-'], " ");
    let known = SPOKEN.iter().find(|(words, _)| *words == plain);
    known.map_or_else(|| spoken.to_owned(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        let mut with = Map::new();
        read_search(&mut with, text);
        Value::Object(with)
    }

    #[test]
    fn trials_and_folds_are_read() {
        assert_eq!(read("with 6 random trials"), json!({"trials": 6}));
        assert_eq!(read("(15 tries), cv = 6"), json!({"trials": 15, "folds": 6}));
        assert_eq!(read("mit 8 Versuchen"), json!({"trials": 8}));
        assert_eq!(read("10 different configurations in parallel"), json!({"trials": 10}));
        assert_eq!(read("24 trials in total, 4 trials at a time"), json!({"trials": 24}));
        assert_eq!(read("retry 3 times, 300 trees, 20% of the rows"), json!({}));
    }

    #[test]
    fn experiments_are_read() {
        let mut with = Map::new();
        let text = "each trial prints val_mae, lower being better. No more than 40 trials overall and 8 concurrently";
        read_experiment(&mut with, "a Katib search", text);
        assert_eq!(
            Value::Object(with),
            json!({"max_trials": 40, "parallel_trials": 8, "objective": "minimize"})
        );
    }

    #[test]
    fn spaces_are_read() {
        for (text, space) in [
            (
                "the learning rate between 0.01 and 0.3 and max_depth from 3 to 8",
                json!({"learning_rate": {"min": 0.01, "max": 0.3}, "max_depth": {"min": 3, "max": 8}}),
            ),
            ("over C 0.01, 0.1, 1 and 10 with 5 things", json!({"C": [0.01, 0.1, 1, 10]})),
            (
                "C in 0.1, 1, 10 and gamma in 0.01, 0.1; then",
                json!({"C": [0.1, 1, 10], "gamma": [0.01, 0.1]}),
            ),
            (
                "num_leaves    in [15, 63, 255]\n learning_rate in [0.02, 0.2]",
                json!({"num_leaves": [15, 63, 255], "learning_rate": [0.02, 0.2]}),
            ),
            (
                "max_depth 4, 8, 10 and learning_rate 0.02, 0.2, with 4 things",
                json!({"max_depth": [4, 8, 10], "learning_rate": [0.02, 0.2]}),
            ),
            ("max_depth 3-8", json!({"max_depth": {"min": 3, "max": 8}})),
            ("max_depth of 3 or 5", json!({"max_depth": [3, 5]})),
        ] {
            assert_eq!(read(text)["space"], space, "{text}");
        }
        assert_eq!(read("tune sleep_stage with 45 things and 3 others"), json!({}));
        let Value::Object(mut with) = json!({"space": {"max_depth": [3, 5], "kernel": ["rbf"], "C": [1, 2]}})
        else {
            unreachable!()
        };
        read_search(&mut with, "C of 1 or of 2, and an rbf kernel, with 5 things");
        assert_eq!(Value::Object(with), json!({"space": {"kernel": ["rbf"], "C": [1, 2]}}));
    }
}
