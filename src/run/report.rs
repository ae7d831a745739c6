//! What a run has done.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::RunSettings;
use super::prepare::task_folder;
use super::scheduler::Scheduler;
use crate::api::PortType;
use crate::ir::{Node, NodeOutputKind};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It did its work.
    Succeeded,
    /// An earlier result stands for it.
    Cached,
    /// Its condition did not hold.
    Skipped,
    /// A step before it failed.
    Omitted,
    /// It failed after all attempts.
    Failed,
    /// The run ended before it did.
    Stopped,
}

impl StepState {
    /// How conditions and texts of other steps read it.
    pub fn status(self) -> &'static str {
        match self {
            Self::Succeeded | Self::Cached => "Succeeded",
            Self::Skipped | Self::Omitted => "Skipped",
            Self::Failed | Self::Stopped => "Failed",
        }
    }
}

/// What is known about a finished step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepResult {
    /// The step.
    pub name: String,
    /// How it ended.
    pub state: StepState,
    /// Seconds of the work of all its items; for a cached step those that were saved.
    pub seconds: f64,
    /// What it printed; of a long text that no step reads, the last line.
    pub result: String,
    /// Scalars it offers.
    pub values: BTreeMap<String, String>,
    /// Files and folders it wrote, by output.
    pub artifacts: BTreeMap<String, PathBuf>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether the workflow goes on when it fails.
    #[serde(skip)]
    pub tolerated: bool,
    /// Its folder, with `log.txt` if it printed anything.
    pub folder: PathBuf,
    /// Names of the outputs that are models.
    #[serde(skip)]
    pub models: Vec<String>,
}

/// A run from beginning to end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// `Succeeded`, `Failed` or `Stopped`.
    pub status: String,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The steps in topological order, then those that ran at the end.
    pub steps: Vec<StepResult>,
    /// The chain of steps that took longest.
    pub critical_path: Vec<String>,
    /// Seconds of that chain.
    pub critical_seconds: f64,
}

impl RunReport {
    /// Number of steps that ended like this.
    pub fn count(&self, state: StepState) -> usize {
        self.steps.iter().filter(|step| step.state == state).count()
    }
}

pub(super) fn step_result(scheduler: &Scheduler<'_>, node: usize, settings: &RunSettings) -> StepResult {
    let step = scheduler.plan.node(node);
    let (state, message, done) = scheduler.outcome(node);
    let (mut values, mut result) = (BTreeMap::new(), String::new());
    let mut artifacts = BTreeMap::new();
    for (instance, done) in done.iter().enumerate() {
        let Some(done) = done else { continue };
        result.clone_from(&done.last);
        for (name, value) in &done.values {
            if name == "result" {
                result.clone_from(value);
            } else {
                values.insert(name.clone(), value.clone());
            }
        }
        for output in done.outputs.keys() {
            let path = task_folder(&settings.folder, step, instance).join("outputs").join(output);
            artifacts.insert(output.clone(), path);
        }
    }
    let folder = settings.folder.join("steps").join(&step.name);
    StepResult {
        name: step.name.clone(),
        state,
        // An empty sum of floats is -0.
        seconds: done.iter().flatten().fold(0.0, |sum, done| sum + done.seconds),
        result,
        values,
        artifacts,
        message: message.map(str::to_owned),
        tolerated: step.settings.continue_on_failure,
        folder,
        models: models(step),
    }
}

fn models(step: &Node) -> Vec<String> {
    let model =
        |kind: &NodeOutputKind| matches!(kind, NodeOutputKind::Artifact { port_type: PortType::Model, .. });
    step.outputs.iter().filter(|output| model(&output.kind)).map(|output| output.name.clone()).collect()
}

/// The longest chain, by the seconds that were spent in this run.
pub(super) fn critical_path(scheduler: &Scheduler<'_>, steps: &[StepResult]) -> (Vec<String>, f64) {
    let plan = &scheduler.plan;
    let mut longest = vec![(0.0, None); plan.steps];
    for node in 0..plan.steps {
        let own = if steps[node].state == StepState::Cached { 0.0 } else { steps[node].seconds };
        let before = plan.entries[node].parents.iter().copied().max_by(|a, b| {
            let (a, b): (&(f64, _), &(f64, _)) = (&longest[*a], &longest[*b]);
            a.0.total_cmp(&b.0)
        });
        longest[node] = (own + before.map_or(0.0, |before| longest[before].0), before);
    }
    let last = (0..plan.steps).max_by(|a, b| longest[*a].0.total_cmp(&longest[*b].0));
    let seconds = last.map_or(0.0, |last| longest[last].0);
    let mut path = Vec::new();
    let mut at = last.filter(|_| seconds > 0.0);
    while let Some(node) = at {
        if steps[node].state != StepState::Cached && steps[node].seconds > 0.0 {
            path.push(steps[node].name.clone());
        }
        at = longest[node].1;
    }
    path.reverse();
    (path, seconds)
}
