//! Checks judge an answer; they never change it.
//!
//! Each check has a file of its own with a table of cases, and one line in [`CHECKS`]. It sees the description as a
//! [`Document`], the answer, and, where the answer can be read as one, the program and its graph. On right answers no
//! check fires: the gold set measures that (`couler eval fidelity`).

mod finding;
mod graph;
mod quotes;
mod schema;

use crate::api::Program;
use crate::ir::Workflow;
use crate::lake::Lake;
use crate::nl::answer::WorkflowAnswer;
use crate::nl::document::Document;

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

/// A judge of one kind of fault.
pub trait Check: Sync {
    /// Short name, for `--without-check` and reports.
    fn name(&self) -> &'static str;

    /// What it looks for, in one sentence.
    fn about(&self) -> &'static str;

    /// Everything that is wrong.
    fn check(&self, judged: &Judged<'_>) -> Vec<Finding>;
}

/// All checks, in the order in which they are made.
pub const CHECKS: &[&dyn Check] = &[&schema::Schema, &graph::Graph, &quotes::Quotes];

/// Makes all checks but those named in `without`.
pub fn judge(judged: &Judged<'_>, without: &[String]) -> Vec<Finding> {
    CHECKS
        .iter()
        .filter(|check| without.iter().all(|name| name != check.name()))
        .flat_map(|check| check.check(judged))
        .collect()
}
