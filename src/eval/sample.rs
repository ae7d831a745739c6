//! One generated workflow and what became of it.

use serde::{Deserialize, Serialize};

use super::{Scores, TurnResult};
use crate::llm::{CallRecord, Usage};

/// The version that every log starts with.
pub const LOG_VERSION: &str = "couler/eval/v1";

/// How a workflow is generated from a description.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The whole pipeline: plan, fragments, calibration, assembly.
    #[default]
    Pipeline,
    /// A baseline: one constrained call that writes the program.
    DirectProgram,
    /// A baseline: one call that writes the Argo manifest.
    DirectManifest,
}

/// What a run was made with; the first line of its log. Two samples may be compared only if everything but what is
/// meant to differ is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunHeader {
    /// Always [`LOG_VERSION`].
    pub version: String,
    /// Name of the suite.
    pub suite: String,
    /// BLAKE3 digest of the suite's text.
    pub suite_digest: String,
    /// The model's identifier.
    pub model: String,
    /// How workflows are generated.
    pub mode: Mode,
    /// Sampling temperature.
    pub temperature: f32,
    /// What was switched off: `lake`, `calibration`, `coverage`.
    pub without: Vec<String>,
    /// BLAKE3 digest of everything that the requests are made of: prompts, examples, components.
    pub method: String,
    /// Day of the first sample, in UTC: `YYYY-MM-DD`.
    pub date: String,
}

/// How a sample ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleOutcome {
    /// Everything that the case asks for holds.
    Passed,
    /// Something does not hold.
    Failed,
    /// The model or a service could not be used; says nothing about quality.
    Infrastructure,
}

/// Where a failed sample went wrong first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedStage {
    /// No usable plan, or a refusal of a real workflow.
    Decompose,
    /// No usable fragment for a step.
    Generate,
    /// The fragments do not fit together.
    Assemble,
    /// The engine cannot express the program.
    Engine,
    /// There is a manifest, but it does not do what the description asks for.
    Check,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The case.
    pub case: String,
    /// Its category.
    pub category: String,
    /// Which repeat of the case, from 0; it is the seed as well.
    pub sample: u32,
    /// The description and the remarks that followed.
    pub turns: Vec<String>,
    /// How it ended.
    pub outcome: SampleOutcome,
    /// Where it went wrong first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_stage: Option<FailedStage>,
    /// Whether a stage gave up: there is neither a workflow nor a deliberate refusal.
    #[serde(default)]
    pub gave_up: bool,
    /// What does not hold.
    pub failures: Vec<String>,
    /// Likeness to the reference graph, requirements met.
    pub scores: Scores,
    /// The calls, stage by stage.
    pub calls: Vec<CallRecord>,
    /// Their sum.
    pub usage: Usage,
    /// Wall-clock seconds of the whole sample.
    pub seconds: f64,
    /// The program, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<serde_json::Value>,
    /// The manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Faults that the linter finds in the manifest.
    #[serde(default)]
    pub lint_faults: usize,
    /// What became of each turn of a conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turn_results: Vec<TurnResult>,
}

impl Sample {
    /// Whether everything holds.
    pub fn passed(&self) -> bool {
        self.outcome == SampleOutcome::Passed
    }

    /// Whether it says something about quality.
    pub fn counts(&self) -> bool {
        self.outcome != SampleOutcome::Infrastructure
    }
}
