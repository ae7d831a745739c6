//! `couler run`: a program on this machine.

use std::collections::HashMap;
use std::path::PathBuf;

use console::Style;
use serde_json::json;

use super::block_on;
use super::compile::read_workflow;
use crate::cli::{Environment, Failure, Output};
use crate::ir::Workflow;
use crate::run::{RunError, RunObserver, RunSettings, StepResult, StepState};

/// Run a program on this machine
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The program, YAML or JSON (- is standard input)
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// Value of a workflow parameter
    #[arg(long = "parameter", short, value_name = "NAME=VALUE")]
    parameters: Vec<String>,

    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let parameters = parameters(&arguments.parameters)?;
    let workflow = read_workflow(&arguments.program, environment)?;
    let results = execute(&workflow, parameters, environment, output)?;
    if arguments.json {
        output.json(&json!({"version": "couler/run/v1", "workflow": workflow.name, "steps": results}))?;
    }
    verdict(&results)
}

fn parameters(given: &[String]) -> Result<HashMap<String, String>, Failure> {
    given
        .iter()
        .map(|text| {
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
                Failure::usage(format!("{text:?} is not NAME=VALUE"), "write for example -p source=data.csv")
            })
        })
        .collect()
}

/// Runs a workflow, telling what happens.
pub(super) fn execute(
    workflow: &Workflow,
    parameters: HashMap<String, String>,
    environment: &Environment,
    output: &Output,
) -> Result<Vec<StepResult>, Failure> {
    if let Some(unknown) = parameters.keys().find(|name| !workflow.parameters.contains_key(*name)) {
        let known: Vec<&str> = workflow.parameters.keys().map(String::as_str).collect();
        return Err(Failure::usage(
            format!("there is no parameter {unknown:?}"),
            format!("existing: {}", known.join(", ")),
        ));
    }
    let stamp =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_millis());
    let settings = RunSettings {
        folder: environment.home.join("runs").join(format!("{}-{stamp}", workflow.name)),
        environments: environment.home.join("python"),
        python: environment.python.clone().unwrap_or_else(|| "python3".into()),
        working_dir: std::env::current_dir().map_err(|error| {
            Failure::failed(format!("the current folder: {error}"), "change to an existing folder")
        })?,
        parameters,
    };
    let observer = Printer { output };
    let results =
        block_on(async { crate::run::run(workflow, &settings, &observer).await.map_err(Failure::from) })?;
    output.message(&format!("outputs and logs: {}", settings.folder.display()));
    Ok(results)
}

/// A failure if any step failed.
pub(super) fn verdict(results: &[StepResult]) -> Result<(), Failure> {
    match results.iter().find(|result| result.state == StepState::Failed) {
        None => Ok(()),
        Some(failed) => {
            let text = std::fs::read_to_string(&failed.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(3).collect();
            let tail: Vec<&str> = lines.into_iter().rev().collect();
            Err(Failure::failed(
                format!("step {:?} failed: {}", failed.name, tail.join(" ")),
                format!("its log is {}", failed.log.display()),
            ))
        }
    }
}

struct Printer<'a> {
    output: &'a Output,
}

impl RunObserver for Printer<'_> {
    fn message(&self, text: &str) {
        self.output.message(text);
    }

    fn started(&self, step: &str) {
        self.output.status(&format!("{step} …"));
    }

    fn finished(&self, result: &StepResult) {
        self.output.clear_status();
        let (style, word) = match result.state {
            StepState::Succeeded => (Style::new().green(), "done"),
            StepState::Skipped => (Style::new().dim(), "skipped"),
            StepState::Failed => (Style::new().red(), "failed"),
        };
        let word = self.output.styled(&style, &format!("{word:<8}"));
        self.output
            .message(&format!("{word}{:<24} {:>6.1} s  {}", result.name, result.seconds, result.result));
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let hint = match &error {
            RunError::Python(_) => {
                "install Python 3.11 or newer with pip and venv, or name one with COULER_PYTHON"
            }
            RunError::NoValue { .. } => "give it with `couler run -p NAME=VALUE`",
            RunError::Unsupported { .. } => "`couler compile` writes the files for an engine that can run it",
            RunError::Io { .. } => {
                "check that the folder may be written and has room (COULER_HOME chooses another)"
            }
        };
        Self::failed(error.to_string(), hint)
    }
}
