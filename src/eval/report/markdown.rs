//! A run as Markdown, for a repository or a pull request.

use super::text::{COLUMNS, Fact, NONE, clip, count, facts, failed, further, plain, rows, stage};
use crate::eval::{CaseSummary, Summary};

/// Characters of a failure that are shown.
const FAILURE_LENGTH: usize = 240;

/// A run as Markdown: settings, figures by category, further figures, failed cases with their first failure.
pub fn markdown(summary: &Summary) -> String {
    let mut settings = facts(&summary.header);
    settings.push(Fact::new("descriptions", summary.all.descriptions.to_string()));
    settings.push(Fact::new("samples", summary.all.samples.to_string()));
    let mut text = format!("# Evaluation: {}\n\n", cell(&summary.header.suite));
    text.push_str(&of_facts("setting", &settings));
    text.push_str("\n## Figures\n\n");
    text.push_str(&table(COLUMNS, 1, rows(summary)));
    text.push('\n');
    text.push_str(&of_facts("figure", &further(&summary.all)));
    let cases: Vec<[String; 5]> = summary.cases.iter().filter(|case| failed(case)).map(failed_case).collect();
    text.push_str(&format!("\n## {}\n", count(cases.len(), "failed case")));
    if !cases.is_empty() {
        text.push('\n');
        text.push_str(&table(["case", "category", "passed", "failed at", "first failure"], 5, cases));
    }
    text
}

fn failed_case(case: &CaseSummary) -> [String; 5] {
    [
        case.id.clone(),
        case.category.clone(),
        format!("{} of {}", case.passed, case.samples),
        case.failed_stage.map_or(NONE, stage).to_owned(),
        case.failures
            .first()
            .map_or_else(|| NONE.to_owned(), |failure| clip(&plain(failure), FAILURE_LENGTH)),
    ]
}

fn of_facts(heading: &str, facts: &[Fact]) -> String {
    table([heading, "value"], 2, facts.iter().map(|fact| [fact.name.clone(), fact.value.clone()]))
}

/// A table whose columns but the first `left` are aligned to the right.
fn table<const N: usize>(
    headings: [&str; N],
    left: usize,
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rule: Vec<&str> = (0..N).map(|column| if column < left { "---" } else { "---:" }).collect();
    let mut text = format!("| {} |\n| {} |\n", headings.join(" | "), rule.join(" | "));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.map(|text| cell(&text)).join(" | ")));
    }
    text
}

/// Untrusted text that a cell shows as it is: neither ends the cell nor becomes markup.
fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for character in plain(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}
