//! Searches for hyperparameters: words like "tune", "with tuned hyperparameters" or "12 tries" decide that a training is a
//! search.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::algorithms::named_algorithms;
use super::cues::is_training;
use super::evidence::mentioned_choices;
use super::images::images;
use super::plan::{Plan, PlannedStep};
use super::search_values::TRIALS;
use crate::api::Component;
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::pattern::regex;

/// The component that searches inside one step.
pub(in crate::nl) const SEARCH: &str = "tune.search";
/// The component that lets Katib search.
pub(in crate::nl) const KATIB: &str = "tune.katib";

static TUNES: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:hyper[- ]?)?tun(?:e|es|ed|ing)\b"));
/// In front of "tune" or "tuned": something else, or the opposite.
static NOT_TUNED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?:\b(?:fine|instruction|instruct|prompt|prefix|adapter|auto)(?:ly)?[- ]?|[-/_.:]|\b(?:no|not|never|without|n't|don't|already|previously|earlier|before|existing|kein\w*|ohne|sans|sin|senza|sem)\b(?: \w+)? ?(?:the |any |further |more )?)$",
    )
});
static OPTIMIZES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:optimi[szc]\w+|optimier\w+|optimali\w+|ottimizz\w+|otimiz\w+)(?: (?:an?|the|our|my|eine?[nrs]?|den|die|das|une?|le|la|el|il|o|um|uma|uno?))? ",
    )
});
static HYPERPARAMETERS: LazyLock<Regex> = LazyLock::new(|| {
    let parameters = r"(?:hyper|hiper|iper)[- ]?(?:para?m|parám|paràm|parâm)\w*";
    let seeks = r"optimi\w*|ottimizz\w*|otimi\w*|ajust\w*|r[eè]gl\w*|best|good|better|right|ideal|find\w*|search\w*|tun\w*|beste[nr]?|gute|such\w*|meilleurs?|bons|cherch\w*|mejores|busc\w*|migliori|cerc\w*|melhores|najlepsz\w*";
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

/// Whether words ask for a search for hyperparameters.
pub(in crate::nl) fn asks_for_search(text: &str) -> bool {
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
pub(in crate::nl) fn search_what_is_tuned(
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

/// Words about searches that became steps of their own: those of a Katib experiment without an image, "two searches run
/// side by side" in front of both, "both optimise MAE" behind them.
pub(in crate::nl) fn merge_search_words(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in (1..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let has_image = |step: &PlannedStep| !images(&step.text).is_empty();
        let experiment =
            plan.steps[..index].iter().rposition(|other| other.task == KATIB && has_image(other));
        let searches = step.task.starts_with("tune.") && named_algorithms(&step.text).is_empty();
        let describes = step.task.starts_with("data.") && RANGE_OF_ONE.is_match(&step.text);
        let details = (searches || describes) && !has_image(step);
        if let Some(experiment) = experiment.filter(|_| details) {
            move_words(plan, index, &[experiment], changes);
        }
    }
    let searches = |plan: &Plan| -> Vec<usize> {
        let named = |step: &PlannedStep| step.task == SEARCH && !named_algorithms(&step.text).is_empty();
        (0..plan.steps.len()).filter(|index| named(&plan.steps[*index])).collect()
    };
    for index in (0..plan.steps.len()).rev() {
        let found = searches(plan);
        let step = &plan.steps[index];
        let announces = step.task == SEARCH && named_algorithms(&step.text).is_empty();
        let aims = step.task == "model.evaluate" && AIMS.is_match(&step.text);
        if found.len() > 1 && (announces || aims) {
            move_words(plan, index, &found, changes);
        }
    }
}

/// "Both optimise MAE" says what searches look for.
static AIMS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:and )?(?:both|all|each|they|these|the searches)\b[^.;]{0,20}\b(?:optimi[sz]\w+|maximi[sz]\w+|minimi[sz]\w+|use|aim)\b",
    )
});

/// "depth is an integer between 2 and 14", "width one of the categories narrow and wide".
static RANGE_OF_ONE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:and |the |parameters?:? )*[\w-]+ (?:is |as |may be |should be |lies )?(?:an? |one of (?:the )?)*(?:integer|int|float|double|number|categor\w+|between|from)\b",
    )
});

/// Takes a step out; its words and what it waits for go to others.
fn move_words(plan: &mut Plan, index: usize, owners: &[usize], changes: &mut Vec<String>) {
    let gone = plan.steps[index].clone();
    for place in owners {
        let owner = &mut plan.steps[*place];
        owner.text = format!("{}, {}", owner.text, gone.text);
        for name in gone.after.iter().filter(|_| index < *place) {
            if *name != owner.name && !owner.after.contains(name) {
                owner.after.push(name.clone());
            }
        }
    }
    let names: Vec<&str> = owners.iter().map(|owner| plan.steps[*owner].name.as_str()).collect();
    changes.push(format!("{}: {:?} belongs to {}", gone.name, gone.text, names.join(" and ")));
    plan.remove(index);
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
pub(in crate::nl) fn trains_or_tunes(
    component: &'static str,
    name: &str,
    text: &str,
    lake: &Lake,
) -> &'static str {
    let tuned = text.to_lowercase().contains(&format!("tuned {}", name.to_lowercase()));
    let known = lake.component(SEARCH).is_some_and(|search| unknown_model(name, search).is_none());
    if tuned && known { SEARCH } else { component }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nl::base::plan::testing::chain;

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
        assert_eq!(found, [SEARCH, SEARCH, "xgboost.train", "torch.finetune"]);
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

    fn merged(steps: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut plan = chain(steps);
        merge_search_words(&mut plan, &mut Vec::new());
        plan.steps.into_iter().map(|step| (step.task, step.text)).collect()
    }

    #[test]
    fn words_about_searches_go_to_the_searches() {
        let found = merged(&[
            (SEARCH, "two searches should run in parallel on moor/peat.parquet, both for depth_m"),
            (SEARCH, "one tunes extra trees with 15 trials"),
            (SEARCH, "the other LightGBM with 35 trials"),
            ("model.evaluate", "both optimise MAE"),
            ("model.evaluate", "evaluate the RMSE of both"),
        ]);
        let tasks: Vec<&str> = found.iter().map(|(task, _)| task.as_str()).collect();
        assert_eq!(tasks, [SEARCH, SEARCH, "model.evaluate"]);
        for (_, text) in &found[..2] {
            assert!(text.contains("moor/peat.parquet") && text.contains("MAE"), "{text}");
        }
        let found = merged(&[
            (KATIB, "Use Katib on acme/train:1"),
            (KATIB, "search lr between 0.1 and 0.2 with 24 trials"),
            (
                "data.select",
                "depth is an integer between 2 and 14, width one of the categories narrow and wide",
            ),
            ("data.select", "keep the columns depth and width"),
            (SEARCH, "tune a random forest"),
        ]);
        assert_eq!(found.len(), 3);
        assert!(found[0].1.contains("24 trials"), "{found:?}");
    }

    #[test]
    fn values_of_a_search_are_no_items() {
        let mut plan = chain(&[(SEARCH, "tune logistic regression over C 0.01, 0.1 and 1")]);
        plan.steps[0].each = Some(json!(["0.01", "0.1", "1"]));
        search_what_is_tuned(&mut plan, "", &Lake::built_in(), &mut Vec::new());
        assert_eq!(plan.steps[0].each, None);
    }
}
