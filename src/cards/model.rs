//! What a model card says: above all its hyperparameters with range, scale and default.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Modality;

/// What a model is trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelTask {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

impl ModelTask {
    /// The name that components use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
        }
    }
}

/// What values a hyperparameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HyperparameterType {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// True or false.
    Boolean,
    /// One of `choices`.
    Choice,
}

/// How a range is spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal factors.
    Log,
}

/// When a hyperparameter matters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Only for this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<ModelTask>,
    /// Only if this other hyperparameter …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// … has one of these values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A hyperparameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hyperparameter {
    /// Its name in the library.
    pub name: String,
    /// What values it takes.
    #[serde(rename = "type")]
    pub parameter_type: HyperparameterType,
    /// Smallest value worth trying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest value worth trying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The values of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    /// How the range is spread.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scale: Scale,
    /// The library's default.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default: Value,
    /// Whether the default deliberately lies outside the range, such as 0 of a log scale.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outside_range: bool,
    /// When it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Hyperparameter {
    /// Whether it matters for the task.
    pub fn applies_to(&self, task: ModelTask) -> bool {
        self.when.as_ref().and_then(|when| when.task).is_none_or(|only| only == task)
    }
}

/// Values proven elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunedDefault {
    /// What to call them.
    pub name: String,
    /// The values by hyperparameter.
    pub values: Map<String, Value>,
    /// Whether they are meant for training with early stopping.
    #[serde(default, skip_serializing_if = "is_default")]
    pub early_stopping: bool,
    /// Only for this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<ModelTask>,
    /// Where they were proven.
    pub source: String,
}

/// A model card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// Always [`super::CARD_VERSION`].
    pub version: String,
    /// Always `model`.
    pub kind: String,
    /// Unique name in lower case.
    pub name: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    /// Other names that descriptions use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Kind of model.
    pub architecture: String,
    /// What it is, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The library that trains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library_name: Option<String>,
    /// What it learns from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modalities: Vec<Modality>,
    /// The component that trains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Arguments that tell it from other models of the component.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub component_arguments: Map<String, Value>,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hyperparameters: Vec<Hyperparameter>,
    /// Values proven elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuned: Vec<TunedDefault>,
    /// Under which terms it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where these facts come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Further marks of Hugging Face.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
