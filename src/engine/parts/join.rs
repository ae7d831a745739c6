//! Parts of a manifest put together again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::{RecoveredGraph, RecoveredStep};

/// What a reference to a gate stands for: `GATE.OUTPUT` is `STEP.OUTPUT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub gate: String,
    pub output: String,
    pub step: String,
    pub of_step: String,
}

/// Steps of all parts without the gates and marks between them: who waits for a gate waits for what the gate waits for.
pub(crate) fn joined(
    whole: RecoveredGraph,
    parts: Vec<BTreeMap<String, RecoveredStep>>,
    gates: &HashMap<String, BTreeSet<String>>,
    helpers: &BTreeSet<String>,
    references: &[Reference],
) -> RecoveredGraph {
    let mut steps = BTreeMap::new();
    for (name, mut step) in parts.into_iter().flatten().filter(|(name, _)| !helpers.contains(name)) {
        step.after = step
            .after
            .iter()
            .flat_map(|name| gates.get(name).cloned().unwrap_or_else(|| BTreeSet::from([name.clone()])))
            .collect();
        let mut resolve = |text: &mut String| {
            for reference in references {
                replace(text, reference);
            }
        };
        step.when.iter_mut().for_each(&mut resolve);
        step.items.iter_mut().flatten().for_each(&mut resolve);
        step.texts.iter_mut().for_each(&mut resolve);
        step.exec_while.iter_mut().for_each(|(condition, _)| resolve(condition));
        steps.insert(name, step);
    }
    RecoveredGraph { steps, ..whole }
}

/// Puts the step in place of the gate where the whole name stands.
fn replace(text: &mut String, reference: &Reference) {
    let wanted = format!("{}.{}", reference.gate, reference.output);
    if !text.contains(&wanted) {
        return;
    }
    let part_of_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut result = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(&wanted) {
        let (before, after) = (&rest[..at], &rest[at + wanted.len()..]);
        result.push_str(before);
        if before.ends_with(part_of_name) || after.starts_with(part_of_name) {
            result.push_str(&wanted);
        } else {
            result.push_str(&format!("{}.{}", reference.step, reference.of_step));
        }
        rest = after;
    }
    result.push_str(rest);
    *text = result;
}
