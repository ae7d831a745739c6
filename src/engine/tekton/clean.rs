//! Runs that are over: Tekton keeps them, so a `CronJob` of Kubernetes deletes the old ones.

use super::cron::{CronJob, JobSpec, JobTemplate, account, cron_job, shell_pod, short_name};
use super::pipeline::Document;
use crate::api::Duration;
use crate::engine::kubernetes::pod::{EnvVar, ObjectMeta};
use crate::ir::Workflow;

/// Annotation of a resource beside the pipeline: what it does.
pub(crate) const PURPOSE: &str = "couler.dev/purpose";
/// Value of [`PURPOSE`] of the job that deletes runs.
pub(crate) const CLEAN_UP: &str = "clean-up";

/// Once an hour the runs that ended longer ago than `keep` are deleted, with everything that belongs to them.
pub(crate) fn documents(workflow: &Workflow, keep: Duration, namespace: Option<&String>) -> Vec<Document> {
    let name = short_name(&workflow.name, CLEAN_UP);
    let metadata =
        ObjectMeta { name: Some(name.clone()), namespace: namespace.cloned(), ..ObjectMeta::default() };
    let mut all = account(&metadata, vec!["delete", "get", "list"]);
    let old = "select(.status.completionTime != null) | \
               select((now - (.status.completionTime | fromdate)) > (env.KEEP_SECONDS | tonumber))";
    let lines = format!(
        "set -e\nkubectl get pipelineruns --selector tekton.dev/pipeline={} --output json | jq --raw-output \
         '.items[] | {old} | .metadata.name' | xargs -r kubectl delete pipelineruns",
        workflow.name
    );
    let env = vec![EnvVar::with_value("KEEP_SECONDS", keep.seconds().to_string())];
    let spec = CronJob {
        schedule: "0 * * * *".to_owned(),
        time_zone: None,
        concurrency_policy: "Forbid",
        suspend: false,
        job_template: JobTemplate {
            spec: JobSpec { backoff_limit: 3, template: shell_pod(CLEAN_UP, &name, lines, env) },
        },
    };
    let mut metadata = metadata;
    metadata.annotations.insert(PURPOSE.to_owned(), CLEAN_UP.to_owned());
    all.push(cron_job(metadata, spec));
    all
}
