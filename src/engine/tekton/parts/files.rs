//! The files of a workflow in parts.

use indexmap::IndexMap;

use super::super::context::{Context, ENGINE};
use super::super::helpers::{ROLE, SERVES};
use super::super::manifest::{API_VERSION, ParamSpec, PipelineSpec, PipelineTask, Resource};
use super::super::pipeline::{self, DIGEST, Document, NAMES};
use super::super::task::tasks;
use super::gate::PartView;
use super::parent;
use crate::engine::kubernetes::pod::{Named, ObjectMeta};
use crate::engine::kubernetes::rbac::{self, Rule};
use crate::engine::kubernetes::yaml;
use crate::engine::parts::Parts;
use crate::engine::{EngineError, GenerateOptions, PartFiles, PartPlan};
use crate::ir::{Workflow, digest};

/// Label of a part, with its number.
pub(crate) const PART: &str = "couler.dev/part";
/// Annotation of a part: what its steps wait for in other parts, a JSON object of lists, where gates do not say so.
pub(crate) const AFTER: &str = "couler.dev/after";

/// One file with the pipelines of all parts and the role they need, which may be applied again and again, and one with
/// the pipeline that starts them and its run.
///
/// # Errors
/// What Tekton cannot express, with the step and the feature.
pub(crate) fn files(
    workflow: &Workflow,
    plan: &PartPlan,
    options: &GenerateOptions,
) -> Result<PartFiles, EngineError> {
    let parts = Parts::new(ENGINE, workflow, plan)?;
    let digest = digest(workflow);
    let short: String = workflow.name.chars().take(45).collect();
    // Another version of the workflow has other names: runs that have begun keep their parts.
    let names = format!("{}-{}-p", short.trim_end_matches('-'), &digest[..6]);
    let (mut written, mut bytes, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for document in role(&parts, options) {
        written.push(yaml::write(&document)?);
    }
    for part in 0..parts.len() {
        let mut context = Context::new(workflow);
        let view = PartView::new(&parts, part, &|suffix| context.task_name("gate", suffix));
        context.part = Some(view);
        let document = of_part(&context, &parts, part, metadata(&parts, part, &names, &digest, options))?;
        let text = yaml::write(&document)?;
        bytes.push(text.len());
        written.push(text);
        used.push(context.used());
    }
    let context = Context::new(workflow);
    let spec = parent::spec(&context, &parts, &names, &used, options)?;
    let documents: Result<Vec<String>, EngineError> =
        pipeline::around(&context, spec, digest, &IndexMap::new(), options)?
            .iter()
            .map(yaml::write)
            .collect();
    Ok(parts.files(".tekton.yaml", &written, documents?.join("---\n"), bytes))
}

fn metadata(
    parts: &Parts<'_>,
    part: usize,
    names: &str,
    digest: &str,
    options: &GenerateOptions,
) -> ObjectMeta {
    let workflow = parts.workflow;
    ObjectMeta {
        name: Some(format!("{names}{}", part + 1)),
        namespace: options.namespace.clone().or_else(|| workflow.settings.namespace.clone()),
        labels: IndexMap::from([
            (rbac::WORKFLOW.to_owned(), workflow.name.clone()),
            (PART.to_owned(), (part + 1).to_string()),
        ]),
        annotations: IndexMap::from([(DIGEST.to_owned(), digest.to_owned())]),
        ..ObjectMeta::default()
    }
}

fn of_part(
    context: &Context<'_>,
    parts: &Parts<'_>,
    part: usize,
    mut metadata: ObjectMeta,
) -> Result<Document, EngineError> {
    let workflow = parts.workflow;
    let view = context.part.as_ref();
    let mut all: Vec<PipelineTask> = view.map(|view| view.tasks(context)).unwrap_or_default();
    for index in parts.members(part) {
        let node = &workflow.graph[*index];
        let mut dependencies = parts.inside(*index);
        dependencies.extend(view.and_then(|view| view.gate(&node.name)));
        let mut of_step = tasks(context, node, &dependencies)?;
        let written = view.map(|view| view.written(*index)).unwrap_or_default();
        // What gathers the results of a skipped map is skipped for want of them.
        for task in of_step.iter_mut().filter(|task| !is_collector(task)) {
            task.when.extend(written.clone());
        }
        all.extend(of_step);
    }
    metadata.annotations.extend(parts.notes(part).map(|note| (AFTER.to_owned(), note)));
    if !context.renamed().is_empty() {
        metadata.annotations.insert(NAMES.to_owned(), serde_json::json!(context.renamed()).to_string());
    }
    let mut params = pipeline::params(workflow);
    params.push(ParamSpec { name: parent::RUN.to_owned(), ..ParamSpec::default() });
    let spec = PipelineSpec {
        description: Some(format!("Part {} of {} of {}", part + 1, parts.len(), workflow.name)),
        params,
        workspaces: pipeline::bindings(context)
            .into_iter()
            .map(|binding| Named { name: binding.name })
            .collect(),
        tasks: all,
        finally: Vec::new(),
    };
    Ok(Document::Pipeline(Box::new(Resource { api_version: API_VERSION, kind: "Pipeline", metadata, spec })))
}

fn is_collector(task: &PipelineTask) -> bool {
    let annotations = &task.task_spec.metadata.annotations;
    annotations.get(ROLE).is_some_and(|role| role == "all") && annotations.contains_key(SERVES)
}

/// What the service account of the pods must be allowed to do.
fn role(parts: &Parts<'_>, options: &GenerateOptions) -> [Document; 2] {
    let rules = vec![
        Rule { api_groups: ["tekton.dev"], resources: ["pipelineruns"], verbs: vec!["create", "get"] },
        Rule { api_groups: ["tekton.dev"], resources: ["taskruns"], verbs: vec!["get", "list"] },
    ];
    let (role, binding) = rbac::for_parts(parts.workflow, options, rules);
    [Document::Role(role), Document::Binding(binding)]
}
