//! How a step runs: environment, resources, placement, retries, caching.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duration;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Settings of one step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSettings {
    /// Environment variables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// Secrets as environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// CPU, memory and GPUs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resources: Resources,
    /// Volumes to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Node labels the pod needs.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub node_selector: IndexMap<String, String>,
    /// Taints the pod tolerates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// What to do on failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The step fails after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Reuse an earlier result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Runs in the background until the workflow ends; later steps do not wait for it to finish.
    #[serde(default, skip_serializing_if = "is_default")]
    pub daemon: bool,
    /// Service account of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Labels of the pod.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Annotations of the pod.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, String>,
    /// The workflow goes on although this step failed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub continue_on_failure: bool,
    /// Whether the step has a network: `none` leaves it only sockets within its own machine.
    #[serde(default, skip_serializing_if = "is_default")]
    pub network: Network,
    /// Double braces in the strings of this step are text: nothing in them is a reference.
    #[serde(default, skip_serializing_if = "is_default")]
    pub literal_braces: bool,
}

/// What a step reaches through the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// What the machine reaches.
    #[default]
    Default,
    /// Nothing.
    None,
}

/// A key of a secret as an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Name of the environment variable.
    pub env: String,
    /// Name of the secret.
    pub secret: String,
    /// Key inside the secret.
    pub key: String,
}

/// Resources of a pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// CPU cores requested, for example `2` or `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?m?$"))]
    pub cpu: Option<String>,
    /// Memory requested, for example `4Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?([EPTGMK]i?|k|m)?$"))]
    pub memory: Option<String>,
    /// Number of GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
    /// Resource name of the GPU; `nvidia.com/gpu` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_resource: Option<String>,
    /// Most CPU cores; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<String>,
    /// Most memory; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<String>,
    /// Scratch disk requested, for example `20Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
}

/// A volume mounted into a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Volume {
    /// An existing persistent volume claim.
    Claim {
        /// Name of the claim.
        claim: String,
        /// Mount path.
        path: String,
        /// Folder inside the volume.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sub_path: Option<String>,
        /// Mount it read-only.
        #[serde(default, skip_serializing_if = "is_default")]
        read_only: bool,
    },
    /// A volume claim of the workflow (`settings.volume_claims`).
    Shared {
        /// Name of the claim.
        name: String,
        /// Mount path.
        path: String,
    },
    /// An empty folder that lives as long as the pod.
    EmptyDir {
        /// Mount path.
        path: String,
        /// Largest size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<String>,
        /// Keep it in memory (for example for `/dev/shm`).
        #[serde(default, skip_serializing_if = "is_default")]
        memory: bool,
    },
    /// A config map as files.
    ConfigMap {
        /// Name of the config map.
        name: String,
        /// Mount path.
        path: String,
    },
    /// A secret as files.
    Secret {
        /// Name of the secret.
        name: String,
        /// Mount path.
        path: String,
    },
    /// A path of the node.
    HostPath {
        /// Path on the node.
        host_path: String,
        /// Mount path.
        path: String,
    },
}

impl Volume {
    /// Where it is mounted.
    pub fn path(&self) -> &str {
        match self {
            Self::Claim { path, .. }
            | Self::Shared { path, .. }
            | Self::EmptyDir { path, .. }
            | Self::ConfigMap { path, .. }
            | Self::Secret { path, .. }
            | Self::HostPath { path, .. } => path,
        }
    }
}

/// A volume made for one run of the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeClaim {
    /// Name, used by `volumes` of kind `shared`.
    pub name: String,
    /// Size, for example `10Gi`.
    pub size: String,
    /// Storage class; the cluster's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Whether several nodes may write at once (`ReadWriteMany`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub shared_between_nodes: bool,
}

/// How a toleration compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    /// Key and value are equal.
    #[default]
    Equal,
    /// The key is there.
    Exists,
}

/// Which effect a toleration tolerates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TolerationEffect {
    /// Not scheduled.
    NoSchedule,
    /// Scheduled only if needed.
    PreferNoSchedule,
    /// Evicted.
    NoExecute,
}

/// A taint that a pod tolerates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Toleration {
    /// Key of the taint; all keys if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How it compares.
    #[serde(default)]
    pub operator: TolerationOperator,
    /// Value of the taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Effect of the taint; all effects if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TolerationEffect>,
}

/// Which failures are retried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryPolicy {
    /// The step's own failures.
    #[default]
    OnFailure,
    /// Failures of the infrastructure.
    OnError,
    /// Failures known to be transient.
    OnTransientError,
    /// All failures.
    Always,
}

/// Repeats a failed step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Most repetitions after the first attempt.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u32,
    /// Which failures are retried.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policy: RetryPolicy,
    /// Waiting between attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
}

/// Waiting that grows from attempt to attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// First wait.
    pub duration: Duration,
    /// Each wait is this many times the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub factor: Option<u32>,
    /// Longest single wait, however much they grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pause: Option<Duration>,
    /// Longest time over all attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Duration>,
}

/// Reuses an earlier result of a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// The key; made from the step and its inputs if absent. May hold references.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Older results are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
}
