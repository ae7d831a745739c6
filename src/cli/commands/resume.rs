//! `couler resume`: goes on with a run.

use std::path::PathBuf;

use super::compile::read_workflow;
use super::run::{RunOptions, as_json, carry_out, opening_store, runs_folder, verdict};
use crate::cli::files::{read_text, write_text};
use crate::cli::{Environment, Failure, Output};
use crate::run::{RunFolder, RunManifest, list_runs, read_manifest};

/// Go on with a run that was interrupted or failed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Steps that succeeded, were cached or skipped are not done again, unless what they run or read has changed."
)]
pub(in crate::cli) struct Arguments {
    /// The run, or `last`
    #[arg(value_name = "RUN")]
    run: String,

    /// An edited program to go on with, instead of the run's own
    #[arg(value_name = "PROGRAM")]
    program: Option<PathBuf>,

    /// Let steps write wherever you can, if the run was started so
    #[arg(long)]
    unconfined: bool,

    /// A place outside of the working folder that steps may write to, if the run was started so
    #[arg(long, value_name = "PATH")]
    allow_write: Vec<PathBuf>,

    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// Rights come from who resumes, not from a file that somebody may have edited since.
fn granted(arguments: &Arguments, manifest: &RunManifest) -> Result<(), Failure> {
    let again = |option: String| {
        Failure::usage(
            format!("the run was started with {option}"),
            format!("if that is still meant: `couler resume {} {option}`", arguments.run),
        )
    };
    if manifest.unconfined && !arguments.unconfined {
        return Err(again("--unconfined".into()));
    }
    let allowed: Vec<PathBuf> =
        arguments.allow_write.iter().filter_map(|place| place.canonicalize().ok()).collect();
    match manifest.allow_write.iter().find(|place| !allowed.contains(place)) {
        Some(place) => Err(again(format!("--allow-write {}", place.display()))),
        None => Ok(()),
    }
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let (folder, manifest) = find(&arguments.run, environment)?;
    granted(arguments, &manifest)?;
    // Nothing of the run is looked at or changed while another process works on it.
    let folder = RunFolder::open(&folder)?;
    let store = opening_store(environment);
    let kept = folder.path().join("program.yaml");
    let path = arguments.program.as_ref().unwrap_or(&kept);
    let program = read_text(path)?;
    let workflow = read_workflow(path, &program, environment)?;
    if arguments.program.is_some() {
        write_text(&kept, &program)?;
    }
    let report = carry_out(&workflow, &folder, manifest, &RunOptions::default(), environment, output, store)?;
    let id = folder.id();
    if arguments.json {
        output.json(&as_json(&workflow, &id, &report))?;
    }
    verdict(&id, &report)
}

/// The folder of a run and what it was started with.
pub(super) fn find(name: &str, environment: &Environment) -> Result<(PathBuf, RunManifest), Failure> {
    let folder = runs_folder(environment);
    let missing =
        |name: &str| Failure::usage(format!("there is no run {name:?}"), "`couler runs` lists the runs");
    let name = if name == "last" {
        let runs = list_runs(&folder).unwrap_or_default();
        runs.first().map(|run| run.id.clone()).ok_or_else(|| missing("last"))?
    } else {
        name.to_owned()
    };
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(missing(&name));
    }
    let folder = folder.join(&name);
    match read_manifest(&folder) {
        Ok(manifest) => Ok((folder, manifest)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing(&name)),
        Err(error) => Err(Failure::failed(format!("{}: {error}", folder.display()), "start the run anew")),
    }
}
