//! The lines in front of a script: what Tekton cannot do for it.
//!
//! They keep its standard output, repeat it while a condition holds, leave it out for an item, and put dollar signs
//! back that Tekton would have misread. The script itself stands unchanged after the line `exit`.

use super::text::DOLLAR_MARKER;
use crate::api::ScriptLanguage;

/// Folder of the files that a step and its helpers share.
pub(crate) const FOLDER: &str = "/couler";
/// The file with the standard output of a step.
pub(crate) const STDOUT: &str = "/couler/stdout";

/// What the step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Program {
    /// A source with the name of its interpreter.
    Source(&'static str, String),
    /// A command and its arguments, given to the script as arguments.
    Words,
}

impl Program {
    /// A script in one of the languages of the unified API.
    pub(crate) fn script(language: ScriptLanguage, source: String) -> Self {
        let interpreter = match language {
            ScriptLanguage::Python => "python",
            ScriptLanguage::Bash => "bash",
        };
        Self::Source(interpreter, source)
    }
}

/// What is done around a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runner {
    /// Whether its standard output is kept in [`STDOUT`].
    pub keeps_output: bool,
    /// A command that fails if the program is to be left out.
    pub only_if: Option<String>,
    /// Repetitions.
    pub repeat: Option<Repeat>,
}

/// Repetitions of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// A command that succeeds if it goes on.
    pub condition: String,
    /// Most runs, the first included.
    pub limit: u32,
    /// Seconds between two runs.
    pub pause: Option<u64>,
}

impl Runner {
    /// Whether the program can run without lines in front of it.
    pub(crate) fn is_needed(&self, program: &Program) -> bool {
        let marked = matches!(program, Program::Source(_, source) if source.contains(DOLLAR_MARKER));
        *self != Self::default() || marked
    }

    /// The whole script.
    pub(crate) fn script(&self, program: &Program) -> String {
        let (interpreter, source) = match program {
            Program::Source(interpreter, source) => (*interpreter, source.as_str()),
            Program::Words => ("sh", ""),
        };
        if !self.is_needed(program) {
            return format!("#!/usr/bin/env {interpreter}\n{source}");
        }
        let mut lines = vec!["#!/bin/sh".to_owned()];
        let call = match program {
            Program::Source(..) => format!("{interpreter} {FOLDER}/source"),
            Program::Words => "\"$@\"".to_owned(),
        };
        lines.extend(self.only_if.iter().map(|command| format!("{command} || exit 0")));
        let run = self.run(&call);
        match &self.repeat {
            None => lines.extend(run),
            Some(repeat) => {
                lines.extend(["count=0".to_owned(), "while :; do".to_owned()]);
                lines.extend(run.into_iter().map(|line| format!("  {line}")));
                lines.extend([
                    "  [ \"$status\" = 0 ] || break".to_owned(),
                    "  count=`expr \"$count\" + 1`".to_owned(),
                    format!("  [ \"$count\" -lt {} ] || break", repeat.limit),
                    format!("  {} || break", repeat.condition),
                ]);
                lines.extend(repeat.pause.map(|seconds| format!("  sleep {seconds}")));
                lines.push("done".to_owned());
            }
        }
        lines.push("exit \"$status\"".to_owned());
        if let Program::Source(..) = program {
            // The shell reads a script line by line, so it never sees what follows `exit`.
            let last = lines.iter().map(|line| line.matches('\n').count() + 1).sum::<usize>() + 1;
            lines.insert(1, format!("sed '1,{last}d; s/{DOLLAR_MARKER}/$/g' \"$0\" > {FOLDER}/source"));
            lines.push(source.to_owned());
        }
        lines.join("\n")
    }

    fn run(&self, call: &str) -> Vec<String> {
        if !self.keeps_output {
            return vec![format!("{call}; status=$?")];
        }
        vec![
            format!("{{ {call}; echo $? > {FOLDER}/status; }} | tee {STDOUT}"),
            format!("status=`cat {FOLDER}/status`"),
        ]
    }
}

/// A word for a shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
