//! The edits that lead from one program to another.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::operation::Edit;
use crate::api::{Function, Program, Step};

/// Fields of a workflow that are compared; its steps have operations of their own.
const WHOLE: [&str; 5] = ["name", "description", "parameters", "schedule", "settings"];
/// Fields of a step that are set as a whole.
const STEP: [&str; 6] = ["description", "when", "map", "exec_while", "inputs", "outputs"];

/// The edits that make `after` of `before`: few, and each as small as an operation can be. Steps are the same where
/// their names are.
pub fn edits_between(before: &Program, after: &Program) -> Vec<Edit> {
    let (old_whole, new_whole) = (json!(before), json!(after));
    let mut edits = Vec::new();
    for field in WHOLE {
        let inside = matches!(field, "parameters" | "settings");
        edits.extend(field_edits(
            None,
            &format!("/{field}"),
            old_whole.get(field),
            new_whole.get(field),
            inside,
        ));
    }
    let moved = |name: &str| {
        let at_end = |program: &Program| program.on_exit.iter().any(|step| step.name == name);
        at_end(before) != at_end(after)
    };
    let old: Vec<&Step> = before.steps.iter().chain(&before.on_exit).collect();
    let new: Vec<&Step> = after.steps.iter().chain(&after.on_exit).collect();
    let stays = |name: &str| {
        !moved(name) && old.iter().any(|step| step.name == name) && new.iter().any(|step| step.name == name)
    };
    let (added, at_end) = additions(after, &stays);
    // What is known of the order after the operations so far; what remains is rewired.
    let mut order: Vec<(String, Vec<String>)> =
        old.iter().map(|step| (step.name.clone(), step.after.clone())).collect();
    let gone: Vec<&Step> = old.iter().filter(|step| !stays(&step.name)).copied().collect();
    for step in
        gone.iter().filter(|step| moved(&step.name) && new.iter().any(|other| other.name == step.name))
    {
        edits.push(Edit::Remove { step: step.name.clone() });
        forget(&mut order, step);
    }
    for step in &added {
        let before = takes_place_before(step, &new, &order, &stays);
        for name in &before {
            if let Some((_, waits)) = order.iter_mut().find(|(other, _)| other == name) {
                waits.retain(|earlier| !step.after.contains(earlier));
                waits.push(step.name.clone());
            }
        }
        order.push((step.name.clone(), step.after.clone()));
        edits.push(Edit::Add { step: Box::new((*step).clone()), before, at_end: false });
    }
    for step in &at_end {
        edits.push(Edit::Add { step: Box::new((*step).clone()), before: Vec::new(), at_end: true });
    }
    for step in new.iter().filter(|step| stays(&step.name)) {
        if let Some(earlier) = old.iter().find(|other| other.name == step.name) {
            edits.extend(step_edits(earlier, step));
        }
    }
    for step in gone.iter().filter(|step| !new.iter().any(|other| other.name == step.name)) {
        edits.push(Edit::Remove { step: step.name.clone() });
        forget(&mut order, step);
    }
    for step in new.iter().filter(|step| stays(&step.name)) {
        let found = order.iter().find(|(name, _)| *name == step.name).map(|(_, waits)| waits);
        let same = |left: &[String], right: &[String]| {
            left.iter().collect::<HashSet<_>>() == right.iter().collect::<HashSet<_>>()
        };
        if found.is_some_and(|found| !same(found, &step.after)) {
            edits.push(Edit::Rewire { step: step.name.clone(), after: step.after.clone() });
        }
    }
    edits
}

/// New steps, each behind those that it names, and new steps of the end.
fn additions<'a>(after: &'a Program, stays: &dyn Fn(&str) -> bool) -> (Vec<&'a Step>, Vec<&'a Step>) {
    let mut waiting: Vec<&Step> = after.steps.iter().filter(|step| !stays(&step.name)).collect();
    let mut added: Vec<&Step> = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|step| {
            !step.after.iter().any(|earlier| waiting.iter().any(|other| other.name == *earlier))
        });
        added.push(waiting.remove(ready.unwrap_or(0)));
    }
    (added, after.on_exit.iter().filter(|step| !stays(&step.name)).collect())
}

/// The steps that wait for a new one in the place of what they share with it.
fn takes_place_before(
    step: &Step,
    new: &[&Step],
    order: &[(String, Vec<String>)],
    stays: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let placed = |later: &&&Step| {
        let Some((_, waits)) = order.iter().find(|(name, _)| *name == later.name) else { return false };
        let mut wanted: HashSet<&String> =
            waits.iter().filter(|earlier| !step.after.contains(earlier)).collect();
        wanted.insert(&step.name);
        wanted == later.after.iter().collect()
    };
    new.iter()
        .filter(|later| stays(&later.name) && later.after.contains(&step.name))
        .filter(placed)
        .map(|later| later.name.clone())
        .collect()
}

/// What a removal does to the order.
fn forget(order: &mut Vec<(String, Vec<String>)>, gone: &Step) {
    order.retain(|(name, _)| *name != gone.name);
    for (_, waits) in order {
        if let Some(at) = waits.iter().position(|earlier| *earlier == gone.name) {
            waits.splice(at..=at, gone.after.iter().cloned());
        }
    }
}

fn step_edits(old: &Step, new: &Step) -> Vec<Edit> {
    let (left, right) = (json!(old), json!(new));
    let name = Some(new.name.as_str());
    let mut edits = Vec::new();
    for field in STEP {
        edits.extend(field_edits(name, &format!("/{field}"), left.get(field), right.get(field), false));
    }
    edits.extend(field_edits(name, "/settings", left.get("settings"), right.get("settings"), true));
    match (&old.run, &new.run) {
        (left, right) if left == right => {}
        (Function::Component(one), Function::Component(other)) if one.component == other.component => {
            edits.extend(field_edits(
                name,
                "/run/with",
                Some(&json!(one.with)),
                Some(&json!(other.with)),
                true,
            ));
        }
        (one, other) if one.name() == other.name() && !matches!(one, Function::Component(_)) => {
            edits.extend(field_edits(name, "/run", left.get("run"), right.get("run"), true));
        }
        (_, run) => edits.push(Edit::Replace { step: new.name.clone(), run: run.clone() }),
    }
    edits
}

/// Edits of one field, or of the fields inside of it.
fn field_edits(
    step: Option<&str>,
    field: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    inside: bool,
) -> Vec<Edit> {
    let step_name = step.map(str::to_owned);
    if old == new {
        return Vec::new();
    }
    let empty = Value::Object(Map::new());
    if let (true, Value::Object(left), Value::Object(right)) =
        (inside, old.unwrap_or(&empty), new.unwrap_or(&empty))
    {
        let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
        return names
            .flat_map(|name| {
                let name_in_pointer = name.replace('~', "~0").replace('/', "~1");
                field_edits(
                    step,
                    &format!("{field}/{name_in_pointer}"),
                    left.get(name),
                    right.get(name),
                    false,
                )
            })
            .collect();
    }
    let field = field.to_owned();
    vec![match new {
        Some(value) => Edit::Set { step: step_name, field, value: value.clone() },
        None => Edit::Unset { step: step_name, field },
    }]
}
