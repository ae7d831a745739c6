//! Jobs: a step that creates the resource with kubectl and waits until it is done.

use serde_json::{Value, json};

use super::context::{Context, ENGINE, Params, Source, unsupported};
use super::manifest::Step;
use super::requirement;
use super::runner::quoted;
use crate::api::{Input, Job, ManifestAction};
use crate::engine::EngineError;
use crate::engine::kubernetes::job::{JobContext, JobManifest, job_manifest, result_path};
use crate::engine::kubernetes::names::dns_label;
use crate::engine::kubernetes::pod::EnvVar;
use crate::engine::kubernetes::yaml;
use crate::ir::Node;

/// An image with a shell, kubectl and jq.
pub(crate) const IMAGE: &str = "alpine/k8s:1.33.1";
/// Variable with the manifest.
pub(crate) const MANIFEST: &str = "MANIFEST";
/// Seconds between two looks at the resource.
const PERIOD: u32 = 10;

/// The image and variables of a job's step, and its script.
///
/// # Errors
/// Files in or out, jobs that could not run, conditions that cannot be read.
pub(crate) fn step(
    context: &Context<'_>,
    node: &Node,
    made_from: &Job,
    params: &mut Params,
    reads_result: bool,
) -> Result<(Step, String), EngineError> {
    refuse_files(node)?;
    let surroundings = JobContext {
        engine: ENGINE,
        shared: &context.workflow.settings,
        claim_name: &|label| {
            let name = claims(context).find(|name| dns_label(name) == label).unwrap_or(label).to_owned();
            format!("$(workspaces.{}.claim)", workspace(&name))
        },
    };
    let job = job_manifest(&surroundings, node, made_from)?;
    let mut resource =
        serde_json::to_value(&job.resource).map_err(|error| EngineError::Write(error.to_string()))?;
    let mut text = |text: &str| match text.strip_prefix("$(workspaces.") {
        // The claims of the workflow are known to Tekton only.
        Some(rest) if rest.ends_with(".claim)") => text.to_owned(),
        _ => params.field(node, text, &|_| false),
    };
    translate(&mut resource, &mut text);
    if job.owned {
        let mut run = |variable| params.reference(Source::Run(variable));
        let owner = json!([{
            "apiVersion": super::manifest::API_VERSION,
            "kind": "PipelineRun",
            "name": run("context.pipelineRun.name"),
            "uid": run("context.pipelineRun.uid"),
        }]);
        if let Some(Value::Object(metadata)) = resource.get_mut("metadata") {
            metadata.insert("ownerReferences".to_owned(), owner);
        }
    }
    let mut env = vec![EnvVar::with_value(MANIFEST, yaml::write(&resource)?)];
    super::task::with_dollar(&mut env, &[]);
    let result = result_path(made_from).filter(|_| reads_result);
    let script = script(node, &job, result)?;
    Ok((Step { name: node.name.clone(), image: IMAGE.to_owned(), env, ..Step::default() }, script))
}

fn claims<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a str> {
    context.workflow.settings.volume_claims.iter().map(|claim| claim.name.as_str())
}

/// The workspace of a volume claim of the workflow.
pub(crate) fn workspace(claim: &str) -> String {
    format!("claim-{}", dns_label(claim))
}

fn translate(value: &mut Value, text: &mut dyn FnMut(&str) -> String) {
    match value {
        Value::String(found) => *found = text(found),
        Value::Array(items) => items.iter_mut().for_each(|item| translate(item, text)),
        Value::Object(fields) => fields.values_mut().for_each(|item| translate(item, text)),
        _ => {}
    }
}

/// `result` is the path of the fields to print when the job is done.
fn script(node: &Node, job: &JobManifest, result: Option<&str>) -> Result<String, EngineError> {
    let expression = |conditions: Option<&String>, all: bool| {
        let Some(conditions) = conditions else { return Ok(None) };
        requirement::expression(conditions, all).map(Some).ok_or_else(|| {
            let reason = format!(
                "{conditions:?} cannot be read; write for example status.succeeded > 0, status.phase = Done"
            );
            unsupported(&node.name, "condition of a manifest", reason)
        })
    };
    let success = expression(job.success_condition.as_ref(), true)?;
    let failure = expression(job.failure_condition.as_ref(), false)?;
    let patch = job.merge_strategy.map_or_else(String::new, |kind| format!(" --type={kind}"));
    let act = match job.action {
        ManifestAction::Create | ManifestAction::Apply => {
            format!("name=`kubectl {} --filename /tmp/manifest.yaml --output name`", job.action.name())
        }
        ManifestAction::Delete => "kubectl delete --filename /tmp/manifest.yaml".to_owned(),
        ManifestAction::Patch => format!(
            "name=`kubectl patch{patch} --filename /tmp/manifest.yaml --patch-file /tmp/manifest.yaml --output name`"
        ),
    };
    let space = "space=`kubectl get --filename /tmp/manifest.yaml --output jsonpath='{.metadata.namespace}' 2> /dev/null` || true";
    let look = "kubectl get ${space:+--namespace \"$space\"} \"$name\" --output json > /tmp/state.json";
    let print = result.map(|path| format!("jq --compact-output .{path} /tmp/state.json"));
    let mut lines = vec![
        "set -e".to_owned(),
        format!("printf %s \"${MANIFEST}\" > /tmp/manifest.yaml"),
        act,
        space.to_owned(),
    ];
    if job.action != ManifestAction::Delete && (success.is_some() || failure.is_some()) {
        lines.push("while :; do".to_owned());
        lines.push(format!("  {look}"));
        let print = print.as_ref().map_or_else(String::new, |print| format!("{print}; "));
        for (condition, end) in [(failure, "exit 1".to_owned()), (success, format!("{print}exit 0"))] {
            lines.extend(condition.map(|condition| {
                let test = quoted(&condition);
                format!("  if jq --exit-status {test} /tmp/state.json > /dev/null; then {end}; fi")
            }));
        }
        lines.push(format!("  sleep {PERIOD}"));
        lines.push("done".to_owned());
    } else if let Some(print) = print {
        lines.extend([look.to_owned(), print]);
    }
    Ok(lines.join("\n") + "\n")
}

fn refuse_files(node: &Node) -> Result<(), EngineError> {
    if let Some(output) = node.outputs.first() {
        let reason = format!(
            "a job has no files that Tekton could read, so the output {:?} cannot be handed on; let the job write to \
             a volume or store and read it in a following step",
            output.name
        );
        return Err(unsupported(&node.name, "outputs of a job", reason));
    }
    if let Some(input) = node.inputs.iter().find(|input| !matches!(input, Input::Parameter { .. })) {
        let reason = format!(
            "Tekton puts no files into the pods of a job, so the input {:?} would not arrive; use a volume, or give \
             its address as a parameter",
            input.name()
        );
        return Err(unsupported(&node.name, "artifact inputs of a job", reason));
    }
    Ok(())
}
