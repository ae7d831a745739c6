//! From a manifest back to the graph.
//!
//! Nothing but the manifest is read. What couler wrote comes back as it was; of manifests from elsewhere nested
//! templates are flattened as well as that can be done.

mod expand;
mod step;
pub(super) mod words;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::super::{RecoveredGraph, RecoveredStep};
use super::read::{list, list_at, resources, string, workflow_spec};
use expand::Expansion;

/// Why no graph could be recovered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// The text is no YAML.
    #[error("the manifest is no YAML: {0}")]
    Syntax(String),
    /// There is no Argo workflow in it.
    #[error("the text holds no Workflow, CronWorkflow or WorkflowTemplate")]
    NoWorkflow,
    /// The parts do not make one workflow.
    #[error("the parts do not fit together: {0}")]
    Parts(String),
    /// The entrypoint is missing or unknown.
    #[error("the workflow has no template {0:?} to start with")]
    NoEntrypoint(String),
}

/// Recovers the graph of the first workflow in a text.
///
/// # Errors
/// [`RecoverError`] if there is none, or nothing to start with.
pub fn recover(text: &str) -> Result<RecoveredGraph, RecoverError> {
    let resources = resources(text).map_err(RecoverError::Syntax)?;
    let (_, resource) = resources.first().ok_or(RecoverError::NoWorkflow)?;
    recovered(resource)
}

/// The steps that a specification starts with.
///
/// # Errors
/// [`RecoverError::NoEntrypoint`].
pub(super) fn steps(spec: &Value) -> Result<BTreeMap<String, RecoveredStep>, RecoverError> {
    let templates = templates(spec);
    let entrypoint = string(spec, "entrypoint");
    if !templates.contains_key(entrypoint) {
        return Err(RecoverError::NoEntrypoint(entrypoint.to_owned()));
    }
    let mut expansion = Expansion::new(&templates, spec);
    expansion.start(entrypoint);
    Ok(expansion.finished())
}

/// The templates of a specification by name.
pub(super) fn templates(spec: &Value) -> HashMap<&str, &Value> {
    list(spec, "templates").iter().map(|template| (string(template, "name"), template)).collect()
}

/// The graph of one resource.
///
/// # Errors
/// [`RecoverError::NoEntrypoint`].
pub(super) fn recovered(resource: &Value) -> Result<RecoveredGraph, RecoverError> {
    let (_, spec) = workflow_spec(resource);
    let steps = steps(spec)?;
    let templates = templates(spec);
    let mut exit = Expansion::new(&templates, spec);
    exit.start(string(spec, "onExit"));
    let on_exit = exit.order();
    let mut exit_steps = exit.finished();
    // Steps of an exit handler run in the order of the list; they do not wait for each other's success.
    for step in exit_steps.values_mut() {
        step.after.clear();
    }
    let mut texts = Vec::new();
    step::raw_texts(&step::said(resource), &mut texts);
    Ok(RecoveredGraph {
        name: name(resource),
        schedule: schedule(resource),
        parameters: parameters(spec),
        steps,
        on_exit,
        exit_steps,
        parallelism: spec
            .get("parallelism")
            .and_then(Value::as_u64)
            .and_then(|count| u32::try_from(count).ok()),
        time_limit: spec.get("activeDeadlineSeconds").and_then(Value::as_u64),
        texts,
    })
}

fn name(resource: &Value) -> String {
    let metadata = resource.get("metadata").unwrap_or(&Value::Null);
    match string(metadata, "name") {
        "" => string(metadata, "generateName").trim_end_matches('-').to_owned(),
        name => name.to_owned(),
    }
}

fn schedule(resource: &Value) -> Option<(Vec<String>, Option<String>)> {
    let spec = resource.get("spec").filter(|_| string(resource, "kind") == "CronWorkflow")?;
    let mut cron: Vec<String> =
        list(spec, "schedules").iter().filter_map(|cron| cron.as_str().map(str::to_owned)).collect();
    // Argo 3 had a single schedule.
    cron.extend(spec.get("schedule").and_then(Value::as_str).map(str::to_owned));
    Some((cron, spec.get("timezone").and_then(Value::as_str).map(str::to_owned)))
}

fn parameters(spec: &Value) -> BTreeMap<String, Option<String>> {
    let declared = list_at(spec, "/arguments/parameters");
    declared
        .iter()
        .map(|parameter| (string(parameter, "name").to_owned(), parameter.get("value").map(step::scalar)))
        .collect()
}
