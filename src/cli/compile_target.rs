//! Which engines a command writes for.

use super::Failure;
use crate::engine::{AirflowTarget, Engine, GenerateOptions, GeneratedFile, engines};
use crate::ir::Workflow;

/// One engine, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineChoice {
    One(&'static str),
    All,
}

impl EngineChoice {
    /// Reads `--engine`.
    pub(super) fn parse(name: &str) -> Result<Self, Failure> {
        if name == "all" {
            return Ok(Self::All);
        }
        let known: Vec<&'static str> = engines().iter().map(|engine| engine.name()).collect();
        known.iter().find(|known| **known == name).map(|known| Self::One(known)).ok_or_else(|| {
            Failure::usage(format!("unknown engine {name:?}"), format!("possible: {}, all", known.join(", ")))
        })
    }
}

impl EngineChoice {
    /// The chosen engines.
    pub(super) fn engines(&self) -> impl Iterator<Item = Box<dyn Engine>> + '_ {
        engines().into_iter().filter(|engine| *self == Self::All || *self == Self::One(engine.name()))
    }
}

/// Where the steps of an Airflow DAG run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TargetChoice {
    /// Pods of a Kubernetes cluster
    #[default]
    Kubernetes,
    /// Processes of the machine that runs Airflow
    Local,
}

impl From<TargetChoice> for GenerateOptions {
    fn from(target: TargetChoice) -> Self {
        let airflow_target = match target {
            TargetChoice::Kubernetes => AirflowTarget::Kubernetes,
            TargetChoice::Local => AirflowTarget::Local,
        };
        Self { airflow_target, ..Self::default() }
    }
}

/// Writes the files of the chosen engines.
pub(super) fn generate(
    workflow: &Workflow,
    choice: &EngineChoice,
    options: &GenerateOptions,
) -> Result<Vec<GeneratedFile>, Failure> {
    let mut files = Vec::new();
    for engine in choice.engines() {
        files.extend(engine.generate(workflow, options)?);
    }
    Ok(files)
}
