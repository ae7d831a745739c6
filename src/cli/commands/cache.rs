//! `couler cache`: kept results, and what other policies would have saved.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::json;

use super::run::{cache_folder, open_store};
use crate::cli::files::write_text;
use crate::cli::{Environment, Failure, Output};
use crate::run::policy::PolicyKind;
use crate::run::simulate::{self, Share, Subject, compare, pipeline, read_instances};
use crate::run::{StoreSettings, parse_bytes};

/// Look at and manage kept results, compare policies
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what is kept, most valuable first
    Show {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make room: remove what is beyond the capacity and what nothing refers to
    Gc {
        /// Bytes to keep, for example 2Gi; the capacity if absent, 0 removes all artifacts
        #[arg(long, value_name = "SIZE")]
        keep: Option<String>,
    },
    /// Show or set the policy and the capacity
    Policy {
        /// couler, couler-paper, lru, fifo, gdsf, all or none
        #[arg(value_name = "POLICY")]
        policy: Option<String>,
        /// Bytes that artifacts may take, for example 10Gi
        #[arg(long, value_name = "SIZE")]
        capacity: Option<String>,
        /// Weight of the cost of building, for couler-paper
        #[arg(long, value_name = "X")]
        alpha: Option<f64>,
        /// Weight of the size, for couler-paper
        #[arg(long, value_name = "X")]
        beta: Option<f64>,
    },
    /// Replay edits, re-runs and reverts of workflows and compare the policies
    Simulate {
        /// Real workflows: a file with one JSON object per line (name, app, children, seconds, `output_bytes`)
        #[arg(long, value_name = "FILE")]
        instances: Option<PathBuf>,
        /// Seeds of the generated pipelines
        #[arg(long, default_value_t = 3, value_name = "N")]
        seeds: u64,
        /// Draw it into an SVG file
        #[arg(long, value_name = "FILE")]
        plot: Option<PathBuf>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    match arguments.action {
        Action::Show { json } => show(json, environment, output),
        Action::Gc { keep } => collect(keep.as_deref(), environment, output),
        Action::Policy { policy, capacity, alpha, beta } => {
            set(policy, capacity.as_deref(), alpha, beta, environment, output)
        }
        Action::Simulate { instances, seeds, plot, json } => {
            simulate(instances, seeds, plot.as_deref(), json, output)
        }
    }
}

fn size(text: &str) -> Result<u64, Failure> {
    parse_bytes(text)
        .ok_or_else(|| Failure::usage(format!("{text:?} is no size"), "write for example 512Mi or 10Gi"))
}

#[expect(clippy::cast_precision_loss, reason = "sizes are shown rounded")]
fn shown(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

fn show(as_json: bool, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let store = open_store(environment)?;
    let shelves = store.shelves();
    if as_json {
        return output.json(&json!({
            "version": "couler/cache/v1",
            "settings": store.settings(),
            "results": store.results(),
            "bytes": store.used_bytes(),
            "artifacts": shelves,
        }));
    }
    let settings = store.settings();
    let mut text = format!(
        "{} results; artifacts of {} steps, {} of {}; policy {}\n",
        store.results(),
        shelves.len(),
        shown(store.used_bytes()),
        shown(settings.capacity),
        settings.kind().name()
    );
    if !shelves.is_empty() {
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["workflow", "step", "size", "worth"]);
        for shelf in shelves.iter().take(50) {
            let worth = format!("{:.3e}", shelf.score);
            table.add_row([shelf.workflow.clone(), shelf.step.clone(), shown(shelf.bytes), worth]);
        }
        text.push_str(&format!("{table}\n"));
    }
    output.data(&text)
}

fn collect(keep: Option<&str>, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let mut store = open_store(environment)?;
    let keep = keep.map(size).transpose()?.unwrap_or(store.settings().capacity);
    let freed = store.collect(keep).map_err(|error| {
        Failure::failed(format!("the cache: {error}"), "check that its folder may be written")
    })?;
    output.message(&format!("freed {}; {} are kept", shown(freed), shown(store.used_bytes())));
    Ok(())
}

fn set(
    policy: Option<String>,
    capacity: Option<&str>,
    alpha: Option<f64>,
    beta: Option<f64>,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let folder = cache_folder(environment);
    let failed = |error: std::io::Error| {
        Failure::failed(format!("{}: {error}", folder.display()), "check settings.json in this folder")
    };
    let mut settings = StoreSettings::read(&folder).map_err(failed)?;
    let before = settings.clone();
    if let Some(name) = policy {
        if PolicyKind::named(&name).is_none() {
            let names = PolicyKind::EVERY.map(PolicyKind::name);
            return Err(Failure::usage(
                format!("there is no policy {name:?}"),
                format!("possible: {}", names.join(", ")),
            ));
        }
        settings.policy = name;
    }
    if let Some(text) = capacity {
        settings.capacity = size(text)?;
        if settings.capacity > 0 && settings.capacity < SMALLEST {
            let message = format!("a capacity of {} would keep nothing", shown(settings.capacity));
            return Err(Failure::usage(
                message,
                "give a unit, for example 10Gi; `--policy none` keeps nothing",
            ));
        }
    }
    settings.alpha = alpha.unwrap_or(settings.alpha);
    settings.beta = beta.unwrap_or(settings.beta);
    if settings != before {
        settings.write(&folder).map_err(failed)?;
    }
    output.data(&format!("policy {}, capacity {}\n", settings.kind().name(), shown(settings.capacity)))
}

/// Bytes below which a capacity must be a mistake.
const SMALLEST: u64 = 1 << 20;
const CAPACITIES: [f64; 2] = [0.1, 0.25];

fn simulate(
    instances: Option<PathBuf>,
    seeds: u64,
    plot: Option<&Path>,
    as_json: bool,
    output: &Output,
) -> Result<(), Failure> {
    let tell = |name: &str| output.status(name);
    let generated: Vec<Subject> = [8, 11, 19]
        .into_iter()
        .flat_map(|models| (0..seeds.max(1)).map(move |seed| pipeline(models, seed)))
        .collect();
    let mut groups =
        vec![("pipelines", compare(&generated, &[1, 2], &CAPACITIES, &PolicyKind::EVERY, &tell))];
    if let Some(path) = instances {
        let real = read_instances(&path).map_err(|error| {
            Failure::usage(error.to_string(), "see `couler cache simulate --help` for the form of the file")
        })?;
        let chosen = one_of_each(real);
        groups.push(("instances", compare(&chosen, &[1, 2, 3], &CAPACITIES, &PolicyKind::EVERY, &tell)));
    }
    output.clear_status();
    if let Some(path) = plot {
        write_text(path, &simulate::plot(&groups))?;
        output.message(&format!("wrote {}", path.display()));
    }
    if as_json {
        let groups: serde_json::Map<String, _> =
            groups.into_iter().map(|(name, shares)| (name.to_owned(), json!(shares))).collect();
        return output.json(&json!({"version": "couler/cache-simulation/v1", "groups": groups}));
    }
    let text: String = groups.iter().map(|(name, shares)| table(name, shares)).collect();
    output.data(&text)
}

/// The first workflow of each application that has between 20 and 125 steps.
fn one_of_each(subjects: Vec<Subject>) -> Vec<Subject> {
    let mut kinds = std::collections::HashSet::new();
    subjects
        .into_iter()
        .filter(|subject| (20..=125).contains(&subject.graph.len()) && kinds.insert(subject.kind.clone()))
        .collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bar has at most 40 marks")]
fn table(name: &str, shares: &[Share]) -> String {
    let mut text = String::new();
    for capacity in CAPACITIES {
        let rows: Vec<&Share> =
            shares.iter().filter(|share| (share.capacity - capacity).abs() < 1e-9).collect();
        let traces = rows.first().map_or(0, |share| share.traces);
        text.push_str(&format!(
            "{name}, {traces} traces, room for {:.0} % of all artifacts: share of what an unlimited cache saves\n",
            capacity * 100.0
        ));
        for share in rows {
            let bar = "█".repeat((share.share.clamp(0.0, 1.0) * 40.0).round() as usize);
            text.push_str(&format!(
                "  {:<13} {:.3}  least {:.3}  hits {:>5.1} %  {bar}\n",
                share.policy,
                share.share,
                share.least,
                share.hits * 100.0
            ));
        }
    }
    text
}
