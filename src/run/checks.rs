//! What must hold before a run begins.

use super::RunSettings;
use super::runner::RunError;
use super::values::Values;
use crate::ir::{Action, Workflow};

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
