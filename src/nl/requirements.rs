//! The requirement report: every clause of the description, traced to what meets it.

use serde::Serialize;
use serde_json::Value;

use super::base::literals::{Literal, literals};
use super::pattern::stems;

/// One clause of the description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The words of the description.
    pub quote: String,
    /// Steps that meet it; `workflow` stands for the schedule, parameters and other settings of the whole.
    pub met_by: Vec<String>,
    /// Literals of the clause that stand nowhere in the program.
    pub missing: Vec<String>,
}

/// All clauses, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Requirements {
    /// The clauses.
    pub all: Vec<Requirement>,
    /// How many literals the description has.
    pub literals: usize,
    /// How many of them stand in the program.
    pub literals_kept: usize,
}

impl Requirements {
    /// Clauses that nothing meets or that lost a literal.
    pub fn uncovered(&self) -> impl Iterator<Item = &Requirement> {
        self.all.iter().filter(|requirement| requirement.met_by.is_empty() || !requirement.missing.is_empty())
    }
}

/// What a part of the program says.
pub(super) struct Part<'a> {
    /// The step's name, or `workflow`.
    pub(super) name: &'a str,
    /// The words of the description it was made from.
    pub(super) text: String,
    /// Its content.
    pub(super) content: Value,
}

/// Traces the clauses of a description to the parts of a program.
pub(super) fn trace(description: &str, parts: &[Part<'_>]) -> Requirements {
    let found = literals(description);
    let mut report = Requirements { literals: found.len(), ..Requirements::default() };
    for (start, end) in clauses(description, &found) {
        let quote = description[start..end].trim().to_owned();
        let own: Vec<&Literal> = found.iter().filter(|l| l.start >= start && l.end <= end).collect();
        let missing: Vec<String> = own
            .iter()
            .filter(|literal| !parts.iter().any(|part| literal.appears_in(&part.content)))
            .map(|literal| literal.text.clone())
            .collect();
        report.literals_kept += own.len() - missing.len();
        let met_by = parts
            .iter()
            .filter(|part| {
                own.iter().any(|l| l.appears_in(&part.content)) || shares_words(&quote, &part.text)
            })
            .map(|part| part.name.to_owned())
            .collect();
        report.all.push(Requirement { quote, met_by, missing });
    }
    report
}

/// Byte ranges of clauses: cut at sentence ends, semicolons, and commas that are not inside a literal.
fn clauses(description: &str, literals: &[Literal]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, character) in description.char_indices() {
        let inside = literals.iter().any(|literal| literal.start < at && at < literal.end);
        let next = description[at + character.len_utf8()..].chars().next();
        let cut = ",;.!?\n".contains(character) && next.is_none_or(char::is_whitespace);
        if cut && !inside {
            push(&mut found, description, start, at);
            start = at + character.len_utf8();
        }
    }
    push(&mut found, description, start, description.len());
    found
}

fn push(found: &mut Vec<(usize, usize)>, description: &str, start: usize, end: usize) {
    if description[start..end].chars().filter(|c| c.is_alphanumeric()).count() > 1 {
        found.push((start, end));
    }
}

/// Whether at least half of the telling words of `quote` stand in `text`.
fn shares_words(quote: &str, text: &str) -> bool {
    let told = stems(quote, 2, 6);
    let known = stems(text, 2, 6);
    let shared = told.iter().filter(|word| known.contains(word)).count();
    !told.is_empty() && shared * 2 >= told.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn clauses_are_traced_and_losses_named() {
        let parts = [
            Part { name: "load", text: "read data.csv".into(), content: json!({"source": "data.csv"}) },
            Part {
                name: "train",
                text: "train xgboost with 300 trees".into(),
                content: json!({"algorithm": "xgboost"}),
            },
        ];
        let report = trace("Read data.csv, train xgboost with 300 trees, then feed the cat.", &parts);
        let uncovered: Vec<_> = report.uncovered().map(|r| (r.quote.as_str(), r.missing.clone())).collect();
        assert_eq!(
            uncovered,
            [("train xgboost with 300 trees", vec!["300".to_owned()]), ("then feed the cat", vec![])]
        );
        assert_eq!((report.literals, report.literals_kept), (2, 1));
    }
}
