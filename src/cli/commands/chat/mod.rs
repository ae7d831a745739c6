//! `couler chat`: a conversation about a workflow, on a terminal or as a script.

mod app;
mod outside;
mod show;

use std::io::IsTerminal;
use std::path::PathBuf;

use self::app::App;
use crate::chat::{Input, Session, SessionStore};
use crate::cli::terminal::{Read, Reader};
use crate::cli::{Environment, Failure, Output};

pub(in crate::cli) use self::app::{new_session, sessions_folder};

/// Make a workflow and change it by saying what it should do
#[derive(Debug, Clone, Default, clap::Args)]
#[command(
    after_help = "The first message describes the workflow, later ones change it. /help lists the commands.

Examples:
  couler chat
  couler chat churn.yaml
  couler chat --resume
  couler chat --apply < script.txt

A script has one message or command a line; a line that ends in \\ goes on in the next one."
)]
pub(in crate::cli) struct Arguments {
    /// The program to begin with, YAML or JSON
    #[arg(value_name = "PROGRAM")]
    program: Option<PathBuf>,

    /// Go on with a saved conversation: the last one, or one by its name
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub(super) resume: Option<String>,

    /// The model: local, a GGUF file, a server's model, or replay:FOLDER
    #[arg(long, short, value_name = "MODEL")]
    pub(super) model: Option<String>,

    /// Record every answer of the model in a folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) record: Option<PathBuf>,

    /// Changes count at once, without /apply
    #[arg(long)]
    pub(super) apply: bool,

    /// Print every turn as a line of JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Most tokens to spend
    #[arg(long, value_name = "N")]
    pub(super) budget_tokens: Option<u64>,

    /// Most US dollars to spend
    #[arg(long, value_name = "X")]
    pub(super) budget_dollars: Option<f64>,
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let store = SessionStore::new(sessions_folder(environment));
    let mut session = match arguments.resume.as_deref() {
        None => new_session(),
        Some("") => store.last()?,
        Some(name) => store.open(name)?,
    };
    let resumed = arguments.resume.is_some();
    settle(&mut session, &arguments);
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut app = App::new(session, store, &arguments, environment, output, terminal)?;
    if let Some(path) = &arguments.program {
        app.load(path)?;
    }
    let mut reader = if terminal {
        // The history is kept from the first line on; a folder that cannot be made is told about when a turn is saved.
        let _ = std::fs::create_dir_all(&environment.home);
        Reader::terminal(environment.home.join("chat-history"), app.words(), output.is_colored())?
    } else {
        Reader::script()
    };
    if terminal {
        app.greet(resumed);
    }
    converse(&mut app, &mut reader, terminal)
}

fn settle(session: &mut Session, arguments: &Arguments) {
    if arguments.model.is_some() {
        session.settings.model.clone_from(&arguments.model);
    }
    session.settings.auto_apply |= arguments.apply;
    if arguments.budget_tokens.is_some() {
        session.settings.budget.tokens = arguments.budget_tokens;
    }
    if arguments.budget_dollars.is_some() {
        session.settings.budget.dollars = arguments.budget_dollars;
    }
}

/// Reads and answers until the end. A script goes on after a failure and ends with its exit code.
fn converse(app: &mut App<'_>, reader: &mut Reader, terminal: bool) -> Result<(), Failure> {
    let mut failed = None;
    loop {
        app.refresh();
        let line = match reader.next(&app.prompt())? {
            Read::Line(line) => line,
            Read::Interrupted => {
                app.message("the line was dropped; Ctrl-D leaves");
                continue;
            }
            Read::End => break,
        };
        if !terminal {
            app.echo(&line)?;
        }
        let result = match Input::parse(&line) {
            Ok(input) => app.take(input),
            Err(error) => Err(Failure::usage(error.to_string(), "/help lists the commands")),
        };
        match result {
            // A script that did not do all it was told has failed; what was wrong is shown already.
            Ok(true) if app.take_not_done() && failed.is_none() => {
                let shown: String = line.chars().take(80).collect();
                failed =
                    Some(Failure::failed(format!("this was not done: {shown}"), "the conversation says why"));
            }
            Ok(true) => {}
            Ok(false) => break,
            // Whoever stops a script means all of it.
            Err(failure) if !terminal && failure.code() == 130 => {
                app.failure(&failure)?;
                return Err(failure);
            }
            Err(failure) => {
                app.failure(&failure)?;
                failed.get_or_insert(failure);
            }
        }
    }
    app.leave();
    match failed.filter(|_| !terminal) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}
