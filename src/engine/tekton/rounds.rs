//! Maps with a limit: a matrix starts all its instances at once, so the items are put into rounds.
//!
//! Each round is a task with as many items as may run at once, and waits for the round before it.

use serde_json::Value;

use super::context::{Context, list_at_run_time, unsupported};
use super::helpers::{ROLE, SERVES};
use super::manifest::{Matrix, PipelineTask};
use crate::engine::EngineError;
use crate::ir::Node;

/// Annotation with the most instances of a map at once.
pub(crate) const LIMIT: &str = "couler.dev/map-parallelism";
/// Value of [`ROLE`] for all rounds but the first.
pub(crate) const ROUND: &str = "round";

/// How many rounds a step needs; one if it is no map, has no limit, or few items.
pub(crate) fn count(node: &Node) -> usize {
    let Some(map) = &node.map else { return 1 };
    let items = map.over.count().unwrap_or(1);
    map.parallelism.map_or(1, |limit| items.div_ceil(at_once(limit)).max(1))
}

fn at_once(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX).max(1)
}

/// Refuses limits that rounds cannot keep.
///
/// # Errors
/// Items that are not known before the run, and rounds of a step at the end, where tasks cannot wait for each other.
pub(crate) fn refuse(context: &Context<'_>, node: &Node) -> Result<(), EngineError> {
    let limited = node.map.as_ref().is_some_and(|map| map.parallelism.is_some());
    let reason = if limited && list_at_run_time(node).is_some() {
        "a matrix starts all its instances at once, and items made at run time cannot be put into rounds; remove the \
         limit, or write the items as a list"
    } else if context.is_exit(node) && count(node) > 1 {
        "the items are put into rounds, and tasks that run at the end cannot wait for each other; remove the limit"
    } else {
        return Ok(());
    };
    Err(unsupported(&node.name, "parallelism of a map", reason))
}

/// The tasks of a step: its own, or one for each round.
pub(crate) fn split(context: &Context<'_>, node: &Node, task: PipelineTask) -> Vec<PipelineTask> {
    let names = context.rounds(&node.name);
    let limit = node.map.as_ref().and_then(|map| map.parallelism);
    let (Some(limit), Some(matrix), true) = (limit, &task.matrix, names.len() > 1) else { return vec![task] };
    let mut tasks: Vec<PipelineTask> = Vec::with_capacity(names.len());
    for (matrix, name) in chunks(matrix, at_once(limit)).into_iter().zip(names) {
        let mut round = PipelineTask { name: name.to_owned(), matrix: Some(matrix), ..task.clone() };
        if let Some(before) = tasks.last() {
            round.run_after = vec![before.name.clone()];
            let annotations = &mut round.task_spec.metadata.annotations;
            annotations.insert(ROLE.to_owned(), ROUND.to_owned());
            annotations.insert(SERVES.to_owned(), node.name.clone());
        }
        tasks.push(round);
    }
    tasks
}

/// The matrix in parts of `size` combinations. It has one list of items, or a combination for each.
fn chunks(matrix: &Matrix, size: usize) -> Vec<Matrix> {
    if !matrix.include.is_empty() {
        let part = |include: &[_]| Matrix { params: Vec::new(), include: include.to_vec() };
        return matrix.include.chunks(size).map(part).collect();
    }
    let Some((param, Value::Array(items))) = matrix.params.first().map(|param| (param, &param.value)) else {
        return vec![matrix.clone()];
    };
    let part = |items: &[Value]| {
        let mut param = param.clone();
        param.value = Value::Array(items.to_vec());
        Matrix { params: vec![param], include: Vec::new() }
    };
    items.chunks(size).map(part).collect()
}
