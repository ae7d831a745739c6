//! The only place that writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};

use console::{Style, Term};
use serde::Serialize;

use super::Failure;

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Data goes to standard output, everything else to standard error.
#[derive(Debug)]
pub struct Output {
    quiet: bool,
    color: bool,
    terminal: bool,
}

impl Output {
    /// Decides about colours once.
    pub fn new(quiet: bool, color: ColorChoice) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && console::colors_enabled_stderr(),
        };
        console::set_colors_enabled_stderr(color);
        Self { quiet, color, terminal }
    }

    /// Whether messages are shown to a person on a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal && !self.quiet
    }

    /// Whether colours are used.
    pub fn is_colored(&self) -> bool {
        self.color
    }

    /// Whether messages are suppressed.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes data. A closed pipe is a success: the reader has seen enough.
    ///
    /// # Errors
    /// Any other failure of standard output.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        match io::stdout().lock().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(
                format!("standard output: {error}"),
                "check the disk or the program that reads it",
            )),
            _ => Ok(()),
        }
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string_pretty(value).map_err(|error| Failure::failed(error.to_string(), ""))?;
        self.data(&format!("{text}\n"))
    }

    /// A message for people.
    pub fn message(&self, text: &str) {
        if !self.quiet {
            // Messages are a courtesy: nobody is told when they cannot be shown.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// A message in a style.
    pub fn styled(&self, style: &Style, text: &str) -> String {
        if self.color {
            style.clone().force_styling(true).apply_to(text).to_string()
        } else {
            text.to_owned()
        }
    }

    /// Overwrites the current line of a terminal; does nothing elsewhere.
    pub fn status(&self, text: &str) {
        if self.is_terminal() {
            let term = Term::stderr();
            let width = usize::from(term.size().1).saturating_sub(1);
            let _ = term.clear_line();
            let _ = term.write_str(&console::truncate_str(text, width, "…"));
        }
    }

    /// Removes the status line.
    pub fn clear_status(&self) {
        if self.is_terminal() {
            let _ = Term::stderr().clear_line();
        }
    }

    /// An error with its hint.
    pub fn failure(&self, failure: &Failure) {
        let label = self.styled(&Style::new().red().bold(), "error");
        // Messages quote what steps printed; that does not steer the terminal.
        let mut text = format!("{label}: {}", plain(failure.message()));
        if !failure.hint().is_empty() {
            let hint = self.styled(&Style::new().cyan(), "hint");
            text.push_str(&format!("\n\n{hint}: {}", failure.hint()));
        }
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// A text without what a terminal would take as a command.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
