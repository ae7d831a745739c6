//! Jobs: Kubernetes resources that are created and waited for.

use super::super::EngineError;
use super::context::{Context, unsupported};
use super::task::Arguments;
use crate::api::Job;
use crate::ir::Node;

/// The arguments of a job.
///
/// # Errors
/// Files in or out, and jobs that could not run.
pub(crate) fn fill(
    _context: &Context<'_>,
    node: &Node,
    _job: &Job,
    _arguments: &mut Arguments,
) -> Result<&'static str, EngineError> {
    Err(unsupported(&node.name, "job", "not yet"))
}
