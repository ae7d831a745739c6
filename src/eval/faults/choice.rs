//! What is made wrong is chosen by chance.

use fastrand::Rng;
use serde_json::Value;

use crate::nl::answer::{StepAnswer, WorkflowAnswer};

/// Pointers to all strings and numbers below a value.
pub(super) fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) | Value::Number(_) => found.push(path.to_owned()),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| leaves(item, &format!("{path}/{index}"), found));
        }
        Value::Object(map) => {
            for (key, item) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(item, &format!("{path}/{key}"), found);
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

pub(super) fn pick<'a, T>(items: &'a [T], random: &mut Rng) -> Option<&'a T> {
    (!items.is_empty()).then(|| &items[random.usize(..items.len())])
}

/// A step that fulfils a condition, chosen by chance.
pub(super) fn some_step<'a>(
    answer: &'a mut WorkflowAnswer,
    random: &mut Rng,
    fits: impl Fn(&StepAnswer) -> bool,
) -> Option<&'a mut StepAnswer> {
    let mut fitting: Vec<&mut StepAnswer> =
        answer.steps.iter_mut().chain(&mut answer.on_exit).filter(|step| fits(step)).collect();
    if fitting.is_empty() {
        return None;
    }
    let index = random.usize(..fitting.len());
    Some(fitting.swap_remove(index))
}

pub(super) fn is_script(step: &StepAnswer) -> bool {
    step.with.contains_key("source")
}

pub(super) fn misspelt(text: &str, random: &mut Rng) -> Option<String> {
    let mut characters: Vec<char> = text.chars().collect();
    let places: Vec<usize> = (0..characters.len()).filter(|at| characters[*at].is_alphanumeric()).collect();
    let at = *pick(&places, random)?;
    if characters.len() > 3 && random.bool() {
        characters.remove(at);
    } else {
        characters[at] = if characters[at] == 'x' { 'y' } else { 'x' };
    }
    Some(characters.into_iter().collect())
}
