//! The arguments that all commands share.

use clap::Parser;

use super::commands::Command;
use super::output::ColorChoice;

/// Turns plain-language descriptions of machine-learning workflows into validated workflows.
#[derive(Debug, Parser)]
#[command(name = "couler", version, about, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,

    /// What to do
    #[command(subcommand)]
    pub(super) command: Command,
}
