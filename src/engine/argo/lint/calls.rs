//! Templates that call others: names, dependencies, cycles, arguments, references.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::super::read::{dependencies, list_at, string};
use super::arguments;
use super::model::{Findings, Spec, is_name};
use super::references::{Place, check_call, check_outputs};
use crate::api::choices;

/// Checks all dag and steps templates, the entrypoint and the exit handler.
pub(super) fn check(spec: &Spec<'_>, findings: &mut Findings) {
    for (path, template) in spec.all_templates() {
        if template.get("dag").is_some() {
            check_dag(spec, &path, template, findings);
        }
        if template.get("steps").is_some() {
            check_steps(spec, &path, template, findings);
        }
    }
    arguments::check_starts(spec, findings);
}

/// The calls of a template by name, with what each may read.
pub(super) struct Calls<'a> {
    by_name: HashMap<&'a str, &'a Value>,
    needs: HashMap<&'a str, Vec<&'a str>>,
    /// For steps templates: the number of the group.
    groups: HashMap<&'a str, usize>,
}

impl<'a> Calls<'a> {
    /// The call of this name.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.by_name.get(name).copied()
    }

    /// Names of all calls.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.by_name.keys().copied()
    }

    /// Whether `earlier` is always finished when `later` starts.
    pub(super) fn is_before(&self, earlier: &str, later: &str) -> bool {
        if let (Some(first), Some(second)) = (self.groups.get(earlier), self.groups.get(later)) {
            return first < second;
        }
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open: Vec<&str> = self.needs.get(later).cloned().unwrap_or_default();
        while let Some(name) = open.pop() {
            if name == earlier {
                return true;
            }
            if seen.insert(name) {
                open.extend(self.needs.get(name).into_iter().flatten());
            }
        }
        false
    }
}

fn check_dag(spec: &Spec<'_>, path: &str, template: &Value, findings: &mut Findings) {
    let tasks = list_at(template, "/dag/tasks");
    if tasks.is_empty() {
        findings.add(format!("{path}/dag/tasks"), "the dag has no tasks", "add at least one");
    }
    let mut calls = Calls { by_name: HashMap::new(), needs: HashMap::new(), groups: HashMap::new() };
    for (index, task) in tasks.iter().enumerate() {
        let here = format!("{path}/dag/tasks/{index}");
        add_call(spec, &here, task, "task", &mut calls, findings);
        calls.needs.insert(string(task, "name"), dependencies(task));
    }
    let uses = |field: &str| tasks.iter().any(|task| task.get(field).is_some());
    if uses("depends") && uses("dependencies") {
        findings.add(
            format!("{path}/dag"),
            "the dag uses both `depends` and `dependencies`",
            "write all dependencies in one of the two ways",
        );
    }
    for (index, task) in tasks.iter().enumerate() {
        let here = format!("{path}/dag/tasks/{index}");
        for name in dependencies(task) {
            if calls.get(name).is_none() {
                let hint = choices(name, calls.names());
                findings.add(&here, format!("it depends on {name:?}, which is not defined"), hint);
            }
        }
        check_call(spec, &here, template, task, &Place { word: "tasks", calls: &calls }, findings);
    }
    if let Some(cycle) = cycle(tasks, &calls) {
        let message = format!("tasks wait for each other: {}", cycle.join(" -> "));
        findings.add(format!("{path}/dag/tasks"), message, "remove one of these dependencies");
    }
    check_outputs(spec, path, template, &Place { word: "tasks", calls: &calls }, findings);
}

fn check_steps(spec: &Spec<'_>, path: &str, template: &Value, findings: &mut Findings) {
    let mut calls = Calls { by_name: HashMap::new(), needs: HashMap::new(), groups: HashMap::new() };
    let mut all: Vec<(String, &Value)> = Vec::new();
    for (number, group) in list_at(template, "/steps").iter().enumerate() {
        let members: Vec<(String, &Value)> = match group {
            Value::Array(members) => members
                .iter()
                .enumerate()
                .map(|(index, step)| (format!("{path}/steps/{number}/{index}"), step))
                .collect(),
            single => vec![(format!("{path}/steps/{number}"), single)],
        };
        for (here, step) in members {
            add_call(spec, &here, step, "step", &mut calls, findings);
            calls.groups.insert(string(step, "name"), number);
            all.push((here, step));
        }
    }
    for (here, step) in all {
        check_call(spec, &here, template, step, &Place { word: "steps", calls: &calls }, findings);
    }
    check_outputs(spec, path, template, &Place { word: "steps", calls: &calls }, findings);
}

fn add_call<'a>(
    spec: &Spec<'a>,
    path: &str,
    call: &'a Value,
    kind: &str,
    calls: &mut Calls<'a>,
    findings: &mut Findings,
) {
    let name = string(call, "name");
    if !is_name(name) {
        findings.add(
            path,
            format!("{name:?} is no valid name of a {kind}"),
            "use letters, digits and dashes",
        );
    }
    if calls.by_name.insert(name, call).is_some() {
        findings.add(path, format!("the {kind} {name:?} is defined twice"), "rename or remove one");
    }
    let loops =
        ["withItems", "withParam", "withSequence"].iter().filter(|field| call.get(field).is_some()).count();
    if loops > 1 {
        findings.add(
            path,
            "it has several kinds of items",
            "keep one of withItems, withParam and withSequence",
        );
    }
    let template = string(call, "template");
    let elsewhere = call.get("templateRef").is_some() || call.get("inline").is_some();
    if template.is_empty() {
        if !elsewhere {
            findings.add(path, format!("the {kind} {name:?} runs nothing"), "add `template`");
        }
    } else if !spec.templates.contains_key(template) && !template.contains("{{") {
        let hint = choices(template, spec.templates.keys().copied());
        findings.add(path, format!("the template {template:?} is not defined"), hint);
    } else {
        arguments::check_call(spec, path, call, findings);
    }
}

/// The tasks of the first cycle, by depth-first search without recursion.
fn cycle(tasks: &[Value], calls: &Calls<'_>) -> Option<Vec<String>> {
    let mut done: HashMap<&str, bool> = HashMap::new();
    for start in tasks.iter().map(|task| string(task, "name")) {
        if done.contains_key(start) {
            continue;
        }
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        done.insert(start, false);
        while let Some((name, next)) = path.last_mut() {
            let Some(needed) = calls.needs.get(*name).and_then(|needs| needs.get(*next)) else {
                done.insert(name, true);
                path.pop();
                continue;
            };
            *next += 1;
            match done.get(needed) {
                Some(false) => {
                    let from = path.iter().position(|(name, _)| name == needed).unwrap_or(0);
                    let names = path[from..].iter().map(|(name, _)| (*name).to_owned());
                    return Some(names.chain([(*needed).to_owned()]).collect());
                }
                None if calls.needs.contains_key(needed) => {
                    done.insert(needed, false);
                    path.push((needed, 0));
                }
                Some(true) | None => {}
            }
        }
    }
    None
}
