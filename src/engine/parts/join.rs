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

/// What was read from the parts of a manifest.
pub(crate) struct Joints {
    /// The steps that each gate waits for.
    pub gates: HashMap<String, BTreeSet<String>>,
    /// What gates hand on.
    pub references: Vec<Reference>,
    /// Tasks that are no steps.
    pub helpers: BTreeSet<String>,
    /// What steps wait for in other parts, where gates and barriers wait for more than that.
    pub exact: BTreeMap<String, BTreeSet<String>>,
    /// The parts that are over when a part starts.
    pub over: BTreeMap<usize, BTreeSet<usize>>,
}

/// Steps of all parts without the gates and marks between them: who waits for a gate waits for what the gate waits for.
///
/// # Errors
/// A step that would start before what it waits for.
pub(crate) fn joined(
    whole: RecoveredGraph,
    parts: BTreeMap<usize, BTreeMap<String, RecoveredStep>>,
    joints: &Joints,
) -> Result<RecoveredGraph, String> {
    let home: HashMap<String, usize> =
        parts.iter().flat_map(|(part, steps)| steps.keys().map(|step| (step.clone(), *part))).collect();
    let mut steps = BTreeMap::new();
    for (part, of_part) in parts {
        for (name, mut step) in of_part {
            if joints.helpers.contains(&name) {
                continue;
            }
            let (gates, inside): (BTreeSet<String>, BTreeSet<String>) =
                step.after.into_iter().partition(|name| joints.gates.contains_key(name));
            let through: BTreeSet<String> =
                gates.iter().flat_map(|gate| joints.gates[gate].iter().cloned()).collect();
            let outside = joints.exact.get(&name).unwrap_or(&through);
            for other in outside {
                let of_other = home
                    .get(other)
                    .ok_or_else(|| format!("{name:?} waits for {other:?}, which is nowhere"))?;
                let over = joints.over.get(&part).is_some_and(|over| over.contains(of_other));
                if !over && !through.contains(other) {
                    return Err(format!("nothing makes {name:?} wait for {other:?}"));
                }
            }
            step.after = inside.into_iter().chain(outside.iter().cloned()).collect();
            if let Some(lost) = step.after.iter().find(|other| !home.contains_key(*other)) {
                return Err(format!("{name:?} waits for {lost:?}, which is nowhere"));
            }
            resolve(&mut step, &joints.references);
            steps.insert(name, step);
        }
    }
    Ok(RecoveredGraph { steps, ..whole })
}

/// Puts what gates hand on in place of the gates.
fn resolve(step: &mut RecoveredStep, references: &[Reference]) {
    let mut all = |text: &mut String| references.iter().for_each(|reference| replace(text, reference));
    step.when.iter_mut().for_each(&mut all);
    step.items.iter_mut().flatten().for_each(&mut all);
    step.texts.iter_mut().for_each(&mut all);
    step.exec_while.iter_mut().for_each(|(condition, _)| all(condition));
}

/// Each part with all parts that are over when it starts, from those that it is created after.
pub(crate) fn over(
    direct: impl IntoIterator<Item = (usize, BTreeSet<usize>)>,
) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut over: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (part, direct) in direct {
        let earlier = direct.iter().filter_map(|part| over.get(part)).flatten().copied();
        let all = earlier.chain(direct.iter().copied()).collect();
        over.insert(part, all);
    }
    over
}

/// What a note of [`Parts::notes`](super::Parts::notes) says.
pub(crate) fn noted(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    serde_json::from_str(text).unwrap_or_default()
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
