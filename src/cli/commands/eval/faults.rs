//! `couler eval faults`: what the checks find of faults planted into right answers.

use std::path::PathBuf;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;

use crate::cli::commands::{block_on, open_lake};
use crate::cli::{Environment, Failure, Output, model_choice};
use crate::eval::faults::{Planted, by_kind, plant};
use crate::eval::gold::{GoldCase, read_gold};
use crate::eval::repairs::repair;
use crate::nl::Prompts;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A file of gold cases, or a folder of them
    #[arg(value_name = "GOLD", default_value = "eval/gold")]
    gold: PathBuf,

    /// How many faults to plant
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    count: usize,

    /// Seed of the choice
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Leave a check out (may be repeated)
    #[arg(long, value_name = "NAME")]
    without_check: Vec<String>,

    /// List the faults that no check found
    #[arg(long)]
    missed: bool,

    /// Let the model repair what was found, once each
    #[arg(long)]
    repair: bool,

    /// The model that repairs
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Repairs at the same time
    #[arg(long, value_name = "N", default_value_t = 4)]
    jobs: usize,

    /// Print every fault as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let cases = read_gold(&arguments.gold)?;
    let lake = open_lake(environment)?;
    let planted = plant(&cases, &lake, arguments.count, arguments.seed, &arguments.without_check);
    if arguments.repair {
        return repairs(arguments, &planted, &cases, environment, output);
    }
    if arguments.json {
        return output.json(&planted);
    }
    let mut text = String::new();
    if arguments.missed {
        for fault in planted.iter().filter(|fault| !fault.found()) {
            text.push_str(&format!(
                "{} {}: {}\n",
                fault.id,
                json!(fault.kind).as_str().unwrap_or_default(),
                fault.fault
            ));
        }
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.add_row(["planted fault", "found", "of"]);
    let (mut found, mut all) = (0, 0);
    for (kind, (caught, planted)) in by_kind(&planted) {
        table.add_row([json!(kind).as_str().unwrap_or_default(), &caught.to_string(), &planted.to_string()]);
        found += caught;
        all += planted;
    }
    table.add_row(["all", &found.to_string(), &all.to_string()]);
    output.data(&(text + &table.trim_fmt() + "\n"))
}

/// Lets the model repair the faults that were found.
fn repairs(
    arguments: &Arguments,
    planted: &[Planted],
    cases: &[GoldCase],
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let found: Vec<Planted> = planted.iter().filter(|fault| fault.found()).cloned().collect();
    let lake = open_lake(environment)?;
    let prompts = Prompts::built_in();
    let model = model_choice::open(arguments.model.as_deref(), None, environment, output)?;
    let work = async { Ok(repair(&found, cases, &lake, &prompts, model.as_ref(), arguments.jobs).await) };
    let repaired = block_on(work)?;
    if arguments.json {
        return output.json(&repaired);
    }
    let mut text = String::new();
    for left in repaired.iter().filter(|one| !one.differences.is_empty()) {
        text.push_str(&format!("{}: {}; left: {}\n", left.id, left.fault, left.differences.join("; ")));
    }
    let mended = repaired.iter().filter(|one| one.differences.is_empty()).count();
    output.data(&format!("{text}{mended} of {} faults that were found are mended\n", repaired.len()))
}
