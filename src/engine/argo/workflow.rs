//! The whole manifest.

use indexmap::IndexMap;

use super::super::kubernetes::names::port_name;
use super::super::kubernetes::pod::{Named, ObjectMeta};
use super::super::kubernetes::settings::{tolerations, volume_claim};
use super::super::{EngineError, GenerateOptions};
use super::call::call;
use super::context::{Context, Scope};
use super::manifest::{
    API_VERSION, Arguments, Call, CronSpec, Dag, Document, Metadata, Parameter, Resource, Template,
    TtlStrategy, WorkflowSpec,
};
use super::status;
use crate::api::{self, ConcurrencyPolicy};
use crate::ir::{Workflow, digest};

/// Annotation with the digest of the workflow's graph.
pub(crate) const DIGEST: &str = "couler.dev/digest";
/// Argo's own annotation for what a workflow is for.
pub(crate) const DESCRIPTION: &str = "workflows.argoproj.io/description";

/// The manifest of a workflow.
///
/// # Errors
/// What Argo cannot express, with the step and the feature.
pub(crate) fn document(workflow: &Workflow, options: &GenerateOptions) -> Result<Document, EngineError> {
    let (spec, digest) = std::thread::scope(|scope| {
        let digest = scope.spawn(|| digest(workflow));
        let spec = spec(&Context::new(workflow));
        (spec, digest.join().expect("a digest is made without a panic"))
    });
    Ok(around(workflow, metadata(workflow, options, digest), spec?))
}

/// The labels and annotations of a workflow.
pub(crate) fn metadata(workflow: &Workflow, options: &GenerateOptions, digest: String) -> ObjectMeta {
    let namespace = options.namespace.clone().or_else(|| workflow.settings.namespace.clone());
    let mut annotations = IndexMap::from([(DIGEST.to_owned(), digest)]);
    if let Some(description) = &workflow.description {
        annotations.insert(DESCRIPTION.to_owned(), description.clone());
    }
    annotations.extend(workflow.settings.annotations.clone());
    let labels = workflow.settings.labels.clone();
    ObjectMeta { namespace, labels, annotations, ..ObjectMeta::default() }
}

/// The resource around a specification: a workflow, or one that runs by the clock.
pub(crate) fn around(workflow: &Workflow, metadata: ObjectMeta, spec: WorkflowSpec) -> Document {
    let Some(schedule) = &workflow.schedule else {
        let generate_name = Some(format!("{}-", workflow.name));
        let metadata = ObjectMeta { generate_name, ..metadata };
        return Document::Workflow(Box::new(Resource {
            api_version: API_VERSION,
            kind: "Workflow",
            metadata,
            spec,
        }));
    };
    let of_each_run = ObjectMeta {
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        ..ObjectMeta::default()
    };
    let metadata = ObjectMeta { name: Some(workflow.name.clone()), ..metadata };
    let spec = CronSpec {
        schedules: schedule.cron.clone(),
        timezone: schedule.timezone.clone(),
        concurrency_policy: match schedule.concurrency {
            ConcurrencyPolicy::Allow => "Allow",
            ConcurrencyPolicy::Forbid => "Forbid",
            ConcurrencyPolicy::Replace => "Replace",
        },
        suspend: schedule.suspend,
        workflow_metadata: of_each_run,
        workflow_spec: spec,
    };
    Document::Cron(Box::new(Resource { api_version: API_VERSION, kind: "CronWorkflow", metadata, spec }))
}

fn spec(context: &Context<'_>) -> Result<WorkflowSpec, EngineError> {
    let workflow = context.workflow;
    let entrypoint = context.template_name("main");
    let mut templates = Vec::with_capacity(workflow.graph.node_count() + 2);
    templates.push(Template { name: entrypoint.clone(), ..Template::default() });
    let mut tasks = Vec::with_capacity(workflow.graph.node_count());
    for index in workflow.topological() {
        let dependencies = workflow.dependencies(index).into_iter().map(str::to_owned).collect();
        let node = &workflow.graph[index];
        let (mut task, of_task) = call(context, node, dependencies, Scope::Dag)?;
        if context.reads_statuses() {
            status::depend(context, node, &mut task);
        }
        tasks.push(task);
        templates.extend(of_task);
    }
    if context.reads_statuses() {
        let (task, template) = status::verdict(context);
        tasks.push(task);
        templates.push(template);
    }
    templates[0].dag = Some(Dag { tasks });
    let on_exit = exit_handler(context, &mut templates)?;
    Ok(WorkflowSpec { on_exit, ..settings(workflow, entrypoint, templates) })
}

/// A specification with all settings of the workflow, without an exit handler.
pub(crate) fn settings(workflow: &Workflow, entrypoint: String, templates: Vec<Template>) -> WorkflowSpec {
    let shared = &workflow.settings;
    WorkflowSpec {
        entrypoint,
        on_exit: None,
        arguments: arguments(workflow),
        parallelism: shared.parallelism,
        active_deadline_seconds: shared.time_limit.map(api::Duration::seconds),
        ttl_strategy: shared
            .keep_finished
            .map(|time| TtlStrategy { seconds_after_completion: time.seconds() }),
        service_account_name: shared.service_account.clone(),
        image_pull_secrets: Named::all(&shared.image_pull_secrets),
        pod_metadata: Metadata { labels: shared.labels.clone(), annotations: shared.annotations.clone() },
        node_selector: shared.node_selector.clone(),
        tolerations: tolerations(&shared.tolerations),
        volume_claim_templates: shared.volume_claims.iter().map(volume_claim).collect(),
        templates,
    }
}

fn arguments(workflow: &Workflow) -> Arguments {
    let parameters = workflow
        .parameters
        .iter()
        .map(|(name, parameter)| Parameter {
            description: parameter.description.clone(),
            value: parameter.default.clone(),
            choices: parameter.choices.clone(),
            ..Parameter::named(port_name(name))
        })
        .collect();
    Arguments { parameters, artifacts: Vec::new() }
}

/// The name of the template that runs at the end. One plain step is that template; everything else needs a list of
/// steps around it, which can hold conditions and arguments.
pub(crate) fn exit_handler(
    context: &Context<'_>,
    templates: &mut Vec<Template>,
) -> Result<Option<String>, EngineError> {
    let nodes = &context.workflow.on_exit;
    let mut calls: Vec<Call> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let (call, of_call) = call(context, node, Vec::new(), Scope::Steps)?;
        calls.push(call);
        templates.extend(of_call);
    }
    match &calls[..] {
        [] => Ok(None),
        [only] if is_plain(only) => Ok(Some(only.template.clone())),
        _ => {
            let name = context.template_name("on-exit");
            let steps = calls.into_iter().map(|call| vec![call]).collect();
            templates.push(Template { name: name.clone(), steps, ..Template::default() });
            Ok(Some(name))
        }
    }
}

fn is_plain(call: &Call) -> bool {
    call.name == call.template
        && call.when.is_none()
        && call.arguments == Arguments::default()
        && call.with_items.is_none()
        && call.with_param.is_none()
        && call.with_sequence.is_none()
        && call.continue_on.is_none()
}
