//! The engine itself.

use super::super::kubernetes::yaml;
use super::super::{Engine, EngineError, GenerateOptions, GeneratedFile, Support};
use super::{capabilities, pipeline};
use crate::ir::Workflow;

/// Writes Tekton manifests.
///
/// The `Pipeline` may be applied; the `PipelineRun` is to be created (`kubectl create`), for its name is made at
/// creation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tekton;

impl Engine for Tekton {
    fn name(&self) -> &'static str {
        "tekton"
    }

    fn capabilities(&self) -> Vec<(&'static str, Support)> {
        capabilities::CAPABILITIES.to_vec()
    }

    fn generate(
        &self,
        workflow: &Workflow,
        options: &GenerateOptions,
    ) -> Result<Vec<GeneratedFile>, EngineError> {
        let documents = pipeline::documents(workflow, options)?;
        let written: Result<Vec<String>, EngineError> = documents.iter().map(yaml::write).collect();
        let content = written?.join("---\n");
        Ok(vec![GeneratedFile { name: format!("{}.tekton.yaml", workflow.name), content }])
    }
}
