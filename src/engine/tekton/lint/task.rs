//! Faults of a task: its steps and what they refer to.

use std::collections::HashSet;

use serde_json::Value;

use super::{Findings, base, check_duration, list, names, references, string};
use crate::api::choices;

/// Checks a task. Only the parameters of a task that stands for itself must all be declared; an embedded one sees those
/// of its pipeline too.
pub(super) fn check(path: &str, spec: &Value, alone: bool, findings: &mut Findings) {
    let steps = list(spec, "steps");
    if steps.is_empty() {
        findings.add(path, "a task without steps does nothing", "add a step with an image");
    }
    let template = spec.get("stepTemplate").map_or("", |template| string(template, "image"));
    let mut seen = HashSet::new();
    for (index, step) in steps.iter().enumerate() {
        let here = format!("{path}/steps/{index}");
        let name = string(step, "name");
        if !name.is_empty() && !seen.insert(name) {
            findings.add(format!("{here}/name"), format!("two steps are called {name:?}"), "rename one");
        }
        if string(step, "image").is_empty() && template.is_empty() && step.get("ref").is_none() {
            findings.add(&here, "the step has no image", "add image");
        }
        if step.get("script").is_some() && step.get("command").is_some() {
            let hint = "remove the command, or call the script from it";
            findings.add(&here, "script and command exclude each other", hint);
        }
        check_duration(&format!("{here}/timeout"), step.get("timeout").unwrap_or(&Value::Null), findings);
        check_when(&here, step, findings);
        references_of_step(&here, spec, step, alone, findings);
    }
}

/// Checks the operators of `when`.
pub(super) fn check_when(path: &str, value: &Value, findings: &mut Findings) {
    for (index, when) in list(value, "when").iter().enumerate().filter(|(_, when)| when.get("cel").is_none())
    {
        let operator = string(when, "operator");
        if !["in", "notin"].contains(&operator) {
            let message = format!("{operator:?} is no operator of when");
            findings.add(format!("{path}/when/{index}/operator"), message, "possible: in, notin");
        }
        if list(when, "values").is_empty() {
            findings.add(format!("{path}/when/{index}"), "when compares with nothing", "add values");
        }
    }
}

fn references_of_step(path: &str, spec: &Value, step: &Value, alone: bool, findings: &mut Findings) {
    let mut check = |prefix: &str, field: &str, what: &str| {
        let declared = names(spec, field);
        let mut found = Vec::new();
        references(step, prefix, &mut found);
        for name in found.into_iter().map(base).filter(|name| !declared.contains(name)) {
            let hint = format!("{}; declare it under {field}", choices(name, declared.iter().copied()));
            findings.add(path, format!("the task has no {what} {name:?}"), hint);
        }
    };
    if alone || !list(spec, "params").is_empty() {
        check("params.", "params", "parameter");
    }
    check("results.", "results", "result");
    check("workspaces.", "workspaces", "workspace");
}
