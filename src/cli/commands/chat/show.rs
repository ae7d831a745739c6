//! Colours of what a conversation shows.

use console::Style;

use crate::cli::Output;

/// Colours for standard error.
pub(super) fn colored(output: &Output, text: &str) -> String {
    colored_for(output, true, text)
}

/// Differences in colour: what is new, what is gone, what is another.
pub(super) fn colored_for(output: &Output, terminal: bool, text: &str) -> String {
    if !terminal {
        return text.to_owned();
    }
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let style = match line.as_bytes() {
                [b'+', b' ', ..] => Style::new().green(),
                [b'-', b' ', ..] => Style::new().red(),
                [b'~', b' ', ..] => Style::new().yellow(),
                _ if line.starts_with("manifest lines:") => Style::new().dim(),
                _ => return line.to_owned(),
            };
            output.styled(&style, line)
        })
        .collect();
    lines.join("\n")
}
