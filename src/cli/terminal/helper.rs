//! Completion, hints, colours and multi-line input of the prompt.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use crate::chat::COMMANDS;

/// What can be completed beside commands and files.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Words {
    /// The steps of the workflow.
    pub(in crate::cli) steps: Vec<String>,
    /// Components of the lake.
    pub(in crate::cli) components: Vec<String>,
    /// Engines.
    pub(in crate::cli) engines: Vec<String>,
    /// Models.
    pub(in crate::cli) models: Vec<String>,
    /// Saved conversations.
    pub(in crate::cli) sessions: Vec<String>,
}

/// Helps while somebody types.
pub(in crate::cli) struct PromptHelper {
    words: Arc<Mutex<Words>>,
    files: FilenameCompleter,
    history: HistoryHinter,
    color: bool,
}

impl PromptHelper {
    pub(super) fn new(words: Arc<Mutex<Words>>, color: bool) -> Self {
        Self { words, files: FilenameCompleter::new(), history: HistoryHinter::new(), color }
    }

    fn words(&self) -> Words {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What may stand at the end of a line.
    fn candidates(&self, line: &str) -> Vec<String> {
        let words = self.words();
        let Some(command) = line.strip_prefix('/') else {
            return [words.steps, words.components, words.engines].concat();
        };
        let Some((name, _)) = command.split_once(' ') else {
            return COMMANDS.iter().map(|entry| format!("/{}", entry.name)).collect();
        };
        let fixed = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match name {
            "show" => [fixed(&["program", "graph", "python"]), words.engines].concat(),
            "engine" | "diff" => words.engines,
            "model" => words.models,
            "resume" => words.sessions,
            "help" => COMMANDS.iter().map(|entry| entry.name.to_owned()).collect(),
            "set" => fixed(&["apply", "auto", "ask"]),
            "export" => fixed(&["markdown", "json"]),
            "budget" => fixed(&["off", "tokens", "dollars"]),
            _ => Vec::new(),
        }
    }
}

/// Where the word before the cursor begins.
fn word_start(line: &str) -> usize {
    line.rfind(char::is_whitespace).map_or(0, |at| at + 1)
}

impl Completer for PromptHelper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let line = &line[..position];
        let takes_file =
            ["/load ", "/save ", "/compile ", "/export "].iter().any(|command| line.starts_with(command));
        let start = word_start(line);
        let word = &line[start..];
        if takes_file || word.contains('/') && !word.starts_with('/') {
            return self.files.complete(line, position, context);
        }
        let fitting = self.candidates(line).into_iter().filter(|candidate| {
            !word.is_empty() && candidate.starts_with(word) || word.is_empty() && line.starts_with('/')
        });
        Ok((start, fitting.map(|text| Pair { display: text.clone(), replacement: text }).collect()))
    }
}

impl Hinter for PromptHelper {
    type Hint = String;

    fn hint(&self, line: &str, position: usize, context: &Context<'_>) -> Option<String> {
        if line.is_empty() || position < line.len() {
            return None;
        }
        if let Some(command) = line.strip_prefix('/') {
            let name = command.split(' ').next().unwrap_or_default();
            if name.len() == command.len() {
                let entry = COMMANDS.iter().find(|entry| entry.name.starts_with(name) && !name.is_empty())?;
                return Some(
                    format!("{} {}", &entry.name[name.len()..], entry.arguments).trim_end().to_owned(),
                );
            }
            return None;
        }
        self.history.hint(line, position, context)
    }
}

impl Highlighter for PromptHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.color && line.starts_with('/') {
            let end = line.find(' ').unwrap_or(line.len());
            return Cow::Owned(format!("\x1b[36m{}\x1b[0m{}", &line[..end], &line[end..]));
        }
        Cow::Borrowed(line)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.color { Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_char(&self, line: &str, _: usize, _: CmdKind) -> bool {
        self.color && line.starts_with('/')
    }
}

impl Validator for PromptHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let open = super::reader::goes_on(context.input());
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Helper for PromptHelper {}
