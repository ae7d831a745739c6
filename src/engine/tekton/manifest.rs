//! What Tekton reads (fields of `tekton.dev/v1`). Only the fields that couler writes are here, in the order of the
//! manifest.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::super::kubernetes::pod::{
    EnvVar, Named, ObjectMeta, ResourceAmounts, Toleration, Volume, VolumeClaimTemplate, VolumeMount,
};

/// API version of pipelines and their runs.
pub(crate) const API_VERSION: &str = "tekton.dev/v1";

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct PipelineSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<Named>,
    pub tasks: Vec<PipelineTask>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<PipelineTask>,
}

/// The declaration of a parameter.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct ParamSpec {
    pub name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// A task of the pipeline: when, with what, how often.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PipelineTask {
    pub name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub run_after: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<When>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<&'static str>,
    pub task_spec: TaskSpec,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct When {
    pub input: String,
    pub operator: &'static str,
    pub values: Vec<String>,
}

/// A parameter with a value: a text or a list of texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Param {
    pub name: String,
    pub value: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Matrix {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
}

/// One combination of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Include {
    pub name: String,
    pub params: Vec<Param>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WorkspaceUse {
    pub name: String,
    pub workspace: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct TaskSpec {
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: Metadata,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ResultSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<TaskWorkspace>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    pub steps: Vec<Step>,
}

/// Labels and annotations of the task's pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Metadata {
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub annotations: IndexMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ResultSpec {
    pub name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}

impl ResultSpec {
    /// A result that is a text.
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskWorkspace {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount_path: Option<String>,
}

/// A container of a task; either `script` or `command` says what it runs.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub name: String,
    pub image: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<When>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ResultSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    #[serde(skip_serializing_if = "is_default")]
    pub compute_resources: ResourceAmounts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_config: Option<StdoutConfig>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct StdoutConfig {
    pub path: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PipelineRunSpec {
    pub pipeline_ref: Named,
    pub timeouts: Timeouts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceBinding>,
    #[serde(skip_serializing_if = "is_default")]
    pub task_run_template: TaskRunTemplate,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub task_run_specs: Vec<TaskRunSpec>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Timeouts {
    pub pipeline: String,
}

/// The volume behind a workspace.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkspaceBinding {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_claim_template: Option<VolumeClaimTemplate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<ClaimName>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimName {
    pub claim_name: &'static str,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskRunTemplate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub pod_template: PodTemplate,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodTemplate {
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub node_selector: IndexMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<Named>,
}

/// How the pods of one task differ from all others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskRunSpec {
    pub pipeline_task_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub pod_template: PodTemplate,
}
