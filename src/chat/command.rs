//! The slash commands.

use crate::api::choices;

/// One command with its help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandHelp {
    /// Its name without the slash.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: &'static str,
    /// What it does.
    pub about: &'static str,
}

const fn entry(name: &'static str, arguments: &'static str, about: &'static str) -> CommandHelp {
    CommandHelp { name, arguments, about }
}

/// All commands, in the order in which the help lists them.
pub const COMMANDS: [CommandHelp; 29] = [
    entry("help", "[COMMAND]", "show this, or one command"),
    entry("show", "[program|graph|python|argo|airflow|tekton]", "show the workflow"),
    entry(
        "diff",
        "[argo|airflow|tekton]",
        "what the proposal or the last change does, to the program or a manifest",
    ),
    entry("apply", "", "make the proposed change count"),
    entry("discard", "", "drop the proposed change"),
    entry("undo", "[N]", "take the last change back, or the last N"),
    entry("redo", "[N]", "do it again, or N of them"),
    entry("engine", "[argo|airflow|tekton]", "the engine that /save and /lint write for"),
    entry("model", "[NAME]", "the language model: local, a GGUF file, or a server's model"),
    entry("set", "[apply auto|ask]", "settings of this conversation"),
    entry("run", "[NAME=VALUE …]", "run the workflow on this machine"),
    entry("explain", "", "order, wiring, conditions, what the optimizer would do"),
    entry("tune", "", "let short trainings propose hyperparameters"),
    entry("lint", "", "look for faults in the manifest of the engine"),
    entry("compile", "[FILE|FOLDER]", "write the engine's files"),
    entry("save", "[FILE]", "write the program (.yaml, .json, .py), NAME.program.yaml without a file"),
    entry("load", "FILE", "go on with the program of a file"),
    entry("sessions", "", "list the saved conversations"),
    entry("resume", "[NAME]", "go on with a saved conversation"),
    entry("rename", "NAME", "give this conversation a name"),
    entry("export", "[markdown|json] [FILE]", "write the conversation"),
    entry("tokens", "", "tokens turn by turn"),
    entry("cost", "", "tokens, seconds and dollars in total"),
    entry("budget", "[N tokens|X dollars|off]", "stop before so much is spent"),
    entry("retry", "", "say the last thing again, on the workflow as it was before"),
    entry("new", "", "begin another conversation"),
    entry("clear", "", "begin again with an empty workflow; /undo is emptied too"),
    entry("exit", "", "leave; everything is saved"),
    entry("quit", "", "leave; everything is saved"),
];

/// What `/show` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The program.
    Program,
    /// The graph.
    Graph,
    /// Unified-API Python.
    Python,
    /// An engine's files.
    Engine(String),
}

/// What happens to the budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BudgetChange {
    /// It is shown.
    Show,
    /// It is lifted.
    Lift,
    /// So many tokens.
    Tokens(u64),
    /// So many dollars.
    Dollars(f64),
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The help, or that of one command.
    Help(Option<String>),
    /// A view of the workflow.
    Show(View),
    /// The last difference, of the program or an engine's files.
    Diff(Option<String>),
    /// Make the proposal count.
    Apply,
    /// Drop the proposal.
    Discard,
    /// Take so many changes back.
    Undo(usize),
    /// Do so many again.
    Redo(usize),
    /// The engine, or another one.
    Engine(Option<String>),
    /// The model, or another one.
    Model(Option<String>),
    /// All settings, or one with its value.
    Set(Option<(String, String)>),
    /// Run here, with parameters.
    Run(Vec<(String, String)>),
    /// Explain the workflow.
    Explain,
    /// Propose hyperparameters.
    Tune,
    /// Look for faults.
    Lint,
    /// Write the engine's files.
    Compile(Option<String>),
    /// Write the program.
    Save(Option<String>),
    /// Read a program.
    Load(String),
    /// List conversations.
    Sessions,
    /// Go on with one.
    Resume(Option<String>),
    /// Name this one.
    Rename(String),
    /// Write this one: as JSON, else as Markdown.
    Export {
        /// As JSON.
        json: bool,
        /// Where to.
        path: Option<String>,
    },
    /// Tokens by turn.
    Tokens,
    /// Costs in total.
    Cost,
    /// Show or change the budget.
    Budget(BudgetChange),
    /// Say the last thing again.
    Retry,
    /// Begin another conversation.
    New,
    /// Begin again.
    Clear,
    /// Leave.
    Quit,
}

/// A command that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no such command.
    #[error("there is no command /{name}; {known}")]
    Unknown {
        /// The name given.
        name: String,
        /// What there is.
        known: String,
    },
    /// Its arguments are wrong.
    #[error("/{name} {arguments}: {reason}")]
    Arguments {
        /// The command.
        name: &'static str,
        /// Its arguments.
        arguments: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Nothing.
    Empty,
    /// A command.
    Command(Command),
    /// Something said.
    Remark(String),
}

impl Input {
    /// Reads a line. Control characters are left out: they say nothing and could confuse a terminal.
    ///
    /// # Errors
    /// Unknown commands and wrong arguments.
    pub fn parse(line: &str) -> Result<Self, CommandError> {
        let line = console::strip_ansi_codes(line);
        let clean: String = line
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| *c == '\n' || !c.is_control())
            .collect();
        let text = clean.trim();
        if text.is_empty() {
            return Ok(Self::Empty);
        }
        // An absolute path at the beginning of a wish is no command.
        match text.strip_prefix('/') {
            Some(rest) if !rest.split_whitespace().next().is_some_and(|word| word.contains('/')) => {
                command(rest).map(Self::Command)
            }
            _ => Ok(Self::Remark(text.to_owned())),
        }
    }
}

fn command(text: &str) -> Result<Command, CommandError> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let Some(entry) = find(name) else {
        let known = choices(name, COMMANDS.iter().map(|entry| entry.name));
        return Err(CommandError::Unknown { name: name.to_owned(), known });
    };
    let wrong =
        |reason: String| CommandError::Arguments { name: entry.name, arguments: entry.arguments, reason };
    if entry.arguments.is_empty() && !rest.is_empty() {
        return Err(wrong(format!("it takes no arguments, not {rest:?}")));
    }
    let optional = (!rest.is_empty()).then(|| rest.to_owned());
    Ok(match entry.name {
        "help" => Command::Help(optional),
        "show" => Command::Show(view(rest).map_err(wrong)?),
        "diff" => Command::Diff(optional.map(|name| engine(&name)).transpose().map_err(wrong)?),
        "apply" => Command::Apply,
        "discard" => Command::Discard,
        "undo" => Command::Undo(times(rest).map_err(wrong)?),
        "redo" => Command::Redo(times(rest).map_err(wrong)?),
        "engine" => Command::Engine(optional.map(|name| engine(&name)).transpose().map_err(wrong)?),
        "model" => Command::Model(optional),
        "set" => Command::Set(match rest.split_once(char::is_whitespace) {
            Some((name, value)) => Some((name.to_owned(), value.trim().to_owned())),
            None if rest.is_empty() => None,
            None => return Err(wrong(format!("{rest} needs a value"))),
        }),
        "run" => Command::Run(parameters(rest).map_err(wrong)?),
        "explain" => Command::Explain,
        "tune" => Command::Tune,
        "lint" => Command::Lint,
        "compile" => Command::Compile(file(rest).map_err(wrong)?),
        "save" => Command::Save(file(rest).map_err(wrong)?),
        "load" => Command::Load(file(rest).map_err(wrong)?.ok_or_else(|| wrong("name a file".into()))?),
        "sessions" => Command::Sessions,
        "resume" => Command::Resume(optional),
        "rename" => Command::Rename(optional.ok_or_else(|| wrong("give a name".into()))?),
        "export" => export(rest).map_err(wrong)?,
        "tokens" => Command::Tokens,
        "cost" => Command::Cost,
        "budget" => Command::Budget(budget(rest).map_err(wrong)?),
        "retry" => Command::Retry,
        "new" => Command::New,
        "clear" => Command::Clear,
        _ => Command::Quit,
    })
}

/// How often: once unless a number says so.
fn times(text: &str) -> Result<usize, String> {
    match text.parse() {
        _ if text.is_empty() => Ok(1),
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{text:?} is no number of changes; write for example 3")),
    }
}

/// One name of a file, in quotes if it holds spaces.
fn file(text: &str) -> Result<Option<String>, String> {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return match rest.split_once(quote) {
                Some((name, "")) if !name.is_empty() => Ok(Some(name.to_owned())),
                _ => Err(format!("{text} is not one name in quotes")),
            };
        }
    }
    match text.split_once(char::is_whitespace) {
        None => Ok((!text.is_empty()).then(|| text.to_owned())),
        Some((_, more)) => Err(format!(
            "one file can be named, {:?} is too much; put a name with spaces between quotes",
            more.trim()
        )),
    }
}

/// A command by its name, or by the only one that begins so.
fn find(name: &str) -> Option<&'static CommandHelp> {
    let name = name.to_lowercase();
    COMMANDS.iter().find(|entry| entry.name == name).or_else(|| {
        let mut beginning = COMMANDS.iter().filter(|entry| !name.is_empty() && entry.name.starts_with(&name));
        beginning.next().filter(|_| beginning.next().is_none())
    })
}

fn view(text: &str) -> Result<View, String> {
    Ok(match text {
        "" | "program" => View::Program,
        "graph" => View::Graph,
        "python" => View::Python,
        other => View::Engine(engine(other).map_err(|_| {
            format!(
                "nothing is called {other:?}; possible: program, graph, python, {}",
                engine_names().join(", ")
            )
        })?),
    })
}

fn engine_names() -> Vec<&'static str> {
    crate::engine::engines().iter().map(|engine| engine.name()).collect()
}

fn engine(name: &str) -> Result<String, String> {
    let known = engine_names();
    known
        .iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .map(|known| (*known).to_owned())
        .ok_or_else(|| format!("there is no engine {name:?}; possible: {}", known.join(", ")))
}

fn parameters(text: &str) -> Result<Vec<(String, String)>, String> {
    text.split_whitespace()
        .map(|word| {
            word.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .ok_or_else(|| format!("{word:?} is not NAME=VALUE"))
        })
        .collect()
}

fn export(text: &str) -> Result<Command, String> {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Ok(match first {
        "json" => Command::Export { json: true, path: file(rest.trim())? },
        "markdown" | "md" => Command::Export { json: false, path: file(rest.trim())? },
        _ => {
            let path = file(text)?;
            let ending = path.as_ref().and_then(|path| std::path::Path::new(path).extension());
            Command::Export { json: ending.is_some_and(|ending| ending == "json"), path }
        }
    })
}

fn budget(text: &str) -> Result<BudgetChange, String> {
    if text.is_empty() {
        return Ok(BudgetChange::Show);
    }
    if ["off", "none", "no"].contains(&text) {
        return Ok(BudgetChange::Lift);
    }
    let first = text.trim_start_matches('$').split_whitespace().next().unwrap_or_default();
    let digits = first.trim_end_matches('$').replace([',', '_'], "");
    let wrong = || format!("{text:?} is no amount; write 20000 tokens, or 0.50 dollars");
    if text.contains('$') || text.contains("dollar") {
        let amount = digits.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount >= 0.0);
        return amount.map(BudgetChange::Dollars).ok_or_else(wrong);
    }
    digits.parse().map(BudgetChange::Tokens).map_err(|_| wrong())
}

/// The help: all commands, or one.
pub fn help(about: Option<&str>) -> String {
    if let Some(name) = about {
        return match find(name.trim_start_matches('/')) {
            Some(entry) => {
                format!("/{} {}\n  {}", entry.name, entry.arguments, entry.about).replace(" \n", "\n")
            }
            None => format!("there is no command /{name}; /help lists them"),
        };
    }
    let mut text = String::from(
        "Say what the workflow should do, then say what to change:\n  retry train 3 times · use LightGBM instead · add a slack message to #ml if it fails\n  run it every Monday at 6 · why is evaluate after train? · remove the report\nA line ending in \\ goes on in the next one.\n\n",
    );
    for entry in COMMANDS.iter().filter(|entry| entry.name != "exit") {
        let call = format!("/{} {}", entry.name, entry.arguments);
        text.push_str(&format!("  {:<52} {}\n", call.trim_end(), entry.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        assert_eq!(Input::parse("  \u{7}").unwrap(), Input::Empty);
        assert_eq!(Input::parse("retry it\u{1b}[31m").unwrap(), Input::Remark("retry it".into()));
        assert_eq!(Input::parse("/show graph").unwrap(), Input::Command(Command::Show(View::Graph)));
        assert_eq!(Input::parse("/disc").unwrap(), Input::Command(Command::Discard));
        assert_eq!(
            Input::parse("/srv/data is the source").unwrap(),
            Input::Remark("/srv/data is the source".into())
        );
        assert_eq!(
            Input::parse("/budget 0.5 dollars").unwrap(),
            Input::Command(Command::Budget(BudgetChange::Dollars(0.5)))
        );
        assert!(Input::parse("/shw").unwrap_err().to_string().contains("show"));
        assert!(Input::parse("/load").is_err() && Input::parse("/run x").is_err());
    }

    #[test]
    fn arguments_are_not_ignored() {
        assert_eq!(Input::parse("/undo 3").unwrap(), Input::Command(Command::Undo(3)));
        assert_eq!(Input::parse("/undo").unwrap(), Input::Command(Command::Undo(1)));
        assert_eq!(
            Input::parse("/save 'my file.yaml'").unwrap(),
            Input::Command(Command::Save(Some("my file.yaml".into())))
        );
        assert_eq!(
            Input::parse("/budget 20,000 tokens").unwrap(),
            Input::Command(Command::Budget(BudgetChange::Tokens(20_000)))
        );
        for line in [
            "/undo abc",
            "/undo 0",
            "/undo -1",
            "/save q.yaml extra",
            "/load a b",
            "/apply now",
            "/save \"q",
            "/budget 20k tokens",
            "/budget -5",
            "/budget -5 dollars",
            "/budget 1e6",
        ] {
            assert!(Input::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_command_can_be_read_and_has_help() {
        for entry in COMMANDS {
            let line = match entry.name {
                "load" | "rename" => format!("/{} x", entry.name),
                name => format!("/{name}"),
            };
            assert!(matches!(Input::parse(&line), Ok(Input::Command(_))), "{line}");
            assert!(help(Some(entry.name)).contains(entry.about));
        }
    }
}
