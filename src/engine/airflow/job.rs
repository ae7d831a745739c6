//! Jobs: Kubernetes resources that are created and waited for.

use serde_json::Value;

use super::super::EngineError;
use super::super::kubernetes::job::{JobContext, job_manifest, result_path};
use super::context::{Context, ENGINE, unsupported};
use super::modules::Module;
use super::python::Expr;
use super::task::{Arguments, set};
use super::text::templated;
use crate::api::{Input, Job, ManifestAction, References};
use crate::ir::Node;

/// Marks the name of a volume claim that is made for each run, until it is written.
const CLAIM: &str = "couler.dev/claim/";

/// The arguments of a job.
///
/// # Errors
/// Files in or out, and jobs that could not run.
pub(crate) fn fill(
    context: &Context<'_>,
    node: &Node,
    job: &Job,
    arguments: &mut Arguments,
) -> Result<&'static str, EngineError> {
    refuse(context, node)?;
    context.uses(Module::Job);
    if let Some(component) = &node.component {
        set(arguments, "component", Expr::text(component));
    }
    let claim_name = |label: &str| {
        context.uses(Module::Claim);
        format!("{CLAIM}{label}")
    };
    let shared = &context.workflow.settings;
    let made = job_manifest(&JobContext { engine: ENGINE, shared, claim_name: &claim_name }, node, job)?;
    if made.action != ManifestAction::Create {
        set(arguments, "action", Expr::text(made.action.name()));
    }
    let resource =
        serde_json::to_value(&made.resource).map_err(|error| EngineError::Write(error.to_string()))?;
    set(arguments, "manifest", written(&resource, node.references()));
    for (name, condition) in [("success", made.success_condition), ("failure", made.failure_condition)] {
        if let Some(condition) = condition {
            set(arguments, name, Expr::text(condition));
        }
    }
    if let Some(path) = result_path(job).filter(|_| context.is_read(node, "result")) {
        set(arguments, "result", Expr::text(path));
    }
    super::files::cache(context, node, arguments);
    if node.settings.daemon {
        set(arguments, "in_background", Expr::code("True"));
    }
    Ok("JobStep")
}

/// The manifest as a Python value whose strings are templates.
fn written(value: &Value, references: References) -> Expr {
    match value {
        Value::String(text) => match text.strip_prefix(CLAIM) {
            Some(label) => Expr::text(format!("{{{{ claim('{label}') }}}}")),
            None => templated(text, references),
        },
        Value::Array(items) => Expr::List(items.iter().map(|item| written(item, references)).collect()),
        Value::Object(fields) => {
            Expr::Dict(fields.iter().map(|(key, value)| (key.clone(), written(value, references))).collect())
        }
        other => super::task::json(other),
    }
}

/// Refuses what only containers and scripts can do.
fn refuse(context: &Context<'_>, node: &Node) -> Result<(), EngineError> {
    let refused = |feature, reason: String| Err(unsupported(&node.name, feature, reason));
    if context.is_local() {
        return refused("job", "a job needs a cluster; compile for the kubernetes target".to_owned());
    }
    if let Some(output) = node.outputs.first() {
        let reason = format!(
            "nothing reads files from the pods of a job, so {:?} cannot be handed on; write it to a volume or store",
            output.name
        );
        return refused("outputs of a job", reason);
    }
    if let Some(input) = node.inputs.iter().find(|input| !matches!(input, Input::Parameter { .. })) {
        let reason = format!(
            "nothing puts files into the pods of a job, so {:?} would not arrive; use a volume or its address",
            input.name()
        );
        return refused("artifact inputs of a job", reason);
    }
    Ok(())
}
