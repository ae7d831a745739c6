//! Carrying edits out.

use std::collections::HashSet;

use serde_json::Value;

use super::operation::{Edit, EditError};
use crate::api::{
    Condition, Function, Input, MapItems, Operand, Program, Step, choices, direct_dependencies,
    flatten_steps, program_from_value,
};
use crate::ir::{Components, Workflow, lower};

/// A program with its edits carried out.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The program.
    pub program: Program,
    /// Its graph.
    pub workflow: Workflow,
    /// What was decided on the way.
    pub notes: Vec<String>,
}

/// Carries `edits` out, one after the other.
///
/// # Errors
/// [`EditError`]; the edits are carried out together or not at all.
pub fn apply(program: &Program, edits: &[Edit], components: &dyn Components) -> Result<Applied, EditError> {
    let mut changed = program.clone();
    let mut may_change = HashSet::new();
    for edit in edits {
        one(&mut changed, edit, &mut may_change)?;
    }
    let value = serde_json::to_value(&changed).expect("a program is JSON");
    let workflow = lower(&program_from_value(&value)?, components)?;
    untouched(program, &changed, &may_change)?;
    let notes = workflow.notes.clone();
    Ok(Applied { program: changed, workflow, notes })
}

/// A program with edits carried out as far as they can be, for a look at what they come to.
pub(crate) fn sketch(program: &Program, edits: &[Edit]) -> Program {
    let mut changed = program.clone();
    for edit in edits {
        // What cannot be carried out is reported by `apply`.
        let _ = one(&mut changed, edit, &mut HashSet::new());
    }
    changed
}

/// Every step that no edit may change is the same byte for byte, and the steps that stay keep their order.
fn untouched(before: &Program, after: &Program, may_change: &HashSet<String>) -> Result<(), EditError> {
    let kept = |steps: &[Step]| {
        let mut all = Vec::new();
        each_alone(steps, &mut all);
        all.retain(|(name, _)| !may_change.contains(name));
        all
    };
    for (old, new) in [(&before.steps, &after.steps), (&before.on_exit, &after.on_exit)] {
        let found = kept(new);
        for (index, step) in kept(old).into_iter().enumerate() {
            if found.get(index) != Some(&step) {
                return Err(EditError::Unrelated { step: step.0 });
            }
        }
    }
    Ok(())
}

/// Every step with its text; a group without its members, which follow.
fn each_alone(steps: &[Step], all: &mut Vec<(String, String)>) {
    for step in steps {
        let mut alone = step.clone();
        let members = match &mut alone.run {
            Function::Concurrent(group) => std::mem::take(&mut group.steps),
            _ => Vec::new(),
        };
        all.push((step.name.clone(), serde_json::to_string(&alone).expect("a step is JSON")));
        each_alone(&members, all);
    }
}

fn one(program: &mut Program, edit: &Edit, may_change: &mut HashSet<String>) -> Result<(), EditError> {
    match edit {
        Edit::Add { step, before, at_end } => add(program, step, before, *at_end, may_change),
        Edit::Remove { step } => remove(program, step, may_change),
        Edit::Replace { step, run } => {
            may_change.insert(step.clone());
            run.clone_into(&mut step_mut(program, step)?.run);
            Ok(())
        }
        Edit::Rename { step, to } => rename(program, step, to, may_change),
        Edit::Rewire { step, after } => {
            for name in after {
                known(program, name)?;
            }
            may_change.insert(step.clone());
            after.clone_into(&mut step_mut(program, step)?.after);
            Ok(())
        }
        Edit::Set { step, field, value } => {
            field_of(program, step.as_deref(), field, Some(value), may_change)
        }
        Edit::Unset { step, field } => field_of(program, step.as_deref(), field, None, may_change),
    }
}

fn unknown(program: &Program, name: &str) -> EditError {
    let known = flatten_steps(program);
    let known = choices(name, known.iter().map(|(_, step)| step.name.as_str()));
    EditError::UnknownStep { step: name.to_owned(), known }
}

fn known(program: &Program, name: &str) -> Result<(), EditError> {
    let there = flatten_steps(program).iter().any(|(_, step)| step.name == name);
    if there { Ok(()) } else { Err(unknown(program, name)) }
}

fn find<'a>(steps: &'a mut [Step], name: &str) -> Option<&'a mut Step> {
    for step in steps {
        if step.name == name {
            return Some(step);
        }
        if let Function::Concurrent(group) = &mut step.run
            && let Some(member) = find(&mut group.steps, name)
        {
            return Some(member);
        }
    }
    None
}

fn step_mut<'a>(program: &'a mut Program, name: &str) -> Result<&'a mut Step, EditError> {
    let error = unknown(program, name);
    let Program { steps, on_exit, .. } = program;
    find(steps, name).or_else(|| find(on_exit, name)).ok_or(error)
}

fn add(
    program: &mut Program,
    step: &Step,
    before: &[String],
    at_end: bool,
    may_change: &mut HashSet<String>,
) -> Result<(), EditError> {
    if known(program, &step.name).is_ok() {
        return Err(EditError::Taken { step: step.name.clone() });
    }
    for name in step.after.iter().chain(before) {
        known(program, name)?;
    }
    may_change.insert(step.name.clone());
    if at_end {
        program.on_exit.push(step.clone());
        return Ok(());
    }
    for name in before {
        may_change.insert(name.clone());
        let later = step_mut(program, name)?;
        // What the new step waits for is reached through it.
        later.after.retain(|earlier| !step.after.contains(earlier));
        later.after.push(step.name.clone());
    }
    let behind = program.steps.iter().rposition(|other| direct_dependencies(step).contains(&other.name));
    let ahead = program.steps.iter().position(|other| before.contains(&other.name));
    let place = match (behind, ahead) {
        (Some(behind), Some(ahead)) if ahead > behind => ahead,
        (Some(behind), _) => {
            // Behind everything that was put there before it.
            let siblings = program.steps[behind + 1..]
                .iter()
                .take_while(|other| other.after.iter().any(|name| step.after.contains(name)))
                .count();
            behind + 1 + siblings
        }
        (None, Some(ahead)) => ahead,
        (None, None) => program.steps.len(),
    };
    program.steps.insert(place, step.clone());
    Ok(())
}

fn remove(program: &mut Program, name: &str, may_change: &mut HashSet<String>) -> Result<(), EditError> {
    known(program, name)?;
    if program.steps.len() == 1 && program.steps[0].name == name {
        return Err(EditError::LastStep { step: name.to_owned() });
    }
    let readers: Vec<String> = flatten_steps(program)
        .into_iter()
        .filter(|(_, step)| step.name != name && !step.after.contains(&name.to_owned()))
        .filter(|(_, step)| direct_dependencies(step).iter().any(|read| read == name))
        .chain(flatten_steps(program).into_iter().filter(|(_, step)| step.name != name && reads(step, name)))
        .map(|(_, step)| step.name.clone())
        .collect::<HashSet<String>>()
        .into_iter()
        .collect();
    if !readers.is_empty() {
        let mut readers = readers;
        readers.sort();
        return Err(EditError::StillRead { step: name.to_owned(), readers: readers.join(", ") });
    }
    may_change.insert(name.to_owned());
    let waited: Vec<String> = flatten_steps(program)
        .into_iter()
        .find(|(_, step)| step.name == name)
        .map(|(_, step)| direct_dependencies(step))
        .unwrap_or_default();
    drop_from(&mut program.steps, name, &waited, may_change);
    drop_from(&mut program.on_exit, name, &waited, may_change);
    Ok(())
}

fn drop_from(steps: &mut Vec<Step>, name: &str, waited: &[String], may_change: &mut HashSet<String>) {
    steps.retain(|step| step.name != name);
    for step in steps {
        if let Function::Concurrent(group) = &mut step.run {
            let had = group.steps.len();
            drop_from(&mut group.steps, name, waited, may_change);
            if group.steps.len() != had {
                may_change.insert(step.name.clone());
            }
        }
        let Some(at) = step.after.iter().position(|earlier| earlier == name) else { continue };
        may_change.insert(step.name.clone());
        step.after.splice(at..=at, waited.iter().cloned());
        let mut seen = HashSet::from([step.name.clone()]);
        step.after.retain(|earlier| seen.insert(earlier.clone()));
    }
}

/// Whether a step reads a value of another one beside waiting for it.
fn reads(step: &Step, name: &str) -> bool {
    let mut bare = step.clone();
    bare.after.clear();
    direct_dependencies(&bare).iter().any(|read| read == name)
}

fn rename(
    program: &mut Program,
    name: &str,
    to: &str,
    may_change: &mut HashSet<String>,
) -> Result<(), EditError> {
    known(program, name)?;
    if known(program, to).is_ok() {
        return Err(EditError::Taken { step: to.to_owned() });
    }
    let names: Vec<String> = flatten_steps(program)
        .into_iter()
        .filter(|(_, step)| step.name == name || direct_dependencies(step).iter().any(|read| read == name))
        .map(|(_, step)| step.name.clone())
        .collect();
    may_change.extend(names);
    may_change.insert(to.to_owned());
    let Program { steps, on_exit, .. } = program;
    rename_in(steps, name, to);
    rename_in(on_exit, name, to);
    Ok(())
}

/// Renames a step wherever it is named.
pub(crate) fn rename_in(steps: &mut [Step], name: &str, to: &str) {
    let renamed = |condition: &Condition| {
        condition.map_operands(&|operand| match operand {
            Operand::Output { step, output } if step == name => {
                Operand::Output { step: to.to_owned(), output: output.clone() }
            }
            other => other.clone(),
        })
    };
    let old = format!("{{{{steps.{name}.");
    let new = format!("{{{{steps.{to}.");
    for step in steps {
        if step.name == name {
            to.clone_into(&mut step.name);
        }
        for earlier in step.after.iter_mut().filter(|earlier| *earlier == name) {
            to.clone_into(earlier);
        }
        step.when = step.when.as_ref().map(renamed);
        if let Some(repeat) = &mut step.exec_while {
            repeat.condition = renamed(&repeat.condition);
        }
        if let Some(MapItems::Output { step: over, .. }) = step.map.as_mut().map(|map| &mut map.over)
            && over == name
        {
            to.clone_into(over);
        }
        for input in &mut step.inputs {
            if let Input::Artifact { step: from, .. } = input
                && from == name
            {
                to.clone_into(from);
            }
        }
        if let Function::Concurrent(group) = &mut step.run {
            rename_in(&mut group.steps, name, to);
        }
        // References stand inside of texts, wherever they are.
        let text = serde_json::to_string(step).expect("a step is JSON");
        if text.contains(&old)
            && let Ok(mended) = serde_json::from_str(&text.replace(&old, &new))
        {
            *step = mended;
        }
    }
}

/// Fields of a step that may be set; its name and order have operations of their own.
const STEP_FIELDS: [&str; 8] =
    ["description", "run", "when", "map", "exec_while", "inputs", "outputs", "settings"];
/// Fields of a workflow that may be set.
const WORKFLOW_FIELDS: [&str; 5] = ["name", "description", "parameters", "schedule", "settings"];

fn field_of(
    program: &mut Program,
    step: Option<&str>,
    field: &str,
    value: Option<&Value>,
    may_change: &mut HashSet<String>,
) -> Result<(), EditError> {
    let error = |reason: String| EditError::Field { field: field.to_owned(), reason };
    let allowed: &[&str] = if step.is_some() { &STEP_FIELDS } else { &WORKFLOW_FIELDS };
    let mut parts = field.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let first = parts.next().unwrap_or_default();
    if !allowed.contains(&first.as_str()) {
        return Err(error(format!("possible: {}", allowed.join(", "))));
    }
    let parts: Vec<String> = std::iter::once(first).chain(parts).collect();
    match step {
        Some(name) => {
            may_change.insert(name.to_owned());
            let step = step_mut(program, name)?;
            let mut json = serde_json::to_value(&*step).expect("a step is JSON");
            put(&mut json, &parts, value).map_err(error)?;
            *step = serde_json::from_value(json).map_err(|cause| error(cause.to_string()))?;
        }
        None => {
            let mut json = serde_json::to_value(&*program).expect("a program is JSON");
            put(&mut json, &parts, value).map_err(error)?;
            let changed: Program = serde_json::from_value(json).map_err(|cause| error(cause.to_string()))?;
            // The steps stay the very same values.
            let steps = std::mem::take(&mut program.steps);
            let on_exit = std::mem::take(&mut program.on_exit);
            *program = Program { steps, on_exit, ..changed };
        }
    }
    Ok(())
}

/// Sets or removes the value at a path; objects on the way are made, empty ones that remain go.
fn put(target: &mut Value, path: &[String], value: Option<&Value>) -> Result<(), String> {
    let [first, rest @ ..] = path else { return Err("the path is empty".into()) };
    if let (Value::Array(items), Ok(index)) = (&mut *target, first.parse::<usize>()) {
        let item = items.get_mut(index).ok_or_else(|| format!("there is no item {index}"))?;
        return match (rest.is_empty(), value) {
            (true, Some(value)) => {
                *item = value.clone();
                Ok(())
            }
            (true, None) => {
                items.remove(index);
                Ok(())
            }
            (false, _) => put(item, rest, value),
        };
    }
    let map = target.as_object_mut().ok_or_else(|| format!("nothing can be named {first:?} there"))?;
    if rest.is_empty() {
        match value {
            Some(value) => map.insert(first.clone(), value.clone()),
            None => map.shift_remove(first),
        };
        return Ok(());
    }
    if value.is_none() && !map.contains_key(first) {
        return Ok(());
    }
    let inner = map.entry(first.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()));
    if inner.is_null() {
        *inner = Value::Object(serde_json::Map::new());
    }
    put(inner, rest, value)?;
    if value.is_none() && inner.as_object().is_some_and(serde_json::Map::is_empty) {
        map.shift_remove(first);
    }
    Ok(())
}
