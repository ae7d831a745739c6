//! Names of steps, and what refers to them.

use std::collections::HashSet;

use serde_json::Value;

use super::plan::{Plan, PlannedStep};
use super::tidy::UNTIL;
use crate::api::Condition;

pub(in crate::nl) fn make_unique(
    steps: &mut [PlannedStep],
    finally: &mut [PlannedStep],
    changes: &mut Vec<String>,
) {
    let mut seen = HashSet::new();
    for step in steps.iter_mut().chain(finally) {
        let base = if step.name == crate::api::WORKFLOW { "step".to_owned() } else { step.name.clone() };
        let mut name = base.clone();
        let mut number = 2;
        while !seen.insert(name.clone()) {
            name = format!("{base}-{number}");
            number += 1;
        }
        if name != step.name {
            changes.push(format!("the second {:?} is called {name:?}", step.name));
            step.name = name;
        }
    }
}

/// Names of other steps must exist and come before; a nearly right name is read as the one meant.
pub(in crate::nl) fn mend_names(plan: &mut Plan, changes: &mut Vec<String>) {
    let names: Vec<String> = plan.steps.iter().map(|step| step.name.clone()).collect();
    for (index, step) in plan.steps.iter_mut().enumerate() {
        let own = step.name.clone();
        step.after.retain(|name| name != &own);
        for name in &mut step.after {
            if !names.contains(name)
                && let Some(nearest) = nearest(name, &names[..index])
            {
                changes.push(format!("{own}: {name:?} was read as {nearest:?}"));
                *name = nearest;
            }
        }
        // A plan lists a step after those it needs; a forward reference would be a cycle in the making.
        step.after.retain(|name| names[..index].contains(name));
        let mut seen = HashSet::new();
        step.after.retain(|name| seen.insert(name.clone()));
    }
}

/// A condition reads an earlier step; one that reads an unknown step reads the one that this step waits for, and one that
/// reads nothing known is left out.
pub(in crate::nl) fn mend_conditions(plan: &mut Plan, changes: &mut Vec<String>) {
    let names: Vec<String> = plan.steps.iter().map(|step| step.name.clone()).collect();
    let exit = plan.steps.len();
    for (index, step) in plan.steps.iter_mut().chain(&mut plan.finally).enumerate() {
        let earlier = &names[..index.min(exit)];
        if let Some(Value::String(from)) = &step.each
            && !earlier.iter().any(|name| from.split('.').next() == Some(name))
        {
            changes.push(format!("{}: its items come from no earlier step and were left out", step.name));
            step.each = None;
        }
        let Some(when) = step.when.clone() else { continue };
        let Ok(condition) = when.parse::<Condition>() else {
            changes.push(format!("{}: the condition {when:?} cannot be read and was left out", step.name));
            step.when = None;
            continue;
        };
        let known =
            |name: &str| name == crate::api::WORKFLOW || name == step.name || names.iter().any(|n| n == name);
        let Some(unknown) = condition.outputs().iter().map(|(name, _)| *name).find(|name| !known(name))
        else {
            continue;
        };
        let instead = nearest(unknown, earlier)
            .or_else(|| step.after.last().filter(|name| earlier.contains(name)).cloned())
            .or_else(|| earlier.last().filter(|_| !UNTIL.is_match(&step.text)).cloned());
        match instead {
            Some(instead) => {
                changes.push(format!("{}: {unknown:?} in its condition was read as {instead:?}", step.name));
                step.when = Some(when.replacen(unknown, &instead, 1));
            }
            None if UNTIL.is_match(&step.text) && index < exit => {
                // Its own output says whether it runs again.
                step.until = step.until.take().or_else(|| Some(when.replacen(unknown, &step.name, 1)));
                step.when = None;
            }
            None => {
                changes.push(format!("{}: the condition {when:?} reads no step and was left out", step.name));
                step.when = None;
            }
        }
    }
}

/// The name that shares most with `wanted`, if any does.
pub(in crate::nl) fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let parts: Vec<&str> = wanted.split('-').collect();
    names
        .iter()
        .map(|name| (name.split('-').filter(|part| parts.contains(part)).count(), name))
        .filter(|(shared, _)| *shared > 0)
        .max_by_key(|(shared, _)| *shared)
        .map(|(_, name)| name.clone())
}
