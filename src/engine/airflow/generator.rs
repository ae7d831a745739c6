//! The engine itself.

use super::super::{Engine, EngineError, GenerateOptions, GeneratedFile, Support};
use super::{capabilities, workflow};
use crate::ir::Workflow;

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
        let content = workflow::file(workflow, options)?;
        Ok(vec![GeneratedFile { name: workflow::file_name(workflow), content }])
    }
}
