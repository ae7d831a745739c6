//! Components of the code lake: what a `component.yaml` says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ManifestAction, PortType, ScriptLanguage};

/// The version that every component file starts with.
pub const COMPONENT_VERSION: &str = "couler/component/v1";

/// Components (or beginnings of their names) that are run for an effect elsewhere, or to wait for one: a kept result
/// never stands for them.
const ACTING: [&str; 13] = [
    "notify.",
    "wait.",
    "kafka.",
    "model.deploy",
    "model.register",
    "image.build",
    "data.save",
    "file.copy",
    "sql.run",
    "http.request",
    "notebook.run",
    "spark.submit",
    "dbt.run",
];

/// Whether the component of this name is run for an effect elsewhere, so that its steps must never be skipped.
pub fn acts_elsewhere(component: &str) -> bool {
    ACTING.iter().any(|name| component.starts_with(name))
}

/// What a component does in a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Task {
    Load,
    Clean,
    Split,
    Join,
    Aggregate,
    Feature,
    Train,
    Tune,
    Job,
    Evaluate,
    Compare,
    Select,
    Predict,
    Deploy,
    Save,
    Source,
    Build,
    Notify,
    Report,
    Container,
    Script,
}

/// A reusable, tested step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Always [`COMPONENT_VERSION`].
    pub version: String,
    /// Unique name, for example `xgboost.train`; equals the folder's name.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// One line for people and models.
    pub summary: String,
    /// Phrases that mean this component.
    #[serde(default)]
    pub phrases: Vec<String>,
    /// JSON schema of the arguments, an object. `x-literal` marks strings that a description gives word by word.
    pub arguments: Value,
    /// Files and directories it reads.
    #[serde(default)]
    pub inputs: Vec<InputPort>,
    /// Files and directories it writes.
    #[serde(default)]
    pub outputs: Vec<OutputPort>,
    /// Scalars it writes, usable in conditions.
    #[serde(default)]
    pub values: Vec<OutputValue>,
    /// How it runs.
    pub run: ComponentRun,
    /// Descriptions with the arguments they mean.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// Rough cost of one execution.
    #[serde(default)]
    pub estimate: Estimate,
}

/// An input of a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputPort {
    /// Name of the port.
    pub name: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub port_type: PortType,
    /// Names of outputs that fit best, best first.
    #[serde(default)]
    pub prefer: Vec<String>,
    /// Whether the component works without it.
    #[serde(default)]
    pub optional: bool,
    /// Whether it takes all matching outputs instead of one.
    #[serde(default)]
    pub many: bool,
}

/// An output of a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputPort {
    /// Name of the port.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub port_type: PortType,
    /// Whether it may be missing after a successful run.
    #[serde(default)]
    pub optional: bool,
}

/// A scalar output.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputValue {
    /// Always written under this name.
    Name(String),
    /// One value for each item of this array argument.
    FromArgument(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FromArgument {
    from_argument: String,
}

impl Serialize for OutputValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::FromArgument(name) => FromArgument { from_argument: name.clone() }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OutputValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => Ok(Self::Name(name)),
            other => serde_json::from_value::<FromArgument>(other)
                .map(|value| Self::FromArgument(value.from_argument))
                .map_err(serde::de::Error::custom),
        }
    }
}

/// How a component runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ComponentRun {
    /// A script of the component's folder, run after the shared runtime.
    Script {
        /// Language of the script.
        language: ScriptLanguage,
        /// File name inside the folder.
        file: String,
        /// The image.
        image: String,
        /// Python packages.
        #[serde(default)]
        requirements: Vec<String>,
        /// Input ports whose producers' packages are needed too.
        #[serde(default)]
        inherit_requirements: Vec<String>,
    },
    /// A container; `${NAME}` stands for the argument NAME. Items with an absent argument are dropped, those with a
    /// list or an object stand once for each item or `KEY=VALUE` pair, and `${NAME=VALUE}` in front keeps an item for
    /// that value only.
    Container {
        /// The image.
        image: String,
        /// Entry point.
        #[serde(default)]
        command: Vec<String>,
        /// Its arguments.
        #[serde(default)]
        args: Vec<String>,
    },
    /// The arguments are the fields of a unified-API function.
    Function {
        /// `run_container`, `run_script` or `run_job`.
        function: String,
        /// Fields with fixed values.
        #[serde(default)]
        fixed: Map<String, Value>,
    },
    /// A Kubernetes manifest with `${NAME}` placeholders; what absent arguments leave empty is left out.
    Manifest {
        /// What to do with it.
        #[serde(default)]
        action: ManifestAction,
        /// The manifest.
        manifest: Map<String, Value>,
        /// The step succeeds when this holds.
        #[serde(default)]
        success_condition: Option<String>,
        /// The step fails when this holds.
        #[serde(default)]
        failure_condition: Option<String>,
    },
}

/// A description with the arguments it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The description.
    pub text: String,
    /// The arguments.
    pub arguments: Value,
}

/// Rough cost of one execution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Wall-clock seconds.
    #[serde(default)]
    pub seconds: f64,
    /// Bytes of all outputs together.
    #[serde(default)]
    pub output_bytes: u64,
}

impl Component {
    /// Names of the scalars that a call with these arguments writes.
    pub fn value_names(&self, arguments: &dyn Fn(&str) -> Option<Value>) -> Vec<String> {
        let mut names = Vec::new();
        for value in &self.values {
            match value {
                OutputValue::Name(name) => names.push(name.clone()),
                OutputValue::FromArgument(argument) => match arguments(argument) {
                    Some(Value::Array(items)) => {
                        names.extend(items.iter().filter_map(|item| item.as_str().map(str::to_owned)));
                    }
                    Some(Value::String(item)) => names.push(item),
                    _ => {}
                },
            }
        }
        names
    }
}
