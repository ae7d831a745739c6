//! From the files of parts back to the graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::super::super::RecoveredGraph;
use super::super::super::parts::joined;
use super::super::recover::{RecoverError, recover};

/// Recovers the graph of a workflow in parts, with the Python interpreter given. `texts` are the files of one workflow,
/// in any order.
///
/// # Errors
/// Python is missing, a text holds no DAG, a part is missing, or a step waits for one that is nowhere.
pub fn recover_parts(python: &Path, texts: &[String]) -> Result<RecoveredGraph, RecoverError> {
    let (parts, mut whole): (Vec<RecoveredGraph>, Vec<RecoveredGraph>) =
        recover(python, texts)?.into_iter().partition(|graph| graph.name.contains(".part-"));
    let wrong = |message: String| RecoverError::Parts(message);
    let Some(parent) = whole.pop().filter(|_| whole.is_empty()) else {
        return Err(wrong("there must be one DAG that starts the parts".to_owned()));
    };
    let started: BTreeSet<String> =
        parent.steps.keys().map(|task| format!("{}.{task}", parent.name)).collect();
    let given: BTreeSet<String> = parts.iter().map(|part| part.name.clone()).collect();
    if started != given {
        return Err(wrong(format!("started are {started:?}, given are {given:?}")));
    }
    let order: HashMap<String, BTreeSet<String>> = parent
        .steps
        .iter()
        .map(|(task, step)| (format!("{}.{task}", parent.name), step.after.clone()))
        .collect();
    check(&parts, &order, &parent.name).map_err(wrong)?;
    let steps: Vec<BTreeMap<_, _>> = parts.into_iter().map(|part| part.steps).collect();
    let whole = RecoveredGraph { parallelism: parent.parallelism, ..parent };
    Ok(joined(whole, steps, &HashMap::new(), &BTreeSet::new(), &[]))
}

/// What a step waits for exists; without a gate it is in a part that is over by then. Gates are steps `gate-N` that the
/// reader has put in place already, so a part with gates needs no order.
fn check(
    parts: &[RecoveredGraph],
    order: &HashMap<String, BTreeSet<String>>,
    parent: &str,
) -> Result<(), String> {
    let home: HashMap<&str, &str> = parts
        .iter()
        .flat_map(|part| part.steps.keys().map(|step| (step.as_str(), part.name.as_str())))
        .collect();
    let has_order = order.values().any(|before| !before.is_empty());
    for part in parts {
        let mut over: BTreeSet<String> = BTreeSet::new();
        let mut open = vec![part.name.clone()];
        while let Some(next) = open.pop() {
            for before in order.get(&next).into_iter().flatten() {
                let before = format!("{parent}.{before}");
                if over.insert(before.clone()) {
                    open.push(before);
                }
            }
        }
        for (name, step) in &part.steps {
            for before in &step.after {
                let Some(of) = home.get(before.as_str()) else {
                    return Err(format!("{name:?} waits for {before:?}, which is in no part"));
                };
                if has_order && *of != part.name && !over.contains(*of) {
                    return Err(format!("{} does not wait for {of}", part.name));
                }
            }
        }
    }
    Ok(())
}
