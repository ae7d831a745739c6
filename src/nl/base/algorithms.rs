//! Algorithms that a text names decide which component trains: "CatBoost" is never a lasso.

use std::sync::LazyLock;

use regex::Regex;

use super::plan::{Plan, PlannedStep};
use super::search::SEARCH;
use super::search_values::stated_trials;
use crate::api::Task;
use crate::ir::Components;
use crate::lake::Lake;

/// Names in texts, and the component that trains them.
const NAMES: [(&str, &str); 7] = [
    (
        r"\b(?:py)?torch (?:neural )?(?:net\w*|mlp|model)\b|\bneural net\w* (?:in|with|from|using) (?:py)?torch\b",
        "torch.train",
    ),
    (r"xg-?boost|\bxgb\w*|\bxgboo?st\w*", "xgboost.train"),
    (r"\bligh?t ?-?gbm|\blgbm\w*|\blihgtgbm|\blightgmb", "lightgbm.train"),
    (r"\bcat ?-?boost\w*|\bctaboost", "catboost.train"),
    (r"\bk-?means\b|\bk means\b|\bkmeans\b", "kmeans.train"),
    (
        r"\b(?:logistic|ridge|lasso|elastic.?net|linear|logistische?|lineare?|logistique|linéaire|logística|lineal|logistica)[- ]regress\w*|\brégression (?:logistique|linéaire|ridge)|\bregresi[óo]n (?:log[íi]stica|lineal)|\bregressão (?:logística|linear)|\bregressione (?:logistica|lineare)|\blasso\b|\bridge\b|\belastic.?net\b",
        "sklearn.train",
    ),
    (
        r"\brandom.?forests?\b|\brf\b|\bzufallswald\w*|\bforêts? aléatoires?|\bbosques? aleatorios?|\bfloresta aleatória|\bextra.?trees\b|\bdecision.?trees?\b|\bgradient.?boosting\b|\bada.?boost\b|\bnaive.?bayes\b|\bsvm\b|\bsupport vector\w*|\bk-?nn\b|\bnearest neighbou?rs?\b|\bmlp\b|\bmulti-?layer perceptron",
        "sklearn.train",
    ),
];

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    NAMES
        .iter()
        .map(|(pattern, component)| {
            (Regex::new(&format!("(?i){pattern}")).expect("the pattern is valid"), *component)
        })
        .collect()
});

/// An algorithm in a text.
struct Mention {
    component: &'static str,
    start: usize,
    end: usize,
}

/// The algorithms of a text, in its order, each once.
fn mentions(text: &str) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for (pattern, component) in PATTERNS.iter() {
        for hit in pattern.find_iter(text) {
            let free = found.iter().all(|other| hit.end() <= other.start || hit.start() >= other.end);
            // Part of a path or an image says nothing.
            let word = !text[..hit.start()].ends_with(['/', '-', '_', '.', ':'])
                && !text[hit.end()..].starts_with(['/', '-', '_', ':']);
            if free && word {
                found.push(Mention { component, start: hit.start(), end: hit.end() });
            }
        }
    }
    found.sort_by_key(|mention| mention.start);
    let mut seen: Vec<String> = Vec::new();
    found.retain(|mention| {
        let name = text[mention.start..mention.end].to_lowercase();
        let new = !seen.contains(&name);
        seen.push(name);
        new
    });
    found
}

/// The algorithms of a text with the components that train them.
pub(in crate::nl) fn named_algorithms(text: &str) -> Vec<(&'static str, &str)> {
    mentions(text).into_iter().map(|mention| (mention.component, &text[mention.start..mention.end])).collect()
}

/// Gives every step that trains the component of the algorithm that its words name, and splits steps that name several.
pub(in crate::nl) fn decide_algorithms(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    split_algorithms(plan, lake, changes);
    let trains: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| is_training(step, lake))
        .map(|step| step.text.to_lowercase())
        .collect();
    for step in &mut plan.steps {
        let found = mentions(&step.text);
        let [only] = &found[..] else { continue };
        let name = step.text[only.start..only.end].to_lowercase();
        let trained_elsewhere = trains.iter().any(|text| text.contains(&name));
        let mistaken = matches!(step.task.as_str(), "model.predict" | "model.evaluate" | "script.python")
            && !trained_elsewhere
            && !USES.is_match(&step.text);
        if (is_training(step, lake) || mistaken)
            && step.task != only.component
            && lake.component(only.component).is_some()
        {
            changes.push(format!("{}: {name:?} is trained by {}", step.name, only.component));
            only.component.clone_into(&mut step.task);
        }
    }
}

/// Verbs of steps that use a model instead of training one.
static USES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(evaluat\w*|scor(e|es|ing)|predict with|measure|assess|test the|bewerte\w*|évalu\w*|evalú\w*|avali\w*)\b")
        .expect("the pattern is valid")
});

fn is_training(step: &PlannedStep, lake: &Lake) -> bool {
    matches!(
        step.task.as_str(),
        "xgboost.train"
            | "lightgbm.train"
            | "catboost.train"
            | "sklearn.train"
            | "kmeans.train"
            | "torch.train"
    ) && lake.component(&step.task).is_some_and(|component| component.task == Task::Train)
}

/// "Train CatBoost and, at the same time, a lasso" is two steps.
fn split_algorithms(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let found = mentions(&step.text);
        let trains = is_training(step, lake) || step.task == SEARCH;
        if found.len() < 2 || !trains || step.each.is_some() {
            continue;
        }
        let elsewhere: Vec<String> = plan
            .steps
            .iter()
            .filter(|other| other.name != step.name && (is_training(other, lake) || other.task == SEARCH))
            .flat_map(|other| named_algorithms(&other.text).into_iter().map(|(_, name)| name.to_lowercase()))
            .collect();
        let new = one_step_each(step, &found, &elsewhere);
        if new.is_empty() {
            continue;
        }
        if new.len() > 1 {
            let count = new.len();
            changes.push(format!("{}: it names {count} algorithms and became as many steps", step.name));
        }
        let names: Vec<String> = new.iter().map(|step| step.name.clone()).collect();
        plan.replace(index, new, &names);
    }
}

/// A step for each algorithm that no other step trains.
fn one_step_each(step: &PlannedStep, found: &[Mention], elsewhere: &[String]) -> Vec<PlannedStep> {
    let searches = step.task == SEARCH;
    let shared = shared_tail(&step.text, found, searches);
    let mut new: Vec<PlannedStep> = Vec::new();
    for (index, mention) in found.iter().enumerate() {
        if elsewhere.contains(&step.text[mention.start..mention.end].to_lowercase()) {
            continue;
        }
        let start = if index == 0 { 0 } else { mention.start };
        let end = found.get(index + 1).map_or(step.text.len(), |next| next.start);
        let own = step.text[start..end].trim_end_matches([' ', ',']);
        let verb = match (index, searches) {
            (0, _) => "",
            (_, true) => "tune ",
            _ => "train ",
        };
        let tail = if index + 1 < found.len() { shared } else { "" };
        let text = format!("{verb}{own} {tail}").trim_end().to_owned();
        let name =
            if new.is_empty() { step.name.clone() } else { format!("{}-{}", step.name, new.len() + 1) };
        let task = if searches { SEARCH } else { mention.component };
        new.push(PlannedStep { text, name, task: task.to_owned(), ..step.clone() });
    }
    new
}

/// Words behind the last algorithm that belong to all of them: "… both predict price", "on it to predict species", and
/// all of them if they are searches that say how many trials they do only there.
fn shared_tail<'a>(text: &'a str, found: &[Mention], searches: bool) -> &'a str {
    static TAIL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(both|each|all|on (it|the|them|this)|to (predict|classify|forecast|estimate)|that predict|predicting|for predicting|for the (column|target)|with target|target)\b")
            .expect("the pattern is valid")
    });
    let Some(last) = found.last() else { return "" };
    let tail = &text[last.end..];
    if searches && stated_trials(&text[..last.start]).is_none() {
        return tail;
    }
    TAIL.find(tail).map_or("", |hit| &tail[hit.start()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    fn decided(steps: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut plan = chain(steps);
        decide_algorithms(&mut plan, &Lake::built_in(), &mut Vec::new());
        plan.steps.into_iter().map(|step| (step.task, step.text)).collect()
    }

    #[test]
    fn the_named_library_trains() {
        let found = decided(&[
            ("sklearn.train", "train an XGBoost model"),
            ("model.predict", "naive bayes -> queue"),
        ]);
        assert_eq!(found[0].0, "xgboost.train");
        assert_eq!(found[1].0, "sklearn.train");
        assert_eq!(decided(&[("model.evaluate", "evaluate the lasso")])[0].0, "model.evaluate");
        assert_eq!(decided(&[("container.run", "run acme/xgboost-train:1")])[0].0, "container.run");
    }

    #[test]
    fn several_algorithms_are_several_steps() {
        let found = decided(&[(
            "sklearn.train",
            "train CatBoost with 400 iterations and, at the same time, a lasso; both predict tons",
        )]);
        let tasks: Vec<&str> = found.iter().map(|(task, _)| task.as_str()).collect();
        assert_eq!(tasks, ["catboost.train", "sklearn.train"]);
        assert!(found[0].1.contains("400") && found[0].1.contains("both predict tons"), "{found:?}");
        assert!(found[1].1.contains("lasso") && !found[1].1.contains("400"), "{found:?}");
    }

    #[test]
    fn what_another_step_trains_is_cut_off() {
        let found = decided(&[
            ("sklearn.train", "train CatBoost with 400 iterations and, at the same time, a lasso"),
            ("sklearn.train", "train a lasso"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].0, "catboost.train");
    }
}
