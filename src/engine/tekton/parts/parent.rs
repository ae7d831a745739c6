//! The pipeline that creates the runs of parts, in order, and does what comes at the end.

use serde_json::{Value, json};

use super::super::context::{Context, ENGINE};
use super::super::files::helper;
use super::super::helpers::{ROLE, SERVES};
use super::super::job::{self, IMAGE};
use super::super::manifest::{
    API_VERSION, Metadata, Param, ParamSpec, PipelineSpec, PipelineTask, Step, TaskSpec, TaskWorkspace,
    WorkspaceUse,
};
use super::super::settings;
use super::super::task::{tasks, with_dollar};
use super::super::text::in_field;
use super::super::{files, pipeline};
use crate::engine::kubernetes::pod::{EnvVar, Named};
use crate::engine::parts::Parts;
use crate::engine::{EngineError, GenerateOptions};
use indexmap::IndexMap;

/// The parameter of parts with the name of the run that created them.
pub(crate) const RUN: &str = "couler-run";
/// Value of [`ROLE`] of tasks that create the run of a part.
pub(crate) const STARTS: &str = "part";
/// Stands for the name of the parent's run until the manifest is safe from Tekton.
const NAME_HERE: &str = "COULER-NAME-OF-THE-RUN";

/// The specification of the parent. `names` are those of the pipelines without the number; `used` are the workspaces
/// that parts need besides volume claims.
///
/// # Errors
/// What Tekton cannot express of the steps at the end.
pub(crate) fn spec(
    context: &Context<'_>,
    parts: &Parts<'_>,
    names: &str,
    used: &[Vec<&'static str>],
    options: &GenerateOptions,
) -> Result<PipelineSpec, EngineError> {
    let workflow = parts.workflow;
    if workflow.settings.parallelism.is_some() {
        return Err(EngineError::Unsupported {
            engine: ENGINE,
            step: workflow.name.clone(),
            feature: "parallelism of a workflow in parts",
            reason: "nothing limits the tasks of several runs together; remove the limit, or use --split off"
                .to_owned(),
        });
    }
    let mut all = Vec::with_capacity(parts.len());
    for (part, used) in used.iter().enumerate() {
        let mut task = starts(context, parts, part, names, used, options);
        task.run_after = parts.opened_after(part).into_iter().map(task_name).collect();
        all.push(task);
    }
    let mut finally = Vec::with_capacity(workflow.on_exit.len());
    for node in &workflow.on_exit {
        finally.extend(tasks(context, node, &[])?);
    }
    let params = pipeline::params(workflow);
    for name in used.iter().flatten() {
        context.uses(name);
    }
    let workspaces =
        pipeline::bindings(context).into_iter().map(|binding| Named { name: binding.name }).collect();
    Ok(PipelineSpec { description: workflow.description.clone(), params, workspaces, tasks: all, finally })
}

fn task_name(part: usize) -> String {
    format!("part-{}", part + 1)
}

/// The task that creates the run of a part and waits for its end.
fn starts(
    context: &Context<'_>,
    parts: &Parts<'_>,
    part: usize,
    names: &str,
    used: &[&'static str],
    options: &GenerateOptions,
) -> PipelineTask {
    let workflow = parts.workflow;
    let run = [("run", "$(context.pipelineRun.name)"), ("run-uid", "$(context.pipelineRun.uid)")];
    let mut own: Vec<(String, String)> =
        run.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut env = vec![
        EnvVar::with_value("RUN", "$(params.run)"),
        EnvVar::with_value("PART", (part + 1).to_string()),
        EnvVar::with_value("NAMES", json!(workflow.parameters.keys().collect::<Vec<_>>()).to_string()),
    ];
    for (number, name) in workflow.parameters.keys().enumerate() {
        own.push((format!("value-{number}"), format!("$(params.{name})")));
        env.push(EnvVar::with_value(format!("VALUE_{number}"), format!("$(params.value-{number})")));
    }
    let manifest = manifest(context, parts, part, names, used, options);
    env.push(EnvVar::with_value("MANIFEST", manifest));
    with_dollar(&mut env, &[]);
    let claims: Vec<String> = claims(parts, used);
    let annotations =
        IndexMap::from([(ROLE.to_owned(), STARTS.to_owned()), (SERVES.to_owned(), task_name(part))]);
    PipelineTask {
        name: task_name(part),
        params: own
            .iter()
            .map(|(name, value)| Param { name: name.clone(), value: value.clone().into() })
            .collect(),
        workspaces: claims
            .iter()
            .map(|name| WorkspaceUse { name: name.clone(), workspace: name.clone() })
            .collect(),
        task_spec: TaskSpec {
            metadata: Metadata { annotations, ..Metadata::default() },
            params: own.into_iter().map(|(name, _)| ParamSpec { name, ..ParamSpec::default() }).collect(),
            workspaces: claims.into_iter().map(|name| TaskWorkspace { name, mount_path: None }).collect(),
            steps: vec![Step { image: IMAGE.to_owned(), env, ..helper("start", &script()) }],
            ..TaskSpec::default()
        },
        ..PipelineTask::default()
    }
}

/// The workspaces that the parent makes for all parts; the cache is there already.
fn claims(parts: &Parts<'_>, used: &[&'static str]) -> Vec<String> {
    let artifacts = used.iter().filter(|name| **name == files::ARTIFACTS).map(|name| (*name).to_owned());
    let claims = parts.workflow.settings.volume_claims.iter().map(|claim| job::workspace(&claim.name));
    artifacts.chain(claims).collect()
}

/// The run of a part, as JSON; parameters are put in when it is created.
fn manifest(
    context: &Context<'_>,
    parts: &Parts<'_>,
    part: usize,
    names: &str,
    used: &[&'static str],
    options: &GenerateOptions,
) -> String {
    let workflow = parts.workflow;
    let shared = &workflow.settings;
    let mut bindings: Vec<Value> = claims(parts, used)
        .into_iter()
        .map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": format!("COULER-CLAIM-{name}-HERE")}}))
        .collect();
    if used.contains(&settings::CACHE) {
        bindings.push(
            json!({"name": settings::CACHE, "persistentVolumeClaim": {"claimName": settings::CACHE_CLAIM}}),
        );
    }
    let nodes = parts.members(part).iter().map(|index| &workflow.graph[*index]);
    let specs: Vec<_> = nodes.flat_map(|node| settings::task_run_specs(context, node)).collect();
    let mut labels = shared.labels.clone();
    labels.insert("couler.dev/run".to_owned(), NAME_HERE.to_owned());
    let mut run = json!({
        "apiVersion": API_VERSION,
        "kind": "PipelineRun",
        "metadata": {
            "name": format!("{NAME_HERE}-p{}", part + 1),
            "labels": labels,
            "annotations": shared.annotations,
            "ownerReferences": [
                {"apiVersion": API_VERSION, "kind": "PipelineRun", "name": NAME_HERE, "uid": "COULER-UID-HERE"}
            ],
        },
        "spec": {
            "pipelineRef": {"name": format!("{names}{}", part + 1)},
            "params": [{"name": RUN, "value": NAME_HERE}],
            "timeouts": pipeline::timeouts(workflow),
            "workspaces": bindings,
            "taskRunTemplate": pipeline::task_run_template(workflow),
            "taskRunSpecs": specs,
        },
    });
    if let Some(namespace) = options.namespace.as_ref().or(shared.namespace.as_ref()) {
        run["metadata"]["namespace"] = namespace.as_str().into();
    }
    let mut text = in_field(&run.to_string(), false, &|_| false);
    text = text.replace(NAME_HERE, "$(params.run)").replace("COULER-UID-HERE", "$(params.run-uid)");
    for name in claims(parts, used) {
        text = text.replace(&format!("COULER-CLAIM-{name}-HERE"), &format!("$(workspaces.{name}.claim)"));
    }
    text
}

fn script() -> Vec<String> {
    let holds = |status: &str| {
        format!(
            "jq --exit-status 'any(.status.conditions[]?; .type == \"Succeeded\" and .status == \"{status}\")' \
             /tmp/state.json > /dev/null"
        )
    };
    vec![
        "#!/bin/sh".to_owned(),
        "set -e".to_owned(),
        "params=`jq --null-input '[env.NAMES | fromjson | to_entries[] | {name: .value, value: env[\"VALUE_\" + (.key | tostring)]}]'`".to_owned(),
        "printf %s \"$MANIFEST\" | jq --argjson params \"$params\" '.spec.params += $params' | kubectl create --filename -".to_owned(),
        "while :; do".to_owned(),
        "  kubectl get pipelinerun \"$RUN-p$PART\" --output json > /tmp/state.json".to_owned(),
        format!("  if {}; then exit 0; fi", holds("True")),
        format!("  if {}; then echo \"part $PART failed\" >&2; exit 1; fi", holds("False")),
        "  sleep 10".to_owned(),
        "done".to_owned(),
    ]
}
