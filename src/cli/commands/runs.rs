//! `couler runs`: the runs of this machine.

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use super::run::runs_folder;
use crate::cli::times::{ago, seconds_since_1970, span};
use crate::cli::{Environment, Failure, Output};
use crate::run::list_runs;

/// List the runs of this machine, the newest first
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Most runs to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,

    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let folder = runs_folder(environment);
    let mut runs = list_runs(&folder).map_err(|error| {
        Failure::failed(format!("{}: {error}", folder.display()), "check that it may be read")
    })?;
    runs.truncate(arguments.limit);
    if arguments.json {
        return output.json(&runs);
    }
    if runs.is_empty() {
        output.message("no runs yet; `couler run PROGRAM` starts one");
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["run", "began", "took", "status", "steps"]);
    let now = seconds_since_1970();
    for run in runs {
        let steps: Vec<String> = run.steps.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let took = run.ended.map_or_else(String::new, |ended| span(ended.saturating_sub(run.began)));
        table.add_row([run.id, ago(now.saturating_sub(run.began)), took, run.status, steps.join(", ")]);
    }
    output.data(&format!("{table}\n"))
}
