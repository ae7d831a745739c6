//! What a plan has and the description has not.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::literals::{Literal, LiteralKind, literals};
use super::plan::{Plan, PlannedStep, is_english};
use super::several_images::image_parts;
use super::tidy::UNTIL;
use crate::api::{Condition, Operand};
use crate::lake::Lake;
use crate::nl::pattern::{regex, stems};

/// Items must be a list of the description, and a repetition needs a word that asks for one.
pub(in crate::nl) fn drop_invented_loops(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let repeated_in_own_words =
        plan.all_steps().any(|step| step.until.is_some() && UNTIL.is_match(&step.text));
    let mut repeated = false;
    for step in plan.steps.iter_mut().chain(&mut plan.finally) {
        if let Some(Value::Array(items)) = &step.each {
            let images = image_parts(&step.text);
            let all_images =
                items.iter().all(|item| images.iter().any(|(image, _)| item.as_str() == Some(image)));
            if all_images {
                // Different images are different steps.
                step.each = None;
            } else if items.len() < 2 || !listed(items, description) {
                changes.push(format!(
                    "{}: runs once, because the description lists no values for it",
                    step.name
                ));
                step.each = None;
            }
        }
        // One step is repeated: the one whose words say so, else the first.
        let asked = if repeated_in_own_words {
            UNTIL.is_match(&step.text)
        } else {
            UNTIL.is_match(description) && !repeated
        };
        repeated |= step.until.is_some();
        if step.until.is_some() && (step.each.is_some() || !asked) {
            changes.push(format!("{}: runs once, because the description asks for no repetition", step.name));
            step.until = None;
        }
    }
}

/// Whether the items stand one after the other in the text, with nothing but commas, "and" or "or" between them.
pub(in crate::nl) fn listed(items: &[Value], description: &str) -> bool {
    let text = description.to_lowercase();
    let items: Vec<String> = items
        .iter()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned).to_lowercase())
        .collect();
    let mut starts = text.match_indices(items[0].as_str()).map(|(at, _)| at);
    starts.any(|start| {
        let mut at = start + items[0].len();
        items[1..].iter().all(|item| {
            let Some(next) = text[at..].find(item.as_str()) else { return false };
            let between = &text[at..at + next];
            at += next + item.len();
            // Parts of a path or a word are no list.
            if !between.contains([' ', ',', '\n', '，', '、', ';']) {
                return false;
            }
            between
                .split(|c: char| !c.is_alphanumeric())
                .all(|word| ["", "and", "or", "und", "oder", "et", "ou", "y", "o", "then"].contains(&word))
        })
    })
}

/// A step whose words are mostly not those of the description was invented (or copied from an example).
pub(in crate::nl) fn drop_invented_steps(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    drop_copied_steps(plan, description, changes);
    if !is_english(description) {
        // The quotes may be translations.
        return;
    }
    let known = stems(description, 3, 4);
    let invented = |step: &PlannedStep| {
        let told = stems(&step.text, 3, 4);
        let shared = told.iter().filter(|word| known.contains(word)).count();
        (told.len() > 2 && shared * 2 < told.len()) || (step.task == "report.write" && shared == 0)
    };
    drop_unless_all(plan, invented, changes);
}

/// Drops the steps that are not in the description; where none is, the plan is left as it is.
fn drop_unless_all(plan: &mut Plan, is_foreign: impl Fn(&PlannedStep) -> bool, changes: &mut Vec<String>) {
    if plan.steps.iter().all(&is_foreign) {
        return;
    }
    for steps in [&mut plan.steps, &mut plan.finally] {
        steps.retain(|step| {
            let drop = is_foreign(step);
            if drop {
                changes.push(format!("{}: {:?} is not in the description", step.name, step.text));
            }
            !drop
        });
    }
}

/// A step with an address, image, name or quotation that the description does not have was copied from an example.
pub(in crate::nl) fn drop_copied_steps(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let lower = description.to_lowercase();
    let english = is_english(description);
    let copied = |step: &PlannedStep| {
        literals(&step.text).iter().any(|literal| {
            use LiteralKind::{Channel, Email, Image, Quoted, Uri};
            // A quotation may have been translated with the rest.
            (matches!(literal.kind, Channel | Email | Image | Uri) || (literal.kind == Quoted && english))
                && !lower.contains(&literal.text.to_lowercase())
        })
    };
    drop_unless_all(plan, copied, changes);
}

pub(in crate::nl) static COURTESY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:ta|thx|thanks?(?: you| a lot| so much| in advance)*|cheers|pls|please|much appreciated|kind regards.*|best(?: regards| wishes)?|danke\w*|merci\w*|gracias|grazie|obrigad\w+|hi|hello|hey|dear .{0,30})\W*$",
    )
});

/// Courtesies are no steps, nor are a few words of another step that ask for nothing of their own.
pub(in crate::nl) fn drop_echoes(plan: &mut Plan, description: &str, lake: &Lake, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let text = step.text.trim();
        let says_nothing = literals(text).is_empty()
            && text.split_whitespace().count() < 4
            && super::cues::asked_for(text, lake).is_empty()
            && super::algorithms::named_algorithms(text).is_empty();
        let echo = plan
            .steps
            .iter()
            .enumerate()
            .any(|(other, of)| other != index && of.text.len() > text.len() && of.text.contains(text));
        let preparation = step.task.starts_with("features.") || step.task.starts_with("data.");
        let needless = says_nothing && echo && (preparation || is_purpose(plan, index, description));
        if plan.steps.len() > 1 && (COURTESY.is_match(text) || needless) {
            let gone = plan.remove(index);
            changes.push(format!("{}: {:?} asks for no step", gone.name, gone.text));
        }
    }
}

/// Whether a prediction is nothing but what a model is trained for: "train a forest to predict price".
fn is_purpose(plan: &Plan, index: usize, description: &str) -> bool {
    let step = &plan.steps[index];
    let said = |text: &str| text.to_lowercase().matches(&step.text.trim().to_lowercase()).count();
    let trains = |task: &str| super::cues::is_training(task) || task == super::search::SEARCH;
    let by_trainings: usize =
        plan.steps.iter().filter(|other| trains(&other.task)).map(|other| said(&other.text)).sum();
    step.task == "model.predict" && by_trainings > 0 && by_trainings >= said(description)
}

/// The same words twice are the same step: a model that does not find its end writes them again and again.
pub(in crate::nl) fn drop_repeated_steps(plan: &mut Plan, changes: &mut Vec<String>) {
    let mut seen: Vec<(String, String, String)> = Vec::new();
    let mut renamed: Vec<(String, String)> = Vec::new();
    plan.steps.retain(|step| {
        let words = step.text.to_lowercase();
        match seen.iter().find(|(text, task, _)| *text == words && *task == step.task) {
            Some((_, _, first)) => {
                changes.push(format!("{}: it repeats {first}", step.name));
                renamed.push((step.name.clone(), first.clone()));
                false
            }
            None => {
                seen.push((words, step.task.clone(), step.name.clone()));
                true
            }
        }
    });
    for step in &mut plan.steps {
        for name in &mut step.after {
            if let Some((_, first)) = renamed.iter().find(|(gone, first)| gone == name && *first != step.name)
            {
                name.clone_from(first);
            }
        }
    }
}

pub(in crate::nl) static CONDITIONAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:if|when|only|unless|provided|in case|should|as long as|otherwise|else)\b|\?")
});

/// A condition whose constant stands nowhere in the description was invented.
pub(in crate::nl) fn drop_invented_conditions(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let numbers: Vec<f64> = literals(description).iter().filter_map(Literal::number).collect();
    let given = |constant: &str| {
        let number = constant.parse::<f64>().ok();
        description.contains(&constant.to_lowercase())
            || number.is_some_and(|n| numbers.iter().any(|known| same(*known, n) || same(*known / 100.0, n)))
    };
    for step in plan.steps.iter_mut().chain(&mut plan.finally) {
        let Some(when) = &step.when else { continue };
        let Ok(condition) = when.parse::<Condition>() else { continue };
        // "Register the better one" chooses, it does not compare two outputs.
        let compares = condition.operands().iter().all(|operand| matches!(operand, Operand::Output { .. }));
        if compares && !CONDITIONAL.is_match(&step.text) && is_english(&step.text) {
            changes.push(format!("{}: the condition {when:?} was left out, its words state none", step.name));
            step.when = None;
            continue;
        }
        let invented = condition.operands().iter().any(|operand| match operand {
            Operand::Literal(constant) => !given(constant.text()),
            _ => false,
        });
        // Outcomes have words of their own in every description: "fails", "true", "succeeded".
        let outcome = condition.outputs().iter().any(|(name, _)| *name == crate::api::WORKFLOW)
            || ["true", "false", "success", "failed", "failure"]
                .iter()
                .any(|word| when.to_lowercase().ends_with(word));
        if invented && !outcome {
            changes.push(format!(
                "{}: the condition {when:?} was left out, the description does not give it",
                step.name
            ));
            step.when = None;
        }
    }
}

pub(in crate::nl) fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

/// Whether a short description without any name or number was answered with steps that it does not speak of: fewer than
/// a third of the words of the plan are its own.
pub(in crate::nl) fn is_made_up(plan: &Plan, description: &str) -> bool {
    let own = stems(description, 3, 4);
    if own.len() > 4 || !literals(description).is_empty() {
        return false;
    }
    let planned: Vec<String> = plan.all_steps().flat_map(|step| stems(&step.text, 3, 4)).collect();
    let shared = planned.iter().filter(|word| own.contains(word)).count();
    shared * 3 < planned.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    #[test]
    fn steps_that_a_short_description_does_not_speak_of_are_made_up() {
        let plan = |texts: &[&str]| {
            let steps: Vec<(&str, &str)> = texts.iter().map(|text| ("data.load", *text)).collect();
            chain(&steps)
        };
        let invented = ["Find the best parameters for LightGBM on loaves", "Take the better model"];
        assert!(is_made_up(&plan(&invented), "make it better"));
        assert!(!is_made_up(&plan(&["train a model", "deploy the model"]), "train a model and deploy it"));
        assert!(!is_made_up(&plan(&invented), "tune a model on loaves.csv"));
    }
}
