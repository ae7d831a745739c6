//! Jobs: `resource` templates.

use serde_json::{Map, Value};

use super::super::EngineError;
use super::super::kubernetes::job::{JobContext, JobResource, job_manifest, result_path};
use super::super::kubernetes::yaml;
use super::context::{Context, ENGINE, unsupported};
use super::inputs::Inputs;
use super::leaf::refuse_files;
use super::manifest::{Parameter, Ports, ResourceTemplate, Template, ValueFrom};
use super::settings;
use super::text::Braces;
use crate::api::Job;
use crate::ir::Node;

/// Fills the template of a job.
///
/// # Errors
/// Files in or out, and jobs that could not run.
pub(crate) fn fill(
    context: &Context<'_>,
    node: &Node,
    job: &Job,
    inputs: &mut Inputs,
    template: &mut Template,
) -> Result<(), EngineError> {
    refuse_files(node)?;
    template.outputs = result(context, node, job);
    let surroundings = JobContext {
        engine: ENGINE,
        shared: &context.workflow.settings,
        claim_name: &|label| context.claim_name(label),
    };
    let mut job = job_manifest(&surroundings, node, job)?;
    translate(node, &mut job.resource, inputs)?;
    template.resource = Some(ResourceTemplate {
        action: job.action.name(),
        merge_strategy: job.merge_strategy,
        set_owner_reference: job.owned,
        success_condition: job.success_condition,
        failure_condition: job.failure_condition,
        manifest: yaml::write(&job.resource)?,
    });
    Ok(())
}

/// The state of the resource, if some step reads it.
fn result(context: &Context<'_>, node: &Node, job: &Job) -> Ports {
    let Some(path) = result_path(job).filter(|_| context.is_read(node, "result")) else {
        return Ports::default();
    };
    let value_from = Some(ValueFrom { jq_filter: Some(format!(".{path}")), ..ValueFrom::default() });
    Ports { parameters: vec![Parameter { value_from, ..Parameter::named("result") }], ..Ports::default() }
}

/// Puts the references of a resource into Argo's words.
fn translate(node: &Node, resource: &mut JobResource, inputs: &mut Inputs) -> Result<(), EngineError> {
    if let JobResource::Any(value) = resource {
        *value = resolved(value, node, inputs)?;
    }
    let mut environment = None;
    for container in resource.containers() {
        for text in container.command.iter_mut().chain(&mut container.args) {
            // What Kubernetes would change is written for it already.
            *text = inputs.text(node, text, Braces::Variable)?.text;
        }
        container.image = inputs.text(node, &container.image, Braces::Keep)?.text;
        // All containers have the one environment; to write it again would find names that it claimed itself.
        if environment.is_none() {
            environment = Some(settings::environment(node, inputs, Vec::new())?);
        }
        container.env = environment.clone().unwrap_or_default();
    }
    for container in resource.containers() {
        container.env = settings::with_brace_variable(std::mem::take(&mut container.env), inputs);
    }
    Ok(())
}

/// The manifest with the references in its strings put into Argo's words.
fn resolved(value: &Value, node: &Node, inputs: &mut Inputs) -> Result<Value, EngineError> {
    Ok(match value {
        Value::String(text) => {
            if inputs.text(node, text, Braces::Marker)?.broken {
                let reason =
                    format!("Argo would read the braces in {text:?} as its own; write them in another way");
                return Err(unsupported(&node.name, "braces in a manifest", reason));
            }
            Value::String(inputs.text(node, text, Braces::Keep)?.text)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolved(item, node, inputs)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let mut fields = Map::new();
            for (key, item) in map {
                fields.insert(key.clone(), resolved(item, node, inputs)?);
            }
            Value::Object(fields)
        }
        other => other.clone(),
    })
}
