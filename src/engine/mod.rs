//! Engines: from the graph to what a workflow system reads, and back.

pub mod airflow;
pub mod argo;
mod features;
pub(crate) mod kubernetes;
mod recovered;
pub mod tekton;
#[cfg(test)]
pub(crate) mod testing;

use crate::ir::Workflow;

pub use features::FEATURES;
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
}

/// The engines by name.
pub fn engines() -> Vec<Box<dyn Engine>> {
    vec![Box::new(argo::Argo), Box::new(airflow::Airflow), Box::new(tekton::Tekton)]
}
