//! `couler eval fidelity`: does the pipeline keep right answers?

use std::path::{Path, PathBuf};

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use crate::cli::commands::{block_on, open_lake};
use crate::cli::{Environment, Failure, Output};
use crate::eval::fidelity::{Cost, Fidelity, fidelity};
use crate::eval::gold::{GoldError, read_gold};
use crate::nl::Prompts;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A file of gold cases, or a folder of them
    #[arg(value_name = "GOLD", default_value = "eval/gold")]
    gold: PathBuf,

    /// Only cases whose id contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// The Python interpreter that reads Airflow's files
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,

    /// Print every case as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let mut cases = read_gold(&arguments.gold)?;
    if let Some(filter) = &arguments.filter {
        cases.retain(|case| case.id.contains(filter.as_str()));
    }
    if cases.is_empty() {
        return Err(Failure::usage(
            "there is no gold case to measure",
            "give a folder of gold files, or another --filter",
        ));
    }
    let lake = open_lake(environment)?;
    let python = runs(&arguments.python).then_some(arguments.python.as_path());
    if python.is_none() {
        output.message("Python is not there, so the graphs of Airflow's files are skipped");
    }
    let prompts = Prompts::built_in();
    let measured = block_on(async { Ok(fidelity(&cases, &lake, &prompts, python).await) })?;
    if arguments.json {
        output.json(&measured)?;
    } else {
        output.data(&text(&measured))?;
    }
    let lost = measured.iter().filter(|case| !case.kept()).count();
    if lost == 0 {
        return Ok(());
    }
    Err(Failure::failed(
        format!("{lost} of {} right answers were not kept", measured.len()),
        "each line above names the place: mend the schema, the check or the gold",
    ))
}

fn runs(python: &Path) -> bool {
    std::process::Command::new(python).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn text(measured: &[Fidelity]) -> String {
    let mut lines = String::new();
    for case in measured {
        let lists = [
            ("gold", &case.gold),
            ("schema", &case.refused),
            ("finding", &case.findings),
            ("program", &case.differences),
            ("graph", &case.graphs),
        ];
        for (name, list) in lists {
            for line in list {
                lines.push_str(&format!("{} {name}: {line}\n", case.id));
            }
        }
    }
    let count = |kept: fn(&Fidelity) -> bool| measured.iter().filter(|case| kept(case)).count().to_string();
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["right answers", "cases"]);
    table.add_row(["in all".to_owned(), measured.len().to_string()]);
    table.add_row(["gold is valid".to_owned(), count(|case| case.gold.is_empty())]);
    table.add_row([
        "schemas accept every part".to_owned(),
        count(|case| case.gold.is_empty() && case.refused.is_empty()),
    ]);
    table.add_row([
        "no check fires".to_owned(),
        count(|case| case.gold.is_empty() && case.findings.is_empty()),
    ]);
    table.add_row([
        "the program is the right one".to_owned(),
        count(|case| case.gold.is_empty() && case.differences.is_empty()),
    ]);
    table.add_row([
        "so are the graphs of all engines".to_owned(),
        count(|case| case.gold.is_empty() && case.graphs.is_empty()),
    ]);
    let refused = measured.iter().filter(|case| !case.unsupported.is_empty()).count();
    table.add_row(["an engine lacks a feature".to_owned(), refused.to_string()]);
    format!("{lines}{table}\n\n{}\n", costs(measured))
}

/// Medians of what each way takes.
fn costs(measured: &[Fidelity]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "median per description",
        "ms beside the model (most)",
        "tokens in",
        "of them new",
        "out",
    ]);
    for way in ["whole", "steps"] {
        let costs: Vec<_> =
            measured.iter().flat_map(|case| &case.cost).filter(|cost| cost.way == way).collect();
        let figure = |value: &dyn Fn(&Cost) -> f64| {
            let mut values: Vec<f64> = costs.iter().map(|cost| value(cost)).collect();
            values.sort_by(f64::total_cmp);
            (values.get(values.len() / 2).copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0))
        };
        let (median, most) = figure(&|cost| cost.milliseconds);
        let tokens =
            |value: &dyn Fn(&Cost) -> u32| format!("{:.0}", figure(&|cost| f64::from(value(cost))).0);
        table.add_row([
            if way == "whole" { "one answer" } else { "plan, then fragments" }.to_owned(),
            format!("{median:.1} ({most:.1})"),
            tokens(&|cost| cost.usage.prompt_tokens),
            tokens(&|cost| cost.usage.prompt_tokens - cost.usage.cached_tokens),
            tokens(&|cost| cost.usage.completion_tokens),
        ]);
    }
    table
}

impl From<GoldError> for Failure {
    fn from(error: GoldError) -> Self {
        let hint = match &error {
            GoldError::Io { .. } => "give a file of gold cases, or a folder of them",
            GoldError::Syntax { .. } => {
                "a gold file is a list of cases: id, style, language, kinds, description, program"
            }
            GoldError::Twice { .. } => "give each case its own id",
        };
        Self::usage(error.to_string(), hint)
    }
}
