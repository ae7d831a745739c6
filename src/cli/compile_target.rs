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
    choice: EngineChoice,
    options: &GenerateOptions,
) -> Result<Vec<GeneratedFile>, Failure> {
    let chosen: Vec<Box<dyn Engine>> = engines()
        .into_iter()
        .filter(|engine| choice == EngineChoice::All || choice == EngineChoice::One(engine.name()))
        .collect();
    let mut files = Vec::new();
    for engine in chosen {
        files.extend(engine.generate(workflow, options)?);
    }
    Ok(files)
}
