//! From a manifest back to the graph. Nothing but the manifest is read.

mod expression;
mod step;
pub(super) mod words;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::clean::PURPOSE;
use super::pipeline::{LANES, NAMES, PARALLELISM};
use crate::engine::kubernetes::yaml;
use crate::engine::{RecoveredGraph, RecoveredStep};
use words::{Names, list, string};

/// Why no graph could be recovered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// The text is no YAML.
    #[error("the manifest is no YAML: {0}")]
    Syntax(String),
    /// The parts do not make one workflow.
    #[error("the parts do not fit together: {0}")]
    Parts(String),
    /// There is no pipeline in it.
    #[error("the text holds no Pipeline of tekton.dev")]
    NoPipeline,
}

/// Recovers the graph of the first pipeline in a text.
///
/// # Errors
/// [`RecoverError`] if there is none.
pub fn recover(text: &str) -> Result<RecoveredGraph, RecoverError> {
    recovered(&yaml::read_all::<Value>(text).map_err(RecoverError::Syntax)?)
}

/// What the names in a pipeline stand for.
pub(super) fn names_of(pipeline: &Value) -> Names<'_> {
    let annotation = pipeline["metadata"]["annotations"].get(NAMES).and_then(Value::as_str);
    Names::new(
        &pipeline["spec"],
        annotation.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
    )
}

/// The steps of a pipeline.
pub(super) fn steps(pipeline: &Value, names: &Names<'_>) -> BTreeMap<String, RecoveredStep> {
    let tasks = list(&pipeline["spec"], "tasks").iter();
    tasks
        .filter(|task| !names.is_helper(string(task, "name")))
        .map(|task| (string(task, "name").to_owned(), step::recovered(task, names)))
        .collect()
}

/// Recovers the graph of the first pipeline.
///
/// # Errors
/// [`RecoverError::NoPipeline`].
pub(super) fn recovered(documents: &[Value]) -> Result<RecoveredGraph, RecoverError> {
    let of_kind =
        |kind: &'static str| documents.iter().filter(move |document| string(document, "kind") == kind);
    let pipeline = of_kind("Pipeline").next().ok_or(RecoverError::NoPipeline)?;
    let (metadata, spec) = (&pipeline["metadata"], &pipeline["spec"]);
    let annotation = |name: &str| metadata["annotations"].get(name).and_then(Value::as_str);
    let map_at = |name: &str| -> HashMap<String, String> {
        annotation(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let names = names_of(pipeline);
    let mut steps = steps(pipeline, &names);
    for (name, before) in map_at(LANES) {
        if let Some(step) = steps.get_mut(&name) {
            step.after.remove(&before);
        }
    }
    let finally = list(spec, "finally");
    let mut exit_steps = BTreeMap::new();
    for task in finally {
        let mut step = step::recovered(task, &names);
        step.after.clear();
        exit_steps.insert(string(task, "name").to_owned(), step);
    }
    let crons: Vec<&Value> = schedules(documents).map(|cron| &cron["spec"]).collect();
    let mut texts = Vec::new();
    for document in documents {
        words::texts(document, &mut texts);
    }
    Ok(RecoveredGraph {
        name: string(metadata, "name").to_owned(),
        schedule: crons.first().map(|first| {
            let zone = first.get("timeZone").and_then(Value::as_str).map(str::to_owned);
            (crons.iter().map(|cron| string(cron, "schedule").to_owned()).collect(), zone)
        }),
        parameters: list(spec, "params")
            .iter()
            .map(|param| {
                let default = param.get("default").and_then(Value::as_str).map(str::to_owned);
                (string(param, "name").to_owned(), default)
            })
            .collect(),
        steps,
        on_exit: finally.iter().map(|task| string(task, "name").to_owned()).collect(),
        exit_steps,
        parallelism: annotation(PARALLELISM).and_then(|limit| limit.parse().ok()),
        time_limit: run(documents)
            .and_then(|run| words::seconds(string(&run["spec"]["timeouts"], "pipeline")))
            .filter(|seconds| *seconds > 0),
        texts,
    })
}

/// The jobs that create runs.
fn schedules(documents: &[Value]) -> impl Iterator<Item = &Value> {
    documents.iter().filter(|document| {
        let purpose = document.pointer("/metadata/annotations").and_then(|all| all.get(PURPOSE));
        string(document, "kind") == "CronJob" && purpose.is_none()
    })
}

/// The run, which may stand inside of a `CronJob`.
fn run(documents: &[Value]) -> Option<Value> {
    let of_kind = |kind: &str| documents.iter().find(|document| string(document, "kind") == kind);
    if let Some(run) = of_kind("PipelineRun") {
        return Some(run.clone());
    }
    let containers =
        schedules(documents).next()?.pointer("/spec/jobTemplate/spec/template/spec/containers")?;
    let text = words::variable(containers.get(0)?, "RUN")?;
    yaml::read_all(&words::plain(text)).ok()?.into_iter().next()
}
