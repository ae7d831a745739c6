//! Lines from a terminal or a script.

use std::io::{BufRead, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};

use super::helper::{PromptHelper, Words};
use crate::cli::Failure;

/// Longest line of a script, in bytes; what is longer is refused, not cut.
const LONGEST_LINE: u64 = 16 << 20;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Read {
    /// A line, or several that belong together.
    Line(String),
    /// Ctrl-C: the line was dropped.
    Interrupted,
    /// The end.
    End,
}

/// Where lines come from.
pub(in crate::cli) enum Reader {
    /// A prompt.
    Terminal {
        /// The line editor.
        editor: Box<Editor<PromptHelper, FileHistory>>,
        /// Where the history is kept.
        history: PathBuf,
        /// Whether the prompt is coloured.
        color: bool,
    },
    /// A file or a pipe.
    Script(Box<dyn BufRead>),
}

/// Whether a text goes on in the next line: a backslash at its end, or a quote that is not closed.
pub(super) fn goes_on(text: &str) -> bool {
    let trimmed = text.trim_end_matches([' ', '\t']);
    if trimmed.starts_with('/') {
        return false;
    }
    trimmed.ends_with('\\') || trimmed.matches('"').count() % 2 == 1
}

/// Several lines as one text: behind a backslash a line simply goes on.
fn joined(text: &str) -> String {
    text.replace("\\\r\n", " ").replace("\\\n", " ")
}

impl Reader {
    /// A prompt on this terminal.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(in crate::cli) fn terminal(
        history: PathBuf,
        words: Arc<Mutex<Words>>,
        color: bool,
    ) -> Result<Self, Failure> {
        let failed = |error: ReadlineError| {
            Failure::failed(format!("the terminal: {error}"), "pipe a script in: couler chat < script.txt")
        };
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .auto_add_history(true)
            .history_ignore_space(true)
            .bracketed_paste(true)
            .color_mode(if color { ColorMode::Enabled } else { ColorMode::Disabled })
            .max_history_size(2000)
            .map_err(failed)?
            .build();
        let mut editor = Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(PromptHelper::new(words, color)));
        // The first time there is none.
        let _ = editor.load_history(&history);
        Ok(Self::Terminal { editor: Box::new(editor), history, color })
    }

    /// Lines of standard input.
    pub(in crate::cli) fn script() -> Self {
        Self::Script(Box::new(std::io::BufReader::new(std::io::stdin())))
    }

    /// The next line.
    ///
    /// # Errors
    /// The terminal or the script cannot be read.
    pub(in crate::cli) fn next(&mut self, prompt: &str) -> Result<Read, Failure> {
        match self {
            Self::Terminal { editor, history, color } => {
                let styled = if *color { format!("\x1b[1;32m{prompt}\x1b[0m") } else { prompt.to_owned() };
                match editor.readline(&(prompt, styled.as_str())) {
                    Ok(line) => {
                        // A history that cannot be written is no reason to stop.
                        let _ = editor.append_history(history);
                        Ok(Read::Line(joined(&line)))
                    }
                    Err(ReadlineError::Interrupted) => Ok(Read::Interrupted),
                    Err(ReadlineError::Eof) => Ok(Read::End),
                    Err(error) => {
                        Err(Failure::failed(format!("the terminal: {error}"), "try another terminal"))
                    }
                }
            }
            Self::Script(lines) => script_line(lines.as_mut()),
        }
    }
}

fn script_line(lines: &mut dyn BufRead) -> Result<Read, Failure> {
    let mut text = String::new();
    loop {
        let mut bytes = Vec::new();
        let read = lines
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Failure::failed(format!("standard input: {error}"), "check the script"))?;
        if read == 0 {
            return Ok(if text.is_empty() { Read::End } else { Read::Line(joined(&text)) });
        }
        // Bytes that are no UTF-8 become question marks; they say nothing anyway.
        text.push_str(&String::from_utf8_lossy(&bytes));
        if !goes_on(text.trim_end_matches(['\n', '\r'])) || text.len() as u64 >= LONGEST_LINE {
            let trimmed = text.trim_end_matches(['\n', '\r']).to_owned();
            return Ok(Read::Line(joined(&trimmed)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_belong_together_are_one() {
        let text = "first \\\nsecond\n\"open\nclosed\"\n/save a\\\nlast";
        let mut lines = std::io::Cursor::new(text.as_bytes().to_vec());
        let mut next = || script_line(&mut lines).unwrap();
        assert_eq!(next(), Read::Line("first  second".into()));
        assert_eq!(next(), Read::Line("\"open\nclosed\"".into()));
        assert_eq!(next(), Read::Line("/save a\\".into()));
        assert_eq!(next(), Read::Line("last".into()));
        assert_eq!(next(), Read::End);
    }
}
