//! The parent: makes the ledger, creates the parts in order, and runs what comes at the end.

use std::collections::BTreeSet;

use super::super::super::kubernetes::names::port_name;
use super::super::super::kubernetes::rbac::{self, Rule};
use super::super::super::parts::Parts;
use super::super::super::{EngineError, GenerateOptions};
use super::super::context::{Context, input_parameter};
use super::super::manifest::{
    Arguments, Call, Dag, Document, Hook, Hooks, Parameter, Ports, ResourceTemplate, Template,
};
use super::super::workflow;
use super::{ledger, part};

/// The name of the run inside the parent.
const RUN: &str = "{{workflow.name}}";
/// Label of the workflows of a run, with the name of the parent.
const RUN_LABEL: &str = "couler.dev/run";

/// The parent of the parts. `names` are those of their templates without the number, `run` is their parameter for the
/// name of the run.
///
/// # Errors
/// What Argo cannot express of the steps at the end.
pub(crate) fn document(
    parts: &Parts<'_>,
    options: &GenerateOptions,
    names: &str,
    digest: &str,
    run: &str,
) -> Result<Document, EngineError> {
    let workflow = parts.workflow;
    let context = Context::new(workflow);
    let names_of = ["main", "ledger", "part", "part-ended", "part-failed"];
    let [main, ledger, part, ended, failed] = names_of.map(|wanted| context.template_name(wanted));
    let mut tasks = vec![Call { name: ledger.clone(), template: ledger.clone(), ..Call::default() }];
    for number in 0..parts.len() {
        tasks.push(task(number, &parts.opened_after(number), [&ledger, &part, &ended]));
    }
    let mut templates = vec![
        Template { name: main.clone(), dag: Some(Dag { tasks }), ..Template::default() },
        Template { name: ledger, resource: Some(new_ledger(parts)), ..Template::default() },
        Template {
            name: part,
            inputs: number(),
            resource: Some(new_part(parts, names, run)),
            ..Template::default()
        },
    ];
    templates.extend(end_of_part(ended, failed));
    let on_exit = workflow::exit_handler(&context, &mut templates)?;
    let mut spec = workflow::settings(workflow, main, templates);
    spec.on_exit = on_exit;
    // What runs here are the parts, not the steps.
    spec.parallelism = None;
    Ok(workflow::around(workflow, workflow::metadata(workflow, options, digest.to_owned()), spec))
}

fn with(parameters: Vec<Parameter>) -> Arguments {
    Arguments { parameters, artifacts: Vec::new() }
}

fn number() -> Ports {
    with(vec![Parameter::named("number")])
}

/// The task that creates a part and waits for its end, whatever that is.
fn task(number: usize, before: &BTreeSet<usize>, [ledger, part, ended]: [&String; 3]) -> Call {
    let name = format!("part-{}", number + 1);
    let mut dependencies: Vec<String> = before.iter().map(|part| format!("part-{}", part + 1)).collect();
    if dependencies.is_empty() {
        dependencies.push(ledger.clone());
    }
    let number = Parameter::with_value("number", (number + 1).to_string());
    let status = Parameter::with_value("status", format!("{{{{tasks.{name}.status}}}}"));
    Call {
        template: part.clone(),
        dependencies,
        arguments: with(vec![number.clone()]),
        hooks: Some(Hooks { exit: Hook { template: ended.clone(), arguments: with(vec![number, status]) } }),
        name,
        ..Call::default()
    }
}

/// What is called when a part is over. Nothing is said about one that succeeded: its steps have said what they did.
fn end_of_part(ended: String, failed: String) -> [Template; 2] {
    let mark = Call {
        name: "failed".to_owned(),
        template: failed.clone(),
        when: Some(format!("{} != Succeeded", input_parameter("status"))),
        arguments: with(vec![Parameter::with_value("number", input_parameter("number"))]),
        ..Call::default()
    };
    let entry = (ledger::FAILED.to_owned(), format!("part-{}", input_parameter("number")));
    [
        Template {
            name: ended,
            inputs: with(vec![Parameter::named("number"), Parameter::named("status")]),
            steps: vec![vec![mark]],
            ..Template::default()
        },
        Template {
            name: failed,
            inputs: number(),
            retry_strategy: Some(part::again("Always")),
            resource: Some(part::patch(RUN, &[entry])),
            ..Template::default()
        },
    ]
}

fn new_ledger(parts: &Parts<'_>) -> ResourceTemplate {
    let limit = parts.workflow.settings.parallelism;
    let entries: Vec<(String, String)> =
        limit.map(|limit| (ledger::PARALLELISM.to_owned(), format!("\"{limit}\""))).into_iter().collect();
    ResourceTemplate {
        action: "create",
        merge_strategy: None,
        set_owner_reference: true,
        success_condition: None,
        failure_condition: None,
        manifest: ledger::manifest(RUN, &entries),
    }
}

/// Creates the workflow of a part and waits for its end.
fn new_part(parts: &Parts<'_>, names: &str, run: &str) -> ResourceTemplate {
    let workflow = parts.workflow;
    let short: String = workflow.name.chars().take(45).collect();
    let number = input_parameter("number");
    let mut manifest = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata:\n  generateName: {short}-p{number}-\n  \
         labels:\n    {RUN_LABEL}: \"{RUN}\"\nspec:\n  workflowTemplateRef:\n    name: {names}{number}\n  \
         arguments:\n    parameters:\n    - name: {run}\n      value: \"{RUN}\"\n"
    );
    for name in workflow.parameters.keys() {
        let name = port_name(name);
        manifest.push_str(&format!(
            "    - name: {name}\n      value: {{{{=toJson(workflow.parameters['{name}'])}}}}\n"
        ));
    }
    ResourceTemplate {
        action: "create",
        merge_strategy: None,
        set_owner_reference: true,
        success_condition: Some("status.phase == Succeeded".to_owned()),
        failure_condition: Some("status.phase in (Failed, Error)".to_owned()),
        manifest,
    }
}

/// What the service account of the pods must be allowed to do.
pub(crate) fn role(parts: &Parts<'_>, options: &GenerateOptions) -> [Document; 2] {
    let rules = vec![
        Rule { api_groups: ["argoproj.io"], resources: ["workflows"], verbs: vec!["create", "get"] },
        Rule { api_groups: [""], resources: ["configmaps"], verbs: vec!["create", "get", "patch"] },
    ];
    let (role, binding) = rbac::for_parts(parts.workflow, options, rules);
    [Document::Role(Box::new(role)), Document::Binding(Box::new(binding))]
}
