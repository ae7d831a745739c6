//! Faults of values: lost, changed, swapped.

use fastrand::Rng;
use serde_json::{Value, json};

use super::choice::{is_script, leaves, misspelt, pick, some_step};
use super::fair::is_default;
use crate::lake::Lake;
use crate::nl::answer::WorkflowAnswer;
use crate::nl::document::Document;

pub(super) fn value_lost(answer: &mut WorkflowAnswer, lake: &Lake, random: &mut Rng) -> Option<String> {
    let step = some_step(answer, random, |step| !is_script(step) && !step.with.is_empty())?;
    let names: Vec<String> = step.with.keys().cloned().collect();
    let name = pick(&names, random)?.clone();
    if let Some(items) =
        step.with.get_mut(&name).and_then(Value::as_array_mut).filter(|items| items.len() > 1)
    {
        let gone = items.remove(random.usize(..items.len()));
        return Some(format!("{}: {gone} is gone from {name}", step.name));
    }
    if is_default(step, &name, &step.with[&name], lake) {
        return None;
    }
    let gone = step.with.remove(&name)?;
    Some(format!("{}: {name} ({gone}) is gone", step.name))
}

pub(super) fn value_changed(
    answer: &mut WorkflowAnswer,
    document: &Document,
    random: &mut Rng,
) -> Option<String> {
    let step = some_step(answer, random, |step| !is_script(step) && !step.with.is_empty())?;
    let mut with = Value::Object(step.with.clone());
    let mut paths = Vec::new();
    leaves(&with, "", &mut paths);
    let path = pick(&paths, random)?;
    let value = with.pointer_mut(path)?;
    let old = value.clone();
    *value = match &old {
        Value::Number(number) => {
            let old = number.as_f64()?;
            let others: Vec<f64> =
                document.numbers.iter().map(|n| n.values[0]).filter(|n| (n - old).abs() > 1e-9).collect();
            let other = pick(&others, random).copied().unwrap_or(old + 7.0);
            // Whole numbers are written as such.
            serde_json::from_str(&other.to_string()).unwrap_or_else(|_| json!(other))
        }
        Value::String(text) => {
            let others: Vec<&String> = document
                .literals
                .iter()
                .map(|literal| &literal.text)
                .filter(|other| *other != text)
                .collect();
            match pick(&others, random).filter(|_| random.bool()) {
                Some(other) => json!(other),
                None => json!(misspelt(text, random)?),
            }
        }
        _ => return None,
    };
    let fault = format!("{}: {path} is {value} instead of {old}", step.name);
    step.with = with.as_object().cloned()?;
    Some(fault)
}

pub(super) fn values_swapped(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let mut pairs = Vec::new();
    for first in 0..answer.steps.len() {
        for second in first + 1..answer.steps.len() {
            for key in answer.steps[first].with.keys() {
                let (a, b) = (&answer.steps[first].with[key], answer.steps[second].with.get(key));
                if key != "source" && b.is_some_and(|b| a != b) {
                    pairs.push((first, second, key.clone()));
                }
            }
        }
    }
    let (first, second, key) = pick(&pairs, random)?.clone();
    let (left, right) = answer.steps.split_at_mut(second);
    std::mem::swap(left[first].with.get_mut(&key)?, right[0].with.get_mut(&key)?);
    Some(format!("{} and {} have each other's {key}", left[first].name, right[0].name))
}
