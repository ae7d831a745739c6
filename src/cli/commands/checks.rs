//! `couler checks`: what is checked of a model's answer.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::cli::{Failure, Output};
use crate::nl::PASSES;
use crate::nl::checks::CHECKS;

/// List the checks that judge a model's answer, and the passes that rewrite a small model's plan
#[derive(Debug, clap::Args)]
#[command(after_help = "`couler nl --without-check NAME` and `--without-pass NAME` leave one out.")]
pub(in crate::cli) struct Arguments {
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let checks: Vec<(&str, &str)> = CHECKS.iter().map(|check| (check.name(), check.about())).collect();
    let passes: Vec<(&str, &str)> = PASSES.iter().map(|pass| (pass.name, pass.about)).collect();
    if arguments.json {
        let listed = |rows: &[(&str, &str)]| -> Vec<Value> {
            rows.iter().map(|(name, about)| json!({"name": name, "about": about})).collect()
        };
        return output.json(&json!({"checks": listed(&checks), "passes": listed(&passes)}));
    }
    let table = |rows: &[(&str, &str)]| {
        let mut table = Table::new();
        table.load_style(NOTHING);
        for (name, about) in rows {
            table.add_row([name, about]);
        }
        table.trim_fmt()
    };
    output.data(&format!(
        "Checks of a model's answer\n{}\n\nPasses that rewrite the plan of a small model (`--way passes`)\n{}\n",
        table(&checks),
        table(&passes)
    ))
}

/// The names given to `--without-check`, all of them known.
pub(super) fn known_checks(names: &[String]) -> Result<Vec<String>, Failure> {
    let known: Vec<&str> = CHECKS.iter().map(|check| check.name()).collect();
    all_known("check", names, &known)
}

/// The names given to `--without-pass`, all of them known.
pub(super) fn known_passes(names: &[String]) -> Result<Vec<String>, Failure> {
    let known: Vec<&str> = PASSES.iter().map(|pass| pass.name).collect();
    all_known("pass", names, &known)
}

fn all_known(kind: &str, names: &[String], known: &[&str]) -> Result<Vec<String>, Failure> {
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let hint = format!("possible: {}; `couler checks` explains them", known.join(", "));
            Err(Failure::usage(format!("there is no {kind} {name:?}"), hint))
        }
        None => Ok(names.to_vec()),
    }
}
