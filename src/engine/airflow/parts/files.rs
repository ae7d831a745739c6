//! The files of a workflow in parts.
//!
//! All runs of parts have the name of the run that started them, so that values and states are found by it; files are
//! in the folder of the whole workflow.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::parts::{Gate, Parts};
use super::super::super::{EngineError, GenerateOptions, GeneratedFile, PartFiles, PartPlan};
use super::super::context::{Context, ENGINE};
use super::super::modules::Module;
use super::super::names::identifier;
use super::super::python::Expr;
use super::super::task::Task;
use super::super::workflow::{self, Body};
use crate::api::{Piece, RunFact};
use crate::ir::{Workflow, digest};

/// The DAG of a part. No name of a workflow has a dot.
fn dag_id(workflow: &Workflow, part: usize) -> String {
    format!("{}.part-{}", workflow.name, part + 1)
}

/// The pool that limits the steps of all parts together.
fn pool(workflow: &Workflow) -> String {
    format!("couler-{}", workflow.name)
}

/// A file for each part, and one with the DAG that starts them and does what comes at the end.
///
/// # Errors
/// What Airflow cannot express, with the step and the feature.
pub(crate) fn files(
    workflow: &Workflow,
    plan: &PartPlan,
    options: &GenerateOptions,
) -> Result<PartFiles, EngineError> {
    let parts = Parts::new(ENGINE, workflow, plan)?;
    let digest = digest(workflow);
    let mut files = Vec::with_capacity(parts.len() + 1);
    for part in 0..parts.len() {
        let name = format!("{}_part_{}.py", identifier(&workflow.name), part + 1);
        files.push(GeneratedFile { name, content: of_part(&parts, part, &digest, options)? });
    }
    files.push(GeneratedFile {
        name: workflow::file_name(workflow),
        content: of_parent(&parts, &digest, options)?,
    });
    let bytes = files.iter().map(|file| file.content.len()).collect();
    Ok(PartFiles { bytes, notes: notes(&parts), files })
}

fn notes(parts: &Parts<'_>) -> Vec<String> {
    let workflow = parts.workflow;
    let mut notes = vec![format!(
        "put all files into the folder of DAGs and run {:?}, which starts the {} parts; a triggerer must run",
        workflow.name,
        parts.len()
    )];
    if let Some(limit) = workflow.settings.parallelism {
        notes.push(format!(
            "the limit of steps at once is a pool: airflow pools set {} {limit} \"steps of {}\"",
            pool(workflow),
            workflow.name
        ));
    }
    notes
}

fn of_part(
    parts: &Parts<'_>,
    part: usize,
    digest: &str,
    options: &GenerateOptions,
) -> Result<String, EngineError> {
    let context = Context::of_part(parts, part, options);
    let workflow = parts.workflow;
    let function = context.variable(&workflow.name);
    let body = Body::of_part(&context, parts, part)?;
    let description = format!("Part {} of {} of {}", part + 1, parts.len(), workflow.name);
    let named = vec![
        ("dag_id", Expr::text(dag_id(workflow, part))),
        ("description", Expr::text(description)),
        ("schedule", Expr::code("None")),
        // The parent starts it, whether somebody has looked at it or not.
        ("is_paused_upon_creation", Expr::code("False")),
    ];
    let limited = workflow.settings.parallelism.map(|_| ("pool".to_owned(), Expr::text(pool(workflow))));
    let decorator = workflow::completed(&context, &body, named, limited.into_iter().collect());
    let tables = tables(&context, parts, part);
    Ok(workflow::written(&context, digest, &function, &decorator, &body, &tables))
}

/// Where steps of other parts are, and behind a barrier what this part's steps wait for there.
fn tables(context: &Context<'_>, parts: &Parts<'_>, part: usize) -> Vec<(&'static str, Expr)> {
    let workflow = parts.workflow;
    let mut elsewhere: BTreeMap<&str, Expr> = BTreeMap::new();
    let mut after: Vec<(String, Expr)> = Vec::new();
    for index in parts.members(part) {
        let outside = parts.outside(*index);
        for step in &outside {
            let (Some(of), Some(node)) = (parts.part_of(step), context.node(step)) else { continue };
            let mapped = if node.map.is_some() { "True" } else { "False" };
            elsewhere.insert(step, Expr::List(vec![Expr::text(dag_id(workflow, of)), Expr::code(mapped)]));
        }
        if parts.has_barriers() && !outside.is_empty() {
            let names = outside.into_iter().map(Expr::text).collect();
            after.push((workflow.graph[*index].name.clone(), Expr::List(names)));
        }
    }
    let mut tables = Vec::new();
    if context.modules().contains(&Module::PartOutput) {
        let entries = elsewhere.into_iter().map(|(step, place)| (step.to_owned(), place)).collect();
        tables.push(("ELSEWHERE", Expr::Dict(entries)));
    }
    if !after.is_empty() {
        tables.push(("AFTER", Expr::Dict(after)));
    }
    tables
}

fn of_parent(parts: &Parts<'_>, digest: &str, options: &GenerateOptions) -> Result<String, EngineError> {
    let workflow = parts.workflow;
    let context = Context::new(workflow, options);
    let function = context.variable(&workflow.name);
    if !workflow.parameters.is_empty() {
        context.uses(Module::Values);
    }
    let body = Body::of_parent(&context, parts)?;
    let named = workflow::parent_words(workflow)?;
    let decorator = workflow::completed(&context, &body, named, Vec::new());
    let slots = workflow.settings.parallelism.map(|limit| ("SLOTS", Expr::code(limit.to_string())));
    let tables: Vec<(&str, Expr)> = slots.into_iter().collect();
    Ok(workflow::written(&context, digest, &function, &decorator, &body, &tables))
}

/// The task that starts a part and waits for its end. It is deferred, so it takes no worker while it waits.
pub(crate) fn trigger(context: &Context<'_>, parts: &Parts<'_>, part: usize) -> Task {
    let workflow = parts.workflow;
    let id = context.task_id(&format!("part-{}", part + 1));
    let dated = workflow.nodes().any(|node| node.pieces().contains(&Piece::Run(RunFact::Date)));
    let date = dated.then(|| {
        let name = RunFact::Date.name();
        (name.to_owned(), Expr::text(format!("{{{{ fact({}) }}}}", quoted(name))))
    });
    let conf: Vec<(String, Expr)> = workflow
        .parameters
        .keys()
        .map(|name| (name.clone(), Expr::text(format!("{{{{ param({}) }}}}", quoted(name)))))
        .chain(date)
        .collect();
    let mut named = vec![
        ("task_id", Expr::text(&id)),
        ("trigger_dag_id", Expr::text(dag_id(workflow, part))),
        ("trigger_run_id", Expr::text("{{ run_id }}")),
        ("logical_date", Expr::code("None")),
    ];
    if !conf.is_empty() {
        named.push(("conf", Expr::Dict(conf)));
    }
    named.extend([
        ("reset_dag_run", Expr::code("True")),
        ("wait_for_completion", Expr::code("True")),
        ("deferrable", Expr::code("True")),
        ("poke_interval", Expr::code("5")),
    ]);
    Task { variable: context.variable(&id), value: Expr::with("TriggerDagRunOperator", named), items: None }
}

/// A name in the quotes that references to parameters have everywhere.
fn quoted(name: &str) -> String {
    format!("'{name}'")
}

/// The task at which steps wait for steps of other parts.
pub(crate) fn gate(context: &Context<'_>, parts: &Parts<'_>, number: usize, gate: &Gate<'_>) -> Task {
    context.uses(Module::Gate);
    let mut steps: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for step in &gate.producers {
        steps.entry(parts.part_of(step).unwrap_or_default()).or_default().insert(step);
    }
    let entries = steps.into_iter().map(|(part, steps)| {
        (dag_id(parts.workflow, part), Expr::List(steps.into_iter().map(Expr::text).collect()))
    });
    let id = context.task_id(&format!("gate-{}", number + 1));
    let mut named = vec![("task_id", Expr::text(&id)), ("steps", Expr::Dict(entries.collect()))];
    let is_mapped = |step: &&&str| context.node(step).is_some_and(|node| node.map.is_some());
    let mapped: Vec<Expr> = gate.producers.iter().filter(is_mapped).map(|step| Expr::text(*step)).collect();
    if !mapped.is_empty() {
        named.push(("mapped", Expr::List(mapped)));
    }
    if parts.workflow.settings.parallelism.is_some() {
        named.push(("pool", Expr::text("default_pool"))); // waiting is no step
    }
    Task { variable: context.variable(&id), value: Expr::with("Gate", named), items: None }
}
