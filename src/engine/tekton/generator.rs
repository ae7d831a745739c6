//! The engine itself.

use super::super::kubernetes::yaml;
use super::super::{
    Engine, EngineError, GenerateOptions, GeneratedFile, PartFiles, PartPlan, Support, refuse_lacking,
};
use super::context::ENGINE;
use super::{capabilities, parts, pipeline};
use crate::ir::{Node, Workflow};

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
        refuse_lacking(ENGINE, capabilities::CAPABILITIES, workflow)?;
        let documents = pipeline::documents(workflow, options)?;
        let written: Result<Vec<String>, EngineError> = documents.iter().map(yaml::write).collect();
        let content = written?.join("---\n");
        Ok(vec![GeneratedFile { name: format!("{}.tekton.yaml", workflow.name), content }])
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

    fn memoizes(&self, _: &Node) -> bool {
        true
    }

    /// Lanes of steps keep to a limit; they reach into no other run, and a step that may be left out breaks them.
    fn limits(&self, workflow: &Workflow, parts: bool) -> bool {
        !parts && workflow.graph.node_weights().all(|node| !pipeline::may_skip(node))
    }
}
