//! `couler eval report`: a run, shown.

use std::path::PathBuf;

use super::ReportFiles;
use crate::cli::{Failure, Output};
use crate::eval::{RunLog, Summary, report as reports};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The log that `couler eval run` wrote
    log: PathBuf,

    #[command(flatten)]
    files: ReportFiles,

    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let log = RunLog::read(&arguments.log)?;
    let summary = Summary::of(&log);
    arguments.files.write(&log, &summary, output)?;
    if arguments.json { output.json(&summary) } else { output.data(&reports::table(&summary)) }
}
