//! The passes: each takes a workflow and gives it back, changed or not, with a report.

mod cache;
mod demand;
mod fetch;
mod hyperparameters;
mod pipeline;
mod resources;
mod split;

pub use cache::CachePlan;
pub use demand::Quota;
pub use fetch::SharedFetch;
pub use hyperparameters::{Hyperparameters, ProposedArguments};
pub use pipeline::{Outcome, PASSES, Pipeline, Settings};
pub use resources::Resources;
pub use split::SplitParts;

use serde::Serialize;

use crate::ir::Workflow;

/// One pass over a workflow. The same input gives the same output.
pub trait Pass {
    /// The name on the command line.
    fn name(&self) -> &'static str;

    /// Changes the workflow and says what changed and why.
    ///
    /// # Errors
    /// Why the pass cannot do its work.
    fn run(&self, workflow: &mut Workflow) -> Result<Report, PassError>;
}

/// Why a pass failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {pass} pass cannot work: {message}")]
pub struct PassError {
    /// The pass.
    pub pass: &'static str,
    /// Why.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The pass.
    pub pass: &'static str,
    /// One sentence.
    pub summary: String,
    /// Every change.
    pub changes: Vec<Change>,
    /// Measures in words, each with its name.
    pub figures: Vec<(&'static str, String)>,
    /// The names of the steps of each part, if the pass made parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<Vec<String>>>,
}

/// A change to one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The step.
    pub step: String,
    /// What changed.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Change {
    fn new(step: &str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { step: step.to_owned(), what: what.into(), why: why.into() }
    }
}

/// Bytes in the largest binary unit.
fn size(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    // A sum of nothing is -0.
    let mut value = bytes.abs();
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
