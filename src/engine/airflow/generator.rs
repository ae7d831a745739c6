//! The engine itself.

use super::super::{
    Engine, EngineError, GenerateOptions, GeneratedFile, PartFiles, PartPlan, Support, refuse_lacking,
};
use super::context::ENGINE;
use super::{capabilities, parts, workflow};
use crate::ir::{Action, Node, Workflow};

/// Writes DAG files for Apache Airflow 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Airflow;

impl Engine for Airflow {
    fn name(&self) -> &'static str {
        "airflow"
    }

    fn capabilities(&self) -> Vec<(&'static str, Support)> {
        capabilities::CAPABILITIES.to_vec()
    }

    fn generate(
        &self,
        workflow: &Workflow,
        options: &GenerateOptions,
    ) -> Result<Vec<GeneratedFile>, EngineError> {
        refuse_lacking(ENGINE, capabilities::CAPABILITIES, workflow)?;
        let content = workflow::file(workflow, options)?;
        Ok(vec![GeneratedFile { name: workflow::file_name(workflow), content }])
    }

    fn generate_parts(
        &self,
        workflow: &Workflow,
        plan: &PartPlan,
        options: &GenerateOptions,
    ) -> Result<PartFiles, EngineError> {
        refuse_lacking(ENGINE, capabilities::CAPABILITIES, workflow)?;
        parts::files(workflow, plan, options)
    }

    fn has_limit_of_bytes(&self) -> bool {
        false
    }

    /// Results are kept by a shell around the command, so the command must be known.
    fn memoizes(&self, step: &Node) -> bool {
        !matches!(&step.action, Action::Container { command, .. } if command.is_empty())
    }

    /// Parts are limited together by a pool, which somebody has to make.
    fn limits(&self, _: &Workflow, parts: bool) -> bool {
        !parts
    }
}
