//! Searches for hyperparameters: words like "tune", "with tuned hyperparameters" or "12 tries" decide that a training is a
//! search, and what a text says of its trials and ranges needs no model to be read.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::algorithms::named_algorithms;
use super::amounts::{AT_ONCE, as_value};
use super::cues::is_training;
use super::evidence::mentioned_choices;
use super::pattern::regex;
use super::plan::Plan;
use crate::api::Component;
use crate::ir::Components;
use crate::lake::Lake;

/// The component that searches inside one step.
pub(super) const SEARCH: &str = "tune.search";

static TUNES: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:hyper[- ]?)?tun(?:e|es|ed|ing)\b"));
/// In front of "tune" or "tuned": something else, or the opposite.
static NOT_TUNED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?:\b(?:fine|instruction|instruct|prompt|prefix|adapter|auto)(?:ly)?[- ]?|[-/_.:]|\b(?:no|not|never|without|n't|don't|already|previously|earlier|before|existing|kein\w*|ohne|sans|sin|senza|sem)\b(?: \w+)? ?(?:the |any |further |more )?)$",
    )
});
static OPTIMIZES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:optimi[sz](?:e|es|ing|ed)|optimier\w+|optimali\w+|optimis\w+|optimi[zc]\w+|ottimizz\w+|otimiz\w+)(?: (?:an?|the|our|my|eine?[nrs]?|den|die|das|une?|le|la|el|il|o|um|uma|uno?))? ",
    )
});
static HYPERPARAMETERS: LazyLock<Regex> = LazyLock::new(|| {
    let parameters = r"(?:hyper|hiper|iper)[- ]?(?:para?m|parám|paràm|parâm)\w*";
    let seeks = r"optimi\w*|ottimizz\w*|otimi\w*|ajust\w*|r[eè]gl\w*|best|good|better|right|ideal|find\w*|search\w*|tun\w*|beste[nr]?|gute|such\w*|meilleurs?|bons|cherch\w*|mejores|busc\w*|migliori|cerc\w*|melhores|najlepsz\w*|beste";
    regex(&format!(
        r"\b(?:{seeks})\b[^.;\n]{{0,40}}?\b{parameters}|\b{parameters}[ -](?:search|tuning|optimi\w+|such\w+|sweep)\b|\b{parameters}[^.;\n]{{0,20}}\b(?:optimi(?:er|s|z)\w*|tun\w+|search\w*)\b"
    ))
});
static SEARCHES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:grid|random(?:i[sz]ed)?|bayesian|raster|zufalls)[ -]?(?:search|suche)\b|\brecherche (?:aléatoire|sur grille)\b|\bbúsqueda (?:aleatoria|en cuadrícula)\b",
    )
});
/// "Find good settings", "the best settings".
static SETTINGS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:find|search\w*|look\w* for|figure out|determine|try|test)\b[^.;\n]{0,40}\b(?:good|best|better|optimal|right|ideal)\b[^.;\n]{0,12}\b(?:settings?|para?meters?|configurations?|values)\b|\b(?:best|optimal) (?:settings|parameters|configuration)\b",
    )
});
/// How many points are tried: "12 trials", "10 different configurations", "8 Versuche".
static TRIALS: LazyLock<Regex> = LazyLock::new(|| {
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

/// Whether words ask for a search for hyperparameters.
pub(super) fn asks_for_search(text: &str) -> bool {
    let tunes = TUNES.find_iter(text).any(|hit| {
        let (before, behind) = (&text[..hit.start()], &text[hit.end()..]);
        let part_of_a_name = behind.starts_with(['-', '/', '_', ':', '.']) && !behind.starts_with(". ");
        !NOT_TUNED.is_match(before) && !part_of_a_name
    });
    let optimizes = OPTIMIZES.find_iter(text).any(|hit| {
        let behind = &text[hit.end()..];
        named_algorithms(behind).first().is_some_and(|(_, name)| behind.starts_with(name))
    });
    let sought = HYPERPARAMETERS
        .find_iter(text)
        .chain(SETTINGS.find_iter(text))
        .any(|hit| !NOT_TUNED.is_match(&text[..hit.start()]) && !NOT_TUNED.is_match(hit.as_str()));
    tunes || optimizes || sought || SEARCHES.is_match(text) || TRIALS.is_match(text)
}

/// A training whose words ask for a search becomes one, if the search knows its model; values of a search are no items.
pub(super) fn search_what_is_tuned(
    plan: &mut Plan,
    description: &str,
    lake: &Lake,
    changes: &mut Vec<String>,
) {
    let Some(search) = lake.component(SEARCH) else { return };
    let unquoted =
        only_training(plan).filter(|only| asks_for_search(&without_others(plan, *only, description)));
    for (index, step) in plan.steps.iter_mut().enumerate() {
        if fits_tables(&step.task) && (unquoted == Some(index) || asks_for_search(&step.text)) {
            if let Some(unknown) = unknown_model(&step.text, search) {
                changes.push(format!(
                    "{}: {SEARCH} does not know {unknown}, so it is trained with the values that are given; \
                     Katib can tune an image of yours",
                    step.name
                ));
                continue;
            }
            changes.push(format!("{}: its words ask for {SEARCH}, not {}", step.name, step.task));
            SEARCH.clone_into(&mut step.task);
        }
        if step.task == SEARCH && step.each.is_some() && !SEPARATELY.is_match(&step.text) {
            changes.push(format!("{}: the values are tried by one search", step.name));
            step.each = None;
        }
    }
}

fn fits_tables(task: &str) -> bool {
    is_training(task) && !task.ends_with("finetune") && task != "torch.train"
}

/// The only step that trains, where nothing searches.
fn only_training(plan: &Plan) -> Option<usize> {
    let mut trainings = plan
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| is_training(&step.task) || step.task.starts_with("tune."));
    match (trainings.next(), trainings.next()) {
        (Some((index, step)), None) if fits_tables(&step.task) => Some(index),
        _ => None,
    }
}

/// The description without the words of all other steps: quotes leave clauses out.
fn without_others(plan: &Plan, index: usize, description: &str) -> String {
    let others = plan.all_steps().filter(|step| step.name != plan.steps[index].name);
    others.fold(description.to_owned(), |rest, step| rest.replace(&step.text, ". "))
}

static SEPARATELY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:for each|for every|each|every|per|separately|one by one|respectively|jeweils|je|chaque|cada|ogni)\b",
    )
});

/// The algorithm that words name and that no search knows.
fn unknown_model<'a>(text: &'a str, search: &Component) -> Option<&'a str> {
    let known: Vec<&str> = search.arguments["properties"]["estimator"]["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (_, name) = *named_algorithms(text).first()?;
    mentioned_choices(&known, text).is_empty().then_some(name)
}

/// The component for a model that a comparison names: a search where the word in front of it is "tuned".
pub(super) fn trains_or_tunes(component: &'static str, name: &str, text: &str, lake: &Lake) -> &'static str {
    let tuned = text.to_lowercase().contains(&format!("tuned {}", name.to_lowercase()));
    let known = lake.component(SEARCH).is_some_and(|search| unknown_model(name, search).is_none());
    if tuned && known { SEARCH } else { component }
}

/// Puts what the text states of trials, folds and ranges in the place of what the model chose.
pub(super) fn read_search(with: &mut Map<String, Value>, text: &str) {
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

fn number(found: &regex::Captures<'_>) -> Option<u64> {
    found.iter().skip(1).flatten().next()?.as_str().parse().ok()
}

/// The number of trials, unless it says how many run at once.
pub(super) fn stated_trials(text: &str) -> Option<u64> {
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
    use crate::nl::plan::testing::chain;

    #[test]
    fn words_that_ask_for_a_search() {
        for text in [
            "tune a random forest for churn with 6 random trials by AUC",
            "optimize the hyperparameters of LightGBM for churn",
            "train an SVM on species with tuned hyperparameters",
            "Find good settings for a random forest that predicts price (15 tries)",
            "Train xgboost for churn, trying 10 different configurations",
            "Optimise a random forest for sleep_stage",
            "Optimiere die Hyperparameter eines Random Forest für churn",
            "optimise les hyperparamètres d'un XGBoost",
            "ajusta los hiperparámetros de un SVM",
            "ottimizza gli iperparametri di un random forest",
            "hyperparameter search for XGBoost",
            "grid search pls: SVM",
            "hypertune gradient boosting",
        ] {
            assert!(asks_for_search(text), "{text}");
        }
    }

    #[test]
    fn words_that_do_not() {
        for text in [
            "fine-tune distilbert-base-uncased on reviews",
            "Fine tune roberta-base",
            "instruction-tune meta-llama/Llama-3.2-1B",
            "train xgboost with the hyperparameters max_depth 4 and gamma 1",
            "train a random forest without tuning",
            "train a random forest, no hyperparameter search",
            "train xgboost with the already tuned hyperparameters max_depth 4",
            "train xgboost to optimize logloss, retry 3 times",
            "train a model on acme/tune-coil:0.7",
            "train a random forest with 300 trees and optimize nothing else",
        ] {
            assert!(!asks_for_search(text), "{text}");
        }
    }

    fn searched(steps: &[(&str, &str)]) -> Vec<String> {
        let mut plan = chain(steps);
        search_what_is_tuned(&mut plan, "", &Lake::built_in(), &mut Vec::new());
        plan.steps.into_iter().map(|step| step.task).collect()
    }

    #[test]
    fn trainings_that_are_tuned_become_searches() {
        let found = searched(&[
            ("sklearn.train", "tune a random forest with 6 trials"),
            ("catboost.train", "tune CatBoost with 6 trials"),
            ("xgboost.train", "train xgboost"),
            ("torch.finetune", "fine-tune bert-base-uncased"),
        ]);
        assert_eq!(found, [SEARCH, "catboost.train", "xgboost.train", "torch.finetune"]);
    }

    #[test]
    fn words_that_no_step_quotes_speak_of_the_only_training() {
        let said = "Train xgboost for churn, trying 10 different configurations, and grade the best";
        let mut plan =
            chain(&[("xgboost.train", "Train xgboost for churn"), ("model.evaluate", "grade the best")]);
        search_what_is_tuned(&mut plan, said, &Lake::built_in(), &mut Vec::new());
        assert_eq!(plan.steps[0].task, SEARCH);
        let said = "Train xgboost for churn and run acme/x:1 to tune the engine";
        let mut plan = chain(&[
            ("xgboost.train", "Train xgboost for churn"),
            ("container.run", "run acme/x:1 to tune the engine"),
        ]);
        search_what_is_tuned(&mut plan, said, &Lake::built_in(), &mut Vec::new());
        assert_eq!(plan.steps[0].task, "xgboost.train");
    }

    #[test]
    fn values_of_a_search_are_no_items() {
        let mut plan = chain(&[(SEARCH, "tune logistic regression over C 0.01, 0.1 and 1")]);
        plan.steps[0].each = Some(json!(["0.01", "0.1", "1"]));
        search_what_is_tuned(&mut plan, "", &Lake::built_in(), &mut Vec::new());
        assert_eq!(plan.steps[0].each, None);
    }

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
