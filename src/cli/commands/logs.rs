//! `couler logs`: what a step printed.

use std::path::Path;

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
    let steps = folder.join("steps");
    let mut known = names(&steps);
    if arguments.step.contains('/') || !known.contains(&arguments.step) {
        known.sort();
        let elsewhere = (!arguments.step.contains('/'))
            .then(|| earlier(&arguments.step, &manifest.workflow, environment))
            .flatten();
        if let Some(run) = elsewhere {
            return Err(Failure::usage(
                format!("step {:?} printed nothing in this run", arguments.step),
                format!("the newest run that has its log: `couler logs {run} {}`", arguments.step),
            ));
        }
        return Err(Failure::usage(
            format!("there is no log of a step {:?} in this run", arguments.step),
            format!(
                "steps that left something: {}; cached steps and silent ones have no log",
                known.join(", ")
            ),
        ));
    }
    let step = steps.join(&arguments.step);
    let mut logs = vec![step.join("log.txt")];
    let mut items: Vec<usize> = names(&step).iter().filter_map(|name| name.parse().ok()).collect();
    items.sort_unstable();
    logs.extend(items.iter().map(|item| step.join(item.to_string()).join("log.txt")));
    for log in logs.iter().filter(|log| log.is_file()) {
        let bytes = std::fs::read(log).map_err(|error| {
            Failure::failed(format!("{}: {error}", log.display()), "check that it may be read")
        })?;
        output.data(&String::from_utf8_lossy(&bytes))?;
    }
    Ok(())
}

/// The newest run of the workflow in which the step left a log.
fn earlier(step: &str, workflow: &str, environment: &Environment) -> Option<String> {
    let runs = list_runs(&runs_folder(environment)).ok()?;
    let of_workflow = runs.into_iter().filter(|run| run.workflow == workflow);
    of_workflow
        .map(|run| (run.folder.join("steps").join(step), run.id))
        .find(|(log, _)| log.is_dir())
        .map(|(_, id)| id)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
