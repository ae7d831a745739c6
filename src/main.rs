//! The command line of couler: parse, run, exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use couler::cli::{Arguments, Environment, Output, run};

/// A workflow is a great many small objects: the system's own allocator took a third of the time to compile one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.quiet, arguments.color);
    match run(arguments, Environment::from_process(), &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.code())
        }
    }
}
