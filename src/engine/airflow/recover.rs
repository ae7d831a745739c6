//! From a DAG file back to the graph.
//!
//! Python's own parser reads the file; nothing of it is run or imported. Edges, conditions, items and settings come from
//! the calls as they stand.

use std::path::Path;

use serde_json::Value;

use super::super::{RecoveredGraph, RecoveredStep};
use super::script::{ScriptError, run};
use crate::api::Condition;

/// Why no graph could be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Python could not be asked.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The files are not the parts of one workflow.
    #[error("the parts do not fit together: {0}")]
    Parts(String),
    /// The file is no Python, or holds no DAG.
    #[error("no DAG could be read: {0}")]
    NoDag(String),
}

/// Recovers the graph of each text, with the Python interpreter given.
///
/// # Errors
/// Python is missing, or one of the texts holds no DAG.
pub fn recover(python: &Path, texts: &[String]) -> Result<Vec<RecoveredGraph>, RecoverError> {
    let answers = run(python, include_str!("scripts/recover.py"), texts)?;
    answers
        .into_iter()
        .map(|answer| match answer.get("graph") {
            Some(graph) => Ok(read(graph)),
            None => Err(RecoverError::NoDag(text(&answer, "error").unwrap_or_default())),
        })
        .collect()
}

fn read(graph: &Value) -> RecoveredGraph {
    let steps = |name: &str| {
        let entries = graph[name].as_object().into_iter().flatten();
        entries.map(|(name, value)| (name.clone(), step(value))).collect()
    };
    let schedule =
        graph["schedule"].as_array().map(|parts| (strings(&parts[0]), parts[1].as_str().map(str::to_owned)));
    RecoveredGraph {
        name: text(graph, "name").unwrap_or_default(),
        schedule,
        parameters: graph["parameters"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned)))
            .collect(),
        steps: steps("steps"),
        on_exit: strings(&graph["on_exit"]),
        exit_steps: steps("exit_steps"),
        parallelism: count(&graph["parallelism"]),
        time_limit: graph["time_limit"].as_u64(),
        texts: strings(&graph["texts"]),
    }
}

fn step(value: &Value) -> RecoveredStep {
    let exec_while = value["exec_while"]
        .as_array()
        .and_then(|parts| Some((condition(parts[0].as_str()?), count(&parts[1])?)));
    RecoveredStep {
        component: text(value, "component"),
        kind: text(value, "kind").unwrap_or_default(),
        image: text(value, "image"),
        after: strings(&value["after"]).into_iter().collect(),
        when: value["when"].as_str().map(condition),
        items: value["items"].is_array().then(|| strings(&value["items"])),
        map_parallelism: count(&value["map_parallelism"]),
        exec_while,
        retries: count(&value["retries"]),
        timeout: value["timeout"].as_u64(),
        cache: value["cache"].as_u64(),
        resources: value["resources"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, amount)| Some((name.clone(), amount.as_str()?.to_owned())))
            .collect(),
        texts: strings(&value["texts"]),
    }
}

/// The condition as the unified API writes it.
fn condition(text: &str) -> String {
    text.parse::<Condition>().map_or_else(|_| text.to_owned(), |condition| condition.to_string())
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn count(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|count| u32::try_from(count).ok())
}
