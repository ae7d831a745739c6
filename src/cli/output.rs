//! The only place that writes to standard output and standard error.

use std::borrow::Cow;
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
        let mut out = io::stdout().lock();
        // Data may quote names and logs of anybody; a file or a program gets it as it is.
        let shown = if out.is_terminal() { harmless(text) } else { text.into() };
        match out.write_all(shown.as_bytes()) {
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
            let _ = writeln!(io::stderr(), "{}", harmless(text));
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
            let _ = term.write_str(&console::truncate_str(&harmless(text), width, "…"));
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
            text.push_str(&format!("\n\n{hint}: {}", plain(failure.hint())));
        }
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// A text without what a terminal would take as a command, and without marks that change the order of what is read.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| is_plain(*c)).collect()
}

fn is_plain(c: char) -> bool {
    let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !reorders && (!c.is_control() || matches!(c, '\n' | '\t'))
}

/// The same for texts that couler has coloured: colours stay, everything else that steers a terminal goes.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        let (before, sequence) = rest.split_at(start);
        shown.push_str(&plain(before));
        let inner = &sequence[2..];
        let end = inner.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(inner.len());
        let used = if inner[end..].starts_with('m') { 2 + end + 1 } else { 1 };
        shown.push_str(if used > 1 { &sequence[..used] } else { "" });
        rest = &sequence[used..];
    }
    shown.push_str(&plain(rest));
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_reach_the_terminal() {
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[1;32mgreen\u{1b}[0m", "\u{1b}[1;32mgreen\u{1b}[0m"),
            ("a\u{1b}]0;title\u{7}b", "a]0;titleb"),
            ("a\u{1b}[2Jb\u{1b}[1A\r", "a[2Jb[1A"),
            ("a\u{9b}31mb\u{202e}c\u{8}", "a31mbc"),
            ("\u{1b}[", "["),
            ("\u{1b}", ""),
        ] {
            assert_eq!(harmless(text), shown, "{text:?}");
        }
        assert_eq!(plain("\u{1b}[31mred"), "[31mred");
    }
}
