//! `couler schema`: the JSON schema of programs.

use crate::api::{program_schema, step_schema};
use crate::cli::{Failure, Output};

/// Print the JSON schema of programs
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Print the schema of a single step
    #[arg(long)]
    step: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    output.json(&if arguments.step { step_schema() } else { program_schema() })
}
