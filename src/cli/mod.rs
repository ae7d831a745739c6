//! The command line: arguments, settings, output, one file per command.

mod arguments;
mod commands;
mod compile_target;
mod environment;
mod failure;
mod files;
mod lazy_model;
mod machine;
mod model_choice;
mod optimizing;
mod output;
mod parts;
mod progress;
mod proposing;
mod run_progress;
mod terminal;
mod times;
mod tuning;
mod withheld;

pub use arguments::Arguments;
#[cfg(fuzzing)]
pub use commands::mcp_answers;
pub use commands::run;
pub use environment::Environment;
pub use failure::Failure;
pub use output::{ColorChoice, Output};
pub use withheld::Withheld;
