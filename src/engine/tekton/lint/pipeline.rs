//! Faults of a pipeline: its tasks, their order, and what flows between them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::task::{self, check_when};
use super::{Findings, base, check_duration, list, names, references, string};
use crate::api::choices;

/// The tasks of a pipeline by name, with the specification of each if it is known.
struct Tasks<'a> {
    specs: HashMap<&'a str, Option<&'a Value>>,
    matrices: HashSet<&'a str>,
    finally: HashSet<&'a str>,
}

/// Checks a pipeline; `known` are the tasks of the same text.
pub(super) fn check(path: &str, spec: &Value, known: &[&Value], findings: &mut Findings) {
    let mut tasks = Tasks { specs: HashMap::new(), matrices: HashSet::new(), finally: HashSet::new() };
    for (section, task) in all(spec) {
        let name = string(task, "name");
        let reference = task.get("taskRef").map(|reference| string(reference, "name"));
        let of_text = || {
            known
                .iter()
                .find(|task| Some(string(&task["metadata"], "name")) == reference)
                .map(|task| &task["spec"])
        };
        tasks.specs.insert(name, task.get("taskSpec").or_else(of_text));
        if task.get("matrix").is_some() {
            tasks.matrices.insert(name);
        }
        if section == "finally" {
            tasks.finally.insert(name);
        }
    }
    let mut seen = HashSet::new();
    let mut index = HashMap::new();
    for (section, task) in all(spec) {
        let number = index.entry(section).and_modify(|number| *number += 1).or_insert(0);
        let here = format!("{path}/{section}/{number}");
        let name = string(task, "name");
        if !seen.insert(name) {
            findings.add(format!("{here}/name"), format!("two tasks are called {name:?}"), "rename one");
        }
        check_task(&here, spec, task, known, &tasks, findings);
        if section == "finally" && !list(task, "runAfter").is_empty() {
            let hint = "remove runAfter; tasks of finally run at the same time";
            findings.add(format!("{here}/runAfter"), "tasks of finally have no order", hint);
        }
    }
    check_cycles(path, spec, findings);
}

fn all(spec: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    ["tasks", "finally"]
        .into_iter()
        .flat_map(move |section| list(spec, section).iter().map(move |task| (section, task)))
}

fn check_task(
    path: &str,
    spec: &Value,
    task: &Value,
    known: &[&Value],
    tasks: &Tasks<'_>,
    findings: &mut Findings,
) {
    check_when(path, task, findings);
    check_duration(&format!("{path}/timeout"), task.get("timeout").unwrap_or(&Value::Null), findings);
    if let Some(inner) = task.get("taskSpec").filter(|inner| inner.get("apiVersion").is_none()) {
        task::check(&format!("{path}/taskSpec"), inner, false, findings);
    }
    for (number, name) in list(task, "runAfter").iter().filter_map(Value::as_str).enumerate() {
        if !tasks.specs.contains_key(name) {
            let hint = choices(name, tasks.specs.keys().copied());
            findings.add(format!("{path}/runAfter/{number}"), format!("there is no task {name:?}"), hint);
        }
    }
    if let Some(reference) = task.get("taskRef") {
        let name = string(reference, "name");
        let here: Vec<&str> = known.iter().map(|task| string(&task["metadata"], "name")).collect();
        let plain = reference.get("resolver").is_none() && reference.get("apiVersion").is_none();
        if plain && !here.is_empty() && !here.contains(&name) {
            let hint = choices(name, here.into_iter());
            findings.add(format!("{path}/taskRef"), format!("there is no task {name:?} in the text"), hint);
        }
    }
    check_arguments(path, spec, task, tasks, findings);
    check_results(path, task, tasks, findings);
}

/// Parameters and workspaces: those of the pipeline that the task refers to, and its own that it does not get.
fn check_arguments(path: &str, spec: &Value, task: &Value, tasks: &Tasks<'_>, findings: &mut Findings) {
    let declared = names(spec, "params");
    let mut found = Vec::new();
    for field in ["params", "matrix", "when"] {
        references(&task[field], "params.", &mut found);
    }
    for name in found.into_iter().map(base).filter(|name| !declared.contains(name)) {
        let hint = format!("{}; declare it under params", choices(name, declared.iter().copied()));
        findings.add(path, format!("the pipeline has no parameter {name:?}"), hint);
    }
    let workspaces = names(spec, "workspaces");
    for used in list(task, "workspaces") {
        let name =
            Some(string(used, "workspace")).filter(|name| !name.is_empty()).unwrap_or(string(used, "name"));
        if !workspaces.contains(&name) {
            let hint = format!("{}; declare it under workspaces", choices(name, workspaces.iter().copied()));
            findings.add(path, format!("the pipeline has no workspace {name:?}"), hint);
        }
    }
    let Some(Some(inner)) = tasks.specs.get(string(task, "name")) else { return };
    let mut given = names(task, "params");
    let matrix = task.get("matrix").unwrap_or(&Value::Null);
    given.extend(names(matrix, "params"));
    for include in list(matrix, "include") {
        given.extend(names(include, "params"));
    }
    for param in list(inner, "params").iter().filter(|param| param.get("default").is_none()) {
        let name = string(param, "name");
        let inherited = task.get("taskSpec").is_some() && declared.contains(&name);
        if !given.contains(&name) && !inherited {
            findings.add(path, format!("the task gets no value for {name:?}"), "add it under params");
        }
    }
    let bound = names(task, "workspaces");
    for workspace in
        list(inner, "workspaces").iter().filter(|w| w.get("optional") != Some(&Value::Bool(true)))
    {
        let name = string(workspace, "name");
        if !bound.contains(&name) {
            findings.add(path, format!("the task gets no workspace {name:?}"), "add it under workspaces");
        }
    }
}

/// References to results: the task, the result, and its type.
fn check_results(path: &str, task: &Value, tasks: &Tasks<'_>, findings: &mut Findings) {
    let mut found = Vec::new();
    for field in ["params", "matrix", "when"] {
        references(&task[field], "tasks.", &mut found);
    }
    let at_end = tasks.finally.contains(string(task, "name"));
    for reference in found {
        let Some((producer, result)) = reference.split_once(".results.") else { continue };
        let Some(spec) = tasks.specs.get(producer) else {
            let hint = choices(producer, tasks.specs.keys().copied());
            findings.add(path, format!("there is no task {producer:?}"), hint);
            continue;
        };
        if at_end && tasks.finally.contains(producer) {
            let hint = "make them one task; tasks of finally run at the same time";
            findings.add(path, format!("a task of finally cannot read {producer:?}"), hint);
        }
        let Some(spec) = spec else { continue };
        let name = base(result);
        let Some(declared) = list(spec, "results").iter().find(|declared| string(declared, "name") == name)
        else {
            let hint = choices(name, names(spec, "results").into_iter());
            findings.add(path, format!("task {producer:?} has no result {name:?}"), hint);
            continue;
        };
        let is_array = string(declared, "type") == "array" || tasks.matrices.contains(producer);
        let as_array = result.ends_with(']');
        if as_array && !is_array {
            let hint = "refer to it without [...], or declare it with type: array";
            findings.add(path, format!("the result {name:?} of {producer:?} is a text, no array"), hint);
        } else if is_array && !as_array {
            let hint = "refer to it with [*] or an index";
            findings.add(path, format!("the result {name:?} of {producer:?} is an array"), hint);
        }
    }
}

/// Tasks that wait for each other.
fn check_cycles(path: &str, spec: &Value, findings: &mut Findings) {
    let tasks = list(spec, "tasks");
    let mut waits: HashMap<&str, HashSet<&str>> = HashMap::new();
    for task in tasks {
        let mut found = Vec::new();
        for field in ["params", "matrix", "when"] {
            references(&task[field], "tasks.", &mut found);
        }
        let read = found.into_iter().filter_map(|reference| Some(reference.split_once(".results.")?.0));
        let after = list(task, "runAfter").iter().filter_map(Value::as_str);
        waits.entry(string(task, "name")).or_default().extend(read.chain(after));
    }
    // What waits for nothing is taken away until nothing more can be.
    loop {
        let free: Vec<&str> = waits
            .iter()
            .filter(|(_, on)| on.iter().all(|name| !waits.contains_key(name)))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            waits.remove(name);
        }
    }
    let mut cycle: Vec<&str> = waits.into_keys().collect();
    cycle.sort_unstable();
    if !cycle.is_empty() {
        let message = format!("tasks wait for each other: {}", cycle.join(", "));
        findings.add(format!("{path}/tasks"), message, "remove one of these dependencies");
    }
}
