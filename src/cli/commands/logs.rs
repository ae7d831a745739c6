//! `couler logs`: what a step printed.

use std::path::Path;

use super::resume::find;
use crate::cli::{Environment, Failure, Output};

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
    let (folder, _) = find(&arguments.run, environment)?;
    let steps = folder.join("steps");
    let mut known = names(&steps);
    if arguments.step.contains('/') || !known.contains(&arguments.step) {
        known.sort();
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

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
