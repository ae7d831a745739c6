//! Several models to choose from: "candidates are A, B and C", "one with 100 trees and one with 1000".

use std::sync::LazyLock;

use regex::Regex;

use super::algorithms::named_algorithms;
use super::invented::CONDITIONAL;
use super::plan::{Plan, PlannedStep};
use super::search::{SEARCH, trains_or_tunes};
use crate::api::{Condition, Operand, Task};
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::pattern::regex;

static ONE_AND_ONE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"[,:(]?\s*\b(?:one|once|the first|a first|first|einmal|eine?r?|une?|uno|una)\s+((?:with|using|at|on|mit|avec|con|com)\b.+?)(?:,?\s+(?:and|und|et|y|e)\s+(?:then )?|,\s*)(?:one|once|another|the other|the second|a second|second|einmal|eine?r?|une?|une autre|uno|una|otro|otra|outro)\s+((?:with|using|at|on|mit|avec|con|com)\b[^,.;)]+)\)?",
    )
});
static SETTING_OF_TRAINING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:and |with |use |using |for |over |at )*(?:\d+ (?:epochs?|trees|iterations|rounds|estimators|steps)|(?:batch|learning|lora|rank|seed|depth|epochs?|hyper ?parameters?)\b)",
    )
});
static TRAINS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(train\w*|fit\w*|learn\w* (?:a|the|to|from)|fine-?tun\w*|tun(?:e|ing)|adapt\w*|build\w*|trainier\w*|entraîn\w*|entren\w*|trein\w*|addestr\w*)\b",
    )
});

/// Gives candidates steps of their own.
pub(in crate::nl) fn separate_candidates(
    plan: &mut Plan,
    description: &str,
    lake: &Lake,
    changes: &mut Vec<String>,
) {
    merge_training_settings(plan, lake, changes);
    train_what_is_compared(plan, lake, changes);
    train_listed_candidates(plan, description, lake, changes);
    split_variants(plan, lake, changes);
    choose_between(plan, lake, changes);
    for step in &mut plan.steps {
        let chooses = matches!(step.task.as_str(), "model.select" | "model.compare");
        let planned = step.when.as_ref().and_then(|when| when.parse::<Condition>().ok());
        let constant = planned.is_some_and(|condition| {
            condition.operands().iter().any(|operand| matches!(operand, Operand::Literal(_)))
        });
        if chooses && step.when.is_some() && !constant {
            changes.push(format!("{}: it compares the models itself and needs no condition", step.name));
            step.when = None;
        }
    }
}

fn trains(step: &PlannedStep, lake: &Lake) -> bool {
    lake.component(&step.task).is_some_and(|component| matches!(component.task, Task::Train | Task::Tune))
}

/// "4 epochs, batch size 32" speaks of the training before it.
fn merge_training_settings(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    for index in (1..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let setting = SETTING_OF_TRAINING.is_match(&step.text)
            && !TRAINS.is_match(&step.text)
            && (trains(step, lake) || step.task.starts_with("script.") || step.task == "container.run");
        let Some(before) =
            plan.steps[..index].iter().rposition(|other| trains(other, lake)).filter(|_| setting)
        else {
            continue;
        };
        let gone = plan.steps.remove(index);
        changes.push(format!("{}: {:?} belongs to {}", gone.name, gone.text, plan.steps[before].name));
        plan.steps[before].text.push_str(&format!(", {}", gone.text));
        // What the removed step waited for may be the training's data.
        let owner = plan.steps[before].name.clone();
        let extra: Vec<String> = gone
            .after
            .iter()
            .filter(|name| **name != owner && plan.steps[..before].iter().any(|step| step.name == **name))
            .cloned()
            .collect();
        let known = plan.steps[before].after.clone();
        plan.steps[before].after.extend(extra.into_iter().filter(|name| !known.contains(name)));
        for step in &mut plan.steps {
            for name in step.after.iter_mut().filter(|name| **name == gone.name) {
                name.clone_from(&owner);
            }
            let own = step.name.clone();
            let mut seen = std::collections::HashSet::new();
            step.after.retain(|name| *name != own && seen.insert(name.clone()));
        }
    }
}

/// A comparison that names algorithms which no step trains needs their trainings first.
fn train_what_is_compared(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    let Some(index) = plan.steps.iter().position(|step| {
        matches!(step.task.as_str(), "model.select" | "model.compare")
            && named_algorithms(&step.text).len() > 1
    }) else {
        return;
    };
    if plan.steps.iter().any(|step| trains(step, lake)) {
        return;
    }
    let comparison = plan.steps[index].clone();
    let mut after = comparison.after.clone();
    let mut new: Vec<PlannedStep> = Vec::new();
    let address = super::literals::literals(&comparison.text)
        .into_iter()
        .find(|literal| literal.kind == super::literals::LiteralKind::Uri);
    if let Some(address) = address.filter(|_| after.is_empty()) {
        let name = "load-data".to_owned();
        new.push(PlannedStep {
            text: format!("load {}", address.text),
            task: "data.load".into(),
            name: name.clone(),
            ..PlannedStep::default()
        });
        plan.steps[index].text = comparison.text.replace(&address.text, "it");
        after = vec![name];
    }
    let mut names = Vec::new();
    for (component, name) in named_algorithms(&comparison.text) {
        let step =
            format!("train-{}", name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        names.push(step.clone());
        let task = trains_or_tunes(component, name, &comparison.text, lake);
        new.push(PlannedStep {
            text: format!("{} {name}", if task == SEARCH { "tune" } else { "train" }),
            task: task.to_owned(),
            name: step,
            after: after.clone(),
            ..PlannedStep::default()
        });
    }
    changes.push(format!(
        "{}: the {} models that it compares are trained first",
        comparison.name,
        names.len()
    ));
    plan.steps[index].after = names;
    plan.steps[index].each = None;
    plan.steps.splice(index..index, new);
}

/// A selection whose candidates stand in a list of the description that no step quotes needs their trainings.
fn train_listed_candidates(plan: &mut Plan, description: &str, lake: &Lake, changes: &mut Vec<String>) {
    let named = named_algorithms(description);
    let selection = plan.steps.iter().position(is_choice);
    let (Some(index), true) = (selection, named.len() > 1) else { return };
    let missing: Vec<(&str, &str)> = named
        .into_iter()
        .filter(|(_, name)| {
            let names = |step: &PlannedStep| step.text.to_lowercase().contains(&name.to_lowercase());
            plan.all_steps().filter(|step| !only_lists(step)).all(|step| !names(step))
        })
        .collect();
    let trained = plan.steps.iter().filter(|step| trains(step, lake)).count();
    if missing.is_empty() || plan.steps.iter().any(|step| step.task == SEARCH || step.task == "tune.katib") {
        return;
    }
    // A training that names no algorithm stands for those that are listed.
    for step in
        plan.steps.iter_mut().filter(|step| step.task != "llm.finetune" && step.task != "torch.finetune")
    {
        let nameless = trains(step, lake) && named_algorithms(&step.text).is_empty();
        if nameless
            && trained < 2
            && super::literals::literals(&step.text)
                .iter()
                .any(|l| l.kind == super::literals::LiteralKind::Uri)
        {
            changes.push(format!("{}: it loads the data of the candidates", step.name));
            "data.load".clone_into(&mut step.task);
        }
    }
    let mut after: Vec<String> = plan.steps[index]
        .after
        .iter()
        .filter(|name| plan.steps.iter().any(|step| step.name == **name && !trains(step, lake)))
        .cloned()
        .collect();
    if after.is_empty() {
        after.extend(
            plan.steps[..index].iter().rfind(|step| !trains(step, lake)).map(|step| step.name.clone()),
        );
    }
    let mut new = Vec::new();
    for (component, name) in missing {
        let wanted =
            format!("train-{}", name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        new.push(PlannedStep {
            text: format!("train {name}"),
            task: component.to_owned(),
            name: plan.fresh_name(&wanted),
            after: after.clone(),
            ..PlannedStep::default()
        });
    }
    changes.push(format!("{}: {} listed candidates are trained first", plan.steps[index].name, new.len()));
    plan.steps[index].after.retain(|name| !after.contains(name));
    plan.steps[index].after.extend(new.iter().map(|step| step.name.clone()));
    plan.steps.splice(index..index, new);
    while let Some(list) = plan.steps.iter().position(only_lists) {
        let gone = plan.remove(list);
        changes.push(format!("{}: {:?} only lists the candidates", gone.name, gone.text));
    }
}

/// "Candidates: XGBoost, extra trees" that was taken for work on the table.
fn only_lists(step: &PlannedStep) -> bool {
    let table = step.task.starts_with("data.") || step.task.starts_with("features.");
    table && named_algorithms(&step.text).len() > 1 && super::literals::literals(&step.text).is_empty()
}

fn is_choice(step: &PlannedStep) -> bool {
    matches!(step.task.as_str(), "model.select" | "model.compare")
}

/// With one model there is nothing to choose from.
pub(in crate::nl) fn drop_needless_choices(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    let models = plan
        .steps
        .iter()
        .filter(|step| trains(step, lake) || step.task.contains("finetune"))
        .map(|step| if step.each.is_some() { 2 } else { 1 })
        .sum::<usize>();
    if models != 1 {
        return;
    }
    while let Some(index) = plan.steps.iter().position(is_choice) {
        let gone = plan.remove(index);
        changes.push(format!("{}: there is one model only, nothing to choose from", gone.name));
    }
}

static CHOOSES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:keep|take|pick|choose|select|use|find|determine|compare|nimm|wähle|behalte|garde[rz]?|choisi\w*|compar\w*|elig\w*|escog\w*|quéda\w*|escolh\w*|sceg\w*|wybierz|kies)\b[^.;]{0,50}?\b(?:best|better|lower|higher|lowest|highest|winner|winning|smaller|smallest|larger|largest|whichever|by [a-z0-9]+|beste[nrs]?|bessere[nrs]?|meilleure?|mejor|melhor|migliore|najlepsz\w*)\b|\b(?:whichever|whatever)\b[^.;]{0,40}?\b(?:better|best|lower|higher|wins?)\b(?: by [a-z0-9]+)?",
    )
});

static WHICHEVER: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:whichever|whatever)\b"));

/// Two trained models, and words that choose one of them, are a selection.
fn choose_between(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    let chooses = |step: &PlannedStep| matches!(step.task.as_str(), "model.select" | "model.compare");
    let trained: Vec<String> =
        plan.steps.iter().filter(|step| trains(step, lake)).map(|step| step.name.clone()).collect();
    if trained.len() < 2 || plan.steps.iter().any(chooses) {
        return;
    }
    let found = plan.steps.iter().enumerate().find_map(|(index, step)| {
        let hit = CHOOSES.find(&step.text).filter(|_| !trains(step, lake))?;
        Some((index, hit.end()))
    });
    let Some((index, end)) = found else { return };
    let step = plan.steps[index].clone();
    let rest = step.text[end..].find(" and ").map(|at| end + at);
    let keeps =
        matches!(step.task.as_str(), "model.evaluate" | "report.write") || step.task.starts_with("script.");
    // "Whichever is better goes to s3://…" chooses and stores.
    let stores = step.task == "data.save" && WHICHEVER.is_match(&step.text);
    if stores {
        changes.push(format!("{}: it chooses between {} models", step.name, trained.len()));
        if !CONDITIONAL.is_match(&step.text) {
            plan.steps[index].when = None;
        }
        insert_selection(plan, index, step.text[..end].to_owned(), trained);
        return;
    }
    changes.push(format!("{}: it chooses between {} models", step.name, trained.len()));
    let Some(rest) = rest.filter(|_| !keeps) else {
        if keeps || step.task.starts_with("data.") {
            "model.select".clone_into(&mut plan.steps[index].task);
            plan.steps[index].after = trained;
            return;
        }
        insert_selection(plan, index, step.text.clone(), trained);
        return;
    };
    step.text[rest + " and ".len()..].clone_into(&mut plan.steps[index].text);
    insert_selection(plan, index, step.text[..rest].to_owned(), trained);
}

fn insert_selection(plan: &mut Plan, index: usize, text: String, trained: Vec<String>) {
    let name = "select-model".to_owned();
    plan.steps[index].after.retain(|name| !trained.contains(name));
    plan.steps[index].after.push(name.clone());
    let step =
        PlannedStep { text, task: "model.select".into(), name, after: trained, ..PlannedStep::default() };
    plan.steps.insert(index, step);
}

/// "Two forests, one with 100 trees and one with 1000" are two trainings.
fn split_variants(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    let Some(index) = plan
        .steps
        .iter()
        .position(|step| trains(step, lake) && step.each.is_none() && ONE_AND_ONE.is_match(&step.text))
    else {
        return;
    };
    let step = plan.steps[index].clone();
    let Some(found) = ONE_AND_ONE.captures(&step.text) else { return };
    let Some(whole) = found.get(0) else { return };
    let (before, behind) = (&step.text[..whole.start()], &step.text[whole.end()..]);
    let variant = |words: &str| format!("{before} {words}{behind}");
    let (first, second) = (variant(&found[1]), variant(&found[2]));
    let sibling = plan
        .steps
        .iter()
        .any(|other| other.name != step.name && other.task == step.task && other.text.contains(&found[2]));
    changes.push(format!("{}: two variants, one step each", step.name));
    plan.steps[index].text = first;
    if sibling {
        return;
    }
    let name = plan.fresh_name(&step.name);
    let ends = [step.name.clone(), name.clone()];
    let new = PlannedStep { text: second, name, ..step };
    let own = plan.steps[index].clone();
    plan.replace(index, vec![own, new], &ends);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn separated(steps: &[(&str, &str, &[&str])]) -> Vec<PlannedStep> {
        let steps = steps
            .iter()
            .enumerate()
            .map(|(index, (task, text, after))| PlannedStep {
                text: (*text).into(),
                task: (*task).into(),
                name: format!("s{index}"),
                after: after.iter().map(|name| (*name).to_owned()).collect(),
                ..PlannedStep::default()
            })
            .collect();
        let mut plan = Plan { steps, ..Plan::default() };
        separate_candidates(&mut plan, "", &Lake::built_in(), &mut Vec::new());
        plan.steps
    }

    #[test]
    fn variants_become_steps() {
        let found = separated(&[
            (
                "sklearn.train",
                "Train two random forests for ph, one with 100 trees and one with 1000 trees",
                &[],
            ),
            ("model.compare", "keep the better", &["s0"]),
        ]);
        assert!(found[0].text.contains("100 trees") && !found[0].text.contains("1000"), "{found:?}");
        assert!(found[1].text.contains("1000 trees"), "{found:?}");
        assert_eq!(found[2].after, ["s0", "s0-2"]);
    }

    #[test]
    fn a_list_of_candidates_is_no_work_on_the_table() {
        let said = "Use it, target ill. Candidates: XGBoost, extra trees. Choose by AUC";
        let mut plan = crate::nl::base::plan::testing::chain(&[
            ("data.load", "Use stays.parquet"),
            ("features.encode", "Candidates: XGBoost, extra trees"),
            ("model.compare", "Choose by AUC"),
        ]);
        separate_candidates(&mut plan, said, &Lake::built_in(), &mut Vec::new());
        let tasks: Vec<&str> = plan.steps.iter().map(|step| step.task.as_str()).collect();
        assert_eq!(tasks, ["data.load", "xgboost.train", "sklearn.train", "model.compare"]);
        assert_eq!(plan.steps[1].after, ["s0"]);
    }

    #[test]
    fn whichever_is_better_is_chosen_and_stored() {
        let found = separated(&[
            ("sklearn.train", "train a lasso", &[]),
            ("sklearn.train", "train a ridge regression", &[]),
            ("data.save", "whichever model is better by MAE goes to gs://peat/model", &["s0", "s1"]),
        ]);
        let tasks: Vec<&str> = found.iter().map(|step| step.task.as_str()).collect();
        assert_eq!(tasks, ["sklearn.train", "sklearn.train", "model.select", "data.save"]);
        assert_eq!(found[2].text, "whichever model is better by MAE");
        assert_eq!(found[3].after, ["select-model"]);
    }

    #[test]
    fn tuned_models_that_are_compared_are_searched() {
        let found =
            separated(&[("model.compare", "Compare a tuned random forest and a lasso on bogs.csv", &[])]);
        assert_eq!((found[1].task.as_str(), found[2].task.as_str()), (SEARCH, "sklearn.train"));
    }

    #[test]
    fn what_is_compared_is_trained() {
        let found =
            separated(&[("model.compare", "Use /mnt/stays.parquet. Candidates: XGBoost, extra trees", &[])]);
        let tasks: Vec<&str> = found.iter().map(|step| step.task.as_str()).collect();
        assert_eq!(tasks, ["data.load", "xgboost.train", "sklearn.train", "model.compare"]);
    }

    #[test]
    fn settings_belong_to_their_training() {
        let found = separated(&[
            ("torch.finetune", "fine tune roberta-base", &[]),
            ("torch.train", "4 epochs, batch size 32", &["s0"]),
            ("model.evaluate", "then f1", &["s1"]),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].after, ["s0"]);
    }
}
