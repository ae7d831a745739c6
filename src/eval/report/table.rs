//! A run for the terminal.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::text::{Fact, facts, further, rows};
use crate::eval::Summary;

/// The columns of the reports, broken so that the table fits a terminal.
const HEADINGS: [&str; 9] = [
    "category",
    "descriptions",
    "passed",
    "pass@1\n(95 % interval)",
    "steps\nF1",
    "edges\nF1",
    "requirements",
    "median\ns",
    "median\nuncached\ntokens",
];

/// A run for the terminal: one row per category and one of all, then what the columns leave out.
pub fn table(summary: &Summary) -> String {
    let mut table = plain_table(HEADINGS, 1);
    table.add_rows(rows(summary));
    let mut lines: Vec<String> = table.lines().collect();
    // The last row is the sum of those above it.
    if let Some(rule) = lines.iter().find(|line| line.starts_with('─')).cloned() {
        lines.insert(lines.len() - 1, rule);
    }
    let mut text = aligned(&facts(&summary.header)) + "\n";
    for line in &lines {
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    text + "\n" + &aligned(&further(&summary.all))
}

/// A table without borders whose columns but the first `left` are aligned to the right.
pub(super) fn plain_table<const N: usize>(headings: [&str; N], left: usize) -> Table {
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(rule)).set_header(headings);
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// One line per fact, the values below each other.
pub(super) fn aligned(facts: &[Fact]) -> String {
    let width = facts.iter().map(|fact| fact.name.chars().count()).max().unwrap_or(0);
    facts.iter().fold(String::new(), |text, fact| text + &format!("{:<width$}  {}\n", fact.name, fact.value))
}
