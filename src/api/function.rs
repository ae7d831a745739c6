//! The functions that a step can call (the paper's Table V and the step zoo).

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Step;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "function", rename_all = "snake_case")]
pub enum Function {
    /// Run a container image.
    RunContainer(ContainerCall),
    /// Run a Python or Bash script.
    RunScript(ScriptCall),
    /// Start a distributed job or any Kubernetes resource and wait for it.
    RunJob(RunJob),
    /// Run a component of the code lake.
    Component(ComponentCall),
    /// Run several steps at once; whoever depends on this step waits for all of them.
    Concurrent(Concurrent),
}

impl Function {
    /// The name used in documents.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunContainer(_) => "run_container",
            Self::RunScript(_) => "run_script",
            Self::RunJob(_) => "run_job",
            Self::Component(_) => "component",
            Self::Concurrent(_) => "concurrent",
        }
    }
}

/// `run_container`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerCall {
    /// The image, for example `ghcr.io/acme/train:1.4`.
    #[schemars(length(min = 1))]
    pub image: String,
    /// The entry point; the image's own if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its arguments. `$(NAME)` stands for the input parameter or environment variable NAME.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
}

/// Languages of [`ScriptCall`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScriptLanguage {
    /// Python 3.
    #[default]
    Python,
    /// Bash.
    Bash,
}

/// `run_script`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptCall {
    /// The language of the source.
    #[serde(default)]
    pub language: ScriptLanguage,
    /// The program text. Input parameters are environment variables.
    #[schemars(length(min = 1))]
    pub source: String,
    /// The image; `python:3.12-slim` or `bash:5` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Python packages to install first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
}

/// `run_job`: the kind of job decides the fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunJob {
    /// The job.
    pub job: Job,
}

/// The kinds of job: Kubeflow training operator, Katib, or any manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
pub enum Job {
    /// Distributed PyTorch.
    PyTorchJob(DistributedJob),
    /// Distributed TensorFlow.
    TFJob(DistributedJob),
    /// MPI (Horovod and others).
    MPIJob(DistributedJob),
    /// Distributed XGBoost.
    XGBoostJob(DistributedJob),
    /// Hyperparameter search with Katib.
    Katib(KatibExperiment),
    /// Any Kubernetes manifest.
    Manifest(ManifestJob),
}

impl Job {
    /// The name used in documents.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PyTorchJob(_) => "PyTorchJob",
            Self::TFJob(_) => "TFJob",
            Self::MPIJob(_) => "MPIJob",
            Self::XGBoostJob(_) => "XGBoostJob",
            Self::Katib(_) => "Katib",
            Self::Manifest(_) => "Manifest",
        }
    }
}

fn one() -> u32 {
    1
}

/// A job of the Kubeflow training operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistributedJob {
    /// The image of all replicas.
    #[schemars(length(min = 1))]
    pub image: String,
    /// Entry point of all replicas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Arguments of all replicas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Master replicas (PyTorch, XGBoost), chief (TensorFlow) or launcher (MPI); 0 or 1.
    #[serde(default = "one")]
    #[schemars(range(max = 1))]
    pub masters: u32,
    /// Worker replicas.
    #[serde(default = "one")]
    pub workers: u32,
    /// Parameter servers (TensorFlow only).
    #[serde(default, skip_serializing_if = "is_default")]
    pub parameter_servers: u32,
    /// GPUs of each replica.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gpus_per_replica: u32,
    /// CPU request of each replica, for example `4` or `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory request of each replica, for example `16Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
}

/// Direction of an objective.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Higher is better.
    #[default]
    Maximize,
    /// Lower is better.
    Minimize,
}

/// A Katib hyperparameter search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KatibExperiment {
    /// The image of a trial; it reads each parameter as `--NAME=VALUE` and prints `METRIC=VALUE`.
    #[schemars(length(min = 1))]
    pub image: String,
    /// Entry point of a trial.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The metric to improve.
    #[schemars(length(min = 1))]
    pub objective_metric: String,
    /// Its direction.
    #[serde(default)]
    pub objective: Objective,
    /// Stop when this value is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<f64>,
    /// Search algorithm: `random`, `grid`, `bayesianoptimization`, `tpe`, `hyperband`, …
    #[serde(default = "random_search")]
    pub algorithm: String,
    /// What to search.
    #[schemars(length(min = 1))]
    pub parameters: Vec<KatibParameter>,
    /// Most trials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_trials: Option<u32>,
    /// Trials at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub parallel_trials: Option<u32>,
    /// Failed trials after which the search gives up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failed_trials: Option<u32>,
}

fn random_search() -> String {
    "random".into()
}

/// One dimension of a Katib search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KatibParameter {
    /// Name of the hyperparameter.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: KatibParameterType,
    /// Smallest value (double and int).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest value (double and int).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Step width for grid search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// The values (categorical and discrete).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Types of a [`KatibParameter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KatibParameterType {
    /// A real number between `min` and `max`.
    Double,
    /// An integer between `min` and `max`.
    Int,
    /// One of `values`.
    Categorical,
    /// One of the numbers in `values`.
    Discrete,
}

/// What to do with a manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ManifestAction {
    /// Create it.
    #[default]
    Create,
    /// Create or change it.
    Apply,
    /// Delete it.
    Delete,
    /// Change an existing one.
    Patch,
}

impl ManifestAction {
    /// The name used in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::Patch => "patch",
        }
    }
}

/// Any Kubernetes resource, with the conditions that tell when it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestJob {
    /// What to do with it.
    #[serde(default)]
    pub action: ManifestAction,
    /// The resource.
    pub manifest: Map<String, Value>,
    /// The step succeeds when this holds, for example `status.succeeded > 0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_condition: Option<String>,
    /// The step fails when this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_condition: Option<String>,
}

/// A call of a code-lake component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentCall {
    /// The component, for example `xgboost.train`; `couler lake list` shows all.
    pub component: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with: IndexMap<String, Value>,
}

/// Several steps at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrent {
    /// The steps; they may depend on each other only by data.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
}
