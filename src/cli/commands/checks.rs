//! `couler checks`: what is checked of a model's answer.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::cli::{Failure, Output};
use crate::nl::checks::CHECKS;

/// List the checks that judge a model's answer
#[derive(Debug, clap::Args)]
#[command(after_help = "`couler nl --without-check NAME` leaves one out.")]
pub(in crate::cli) struct Arguments {
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    if arguments.json {
        let checks: Vec<Value> =
            CHECKS.iter().map(|check| json!({"name": check.name(), "about": check.about()})).collect();
        return output.json(&checks);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    for check in CHECKS {
        table.add_row([check.name(), check.about()]);
    }
    output.data(&(table.trim_fmt() + "\n"))
}

/// The names given to `--without-check`, all of them known.
pub(super) fn known(names: &[String]) -> Result<Vec<String>, Failure> {
    for name in names {
        if CHECKS.iter().all(|check| check.name() != name) {
            let known: Vec<&str> = CHECKS.iter().map(|check| check.name()).collect();
            let hint = format!("possible: {}; `couler checks` explains them", known.join(", "));
            return Err(Failure::usage(format!("there is no check {name:?}"), hint));
        }
    }
    Ok(names.to_vec())
}
