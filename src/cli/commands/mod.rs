//! The commands, one file each.

mod cache;
mod cards;
mod chat;
mod checks;
mod compile;
mod completions;
mod eval;
mod explain;
mod lake;
mod lint;
mod logs;
mod mcp;
mod model;
mod nl;
mod resume;
pub(in crate::cli) mod run;
mod runs;
mod schema;
mod simulate;
mod tune;

use clap::Subcommand;

#[cfg(fuzzing)]
pub use mcp::answers as mcp_answers;
pub(super) use run::cache_folder;

use super::{Arguments, Environment, Failure, Output};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Nl(nl::Arguments),
    Chat(chat::Arguments),
    Compile(compile::Arguments),
    Explain(explain::Arguments),
    Simulate(simulate::Arguments),
    Run(run::Arguments),
    Resume(resume::Arguments),
    Runs(runs::Arguments),
    Logs(logs::Arguments),
    Cache(cache::Arguments),
    Lint(lint::Arguments),
    Eval(eval::Arguments),
    Checks(checks::Arguments),
    Lake(lake::Arguments),
    Cards(cards::Arguments),
    Tune(tune::Arguments),
    Model(model::Arguments),
    Mcp(mcp::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
}

/// Runs a command.
///
/// # Errors
/// What went wrong, with its hint and exit code.
pub fn run(arguments: Arguments, environment: Environment, output: &Output) -> Result<(), Failure> {
    use Command::{Chat, Mcp, Nl, Resume, Run, Tune};
    if matches!(&arguments.command, Nl(_) | Chat(_) | Run(_) | Resume(_) | Tune(_) | Mcp(_)) {
        // They start steps.
        super::withheld::restart_without();
    }
    match arguments.command {
        Command::Nl(arguments) => nl::run(arguments, &environment, output),
        Command::Chat(arguments) => chat::run(arguments, &environment, output),
        Command::Compile(arguments) => compile::run(&arguments, &environment, output),
        Command::Explain(arguments) => explain::run(&arguments, &environment, output),
        Command::Simulate(arguments) => simulate::run(&arguments, &environment, output),
        Command::Run(arguments) => run::run(&arguments, &environment, output),
        Command::Resume(arguments) => resume::run(&arguments, &environment, output),
        Command::Runs(arguments) => runs::run(&arguments, &environment, output),
        Command::Logs(arguments) => logs::run(&arguments, &environment, output),
        Command::Cache(arguments) => cache::run(arguments, &environment, output),
        Command::Lint(arguments) => lint::run(&arguments, output),
        Command::Eval(arguments) => eval::run(arguments, &environment, output),
        Command::Checks(arguments) => checks::run(&arguments, output),
        Command::Lake(arguments) => lake::run(arguments, &environment, output),
        Command::Cards(arguments) => cards::run(arguments, &environment, output),
        Command::Tune(arguments) => tune::run(&arguments, &environment, output),
        Command::Model(arguments) => model::run(arguments, &environment, output),
        Command::Mcp(arguments) => mcp::run(&arguments, &environment, output),
        Command::Schema(arguments) => schema::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
    }
}

/// The built-in components and those of the user's folders.
pub(in crate::cli) fn open_lake(environment: &Environment) -> Result<crate::lake::Lake, Failure> {
    let config = environment.config()?;
    let mut lake = crate::lake::Lake::built_in();
    if config.built_in_lake == Some(false) {
        lake = lake.without_built_in();
    }
    for folder in config.lake {
        lake.add_folder(&folder)?;
    }
    Ok(lake)
}

/// The built-in cards and those of the user's folders; cards that cannot be read are told and left out.
pub(in crate::cli) fn open_cards(
    environment: &Environment,
    output: &Output,
) -> Result<crate::cards::Library, Failure> {
    let mut library = crate::cards::Library::built_in();
    for folder in environment.config()?.cards {
        for (path, error) in library.add_folder(&folder)? {
            output.message(&format!("warning: {} is left out: {error}", path.display()));
        }
    }
    Ok(library)
}

/// An async runtime on two threads, and Ctrl-C as a failure.
pub(in crate::cli) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(error.to_string(), "too many threads or files are open"))?;
    runtime.block_on(async {
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        }
    })
}
