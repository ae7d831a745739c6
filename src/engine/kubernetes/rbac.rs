//! Roles and their bindings, for pods that talk to Kubernetes.

use indexmap::IndexMap;
use serde::Serialize;

use super::super::GenerateOptions;
use super::pod::ObjectMeta;
use crate::ir::Workflow;

const API_VERSION: &str = "rbac.authorization.k8s.io/v1";
const API_GROUP: &str = "rbac.authorization.k8s.io";

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceAccount {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
}

impl ServiceAccount {
    pub(crate) fn new(metadata: ObjectMeta) -> Self {
        Self { api_version: "v1", kind: "ServiceAccount", metadata }
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Role {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    rules: Vec<Rule>,
}

/// What may be done to resources of one kind.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    pub api_groups: [&'static str; 1],
    pub resources: [&'static str; 1],
    pub verbs: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleBinding {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    role_ref: RoleRef,
    subjects: Vec<Subject>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleRef {
    api_group: &'static str,
    kind: &'static str,
    name: String,
}

#[derive(Debug, Clone, Serialize)]
struct Subject {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
}

/// Label of everything that belongs to the parts of a workflow, with its name.
pub(crate) const WORKFLOW: &str = "couler.dev/workflow";

/// What the service account of a workflow in parts must be allowed to do.
pub(crate) fn for_parts(
    workflow: &Workflow,
    options: &GenerateOptions,
    rules: Vec<Rule>,
) -> (Role, RoleBinding) {
    let settings = &workflow.settings;
    let metadata = ObjectMeta {
        name: Some(format!("{}-parts", workflow.name)),
        namespace: options.namespace.clone().or_else(|| settings.namespace.clone()),
        labels: IndexMap::from([(WORKFLOW.to_owned(), workflow.name.clone())]),
        ..ObjectMeta::default()
    };
    role(&metadata, settings.service_account.as_deref().unwrap_or("default"), rules)
}

/// A role under the name of `metadata`, and what gives it to an account of the same namespace.
pub(crate) fn role(metadata: &ObjectMeta, account: &str, rules: Vec<Rule>) -> (Role, RoleBinding) {
    let name = metadata.name.clone().unwrap_or_default();
    let subject =
        Subject { kind: "ServiceAccount", name: account.to_owned(), namespace: metadata.namespace.clone() };
    let role = Role { api_version: API_VERSION, kind: "Role", metadata: metadata.clone(), rules };
    let binding = RoleBinding {
        api_version: API_VERSION,
        kind: "RoleBinding",
        metadata: metadata.clone(),
        role_ref: RoleRef { api_group: API_GROUP, kind: "Role", name },
        subjects: vec![subject],
    };
    (role, binding)
}
