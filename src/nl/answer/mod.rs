//! What a model answers: a workflow in the unified API's own words, with the quotes of the description that ask for it.
//!
//! An answer and a program say the same: [`WorkflowAnswer::to_program`] and [`WorkflowAnswer::of_program`] are each
//! other's inverse, so nothing is lost on the way and nothing has to be guessed.

mod convert;
mod names;
mod schema;
mod task;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::{
    Condition, Input, Loop, Map as MapOver, Output, Parameter, Schedule, StepSettings, WorkflowSettings,
};

pub use convert::Unanswerable;
pub(crate) use schema::{arguments_schema, repair_schema};
pub use schema::{fragment_schema, plan_schema, whole_schema};

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Pieces of one quote are joined by this.
pub const GAP: &str = " … ";

/// A workflow as a model writes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowAnswer {
    /// Short name of the workflow.
    pub name: String,
    /// Words of the description that speak of the whole: schedule, limits, parameters, settings of all steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about_whole: Vec<String>,
    /// Words of the description that ask for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// Workflow parameters by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, Parameter>,
    /// When it runs by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Settings of the whole workflow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: WorkflowSettings,
    /// The steps.
    #[serde(deserialize_with = "bounded")]
    pub steps: Vec<StepAnswer>,
    /// Steps that run at the end whatever happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded")]
    pub on_exit: Vec<StepAnswer>,
}

/// Most steps of an answer: more than its tokens have room for. What a server sends beyond is not judged.
pub(crate) const MOST_STEPS: usize = 500;

fn bounded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<StepAnswer>, D::Error> {
    let steps = Vec::<StepAnswer>::deserialize(deserializer)?;
    if steps.len() > MOST_STEPS {
        let reason = format!("{} steps, and {MOST_STEPS} are the most", steps.len());
        return Err(serde::de::Error::custom(reason));
    }
    Ok(steps)
}

/// A step as a model writes it. A plan has no arguments, inputs, outputs and settings yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepAnswer {
    /// The words of the description that ask for it; several pieces are joined by ` … `.
    pub text: String,
    /// Its name.
    pub name: String,
    /// The component or function that does it.
    pub task: String,
    /// Steps that must be finished before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Runs only if this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Runs once per item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapOver>,
    /// Runs again while a condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec_while: Option<Loop>,
    /// Arguments of the task.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// What it writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// How it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: Box<StepSettings>,
}

/// The second half of a [`StepAnswer`], written step by step behind a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FragmentAnswer {
    /// Arguments of the task.
    pub with: Map<String, Value>,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// What it writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// How it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: Box<StepSettings>,
}

impl WorkflowAnswer {
    /// All steps, those at the end included.
    pub fn all_steps(&self) -> impl Iterator<Item = &StepAnswer> {
        self.steps.iter().chain(&self.on_exit)
    }

    /// The same without what belongs to the fragments.
    #[must_use]
    pub fn plan(&self) -> Self {
        let planned = |step: &StepAnswer| StepAnswer {
            with: Map::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            settings: Box::default(),
            ..step.clone()
        };
        Self {
            steps: self.steps.iter().map(planned).collect(),
            on_exit: self.on_exit.iter().map(planned).collect(),
            ..self.clone()
        }
    }

    /// Puts fragments, in the order of [`WorkflowAnswer::all_steps`], into a plan.
    pub fn fill(&mut self, fragments: Vec<FragmentAnswer>) {
        for (step, fragment) in self.steps.iter_mut().chain(&mut self.on_exit).zip(fragments) {
            step.with = fragment.with;
            step.inputs = fragment.inputs;
            step.outputs = fragment.outputs;
            step.settings = fragment.settings;
        }
    }
}

impl StepAnswer {
    /// What the step has beyond its plan.
    pub fn fragment(&self) -> FragmentAnswer {
        FragmentAnswer {
            with: self.with.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            settings: self.settings.clone(),
        }
    }
}
