//! How a step runs, in Tekton's words: retries, caching, placement.

use super::context::{Context, Params, unsupported};
use super::files::helper;
use super::manifest::{PodTemplate, ResultSpec, Step, TaskRunSpec, When};
use crate::api::{Backoff, Cache};
use crate::engine::EngineError;
use crate::engine::kubernetes::pod::{EnvVar, Named};
use crate::engine::kubernetes::settings::tolerations;
use crate::ir::{Node, Workflow};

/// The workspace with results of earlier runs.
pub(crate) const CACHE: &str = "cache";
/// The claim behind [`CACHE`], which outlives runs and must exist.
pub(crate) const CACHE_CLAIM: &str = "couler-cache";

/// Refuses what Tekton has no word for.
///
/// # Errors
/// Always names the step and the feature.
pub(crate) fn refuse(node: &Node) -> Result<(), EngineError> {
    let own = &node.settings;
    if own.daemon {
        let reason = "a task of Tekton ends with its pod, and a sidecar serves its own task only; \
                      deploy the service with a job";
        return Err(unsupported(&node.name, "daemon", reason));
    }
    if own.continue_on_failure && own.retry.is_some() {
        let reason = "Tekton takes either retries or onError: continue for one task; choose one";
        return Err(unsupported(&node.name, "retry of a step that may fail", reason));
    }
    Ok(())
}

/// The step that waits before a retry. Tekton itself retries at once.
pub(crate) fn wait(backoff: &Backoff) -> Step {
    let most = backoff.max_duration.map(|most| {
        format!(
            "[ \"$total\" -le {} ] || {{ echo 'no time for another attempt' >&2; exit 1; }}",
            most.seconds()
        )
    });
    let longest = backoff.max_pause.map(|longest| {
        let longest = longest.seconds();
        format!("  [ \"$wait\" -le {longest} ] || wait={longest}")
    });
    let mut lines = vec![
        "#!/bin/sh".to_owned(),
        "attempt=\"$(context.task.retry-count)\"".to_owned(),
        format!("wait={} total={}", backoff.duration.seconds(), backoff.duration.seconds()),
        "[ \"$attempt\" -gt 0 ] || exit 0".to_owned(),
        "while [ \"$attempt\" -gt 1 ]; do".to_owned(),
        format!("  wait=`expr \"$wait\" '*' {}`", backoff.factor.unwrap_or(1)),
        longest.unwrap_or_default(),
        "  total=`expr \"$total\" + \"$wait\"`".to_owned(),
        "  attempt=`expr \"$attempt\" - 1`".to_owned(),
        "done".to_owned(),
    ];
    lines.retain(|line| !line.is_empty());
    lines.extend(most);
    lines.push("sleep \"$wait\"".to_owned());
    helper("wait", &lines)
}

/// The step that looks for an earlier result. Its result `hit` says whether there is one, and the file `key` names it.
pub(crate) fn look_up(context: &Context<'_>, node: &Node, params: &mut Params, cache: &Cache) -> Step {
    context.uses(CACHE);
    let key = match &cache.key {
        Some(key) => params.field(node, key, &|_| false),
        None => {
            let values: Vec<String> = params.0.keys().map(|name| format!("$(params.{name})")).collect();
            format!("{}-{}\n{}", node.name, context.digest(&node.name), values.join("\n"))
        }
    };
    let age = cache.max_age.map_or_else(|| "any".to_owned(), |age| age.seconds().to_string());
    let lines = [
        "#!/bin/sh".to_owned(),
        "key=`printf %s \"$CACHE_KEY\" | sha256sum | cut -c 1-64`".to_owned(),
        format!("folder=\"$(workspaces.{CACHE}.path)/$key\" hit=false"),
        format!("printf %s \"$folder\" > {}/cache", super::runner::FOLDER),
        "if [ -e \"$folder/made\" ]; then".to_owned(),
        "  age=`cat \"$folder/made\"`; age=`expr \"\\`date +%s\\`\" - \"$age\"`".to_owned(),
        "  if [ \"$CACHE_MAX_AGE\" = any ] || [ \"$age\" -le \"$CACHE_MAX_AGE\" ]; then hit=true; fi"
            .to_owned(),
        "fi".to_owned(),
        "printf %s \"$hit\" > \"$(step.results.hit.path)\"".to_owned(),
        format!("printf %s \"$hit\" > {}/hit", super::runner::FOLDER),
    ];
    let mut env = vec![EnvVar::with_value("CACHE_MAX_AGE", age), EnvVar::with_value("CACHE_KEY", key)];
    super::task::with_dollar(&mut env, &[]);
    Step { env, results: vec![ResultSpec::named("hit")], ..helper("cached", &lines) }
}

/// The condition under which a step runs although there may be an earlier result.
pub(crate) fn not_cached() -> When {
    When { input: "$(steps.cached.results.hit)".into(), operator: "notin", values: vec!["true".into()] }
}

/// The lines of `save` for a cached step: on a hit the files come from the cache, else they go there.
pub(crate) fn save_cached(
    results: &[ResultSpec],
    (make_results, make_artifacts): (Vec<String>, Vec<String>),
    artifacts: &[(String, String)],
) -> Vec<String> {
    let folder = super::runner::FOLDER;
    let mut lines =
        vec![format!("cache=`cat {folder}/cache`"), format!("if [ \"`cat {folder}/hit`\" = true ]; then")];
    for ResultSpec { name, .. } in results {
        lines.push(format!("  cp \"$cache/{name}.result\" \"$(results.{name}.path)\""));
    }
    for (name, to) in artifacts {
        lines.push(format!("  kept=\"$cache/artifacts/{name}\""));
        lines.push(format!(
            "  if [ -e \"$kept\" ]; then mkdir -p \"`dirname {to}`\"; rm -rf {to}; cp -R \"$kept\" {to}; fi"
        ));
    }
    lines.push("  exit 0".to_owned());
    lines.push("fi".to_owned());
    lines.extend(make_results);
    lines.extend(make_artifacts);
    lines.push("rm -rf \"$cache\"; mkdir -p \"$cache\"".to_owned());
    for ResultSpec { name, .. } in results {
        lines.push(format!("cp \"$(results.{name}.path)\" \"$cache/{name}.result\""));
    }
    lines.extend((!artifacts.is_empty()).then(|| "mkdir -p \"$cache/artifacts\"".to_owned()));
    for (name, from) in artifacts {
        lines.push(format!("if [ -e {from} ]; then cp -R {from} \"$cache/artifacts/{name}\"; fi"));
    }
    lines.push("date +%s > \"$cache/made\"".to_owned());
    lines
}

/// Where all pods run.
pub(crate) fn pod_template(workflow: &Workflow) -> PodTemplate {
    let shared = &workflow.settings;
    PodTemplate {
        node_selector: shared.node_selector.clone(),
        tolerations: tolerations(&shared.tolerations),
        image_pull_secrets: Named::all(&shared.image_pull_secrets),
    }
}

/// How the pods of a step differ from all others, for each of its tasks. What holds for all is repeated, for Tekton
/// takes one or the other.
pub(crate) fn task_run_specs(context: &Context<'_>, node: &Node) -> Vec<TaskRunSpec> {
    let Some(spec) = task_run_spec(context.workflow, node) else { return Vec::new() };
    let named = |name: &str| TaskRunSpec { pipeline_task_name: name.to_owned(), ..spec.clone() };
    context.rounds(&node.name).into_iter().map(named).collect()
}

fn task_run_spec(workflow: &Workflow, node: &Node) -> Option<TaskRunSpec> {
    let own = &node.settings;
    let placed = !own.node_selector.is_empty() || !own.tolerations.is_empty();
    if own.service_account.is_none() && !placed {
        return None;
    }
    let mut template = PodTemplate::default();
    if placed {
        template = pod_template(workflow);
        template.node_selector.extend(own.node_selector.clone());
        template.tolerations.extend(tolerations(&own.tolerations));
    }
    Some(TaskRunSpec {
        pipeline_task_name: node.name.clone(),
        service_account_name: own.service_account.clone(),
        pod_template: template,
    })
}
