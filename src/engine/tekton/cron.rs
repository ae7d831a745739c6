//! Schedules: Tekton has none, so a `CronJob` of Kubernetes creates the run.

use serde::Serialize;

use super::manifest::{PipelineRunSpec, Resource};
use super::pipeline::Document;
use super::text::in_field;
use crate::api::{ConcurrencyPolicy, Schedule};
use crate::engine::EngineError;
use crate::engine::kubernetes::pod::{Container, EnvVar, ObjectMeta, PodSpec, PodTemplate};
use crate::engine::kubernetes::rbac::{self, Rule, ServiceAccount};
use crate::engine::kubernetes::yaml;
use crate::ir::Workflow;

/// An image with a shell, kubectl and jq.
const IMAGE: &str = "alpine/k8s:1.33.1";
/// Longest name of a `CronJob`.
const LONGEST_NAME: usize = 52;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CronJob {
    pub schedule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    pub concurrency_policy: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    pub job_template: JobTemplate,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobTemplate {
    pub spec: JobSpec,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobSpec {
    pub backoff_limit: u32,
    pub template: PodTemplate,
}

/// The documents of a schedule: one `CronJob` for each cron expression, and the account that may create runs.
///
/// # Errors
/// Values without a form in YAML.
pub(crate) fn documents(
    workflow: &Workflow,
    schedule: &Schedule,
    run: &Resource<PipelineRunSpec>,
) -> Result<Vec<Document>, EngineError> {
    let namespace = run.metadata.namespace.clone();
    let name = short_name(&workflow.name, "schedule");
    let metadata = ObjectMeta { name: Some(name.clone()), namespace, ..ObjectMeta::default() };
    let mut all = account(&metadata, vec!["create", "get", "list", "patch"]);
    let template = pod(workflow, schedule, &name, run)?;
    for (number, cron) in schedule.cron.iter().enumerate() {
        let own = if schedule.cron.len() == 1 { name.clone() } else { format!("{name}-{}", number + 1) };
        let spec = CronJob {
            schedule: cron.clone(),
            time_zone: schedule.timezone.clone(),
            concurrency_policy: match schedule.concurrency {
                ConcurrencyPolicy::Allow => "Allow",
                ConcurrencyPolicy::Forbid => "Forbid",
                ConcurrencyPolicy::Replace => "Replace",
            },
            suspend: schedule.suspend,
            job_template: JobTemplate { spec: JobSpec { backoff_limit: 3, template: template.clone() } },
        };
        let metadata = ObjectMeta { name: Some(own), ..metadata.clone() };
        all.push(cron_job(metadata, spec));
    }
    Ok(all)
}

/// A `CronJob` with its name.
pub(crate) fn cron_job(metadata: ObjectMeta, spec: CronJob) -> Document {
    Document::Cron(Box::new(Resource { api_version: "batch/v1", kind: "CronJob", metadata, spec }))
}

/// An account that may do things to runs, under the name of `metadata`.
pub(crate) fn account(metadata: &ObjectMeta, verbs: Vec<&'static str>) -> Vec<Document> {
    let name = metadata.name.clone().unwrap_or_default();
    let rules = vec![Rule { api_groups: ["tekton.dev"], resources: ["pipelineruns"], verbs }];
    let (role, binding) = rbac::role(metadata, &name, rules);
    let account = ServiceAccount::new(metadata.clone());
    vec![Document::Account(account), Document::Role(role), Document::Binding(binding)]
}

/// The name of resources beside a pipeline, with room for a number.
pub(crate) fn short_name(workflow: &str, suffix: &str) -> String {
    let wanted = format!("{workflow}-{suffix}");
    if wanted.len() + 3 <= LONGEST_NAME {
        return wanted;
    }
    let digest = blake3::hash(workflow.as_bytes()).to_hex();
    let short: String = workflow.chars().take(LONGEST_NAME - suffix.len() - 12).collect();
    format!("{}-{}-{suffix}", short.trim_end_matches('-'), &digest[..6])
}

/// The pod that creates a run. The policy holds for runs of the pipeline, not for this pod, which ends at once.
fn pod(
    workflow: &Workflow,
    schedule: &Schedule,
    account: &str,
    run: &Resource<PipelineRunSpec>,
) -> Result<PodTemplate, EngineError> {
    let running = format!(
        "running=`kubectl get pipelineruns --selector tekton.dev/pipeline={} --output json | jq --raw-output \
         '.items[] | select(.status.completionTime == null) | .metadata.name'`",
        workflow.name
    );
    let cancel = "for run in $running; do kubectl patch pipelinerun \"$run\" --type=merge \
                  --patch '{\"spec\":{\"status\":\"Cancelled\"}}'; done";
    let mut lines = vec!["set -e"];
    match schedule.concurrency {
        ConcurrencyPolicy::Allow => {}
        ConcurrencyPolicy::Forbid => lines.extend([running.as_str(), "[ -z \"$running\" ] || exit 0"]),
        ConcurrencyPolicy::Replace => lines.extend([running.as_str(), cancel]),
    }
    lines.push("printf %s \"$RUN\" | kubectl create --filename -");
    let mut env = vec![EnvVar::with_value("RUN", in_field(&yaml::write(run)?, false, &|_| false))];
    super::task::with_dollar(&mut env, &[]);
    Ok(shell_pod("create", account, lines.join("\n"), env))
}

/// A pod that runs lines of a shell with kubectl and jq.
pub(crate) fn shell_pod(name: &'static str, account: &str, lines: String, env: Vec<EnvVar>) -> PodTemplate {
    let container = Container {
        name: Some(name),
        image: IMAGE.to_owned(),
        command: vec!["sh".to_owned(), "-c".to_owned(), lines],
        env,
        ..Container::default()
    };
    PodTemplate {
        metadata: ObjectMeta::default(),
        spec: PodSpec {
            restart_policy: Some("Never"),
            service_account_name: Some(account.to_owned()),
            containers: vec![container],
            ..PodSpec::default()
        },
    }
}
