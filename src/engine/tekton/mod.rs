//! Tekton Pipelines v1: manifests, a linter for them, and the way back to the graph.
//!
//! A workflow is one `Pipeline` whose tasks are embedded, because no other pipeline shares them and a reader finds each
//! step where it is called, and one `PipelineRun`. What Tekton has no word for is done by small steps and tasks around
//! the user's own: `load` brings files, `save` hands results on, `NAME-when` decides a condition, `NAME-items` spreads
//! a list. Containers are never touched; scripts get a few lines in front of them (see `runner`).
//!
//! Nothing needs alpha features but two: the standard output of a container (`stdoutConfig`) and the choices of a
//! parameter (`enable-param-enum`).

mod capabilities;
mod clean;
mod condition;
mod context;
mod cron;
mod external;
mod files;
mod generator;
mod helpers;
mod job;
mod lint;
mod manifest;
mod map;
mod parts;
mod pipeline;
mod recover;
mod requirement;
mod rounds;
mod runner;
mod settings;
mod task;
#[cfg(test)]
mod tests;
mod text;

pub use generator::Tekton;
pub use lint::{LintError, is_tekton, lint_tekton};
pub use parts::recover_parts;
pub use recover::{RecoverError, recover};
