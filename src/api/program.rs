//! The program document: parameters, schedule, settings and steps.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Condition, Duration, Function, Input, MapItems, Output, References, StepSettings, Toleration, VolumeClaim,
};

/// The version that every program starts with.
pub const VERSION: &str = "couler/v1";

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A workflow in the unified API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Always `couler/v1`.
    #[schemars(extend("const" = VERSION))]
    pub version: String,
    /// Name of the workflow: lower-case letters, digits and dashes, at most 52 characters.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$"))]
    pub name: String,
    /// What it is for, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Workflow parameters by name; used in strings as `{{parameters.NAME}}`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, Parameter>,
    /// When it runs by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Settings of the whole workflow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: WorkflowSettings,
    /// The steps; their order in the list has no meaning.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
    /// Steps that run at the end whatever happened, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_exit: Vec<Step>,
}

/// A workflow parameter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Value used when none is given; without it the parameter must be given at submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The only values allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// A repeated start of the workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Cron expressions with five fields: minute, hour, day of month, month, day of week.
    #[schemars(length(min = 1))]
    pub cron: Vec<String>,
    /// IANA time zone, for example `Europe/Berlin`; the cluster's own zone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What happens when the previous run is still going.
    #[serde(default, skip_serializing_if = "is_default")]
    pub concurrency: ConcurrencyPolicy,
    /// Whether the schedule is switched off for now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suspend: bool,
}

/// What to do when a scheduled run meets a running one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConcurrencyPolicy {
    /// Run both.
    #[default]
    Allow,
    /// Skip the new one.
    Forbid,
    /// Stop the old one.
    Replace,
}

/// Settings of the whole workflow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowSettings {
    /// Most steps that run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub parallelism: Option<u32>,
    /// The whole workflow fails after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Duration>,
    /// Namespace to run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Service account of all pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Names of the secrets used to pull images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<String>,
    /// Labels of the workflow and its pods.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Annotations of the workflow and its pods.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, String>,
    /// Node labels that all pods need.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub node_selector: IndexMap<String, String>,
    /// Taints that all pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Volumes made for one run and shared by its steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_claims: Vec<VolumeClaim>,
    /// How long a finished run is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_finished: Option<Duration>,
}

/// One node of the workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique name: lower-case letters, digits and dashes, at most 63 characters.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// What it does, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The function it calls.
    pub run: Function,
    /// Steps that must be finished before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Runs only if this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Runs once per item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Map>,
    /// Runs again and again until a condition holds (`exec_while` of the paper).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec_while: Option<Loop>,
    /// Parameters and artifacts it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// Parameters and artifacts it writes; standard output is always there as `result`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Everything about how it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: Box<StepSettings>,
}

impl Step {
    /// The references that its strings may hold.
    pub fn references(&self) -> References {
        References::of(self.map.is_some(), self.settings.literal_braces)
    }
}

/// Runs a step once per item; the item is `{{item}}` in its strings (`{{item.KEY}}` for objects).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// The items.
    pub over: MapItems,
    /// Most instances at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub parallelism: Option<u32>,
}

/// A bounded loop around one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loop {
    /// The step is repeated while this holds; it reads the step's own outputs.
    pub condition: Condition,
    /// Most repetitions, the first run included.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u32,
    /// Pause between two repetitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Duration>,
}
