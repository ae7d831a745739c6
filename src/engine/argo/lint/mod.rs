//! Faults of Argo manifests that the schema cannot see.
//!
//! The linter reads plain values, so it works for any manifest, and it stays silent about what it cannot know:
//! templates of other resources, inline templates, expressions.

mod arguments;
mod calls;
mod durations;
mod headers;
mod model;
mod references;
mod templates;

use super::read::{resources, workflow_spec};
use crate::api::Problem;
use model::{Findings, Spec};

/// A text that cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the manifest is no YAML: {0}")]
pub struct LintError(pub String);

/// Checks every Argo resource of a text, which may hold several documents.
///
/// # Errors
/// [`LintError`] if the text is no YAML.
pub fn lint_argo(text: &str) -> Result<Vec<Problem>, LintError> {
    let resources = resources(text).map_err(LintError)?;
    if resources.is_empty() {
        return Ok(vec![Problem::new(
            "",
            "there is no Argo resource in the text",
            "add a document of kind Workflow, CronWorkflow, WorkflowTemplate or ClusterWorkflowTemplate",
        )]);
    }
    let several = resources.len() > 1;
    let mut problems = Vec::new();
    for (position, resource) in &resources {
        let mut findings = Findings::default();
        headers::check(resource, &mut findings);
        let (pointer, spec) = workflow_spec(resource);
        let spec = Spec::new(resource, pointer, spec);
        headers::check_spec(&spec, &mut findings);
        templates::check(&spec, &mut findings);
        calls::check(&spec, &mut findings);
        problems.extend(findings.finished().into_iter().map(|mut problem| {
            if several {
                problem.path = format!("document {}: {}", position + 1, problem.path);
            }
            problem
        }));
    }
    Ok(problems)
}

#[cfg(test)]
mod tests;
