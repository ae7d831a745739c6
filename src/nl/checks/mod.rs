//! Checks judge an answer; they never change it.
//!
//! Each check has a file of its own with a table of cases, and one line in [`CHECKS`]. It sees the description as a
//! [`Document`], the answer, and, where the answer can be read as one, the program and its graph. On right answers no
//! check fires: the gold set measures that (`couler eval fidelity`).

mod arguments;
mod branches;
mod calendar;
mod clauses;
mod commands;
mod conditions;
mod connected;
mod content;
mod crossed;
mod declared;
mod doubled;
mod exclusive;
mod finding;
mod given;
mod graph;
mod items;
mod layout;
mod literals;
mod numbers;
mod order;
mod quotes;
mod schedule;
mod schema;
mod settings;
#[cfg(test)]
mod testing;
mod unasked;

use std::ops::Range;

use crate::api::Program;
use crate::ir::Workflow;
use crate::lake::Lake;
use crate::nl::answer::{StepAnswer, WorkflowAnswer};
use crate::nl::document::Document;

pub(crate) use exclusive::exclusive;
pub use finding::{Evidence, Finding, Place, Severity};

/// What a check looks at.
pub struct Judged<'a> {
    /// The description.
    pub document: &'a Document,
    /// What the model answered.
    pub answer: &'a WorkflowAnswer,
    /// The program that it means, if it means one.
    pub program: Option<&'a Program>,
    /// Its graph, if the program is valid.
    pub workflow: Option<&'a Workflow>,
    /// The components.
    pub lake: &'a Lake,
}

impl Judged<'_> {
    /// The steps whose quotes hold a span.
    pub(crate) fn owners(&self, span: Range<usize>) -> Vec<&str> {
        let holds = |text: &str| {
            self.document.spans(text).iter().any(|quote| quote.start <= span.start && span.end <= quote.end)
        };
        self.answer.all_steps().filter(|step| holds(&step.text)).map(|step| step.name.as_str()).collect()
    }

    /// Whether a quote that speaks of the whole holds a span.
    pub(crate) fn is_about_whole(&self, span: Range<usize>) -> bool {
        self.answer
            .about_whole
            .iter()
            .flat_map(|quote| self.document.spans(quote))
            .any(|quote| quote.start <= span.start && span.end <= quote.end)
    }

    /// The words of a step, and those about the whole.
    pub(crate) fn own_words(&self, step: &StepAnswer) -> String {
        let quotes = std::iter::once(&step.text).chain(&self.answer.about_whole);
        let spans = quotes.flat_map(|quote| self.document.spans(quote));
        spans.map(|span| &self.document.text[span]).collect::<Vec<_>>().join("\n")
    }

    /// Whether a quote of words that ask for nothing holds a span.
    pub(crate) fn asks_for_nothing(&self, span: Range<usize>) -> bool {
        self.answer
            .ignored
            .iter()
            .flat_map(|quote| self.document.spans_everywhere(quote))
            .any(|quote| quote.start <= span.start && span.end <= quote.end)
    }

    /// Whether a literal is nothing but the name of a step.
    pub(crate) fn is_step_name(&self, literal: &str) -> bool {
        let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
        self.answer.all_steps().any(|step| plain(&step.name) == plain(literal))
    }
}

/// A judge of one kind of fault.
pub trait Check: Sync {
    /// Short name, for `--without-check` and reports.
    fn name(&self) -> &'static str;

    /// What it looks for, in one sentence.
    fn about(&self) -> &'static str;

    /// Whether it can judge what a remark changed, too. A remark says little of what the workflow already is, so most
    /// checks cannot.
    fn judges_remarks(&self) -> bool {
        false
    }

    /// Everything that is wrong.
    fn check(&self, judged: &Judged<'_>) -> Vec<Finding>;
}

/// All checks, in the order in which they are made.
pub const CHECKS: &[&dyn Check] = &[
    &schema::Schema,
    &graph::Graph,
    &quotes::Quotes,
    &clauses::Clauses,
    &literals::Literals,
    &numbers::Numbers,
    &given::Given,
    &arguments::Arguments,
    &commands::Commands,
    &crossed::Crossed,
    &items::Items,
    &order::Order,
    &declared::Declared,
    &connected::Connected,
    &unasked::Unasked,
    &conditions::Conditions,
    &branches::Branches,
    &schedule::Schedule,
    &settings::Settings,
    &doubled::Doubled,
];

/// Makes all checks but those named in `without`.
pub fn judge(judged: &Judged<'_>, without: &[String]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for check in CHECKS.iter().filter(|check| without.iter().all(|name| name != check.name())) {
        for finding in check.check(judged) {
            // Two checks may see the same fault.
            let same = |other: &Finding| other.place == finding.place && other.message == finding.message;
            if !found.iter().any(same) {
                found.push(finding);
            }
        }
    }
    found
}
