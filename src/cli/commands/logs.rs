//! `couler logs`: what a step printed.

use std::path::{Path, PathBuf};

use super::resume::find;
use super::run::runs_folder;
use crate::cli::{Environment, Failure, Output};
use crate::run::list_runs;

/// Show what the steps of a run printed
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The run, or `last`
    #[arg(value_name = "RUN")]
    run: String,

    /// The step; its items one after the other if it is a map
    #[arg(value_name = "STEP")]
    step: String,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let (folder, manifest) = find(&arguments.run, environment)?;
    let name = arguments.step.as_str();
    let steps = folder.join("steps");
    let mut known = names(&steps);
    known.retain(|step| !logs_of(&steps.join(step)).is_empty());
    if name.contains('/') || !known.iter().any(|step| step == name) {
        if let Some(run) = earlier(name, &manifest.workflow, environment) {
            return Err(Failure::usage(
                format!("step {name:?} printed nothing in this run"),
                format!("the newest run that has its log: `couler logs {run} {name}`"),
            ));
        }
        known.sort();
        return Err(Failure::usage(
            format!("there is no log of a step {name:?} in this run"),
            format!("steps that have one: {}; cached steps and silent ones have none", known.join(", ")),
        ));
    }
    for log in logs_of(&steps.join(name)) {
        let bytes = std::fs::read(&log).map_err(|error| {
            Failure::failed(format!("{}: {error}", log.display()), "check that it may be read")
        })?;
        output.data(&String::from_utf8_lossy(&bytes))?;
    }
    Ok(())
}

/// The logs of a step: its own, and those of its items one after the other.
fn logs_of(step: &Path) -> Vec<PathBuf> {
    let mut items: Vec<usize> = names(step).iter().filter_map(|name| name.parse().ok()).collect();
    items.sort_unstable();
    let folders = items.iter().map(|item| step.join(item.to_string()));
    let logs = std::iter::once(step.to_owned()).chain(folders).map(|folder| folder.join("log.txt"));
    logs.filter(|log| log.is_file()).collect()
}

/// The newest run of the workflow in which the step left a log.
fn earlier(step: &str, workflow: &str, environment: &Environment) -> Option<String> {
    if step.contains('/') {
        return None;
    }
    let runs = list_runs(&runs_folder(environment)).ok()?;
    let mut of_workflow = runs.into_iter().filter(|run| run.workflow == workflow);
    of_workflow.find(|run| !logs_of(&run.folder.join("steps").join(step)).is_empty()).map(|run| run.id)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
