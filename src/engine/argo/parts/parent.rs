//! The parent: makes the ledger, creates the parts in order, and runs what comes at the end.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::super::kubernetes::names::port_name;
use super::super::super::kubernetes::pod::ObjectMeta;
use super::super::super::kubernetes::rbac::{self, Rule};
use super::super::super::parts::{Admission, Parts};
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
    let template_name = |wanted: &str| context.template_name(wanted);
    let (main, ledger, one, ended) =
        (template_name("main"), template_name("ledger"), template_name("part"), template_name("part-ended"));
    let mut tasks = vec![Call { name: ledger.clone(), template: ledger.clone(), ..Call::default() }];
    let waits = waits(parts);
    for (number, before) in waits.into_iter().enumerate() {
        let name = format!("part-{}", number + 1);
        let mut dependencies: Vec<String> = before.iter().map(|part| format!("part-{}", part + 1)).collect();
        if dependencies.is_empty() {
            dependencies.push(ledger.clone());
        }
        let number = Parameter::with_value("number", (number + 1).to_string());
        let status = Parameter::with_value("status", format!("{{{{tasks.{name}.status}}}}"));
        let with = |parameters| Arguments { parameters, artifacts: Vec::new() };
        tasks.push(Call {
            template: one.clone(),
            dependencies,
            arguments: with(vec![number.clone()]),
            hooks: Some(Hooks {
                exit: Hook { template: ended.clone(), arguments: with(vec![number, status]) },
            }),
            name,
            ..Call::default()
        });
    }
    let mut templates = vec![
        Template { name: main.clone(), dag: Some(Dag { tasks }), ..Template::default() },
        Template { name: ledger, resource: Some(new_ledger(parts)), ..Template::default() },
        Template {
            name: one,
            inputs: Ports { parameters: vec![Parameter::named("number")], ..Ports::default() },
            resource: Some(new_part(parts, names, run)),
            ..Template::default()
        },
        Template {
            name: ended,
            inputs: Ports {
                parameters: vec![Parameter::named("number"), Parameter::named("status")],
                ..Ports::default()
            },
            resource: Some(part::patch(
                RUN,
                &[(ledger::ended(&input_parameter("number")), input_parameter("status"))],
            )),
            ..Template::default()
        },
    ];
    let on_exit = workflow::exit_handler(&context, &mut templates)?;
    let mut spec = workflow::settings(workflow, main, templates);
    spec.on_exit = on_exit;
    // What runs here are the parts, not the steps.
    spec.parallelism = None;
    Ok(workflow::around(workflow, workflow::metadata(workflow, options, digest.to_owned()), spec))
}

/// The parts after which each part is created.
fn waits(parts: &Parts<'_>) -> Vec<BTreeSet<usize>> {
    let open = match parts.admission {
        Admission::Barrier => return (0..parts.len()).map(|part| parts.before(part).clone()).collect(),
        Admission::Gated { waiting } => parts.open_at_once(waiting),
    };
    (0..parts.len()).map(|part| part.checked_sub(open).into_iter().collect()).collect()
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
         labels:\n    {RUN_LABEL}: {RUN}\nspec:\n  workflowTemplateRef:\n    name: {names}{number}\n  \
         arguments:\n    parameters:\n    - name: {run}\n      value: {RUN}\n"
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
    let settings = &parts.workflow.settings;
    let metadata = ObjectMeta {
        name: Some(format!("{}-parts", parts.workflow.name)),
        namespace: options.namespace.clone().or_else(|| settings.namespace.clone()),
        labels: IndexMap::from([(part::WORKFLOW.to_owned(), parts.workflow.name.clone())]),
        ..ObjectMeta::default()
    };
    let rules = vec![
        Rule { api_groups: ["argoproj.io"], resources: ["workflows"], verbs: vec!["create", "get"] },
        Rule { api_groups: [""], resources: ["configmaps"], verbs: vec!["create", "get", "patch"] },
    ];
    let account = settings.service_account.as_deref().unwrap_or("default");
    let (role, binding) = rbac::role(&metadata, account, rules);
    [Document::Role(Box::new(role)), Document::Binding(Box::new(binding))]
}
