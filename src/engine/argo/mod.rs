//! Argo Workflows 4: `Workflow` and `CronWorkflow` manifests, a linter for them, and the way back to the graph.

mod call;
mod capabilities;
mod condition;
mod context;
mod generator;
mod inputs;
mod job;
mod leaf;
mod lint;
mod manifest;
mod parts;
mod place;
mod read;
mod recover;
mod repeat;
mod script;
mod settings;
mod status;
#[cfg(test)]
mod tests;
mod text;
mod wait;
mod workflow;

pub use generator::Argo;
pub use lint::{LintError, lint_argo};
pub use parts::{recover_parts, step_bytes};
pub use recover::{RecoverError, recover};
