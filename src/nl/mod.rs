//! From a description to a program: ask, check, repair, trace requirements.
//!
//! A model that answers well is asked plainly (`plain`): its answer stands, the checks judge it, and what they find is
//! asked again. A small model that was not trained for this goes another way (`base`).

pub mod answer;
pub mod base;
pub mod checks;
mod direct;
pub mod document;
pub mod edit;
mod event;
mod guard;
mod pattern;
mod pipeline;
mod plain;
mod prompts;
mod requirements;

pub use base::literals::{Literal, LiteralKind, literals};
pub use base::tidy::{PASSES, Pass};
pub use event::{Event, Observer, Silent, Stage};
pub use guard::{Guarded, guard};
pub use pipeline::{Outcome, Pipeline, PipelineError, PipelineOptions, StepReport, Way};
pub use plain::judge_answer;
pub use prompts::{PromptError, Prompts};
pub use requirements::{Requirement, Requirements};
