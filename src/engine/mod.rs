//! Engines: from the graph to what a workflow system reads, and back.

pub mod airflow;
pub mod argo;
mod features;
pub(crate) mod kubernetes;
mod parts;
mod recovered;
pub mod tekton;
#[cfg(test)]
pub(crate) mod testing;

use crate::ir::{Node, Workflow};

pub use features::FEATURES;
pub(crate) use features::refuse_lacking;
pub use parts::{Admission, PartFiles, PartPlan};
pub use recovered::{RecoveredGraph, RecoveredStep};

/// How an engine carries out a feature of the unified API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// The engine has it.
    Native,
    /// It is expressed by other means, as described.
    Lowered(&'static str),
    /// It is refused, for the reason given.
    Unsupported(&'static str),
}

/// Settings of a generation that are no part of the workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Namespace to write into the manifests; the workflow's own if absent.
    pub namespace: Option<String>,
    /// Where the steps of an Airflow DAG run.
    pub airflow_target: AirflowTarget,
}

/// Where the steps of an Airflow DAG run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AirflowTarget {
    /// As pods of a Kubernetes cluster.
    #[default]
    Kubernetes,
    /// As processes of the machine that runs Airflow.
    Local,
}

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// File name without folder.
    pub name: String,
    /// Its text.
    pub content: String,
}

/// Why a workflow cannot be generated.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine lacks a feature that a step uses.
    #[error("{engine} cannot express {feature} of step {step:?}: {reason}")]
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// The step.
        step: String,
        /// The feature.
        feature: &'static str,
        /// Why, and what to do instead.
        reason: String,
    },
    /// The parts are none of this workflow.
    #[error("the parts do not fit the workflow: {0}")]
    Parts(String),
    /// The manifest could not be written as text.
    #[error("the manifest could not be written: {0}")]
    Write(String),
}

/// Writes workflows for one system.
pub trait Engine {
    /// The name on the command line.
    fn name(&self) -> &'static str;

    /// Every feature of the unified API with how it is carried out.
    fn capabilities(&self) -> Vec<(&'static str, Support)>;

    /// The files for a workflow.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] names the step and the feature.
    fn generate(
        &self,
        workflow: &Workflow,
        options: &GenerateOptions,
    ) -> Result<Vec<GeneratedFile>, EngineError>;

    /// The files for a workflow that runs in parts.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] names the step and the feature, [`EngineError::Parts`] what is wrong with the plan.
    fn generate_parts(
        &self,
        workflow: &Workflow,
        plan: &PartPlan,
        options: &GenerateOptions,
    ) -> Result<PartFiles, EngineError>;

    /// Whether what the engine is given may be too large.
    fn has_limit_of_bytes(&self) -> bool {
        true
    }

    /// Whether the engine can reuse earlier results of a step.
    fn memoizes(&self, step: &Node) -> bool;

    /// Whether the engine can limit how many steps of a workflow run at once; `parts` if it runs in several.
    fn limits(&self, workflow: &Workflow, parts: bool) -> bool;
}

/// The engines by name.
pub fn engines() -> Vec<Box<dyn Engine>> {
    vec![Box::new(argo::Argo), Box::new(airflow::Airflow), Box::new(tekton::Tekton)]
}
