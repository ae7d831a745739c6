//! From the files of parts back to the graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::super::super::parts::{Joints, joined, over};
use super::super::super::{RecoveredGraph, RecoveredStep};
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
    let number = |task: &str| task.strip_prefix("part-").and_then(|number| number.parse::<usize>().ok());
    let mut direct: Vec<(usize, BTreeSet<usize>)> = parent
        .steps
        .iter()
        .filter_map(|(task, step)| {
            Some((number(task)?, step.after.iter().filter_map(|before| number(before)).collect()))
        })
        .collect();
    direct.sort();
    let over = over(direct);
    let of_part = |graph: RecoveredGraph| {
        Some((number(graph.name.strip_prefix(&format!("{}.", parent.name))?)?, graph.steps))
    };
    let steps: BTreeMap<usize, BTreeMap<String, RecoveredStep>> =
        parts.into_iter().filter_map(of_part).collect();
    let joints = joints(&steps, over);
    joined(parent, steps, &joints).map_err(wrong)
}

/// Gates name the steps that they wait for, and the reader of files has put these in their place already; so has it done
/// with what barriers are for. What a step waits for in another part is its gate, unless all parts are in order.
fn joints(
    parts: &BTreeMap<usize, BTreeMap<String, RecoveredStep>>,
    over: BTreeMap<usize, BTreeSet<usize>>,
) -> Joints {
    let home: HashMap<&str, usize> =
        parts.iter().flat_map(|(part, steps)| steps.keys().map(|step| (step.as_str(), *part))).collect();
    let mut exact: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if over.values().any(|before| !before.is_empty()) {
        for (part, steps) in parts {
            for (name, step) in steps {
                let elsewhere = step.after.iter().filter(|before| home.get(before.as_str()) != Some(part));
                exact.insert(name.clone(), elsewhere.cloned().collect());
            }
        }
    }
    Joints { gates: HashMap::new(), references: Vec::new(), helpers: BTreeSet::new(), exact, over }
}
