//! One part: a `WorkflowTemplate` with gates before its steps and marks behind them.

use super::super::super::EngineError;
use super::super::super::kubernetes::pod::{Container, ObjectMeta};
use super::super::call::call;
use super::super::context::{Context, Scope};
use super::super::manifest::{
    API_VERSION, Arguments, Artifact, Call, Dag, Document, Parameter, Ports, Resource, ResourceTemplate,
    RetryStrategy, Template, ValueFrom, WorkflowSpec,
};
use super::super::workflow;
use super::ledger;
use super::view::{PartView, handed};
use crate::ir::{Node, NodeOutputKind};

/// Label of a part, with its number.
pub(crate) const PART: &str = "couler.dev/part";
/// Annotation of a part: what its steps wait for in other parts, a JSON object of lists, where gates do not say so.
pub(crate) const AFTER: &str = "couler.dev/after";
/// An image that does nothing.
const TOOLS: &str = "busybox:1.37";
/// Where a file is that only passes through.
pub(super) const PASSING: &str = "/tmp/couler/passing";

/// The document of the part that `context` looks at.
///
/// # Errors
/// What Argo cannot express, with the step and the feature.
pub(crate) fn document(
    context: &Context<'_>,
    view: &PartView<'_>,
    metadata: ObjectMeta,
) -> Result<Document, EngineError> {
    let entrypoint = context.template_name("main");
    let mut body = Body::new(context, view);
    body.templates.push(Template { name: entrypoint.clone(), ..Template::default() });
    body.add_gates();
    for index in view.parts.members(view.part) {
        let node = &context.workflow.graph[*index];
        let mut dependencies: Vec<String> =
            view.parts.inside(*index).into_iter().map(str::to_owned).collect();
        dependencies.extend(view.gate(&node.name).map(str::to_owned));
        let (task, templates) = call(context, node, dependencies, Scope::Dag)?;
        body.tasks.push(task);
        body.templates.extend(templates);
    }
    body.add_marks()?;
    let Body { mut templates, tasks, .. } = body;
    templates[0].dag = Some(Dag { tasks });
    let shared = workflow::settings(context.workflow, entrypoint, templates);
    let mut arguments = shared.arguments;
    arguments.parameters.push(Parameter::named(view.run));
    let spec = WorkflowSpec {
        arguments,
        // One claim and one limit for all parts, which the parent makes.
        parallelism: None,
        volume_claim_templates: Vec::new(),
        ..shared
    };
    Ok(Document::Template(Box::new(Resource {
        api_version: API_VERSION,
        kind: "WorkflowTemplate",
        metadata,
        spec,
    })))
}

struct Body<'a> {
    context: &'a Context<'a>,
    view: &'a PartView<'a>,
    templates: Vec<Template>,
    tasks: Vec<Call>,
}

impl<'a> Body<'a> {
    fn new(context: &'a Context<'a>, view: &'a PartView<'a>) -> Self {
        Self { context, view, templates: Vec::new(), tasks: Vec::new() }
    }

    /// A gate looks at the ledger until every step is done that it waits for, or some part has failed.
    fn add_gates(&mut self) {
        let view = self.view;
        for (name, gate) in &view.gates {
            let done =
                gate.producers.iter().map(|step| format!("data.{} == {}", ledger::mark(step), ledger::DONE));
            let parameters = gate.values.iter().map(|(step, output)| {
                let filter = format!(".data[\"{}\"]", ledger::value(step, output));
                let value_from = Some(ValueFrom { jq_filter: Some(filter), ..ValueFrom::default() });
                Parameter { value_from, ..Parameter::named(handed(step, output)) }
            });
            self.templates.push(Template {
                name: name.clone(),
                outputs: Ports { parameters: parameters.collect(), ..Ports::default() },
                // A gate whose pod was evicted looks again; one that a failure has closed is no error.
                retry_strategy: Some(again("OnError")),
                resource: Some(ResourceTemplate {
                    action: "get",
                    merge_strategy: None,
                    set_owner_reference: false,
                    success_condition: Some(done.collect::<Vec<_>>().join(",")),
                    failure_condition: Some(format!("data.{}", ledger::FAILED)),
                    manifest: ledger::manifest(&view.run(), &[]),
                }),
                ..Template::default()
            });
            self.tasks.push(Call { name: name.clone(), template: name.clone(), ..Call::default() });
        }
    }

    /// Behind each step that gates elsewhere wait for: a mark in the ledger, with what the step wrote.
    fn add_marks(&mut self) -> Result<(), EngineError> {
        let marked = self.view.parts.marked(self.view.part);
        let plain = self.context.template_name("mark");
        if marked.values().any(std::collections::BTreeSet::is_empty) {
            self.templates.push(self.mark(&plain, Vec::new(), Vec::new()));
        }
        let mut copies = None;
        for index in self.view.parts.members(self.view.part) {
            let node = &self.context.workflow.graph[*index];
            let passed = self.pass_on(node, &mut copies);
            let Some(read) = marked.get(node.name.as_str()) else { continue };
            let step = Parameter::with_value("step", ledger::mark(&node.name));
            let mut arguments = Arguments { parameters: vec![step], artifacts: Vec::new() };
            let mut template = plain.clone();
            if !read.is_empty() {
                template = self.context.template_name(&format!("mark-{}", node.name));
                let (mut declared, mut entries) = (Vec::new(), Vec::new());
                for output in read {
                    let path = self.context.output_path(Scope::Dag, &node.name, &node.name, output)?;
                    let name = handed(&node.name, output);
                    arguments.parameters.push(Parameter::with_value(&name, format!("{{{{{path}}}}}")));
                    // As JSON, because a text may hold quotes and line breaks.
                    let text = format!("{{{{=toJson(inputs.parameters['{name}'])}}}}");
                    entries.push((ledger::value(&node.name, output), text));
                    declared.push(Parameter::named(name));
                }
                let written = self.mark(&template, declared, entries);
                self.templates.push(written);
            }
            let dependencies = if passed.is_empty() { vec![node.name.clone()] } else { passed };
            let name = self.context.template_name(&format!("mark-of-{}", node.name));
            self.tasks.push(Call { name, template, dependencies, arguments, ..Call::default() });
        }
        Ok(())
    }

    fn mark(&self, name: &str, declared: Vec<Parameter>, more: Vec<(String, String)>) -> Template {
        let mut entries = vec![("\"{{inputs.parameters.step}}\"".to_owned(), ledger::DONE.to_owned())];
        entries.extend(more);
        let mut parameters = vec![Parameter::named("step")];
        parameters.extend(declared);
        Template {
            name: name.to_owned(),
            inputs: Ports { parameters, ..Ports::default() },
            retry_strategy: Some(again("Always")),
            resource: Some(patch(&self.view.run(), &entries)),
            ..Template::default()
        }
    }

    /// A file that the user wants in a store of his own, or that may come from an earlier run, is handed on by a task
    /// which keeps it for other parts.
    /// Returns the tasks after which that is done.
    fn pass_on(&mut self, node: &Node, copies: &mut Option<String>) -> Vec<String> {
        let mut tasks = Vec::new();
        for output in &node.outputs {
            let stored = matches!(output.kind, NodeOutputKind::Artifact { store: Some(_), .. });
            let moves = stored || (node.settings.cache.is_some() && node.map.is_none());
            if !moves || !self.view.parts.leaves(&node.name, &output.name) {
                continue;
            }
            let template = copies.get_or_insert_with(|| {
                let name = self.context.template_name("pass-on");
                self.templates.push(passing(&name, self.view));
                name
            });
            let name = self.context.template_name(&format!("pass-on-{}", node.name));
            let port = super::super::super::kubernetes::names::port_name(&output.name);
            let from = Some(format!("{{{{tasks.{}.outputs.artifacts.{port}}}}}", node.name));
            let arguments = Arguments {
                parameters: vec![Parameter::with_value("key", format!("{}/{port}", node.name))],
                artifacts: vec![Artifact {
                    name: "data".to_owned(),
                    from,
                    optional: true,
                    ..Artifact::default()
                }],
            };
            let dependencies = vec![node.name.clone()];
            self.tasks.push(Call {
                name: name.clone(),
                template: template.clone(),
                dependencies,
                arguments,
                ..Call::default()
            });
            tasks.push(name);
        }
        tasks
    }
}

/// A few more attempts for what only talks to Kubernetes.
pub(crate) fn again(policy: &'static str) -> RetryStrategy {
    RetryStrategy { limit: 5, retry_policy: policy, backoff: None }
}

/// A change of the ledger.
pub(crate) fn patch(run: &str, entries: &[(String, String)]) -> ResourceTemplate {
    ResourceTemplate {
        action: "patch",
        merge_strategy: Some("merge"),
        set_owner_reference: false,
        success_condition: None,
        failure_condition: None,
        manifest: ledger::manifest(run, entries),
    }
}

/// Takes a file and keeps it under a key.
fn passing(name: &str, view: &PartView<'_>) -> Template {
    let mut place = view.place("", "");
    if let super::super::manifest::Place::S3(store) = &mut place {
        store.key = format!("{}/{{{{inputs.parameters.key}}}}", view.run());
    }
    let file = Artifact {
        name: "data".to_owned(),
        path: Some(PASSING.to_owned()),
        optional: true,
        ..Artifact::default()
    };
    Template {
        name: name.to_owned(),
        inputs: Ports { parameters: vec![Parameter::named("key")], artifacts: vec![file.clone()] },
        outputs: Ports { artifacts: vec![Artifact { place: Some(place), ..file }], ..Ports::default() },
        container: Some(Container {
            image: TOOLS.to_owned(),
            command: vec!["true".to_owned()],
            ..Container::default()
        }),
        ..Template::default()
    }
}
