//! Whether a change is a fault: what a workflow does must be another thing afterwards.
//!
//! A step that waits for one that it has to wait for anyway, or whose condition never holds when its own does, runs
//! as before; so does a step that is not told what it does by default.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::program_from_value;
use crate::ir::lower;
use crate::lake::Lake;
use crate::nl::answer::{StepAnswer, WorkflowAnswer};
use crate::nl::checks::exclusive;

/// Whether steps wait for other steps than before, what the wiring adds included.
pub(super) fn waits_differently(right: &WorkflowAnswer, wrong: &WorkflowAnswer, lake: &Lake) -> bool {
    waits(wrong, lake).is_none_or(|wrong| waits(right, lake) != Some(wrong))
}

/// For each step all that must be finished before; nothing if the answer means no valid workflow.
pub(super) fn waits(answer: &WorkflowAnswer, lake: &Lake) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let program = serde_json::to_value(answer.to_program(lake).ok()?).ok()?;
    let workflow = lower(&program_from_value(&program).ok()?, lake).ok()?;
    let mut before: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for index in workflow.topological() {
        let mut all = BTreeSet::new();
        for name in workflow.dependencies(index) {
            all.extend(before.get(name).into_iter().flatten().cloned());
            all.insert(name.to_owned());
        }
        before.insert(workflow.graph[index].name.clone(), all);
    }
    Some(before)
}

/// Whether at most one of two steps ever runs.
pub(super) fn excludes(first: &StepAnswer, second: &StepAnswer) -> bool {
    let (Some(first), Some(second)) = (&first.when, &second.when) else { return false };
    exclusive(first, second)
}

/// Whether a step without a value of an argument does the same: its component says that this is the default.
pub(super) fn is_default(step: &StepAnswer, argument: &str, value: &Value, lake: &Lake) -> bool {
    let Some(component) = lake.components().find(|component| component.name == step.task) else {
        return false;
    };
    let about = component.arguments["properties"][argument]["description"].as_str().unwrap_or_default();
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    about
        .split_once("default ")
        .and_then(|(_, rest)| rest.strip_prefix(&value))
        .is_some_and(|rest| rest.chars().next().is_none_or(|next| ",;) ".contains(next)))
}
