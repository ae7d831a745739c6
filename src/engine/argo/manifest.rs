//! What Argo reads: workflows, templates, tasks, artifacts (fields of `argoproj.io/v1alpha1`, Argo 4.1).
//!
//! Only the fields that couler writes are here. The order of the fields is the order in the manifest.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::super::kubernetes::pod::{
    Container, Named, ObjectMeta, SecretKeyRef, Toleration, Volume, VolumeClaimTemplate,
};
use super::super::kubernetes::rbac::{Role, RoleBinding};

/// API version of all Argo resources.
pub(crate) const API_VERSION: &str = "argoproj.io/v1alpha1";

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A whole manifest.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Document {
    /// A workflow that runs when it is created.
    Workflow(Box<Resource<WorkflowSpec>>),
    /// A workflow that runs by the clock.
    Cron(Box<Resource<CronSpec>>),
    /// A part of a workflow, which others create from it.
    Template(Box<Resource<WorkflowSpec>>),
    /// What pods of parts are allowed to do.
    Role(Box<Role>),
    /// Who is.
    Binding(Box<RoleBinding>),
}

/// A Kubernetes resource.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resource<T> {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub metadata: ObjectMeta,
    pub spec: T,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CronSpec {
    pub schedules: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    pub concurrency_policy: &'static str,
    #[serde(skip_serializing_if = "is_default")]
    pub suspend: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub workflow_metadata: ObjectMeta,
    pub workflow_spec: WorkflowSpec,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkflowSpec {
    pub entrypoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_exit: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub arguments: Arguments,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_strategy: Option<TtlStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<Named>,
    #[serde(skip_serializing_if = "is_default")]
    pub pod_metadata: Metadata,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub node_selector: IndexMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_claim_templates: Vec<VolumeClaimTemplate>,
    pub templates: Vec<Template>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TtlStrategy {
    pub seconds_after_completion: u64,
}

/// Labels and annotations of pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Metadata {
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, String>,
}

/// A template; exactly one of `dag`, `steps`, `container`, `script`, `resource` and `suspend` is set.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Template {
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: Metadata,
    #[serde(skip_serializing_if = "is_default")]
    pub inputs: Ports,
    #[serde(skip_serializing_if = "is_default")]
    pub outputs: Ports,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_strategy: Option<RetryStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memoize: Option<Memoize>,
    #[serde(skip_serializing_if = "is_default")]
    pub daemon: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronization: Option<Synchronization>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub node_selector: IndexMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dag: Option<Dag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Vec<Call>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceTemplate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<Suspend>,
}

/// What a template shares with those of other workflows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Synchronization {
    pub semaphores: Vec<Semaphore>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Semaphore {
    pub config_map_key_ref: SemaphoreRef,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct SemaphoreRef {
    pub name: String,
    pub key: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Dag {
    pub tasks: Vec<Call>,
}

/// A task of a DAG or a step of a steps template.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    pub name: String,
    pub template: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub arguments: Arguments,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_items: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_sequence: Option<Sequence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continue_on: Option<ContinueOn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
}

/// What is called when a task is over.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Hooks {
    pub exit: Hook,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Hook {
    pub template: String,
    pub arguments: Arguments,
}

/// Numbers as text, because Argo allows references there.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sequence {
    pub start: String,
    pub end: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ContinueOn {
    pub failed: bool,
    pub error: bool,
}

/// Inputs or outputs of a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Ports {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// Arguments have the same fields as inputs and outputs.
pub(crate) type Arguments = Ports;

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameter {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

impl Parameter {
    /// A parameter without a value.
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// A parameter with a value.
    pub(crate) fn with_value(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..Self::named(name) }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct ValueFrom {
    #[serde(rename = "jqFilter", skip_serializing_if = "Option::is_none")]
    pub jq_filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Artifact {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_expression: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// How an output is packed; only "not at all" is written, the default is a compressed tar file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Archive {
    pub none: Empty,
}

/// An empty object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Empty {}

/// Where an artifact is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    S3(Box<ObjectStore>),
    Oss(Box<ObjectStore>),
    Gcs(Box<ObjectStore>),
    Hdfs(Hdfs),
    Git(Git),
    Http(Http),
    Raw(Raw),
}

/// S3, OSS and GCS; each uses some of the fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectStore {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_secret: Option<SecretKeyRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_secret: Option<SecretKeyRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_key_secret: Option<SecretKeyRef>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Hdfs {
    pub addresses: Vec<String>,
    pub path: String,
    #[serde(rename = "hdfsUser")]
    pub user: String,
    #[serde(skip_serializing_if = "is_default")]
    pub force: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Git {
    pub repo: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Http {
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Raw {
    pub data: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetryStrategy {
    pub limit: u32,
    pub retry_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Backoff {
    pub duration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memoize {
    pub key: String,
    /// A Go duration; empty for "forever" (the field is required).
    pub max_age: String,
    pub cache: MemoizeCache,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemoizeCache {
    pub config_map: Named,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Script {
    #[serde(flatten)]
    pub container: Container,
    pub source: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceTemplate {
    pub action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_strategy: Option<&'static str>,
    #[serde(skip_serializing_if = "is_default")]
    pub set_owner_reference: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_condition: Option<String>,
    pub manifest: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Suspend {
    pub duration: String,
}
