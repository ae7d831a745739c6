//! Which engines a command writes for.

use super::Failure;
use crate::engine::{Engine, GenerateOptions, GeneratedFile, engines};
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

/// Writes the files of the chosen engines.
pub(super) fn generate(workflow: &Workflow, choice: EngineChoice) -> Result<Vec<GeneratedFile>, Failure> {
    let chosen: Vec<Box<dyn Engine>> = engines()
        .into_iter()
        .filter(|engine| choice == EngineChoice::All || choice == EngineChoice::One(engine.name()))
        .collect();
    let mut files = Vec::new();
    for engine in chosen {
        files.extend(engine.generate(workflow, &GenerateOptions::default())?);
    }
    Ok(files)
}
