//! `couler completions`: shell completions.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Failure, Output};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::cli::Arguments::command(), "couler", &mut text);
    output.data(&String::from_utf8_lossy(&text))
}
