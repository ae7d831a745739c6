//! The engine itself.

use super::super::kubernetes::yaml;
use super::super::{
    Engine, EngineError, GenerateOptions, GeneratedFile, PartFiles, PartPlan, Support, refuse_lacking,
};
use super::context::ENGINE;
use super::{capabilities, parts, workflow};
use crate::ir::{Node, Workflow};

/// Writes Argo Workflows manifests.
///
/// A manifest is to be created (`kubectl create`, `argo submit`), not applied: the name of a `Workflow` is made at
/// creation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Argo;

impl Engine for Argo {
    fn name(&self) -> &'static str {
        "argo"
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
        let document = workflow::document(workflow, options)?;
        Ok(vec![GeneratedFile { name: format!("{}.yaml", workflow.name), content: yaml::write(&document)? }])
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

    fn limits(&self, _: &Workflow, _: bool) -> bool {
        true
    }
}
