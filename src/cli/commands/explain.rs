//! `couler explain`: what a program means, step by step, and what the optimizer would do with it.

use std::path::PathBuf;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::json;

use super::compile::read_workflow;
use crate::api::{Input, MapItems};
use crate::cli::files::read_text;
use crate::cli::optimizing::{PassArguments, SplitArguments, optimized};
use crate::cli::{Environment, Failure, Output};
use crate::ir::{Action, Node, Workflow, canonical_json, digest};
use crate::optimize::passes::Report;
use crate::run::prospects;
use crate::tune::ORIGIN;

/// Explain a program: order, conditions, loops, what flows where, what the optimizer does, what would run here
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The program, YAML or JSON (- is standard input)
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// Passes of the optimizer, separated by commas: hyperparameters, fetch, cache, resources, split; or all, or none
    #[arg(long, value_name = "PASSES", value_delimiter = ',', default_value = "all")]
    passes: Vec<String>,

    #[command(flatten)]
    limits: PassArguments,

    #[command(flatten)]
    split: SplitArguments,

    /// Print the graph as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let program = read_text(&arguments.program)?;
    let workflow = read_workflow(&arguments.program, &program, environment)?;
    let here = prospects(
        &workflow,
        &super::run::looking(&workflow, environment)?,
        &super::run::open_store(environment)?,
    );
    let reports = optimized(
        workflow.clone(),
        &program,
        &arguments.passes,
        &arguments.limits,
        &arguments.split,
        &|_| false,
        environment,
        output,
    )?
    .reports;
    if arguments.json {
        let passes: Vec<_> =
            reports.iter().map(|(report, digest)| json!({"report": report, "digest": digest})).collect();
        return output.json(&json!({"digest": digest(&workflow), "graph": canonical_json(&workflow),
            "notes": workflow.notes, "passes": passes, "here": here}));
    }
    let mut text = explained(&workflow);
    text.push_str("if it ran on this machine now:\n");
    for prospect in here {
        let word = if prospect.cached { "cached" } else { "runs" };
        text.push_str(&format!("  {word:<7}{:<24} {}\n", prospect.step, prospect.reason));
    }
    output.data(&text)?;
    reports.iter().try_for_each(|(report, digest)| output.data(&of_pass(report, digest)))
}

/// The changes of a report that are printed.
const SHOWN: usize = 12;

fn of_pass(report: &Report, digest: &str) -> String {
    let mut text = format!("\n{}: {}  (digest {})\n", report.pass, report.summary, &digest[..16]);
    for change in report.changes.iter().take(SHOWN) {
        text.push_str(&format!("  {}: {} ({})\n", change.step, change.what, change.why));
    }
    if report.changes.len() > SHOWN {
        let more = report.changes.len() - SHOWN;
        text.push_str(&format!("  … {more} more changes; --json prints them all\n"));
    }
    for (name, figure) in &report.figures {
        text.push_str(&format!("  {name}: {figure}\n"));
    }
    text
}

pub(super) fn explained(workflow: &Workflow) -> String {
    let mut text = format!("{}  (digest {})\n", workflow.name, &digest(workflow)[..16]);
    if let Some(schedule) = &workflow.schedule {
        let zone = schedule.timezone.as_deref().unwrap_or("the cluster's time zone");
        text.push_str(&format!("runs by itself: {} in {zone}\n", schedule.cron.join("; ")));
    }
    for (name, parameter) in &workflow.parameters {
        let value =
            parameter.default.as_deref().map_or("to be given".to_owned(), |default| format!("{default:?}"));
        text.push_str(&format!("parameter {name}: {value}\n"));
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["step", "does", "waits for", "reads", "runs"]);
    for index in workflow.topological() {
        let node = &workflow.graph[index];
        let waits = workflow.dependencies(index).join(", ");
        table.add_row([node.name.clone(), does(node), waits, reads(node), runs(node)]);
    }
    for node in &workflow.on_exit {
        table.add_row([node.name.clone(), does(node), "the end".to_owned(), reads(node), runs(node)]);
    }
    text.push_str(&format!("{table}\n"));
    text.push_str(&hyperparameters(workflow));
    for note in &workflow.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

/// Where the hyperparameters of training steps come from.
fn hyperparameters(workflow: &Workflow) -> String {
    let mut text = String::new();
    for node in workflow.nodes() {
        let origins: Vec<(&str, &String)> = node
            .settings
            .annotations
            .iter()
            .filter_map(|(key, why)| Some((key.strip_prefix(ORIGIN)?, why)))
            .collect();
        if origins.is_empty() {
            continue;
        }
        text.push_str(&format!("hyperparameters of {}:\n", node.name));
        for (name, why) in origins {
            let value = match &node.action {
                Action::Script { arguments: Some(arguments), .. } => {
                    arguments.get(name).or_else(|| arguments.get("params")?.get(name))
                }
                _ => None,
            };
            let value = value.map_or_else(String::new, |value| format!(" = {value}"));
            text.push_str(&format!("  {name}{value}  ({why})\n"));
        }
    }
    text
}

fn does(node: &Node) -> String {
    match (&node.component, &node.action) {
        (Some(component), _) => component.clone(),
        (None, Action::Container { image, .. }) => image.clone(),
        (None, Action::Script { language, .. }) => format!("{language:?} script").to_lowercase(),
        (None, Action::Job { job }) => job.kind().to_owned(),
    }
}

fn reads(node: &Node) -> String {
    let read: Vec<String> = node
        .inputs
        .iter()
        .map(|input| match input {
            Input::Artifact { name, step, output, .. } => format!("{name} from {step}.{output}"),
            Input::Parameter { name, .. } | Input::External { name, .. } => name.clone(),
        })
        .collect();
    read.join(", ")
}

fn runs(node: &Node) -> String {
    let mut parts = Vec::new();
    if let Some(condition) = &node.condition {
        parts.push(format!("if {condition}"));
    }
    if let Some(map) = &node.map {
        parts.push(match &map.over {
            MapItems::List { items } => format!("once for each of {} items", items.len()),
            MapItems::Range { start, end, step, .. } => {
                let by = if *step == 1 { String::new() } else { format!(" in steps of {step}") };
                format!("once for each of {start} to {end}{by}")
            }
            MapItems::Product { of } => {
                let keys: Vec<&str> = of.keys().map(String::as_str).collect();
                let count = map.over.count().unwrap_or_default();
                format!("once for each of {count} combinations of {}", keys.join(", "))
            }
            MapItems::Output { step, output } => format!("once for each item of {step}.{output}"),
            MapItems::Parameter { name } => format!("once for each item of parameter {name}"),
        });
    }
    if let Some(repeat) = &node.exec_while {
        parts.push(format!("again while {}, at most {} times", repeat.condition, repeat.limit));
    }
    if let Some(retry) = &node.settings.retry {
        parts.push(format!("{} retries", retry.limit));
    }
    parts.join("; ")
}
