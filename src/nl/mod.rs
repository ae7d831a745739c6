//! From a description to a program: decompose, generate, calibrate, assemble, trace requirements.

mod assemble;
mod calibrate;
mod clauses;
mod decompose;
mod event;
mod evidence;
mod fragment;
mod guard;
mod literals;
mod pipeline;
mod plan;
mod prompts;
mod requirements;
mod schedule;
mod settings;
mod slots;
mod tidy;

pub use event::{Event, Observer, Silent, Stage};
pub use guard::{Guarded, guard};
pub use literals::{Literal, LiteralKind, literals};
pub use pipeline::{Outcome, Pipeline, PipelineError, PipelineOptions, StepReport};
pub use plan::{Plan, PlannedStep};
pub use prompts::{PromptError, Prompts};
pub use requirements::{Requirement, Requirements};
