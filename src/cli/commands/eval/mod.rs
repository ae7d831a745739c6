//! `couler eval`: how good the generation is.

mod compare;
mod edits;
mod faults;
mod fidelity;
mod report;
mod run;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::cli::files::write_text;
use crate::cli::{Environment, Failure, Output};
use crate::eval::{LogError, RunLog, Summary, report as reports};

/// Run suites of descriptions, report and compare the results
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run suites and check the results; goes on where an earlier run stopped
    Run(Box<run::Arguments>),
    /// Feed the right answers of gold cases in as the model's: the right programs must come out
    Fidelity(fidelity::Arguments),
    /// The same for remarks on workflows: the right edits go in as the model's
    Edits(edits::Arguments),
    /// Plant faults into right answers and count what the checks find
    Faults(faults::Arguments),
    /// Show a run: a table, Markdown, a page with plots, JUnit
    Report(report::Arguments),
    /// Compare two runs over the same descriptions
    #[command(
        after_help = "Exit codes: 0 the second run is better or equal in every case, 1 it is worse, 5 the difference is not established."
    )]
    Compare(compare::Arguments),
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    match arguments.action {
        Action::Run(arguments) => run::run(&arguments, environment, output),
        Action::Fidelity(arguments) => fidelity::run(&arguments, environment, output),
        Action::Edits(arguments) => edits::run(&arguments, environment, output),
        Action::Faults(arguments) => faults::run(&arguments, environment, output),
        Action::Report(arguments) => report::run(&arguments, output),
        Action::Compare(arguments) => compare::run(&arguments, output),
    }
}

/// Files that show a run.
#[derive(Debug, Clone, Default, clap::Args)]
struct ReportFiles {
    /// Write a report in Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Write a page with plots that needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write `JUnit` XML for CI systems
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl ReportFiles {
    fn write(&self, log: &RunLog, summary: &Summary, output: &Output) -> Result<(), Failure> {
        let mut written: Vec<&Path> = Vec::new();
        let write = |path: &'_ Option<PathBuf>, text: &dyn Fn() -> Result<String, Failure>| {
            let Some(path) = path else { return Ok(()) };
            write_text(path, &text()?)
        };
        write(&self.markdown, &|| Ok(reports::markdown(summary)))?;
        write(&self.html, &|| {
            reports::html(summary, &log.samples)
                .map_err(|error| Failure::failed(error.to_string(), "this is a bug of couler"))
        })?;
        write(&self.junit, &|| Ok(reports::junit(summary, &log.samples)))?;
        written.extend([&self.markdown, &self.html, &self.junit].into_iter().flatten().map(PathBuf::as_path));
        for path in written {
            output.message(&format!("wrote {}", path.display()));
        }
        Ok(())
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let hint = match &error {
            LogError::Io { .. } => "check the path, the permissions and the disk",
            LogError::Line { .. } => "it must be a log that `couler eval run` wrote",
            LogError::Other { .. } => "choose another --log, or begin it anew with --restart",
        };
        Self::usage(error.to_string(), hint)
    }
}
