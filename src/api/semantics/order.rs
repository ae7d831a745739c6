//! Which steps wait for which, and cycles among them.

use std::collections::{HashMap, HashSet};

use super::{Checker, flatten_steps, texts_with_references};
use crate::api::{Function, Input, MapItems, Program, References, STATUS, Step, Template, WORKFLOW};

/// The steps that `step` waits for directly: `after`, inputs, conditions, maps and strings.
pub(crate) fn direct_dependencies(step: &Step) -> Vec<String> {
    dependencies(step, |_| true)
}

/// Those of them of which it needs more than how they ended.
pub(crate) fn value_dependencies(step: &Step) -> Vec<String> {
    dependencies(step, |output| output != STATUS)
}

fn dependencies(step: &Step, counts: fn(&str) -> bool) -> Vec<String> {
    let mut names: Vec<String> = step.after.clone();
    let mut add = |name: &str| {
        if name != step.name && name != WORKFLOW && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    for input in &step.inputs {
        if let Input::Artifact { step, .. } = input {
            add(step);
        }
    }
    for condition in
        [step.when.as_ref(), step.exec_while.as_ref().map(|l| &l.condition)].into_iter().flatten()
    {
        condition.outputs().iter().filter(|(_, output)| counts(output)).for_each(|(name, _)| add(name));
    }
    if let Some(MapItems::Output { step, .. }) = step.map.as_ref().map(|map| &map.over) {
        add(step);
    }
    for text in texts_with_references(step) {
        let template = Template::parse(&text, References::Values);
        template.outputs().filter(|(_, output)| counts(output)).for_each(|(name, _)| add(name));
    }
    names
}

/// The steps that must be finished before each step, directly or not. Cycles are cut.
pub fn ancestors(program: &Program) -> HashMap<String, HashSet<String>> {
    let direct = dependency_map(program);
    let mut all = HashMap::new();
    for name in direct.keys() {
        let mut seen = HashSet::new();
        let mut stack: Vec<&String> = direct[name].iter().collect();
        while let Some(next) = stack.pop() {
            if seen.insert(next.clone()) {
                stack.extend(direct.get(next).into_iter().flatten());
            }
        }
        all.insert(name.clone(), seen);
    }
    all
}

fn dependency_map(program: &Program) -> HashMap<String, Vec<String>> {
    let mut direct: HashMap<String, Vec<String>> = HashMap::new();
    for (_, step) in flatten_steps(program) {
        direct.entry(step.name.clone()).or_default().extend(direct_dependencies(step));
        if let Function::Concurrent(group) = &step.run {
            for member in &group.steps {
                direct.entry(member.name.clone()).or_default().extend(direct_dependencies(step));
                direct.entry(step.name.clone()).or_default().push(member.name.clone());
            }
        }
    }
    direct
}

impl Checker<'_> {
    pub(super) fn check_cycles(&mut self) {
        let direct = dependency_map(self.program);
        let mut state: HashMap<&str, bool> = HashMap::new();
        let mut names: Vec<&str> = direct.keys().map(String::as_str).collect();
        names.sort_unstable();
        for start in names {
            if let Some(cycle) = find_cycle(&direct, start, &mut state) {
                self.add(
                    "/steps",
                    format!("steps wait for each other: {}", cycle.join(" -> ")),
                    "remove one of these dependencies",
                );
                return;
            }
        }
    }
}

/// Depth-first search without recursion; returns the names along the first cycle.
fn find_cycle<'a>(
    direct: &'a HashMap<String, Vec<String>>,
    start: &'a str,
    done: &mut HashMap<&'a str, bool>,
) -> Option<Vec<String>> {
    let mut path: Vec<(&str, usize)> = Vec::new();
    if done.get(start).is_none() {
        path.push((start, 0));
        done.insert(start, false);
    }
    while let Some((name, next)) = path.last_mut() {
        let Some(child) = direct.get(*name).and_then(|children| children.get(*next)) else {
            done.insert(name, true);
            path.pop();
            continue;
        };
        *next += 1;
        match done.get(child.as_str()) {
            Some(true) => {}
            Some(false) => {
                let from = path.iter().position(|(name, _)| name == child).unwrap_or(0);
                let mut cycle: Vec<String> =
                    path[from..].iter().map(|(name, _)| (*name).to_owned()).collect();
                cycle.push(child.clone());
                return Some(cycle);
            }
            None => {
                done.insert(child, false);
                path.push((child, 0));
            }
        }
    }
    None
}
