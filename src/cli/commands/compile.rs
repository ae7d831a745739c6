//! `couler compile`: a program in, an engine's files out.

use std::path::PathBuf;

use super::open_lake;
use crate::api::parse_program;
use crate::cli::compile_target::{EngineChoice, TargetChoice, generate};
use crate::cli::files::{Target, read_text};
use crate::cli::{Environment, Failure, Output};
use crate::ir::{Workflow, lower};

/// Compile a unified-API program for a workflow system
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The program, YAML or JSON (- is standard input)
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// The workflow system to write for
    #[arg(long, short, value_name = "ENGINE", default_value = "argo")]
    engine: String,

    /// Where the steps of an Airflow DAG run
    #[arg(long, value_enum, default_value_t = TargetChoice::Kubernetes)]
    target: TargetChoice,

    /// Where to write: a file, a folder, or - for standard output
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let engine = EngineChoice::parse(&arguments.engine)?;
    let workflow = read_workflow(&arguments.program, &read_text(&arguments.program)?, environment)?;
    for note in &workflow.notes {
        output.message(&format!("note: {note}"));
    }
    let files = generate(&workflow, engine, &arguments.target.into())?;
    for path in Target::of(arguments.output.as_deref()).write(&files, output)? {
        output.message(&format!("wrote {}", path.display()));
    }
    // The process ends here; to free a big graph piece by piece would only take time.
    std::mem::forget(workflow);
    Ok(())
}

/// Makes the graph of a program that was read from `path`.
pub(super) fn read_workflow(
    path: &std::path::Path,
    text: &str,
    environment: &Environment,
) -> Result<Workflow, Failure> {
    let program = parse_program(text)?;
    let lake = open_lake(environment)?;
    let workflow = lower(&program, &lake).map_err(|problems| {
        Failure::failed(problems.to_string(), format!("mend {} and compile it again", path.display()))
    });
    // One program per process: to free it would only take time.
    std::mem::forget(program);
    workflow
}
