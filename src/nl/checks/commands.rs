//! Commands have the form that containers run: words, or a shell with its line.

use serde_json::Value;

use super::{Check, Finding, Judged};

const SHELLS: [&str; 5] = ["sh", "bash", "/bin/sh", "/bin/bash", "zsh"];

/// See the module.
pub(super) struct Commands;

impl Check for Commands {
    fn name(&self) -> &'static str {
        "commands"
    }

    fn about(&self) -> &'static str {
        "a command is a list of words; a line that needs a shell is given to one"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for step in judged.answer.all_steps() {
            let Some(command) = step.with.get("command").and_then(Value::as_array) else { continue };
            let words: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
            let [first, rest @ ..] = &words[..] else { continue };
            let shell = SHELLS.contains(first);
            let line = rest.iter().position(|word| word.starts_with('-') && word.ends_with('c'));
            let message = if !shell && first.contains(char::is_whitespace) {
                Some("a whole line stands as one word".to_owned())
            } else if shell
                && line.is_none()
                && rest.first().is_some_and(|word| word.contains(char::is_whitespace))
            {
                Some(format!("{first} gets a line without -c"))
            } else if shell && line.is_some_and(|at| rest.len() == at + 1) {
                Some(format!("{first} -c has no line"))
            } else if !shell && words.iter().any(|word| ["&&", "||", "|", ">", ">>"].contains(word)) {
                Some("it needs a shell".to_owned())
            } else {
                None
            };
            if let Some(message) = message {
                let hint = "write [\"sh\", \"-c\", \"the line\"], or one item for each word";
                found.push(
                    Finding::error(self.name(), Some(&step.name), message).at("with/command").suggest(hint),
                );
            }
        }
        found
    }
}
