//! What must hold before a run begins.

use std::path::{Component, Path};

use super::RunSettings;
use super::runner::RunError;
use super::values::Values;
use crate::api::Input;
use crate::ir::{Action, Node, NodeOutputKind, Workflow};

pub(super) fn parameters(workflow: &Workflow, settings: &RunSettings) -> Result<Values, RunError> {
    let mut values = Values::default();
    for (name, parameter) in &workflow.parameters {
        let given = settings.parameters.get(name).or(parameter.default.as_ref());
        let value = given.ok_or_else(|| RunError::NoValue { name: name.clone() })?;
        if !parameter.choices.is_empty() && !parameter.choices.contains(value) {
            let (name, value, choices) = (name.clone(), value.clone(), parameter.choices.join(", "));
            return Err(RunError::NoChoice { name, value, choices });
        }
        values.parameters.insert(name.clone(), value.clone());
    }
    Ok(values)
}

/// A path of an input or output that leads upwards.
fn leaves(node: &Node) -> Option<&str> {
    let outputs = node.outputs.iter().filter_map(|output| match &output.kind {
        NodeOutputKind::Parameter { path, .. } | NodeOutputKind::Artifact { path, .. } => path.as_deref(),
    });
    let inputs = node.inputs.iter().filter_map(|input| match input {
        Input::Artifact { path, .. } | Input::External { path, .. } => path.as_deref(),
        Input::Parameter { .. } => None,
    });
    outputs.chain(inputs).find(|path| Path::new(path).components().any(|part| part == Component::ParentDir))
}

/// Refuses what cannot run here before anything has run.
pub(super) fn supported(workflow: &Workflow, settings: &RunSettings) -> Result<(), RunError> {
    for node in workflow.nodes() {
        let reason = match &node.action {
            Action::Job { job } => format!("a {} needs a cluster", job.kind()),
            Action::Container { image, .. } if settings.containers.is_none() && !settings.host => {
                format!(
                    "{image} needs docker or podman, and neither is here (--host runs its command directly)"
                )
            }
            Action::Container { image, command, .. } if settings.host && command.is_empty() => {
                format!("without its image {image} there is no command to run")
            }
            _ if leaves(node).is_some() => {
                let path = leaves(node).unwrap_or_default();
                format!("the path {path:?} leads out of the working folder; write a path without `..`")
            }
            _ if node.settings.resources.gpu.unwrap_or(0) > settings.machine.gpus => {
                format!(
                    "it asks for {} GPUs, and {} are here",
                    node.settings.resources.gpu.unwrap_or(0),
                    settings.machine.gpus
                )
            }
            _ => continue,
        };
        return Err(RunError::Unsupported { step: node.name.clone(), reason });
    }
    Ok(())
}
