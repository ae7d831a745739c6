//! The whole manifest.

use indexmap::IndexMap;
use serde::Serialize;
#[cfg(test)]
use serde_json::Value;

use super::context::{Context, unsupported};
use super::cron::{self, CronJob};
use super::files::ARTIFACTS;
use super::helpers::date;
use super::manifest::{
    API_VERSION, ClaimName, ParamSpec, PipelineRunSpec, PipelineSpec, PipelineTask, Resource,
    TaskRunTemplate, Timeouts, WorkspaceBinding,
};
use super::task::tasks;
use super::{clean, job, settings};
use crate::api::VolumeClaim;
use crate::engine::kubernetes::pod::{Named, ObjectMeta};
use crate::engine::kubernetes::rbac::{Role, RoleBinding, ServiceAccount};
use crate::engine::kubernetes::settings::{go_duration, volume_claim};
use crate::engine::{EngineError, GenerateOptions};
use crate::ir::{Workflow, digest};

/// Annotation with the digest of the workflow's graph.
pub(crate) const DIGEST: &str = "couler.dev/digest";
/// Annotation with the user's names of results that Tekton would not accept, a JSON object.
pub(crate) const NAMES: &str = "couler.dev/names";
/// Annotation with the most tasks at once.
pub(crate) const PARALLELISM: &str = "couler.dev/parallelism";
/// Annotation with the dependencies that keep to [`PARALLELISM`], a JSON object from task to the one before it.
pub(crate) const LANES: &str = "couler.dev/lanes";
/// Size of the volume that artifacts travel through.
const ARTIFACTS_SIZE: &str = "10Gi";

/// One document of the manifest.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Document {
    Pipeline(Box<Resource<PipelineSpec>>),
    Run(Box<Resource<PipelineRunSpec>>),
    Account(ServiceAccount),
    Role(Role),
    Binding(RoleBinding),
    Cron(Box<Resource<CronJob>>),
}

/// The documents of a workflow.
///
/// # Errors
/// What Tekton cannot express, with the step and the feature.
pub(crate) fn documents(
    workflow: &Workflow,
    options: &GenerateOptions,
) -> Result<Vec<Document>, EngineError> {
    let context = Context::new(workflow);
    let lanes = lanes(workflow)?;
    // `Context` stays on this thread; the digest needs the workflow only.
    let (spec, digest) = std::thread::scope(|scope| {
        let digest = scope.spawn(|| digest(workflow));
        let spec = spec(&context, &lanes);
        (spec, digest.join().expect("a digest is made without a panic"))
    });
    around(&context, spec?, digest, &lanes, options)
}

/// Whether the tasks of a step may be left out, fail, or be several.
pub(crate) fn may_skip(node: &crate::ir::Node) -> bool {
    node.map.is_some() || node.condition.is_some() || node.settings.continue_on_failure
}

/// The documents around the specification of a pipeline: its run, or what creates runs by the clock.
///
/// # Errors
/// Values without a form in YAML.
pub(crate) fn around(
    context: &Context<'_>,
    spec: PipelineSpec,
    digest: String,
    lanes: &IndexMap<String, String>,
    options: &GenerateOptions,
) -> Result<Vec<Document>, EngineError> {
    let workflow = context.workflow;
    let namespace = options.namespace.clone().or_else(|| workflow.settings.namespace.clone());
    let (labels, annotations) = (workflow.settings.labels.clone(), workflow.settings.annotations.clone());
    let run = ObjectMeta { namespace: namespace.clone(), labels, annotations, ..ObjectMeta::default() };
    let mut metadata = ObjectMeta { name: Some(workflow.name.clone()), namespace, ..ObjectMeta::default() };
    metadata.annotations.insert(DIGEST.to_owned(), digest);
    let json = |map: &IndexMap<String, String>| serde_json::json!(map).to_string();
    if let Some(limit) = workflow.settings.parallelism {
        metadata.annotations.insert(PARALLELISM.to_owned(), limit.to_string());
        metadata.annotations.insert(LANES.to_owned(), json(lanes));
    }
    if !context.renamed().is_empty() {
        metadata.annotations.insert(NAMES.to_owned(), json(&context.renamed()));
    }
    let pipeline = Resource { api_version: API_VERSION, kind: "Pipeline", metadata, spec };
    let generate_name = Some(format!("{}-", workflow.name));
    let run = Resource {
        api_version: API_VERSION,
        kind: "PipelineRun",
        metadata: ObjectMeta { generate_name, ..run },
        spec: run_spec(context),
    };
    let mut all = vec![Document::Pipeline(Box::new(pipeline))];
    if let Some(keep) = workflow.settings.keep_finished {
        all.extend(clean::documents(workflow, keep, run.metadata.namespace.as_ref()));
    }
    match &workflow.schedule {
        None => all.push(Document::Run(Box::new(run))),
        Some(schedule) => all.extend(cron::documents(workflow, schedule, &run)?),
    }
    Ok(all)
}

/// For each step the one before it in its lane. Tekton limits no parallelism, so the steps are put into as many lanes
/// as may run at once, and each waits for the one before it.
fn lanes(workflow: &Workflow) -> Result<IndexMap<String, String>, EngineError> {
    let Some(limit) = workflow.settings.parallelism else { return Ok(IndexMap::new()) };
    if let Some(node) = workflow.graph.node_weights().find(|node| may_skip(node)) {
        let reason = "Tekton limits no parallelism; couler puts steps into lanes instead, which is right only if none \
                      is mapped, skipped or allowed to fail; remove the limit";
        return Err(unsupported(&node.name, "parallelism of the workflow", reason));
    }
    let mut last: Vec<&str> = Vec::new();
    let mut lanes = IndexMap::new();
    for (number, index) in workflow.topological().into_iter().enumerate() {
        let name = workflow.graph[index].name.as_str();
        let lane = number % usize::try_from(limit).unwrap_or(usize::MAX);
        match last.get_mut(lane) {
            None => last.push(name),
            Some(before) => {
                if !workflow.dependencies(index).contains(before) {
                    lanes.insert(name.to_owned(), (*before).to_owned());
                }
                *before = name;
            }
        }
    }
    Ok(lanes)
}

fn spec(context: &Context<'_>, lanes: &IndexMap<String, String>) -> Result<PipelineSpec, EngineError> {
    let workflow = context.workflow;
    let mut all: Vec<PipelineTask> = Vec::with_capacity(workflow.graph.node_count());
    all.extend(context.date_task().map(|name| date(workflow, name)));
    for index in workflow.topological() {
        let node = &workflow.graph[index];
        let mut dependencies = workflow.dependencies(index);
        dependencies.extend(lanes.get(&node.name).map(String::as_str));
        all.extend(tasks(context, node, &dependencies)?);
    }
    let mut finally = Vec::with_capacity(workflow.on_exit.len());
    for node in &workflow.on_exit {
        finally.extend(tasks(context, node, &[])?);
    }
    Ok(PipelineSpec {
        description: workflow.description.clone(),
        params: params(workflow),
        workspaces: bindings(context).into_iter().map(|binding| Named { name: binding.name }).collect(),
        tasks: all,
        finally,
    })
}

/// The parameters of a pipeline.
pub(crate) fn params(workflow: &Workflow) -> Vec<ParamSpec> {
    let params = workflow.parameters.iter().map(|(name, parameter)| ParamSpec {
        name: name.clone(),
        kind: None,
        description: parameter.description.clone(),
        default: parameter.default.clone(),
        choices: parameter.choices.clone(),
    });
    params.collect()
}

/// The workspaces of the pipeline with what is behind them.
pub(crate) fn bindings(context: &Context<'_>) -> Vec<WorkspaceBinding> {
    let of_claim = |name: String, claim: &VolumeClaim| WorkspaceBinding {
        name,
        volume_claim_template: Some(volume_claim(claim)),
        persistent_volume_claim: None,
    };
    let artifacts = VolumeClaim {
        name: ARTIFACTS.to_owned(),
        size: ARTIFACTS_SIZE.to_owned(),
        storage_class: None,
        shared_between_nodes: false,
    };
    let used = context.used().into_iter().map(|name| match name {
        ARTIFACTS => of_claim(ARTIFACTS.to_owned(), &artifacts),
        _ => WorkspaceBinding {
            name: name.to_owned(),
            volume_claim_template: None,
            persistent_volume_claim: Some(ClaimName { claim_name: settings::CACHE_CLAIM }),
        },
    });
    let claims = context.workflow.settings.volume_claims.iter();
    used.chain(claims.map(|claim| of_claim(job::workspace(&claim.name), claim))).collect()
}

/// The time limit of a run. Without a word Tekton stops after an hour.
pub(crate) fn timeouts(workflow: &Workflow) -> Timeouts {
    Timeouts { pipeline: workflow.settings.time_limit.map_or_else(|| "0s".to_owned(), go_duration) }
}

/// What all pods of a run have in common.
pub(crate) fn task_run_template(workflow: &Workflow) -> TaskRunTemplate {
    TaskRunTemplate {
        service_account_name: workflow.settings.service_account.clone(),
        pod_template: settings::pod_template(workflow),
    }
}

fn run_spec(context: &Context<'_>) -> PipelineRunSpec {
    let workflow = context.workflow;
    PipelineRunSpec {
        pipeline_ref: Named { name: workflow.name.clone() },
        timeouts: timeouts(workflow),
        workspaces: bindings(context),
        task_run_template: task_run_template(workflow),
        task_run_specs: workflow.nodes().flat_map(|node| settings::task_run_specs(context, node)).collect(),
    }
}

/// The documents as values, for tests.
#[cfg(test)]
pub(crate) fn values(workflow: &Workflow) -> Result<Vec<Value>, EngineError> {
    let documents = documents(workflow, &GenerateOptions::default())?;
    Ok(documents.iter().map(|document| serde_json::to_value(document).unwrap()).collect())
}
