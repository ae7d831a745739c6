//! `couler simulate`: how long a program takes, split or not.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::{Value, json};

use super::compile::read_workflow;
use crate::cli::files::{read_text, write_text};
use crate::cli::optimizing::{SplitArguments, refused};
use crate::cli::{Environment, Failure, Output};
use crate::optimize::Model;
use crate::optimize::simulate::{Assumptions, Mode, Simulation, simulate, svg_chart, text_chart};
use crate::optimize::split::Partition;

/// Simulate a program: how long it takes whole, and split with gates or barriers between the parts
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The program, YAML or JSON (- is standard input)
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    #[command(flatten)]
    split: SplitArguments,

    /// Instances of steps that run at the same time; the program's own limit, else no limit
    #[arg(long, value_name = "N")]
    workers: Option<usize>,

    /// Seconds that a gate between two parts takes to open
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    latency: f64,

    /// Probability that an attempt of a step fails, 0 to 1
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    failures: f64,

    /// Decides which attempts fail
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Parts made elsewhere: a JSON object from step to number of part
    #[arg(long, value_name = "FILE")]
    partition: Option<PathBuf>,

    /// Draw the chart with barriers between parts instead of gates
    #[arg(long)]
    barrier: bool,

    /// Print a Gantt chart
    #[arg(long)]
    gantt: bool,

    /// Write a Gantt chart to an SVG file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let assumptions = assumptions(arguments)?;
    let workflow = read_workflow(&arguments.program, &read_text(&arguments.program)?, environment)?;
    let (model, _) = arguments.split.model(&workflow, environment, output)?;
    let limit = workflow.settings.parallelism.and_then(|most| usize::try_from(most).ok());
    let assumptions = Assumptions { workers: assumptions.workers.or(limit), ..assumptions };
    let parts = match &arguments.partition {
        Some(file) => Some(read_partition(file, &model)?),
        None => arguments.split.parts(&model, output)?,
    };
    let runs = runs(&model, parts.as_ref(), &assumptions);
    if arguments.gantt || arguments.svg.is_some() {
        draw(arguments, &model, parts.as_ref(), &runs, output)?;
    }
    if arguments.json {
        return output.json(&figures(&model, parts.as_ref(), &runs, arguments));
    }
    output.data(&table(&model, parts.as_ref(), &runs))
}

fn assumptions(arguments: &Arguments) -> Result<Assumptions, Failure> {
    let wrong = |message: &str, hint: &str| Err(Failure::usage(message, hint));
    if arguments.workers == Some(0) {
        return wrong("0 workers finish nothing", "give --workers 1 or more, or leave it out");
    }
    if !(0.0..=1e9).contains(&arguments.latency) {
        return wrong("the latency is no length of time", "give --latency in seconds, 0 or more");
    }
    if !(0.0..=1.0).contains(&arguments.failures) {
        return wrong(
            "the probability of failures is not between 0 and 1",
            "give for example --failures 0.05",
        );
    }
    let Arguments { workers, latency, failures, seed, .. } = *arguments;
    Ok(Assumptions { workers, latency, failures, seed })
}

fn read_partition(path: &Path, model: &Model) -> Result<Partition, Failure> {
    let wrong = |message: String| {
        let hint =
            "write a JSON object with a number for every step, for example {\"load\": 0, \"train\": 1}";
        Failure::usage(format!("{}: {message}", path.display()), hint)
    };
    let given: HashMap<String, usize> =
        serde_json::from_str(&read_text(path)?).map_err(|error| wrong(error.to_string()))?;
    let part_of: Vec<usize> = (0..model.dag.len())
        .map(|task| {
            let name = model.name(task);
            given.get(name).copied().ok_or_else(|| wrong(format!("step {name:?} is in no part")))
        })
        .collect::<Result<_, _>>()?;
    Partition::new(&model.dag, &part_of).map_err(|error| refused(model, &error))
}

/// The whole workflow, then the parts with gates and with barriers.
fn runs(
    model: &Model,
    parts: Option<&Partition>,
    assumptions: &Assumptions,
) -> Vec<(&'static str, Simulation)> {
    let mut modes = vec![("unsplit", Mode::Unsplit)];
    if let Some(parts) = parts {
        modes.extend([("gated", Mode::Gated(parts)), ("barrier", Mode::Barrier(parts))]);
    }
    modes.into_iter().map(|(name, mode)| (name, simulate(&model.dag, mode, assumptions))).collect()
}

fn figures(
    model: &Model,
    parts: Option<&Partition>,
    runs: &[(&str, Simulation)],
    arguments: &Arguments,
) -> Value {
    let length = model.dag.critical_path();
    let runs: serde_json::Map<String, Value> = runs
        .iter()
        .map(|(name, run)| {
            let failed: Vec<&str> = run.failed.iter().map(|task| model.name(*task)).collect();
            let figures = json!({
                "makespan": run.makespan,
                "over_critical_path": run.makespan / length.max(f64::MIN_POSITIVE),
                "workers": run.workers,
                "utilization": run.utilization(),
                "failed_attempts": run.failures(),
                "failed": failed,
                "not_run": run.not_run,
            });
            ((*name).to_owned(), figures)
        })
        .collect();
    let lower_bound = arguments.split.budget().map(|budget| budget.lower_bound(&model.dag));
    json!({
        "steps": model.dag.len(),
        "critical_path": length,
        "total_work": model.dag.total_work(),
        "lower_bound": lower_bound,
        "parts": parts.map(|parts| model.names_of_parts(parts)),
        "runs": runs,
    })
}

fn table(model: &Model, parts: Option<&Partition>, runs: &[(&str, Simulation)]) -> String {
    let length = model.dag.critical_path();
    let mut text = format!(
        "{} steps, {} of work, critical path {}\n",
        model.dag.len(),
        clock(model.dag.total_work()),
        clock(length)
    );
    if let Some(parts) = parts {
        let gates = parts.gates(&model.dag).len();
        let word = if gates == 1 { "gate" } else { "gates" };
        text.push_str(&format!("{} parts, {gates} {word} between them\n", parts.len()));
    }
    let mut table = Table::new();
    let header = ["run", "makespan", "of critical path", "workers", "busy", "failed attempts", "not run"];
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(header);
    for (name, run) in runs {
        table.add_row([
            (*name).to_owned(),
            clock(run.makespan),
            format!("{:.3}", run.makespan / length.max(f64::MIN_POSITIVE)),
            run.workers.to_string(),
            format!("{:.0} %", 100.0 * run.utilization()),
            run.failures().to_string(),
            run.not_run.to_string(),
        ]);
    }
    text + &format!("{table}\n")
}

fn draw(
    arguments: &Arguments,
    model: &Model,
    parts: Option<&Partition>,
    runs: &[(&str, Simulation)],
    output: &Output,
) -> Result<(), Failure> {
    let wanted = match parts {
        None => "unsplit",
        Some(_) if arguments.barrier => "barrier",
        Some(_) => "gated",
    };
    let Some((_, run)) = runs.iter().find(|(name, _)| *name == wanted) else { return Ok(()) };
    let part_of = |task: usize| parts.map_or(0, |parts| parts.part_of()[task]);
    if let Some(path) = &arguments.svg {
        let title = format!("{wanted}, {}", clock(run.makespan));
        write_text(path, &svg_chart(run, &title, &|task| model.name(task).to_owned(), &part_of))?;
        output.message(&format!("wrote {}", path.display()));
    }
    if arguments.gantt {
        let chart = text_chart(run, &part_of, 90);
        // With --json the figures alone are data.
        if arguments.json { output.message(&chart) } else { output.data(&chart)? }
    }
    Ok(())
}

/// Seconds in the two largest units.
pub(super) fn clock(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
