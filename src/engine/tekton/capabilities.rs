//! Every feature of the unified API, and what becomes of it in Tekton.

use super::super::Support;
use super::super::Support::{Lowered, Native, Unsupported};

/// How all kinds of training job are done.
const TRAINING: Support = Lowered(
    "a step creates the Kubeflow training-operator v1 manifest with kubectl and waits for its status",
);

/// The features by their names in the unified API.
pub(crate) const CAPABILITIES: &[(&str, Support)] = &[
    ("run_container", Native),
    ("run_script", Native),
    ("run_script.requirements", Lowered("pip installs what the image lacks before the script starts")),
    ("run_job.PyTorchJob", TRAINING),
    ("run_job.TFJob", TRAINING),
    ("run_job.MPIJob", TRAINING),
    ("run_job.XGBoostJob", TRAINING),
    (
        "run_job.Katib",
        Lowered("a step creates the Katib v1beta1 experiment with kubectl and waits for its status"),
    ),
    ("run_job.Manifest", Lowered("a step calls kubectl and waits for the conditions, read by jq")),
    (
        "run_job.result",
        Lowered("jq reads the status of the resource, of a Katib search the best trial; at most 4 KiB"),
    ),
    ("component", Lowered("script; arguments, ports and values go through COULER_ variables")),
    ("component.wait.time", Lowered("the script waits")),
    ("concurrent", Lowered("tasks that do not depend on each other")),
    ("after", Native),
    (
        "when",
        Lowered(
            "when for equality of texts; else a guard task whose result is used, or the step itself if it depends on \
             an item or runs at the end; steps that only wait for a skipped one run, those that read it are skipped",
        ),
    ),
    ("when.in", Native),
    (
        "when.status",
        Unsupported(
            "a task starts only if those before it succeeded or may fail, and only tasks at the end see how others ended",
        ),
    ),
    ("map.list", Native),
    ("map.range", Lowered("a matrix with every number")),
    ("map.range.step", Lowered("a matrix with every number")),
    ("map.range.pad", Lowered("a matrix with every number")),
    ("map.product", Lowered("a matrix with every combination")),
    ("map.output", Lowered("a task makes an array of the JSON list; keys of its items cannot be read")),
    ("map.parameter", Lowered("a task makes an array of the JSON list; keys of its items cannot be read")),
    (
        "map.parallelism",
        Lowered(
            "rounds: a matrix for as many items as may run at once, each after the one before; refused for items made \
             at run time and for steps at the end",
        ),
    ),
    ("map.outputs.parameter", Lowered("a task makes one JSON list of the array of results")),
    (
        "map.outputs.artifact",
        Lowered("a folder of the workspace with one entry for each instance, named like its TaskRun"),
    ),
    ("exec_while", Lowered("a loop in the shell lines in front of the script or command, with its bound")),
    ("exec_while.pause", Lowered("sleep in the same lines")),
    ("parameters", Native),
    ("parameters.choices", Lowered("enum, which needs the feature flag enable-param-enum")),
    ("schedule", Lowered("a CronJob for each cron expression creates the PipelineRun")),
    ("on_exit", Native),
    ("on_exit.several", Lowered("finally tasks, which run at the same time; refused if one reads another")),
    ("on_exit.status", Native),
    ("texts.workflow.name", Lowered("a parameter with the name of the program")),
    ("texts.workflow.status", Native),
    ("texts.run.id", Native),
    ("texts.run.date", Lowered("a task before tells the date in the zone of the schedule")),
    ("texts.status", Unsupported("only conditions of steps at the end see how others ended")),
    ("texts.literal_braces", Lowered("dollar signs that Tekton would misread come from variables")),
    ("inputs.parameter", Lowered("a parameter of the task and an environment variable")),
    ("inputs.artifact", Lowered("copied from a workspace by a step before")),
    ("inputs.external", Lowered("fetched by a step with the tools of the store")),
    ("inputs.external.uri", Lowered("the tools of its scheme; components open addresses themselves")),
    ("outputs.parameter", Lowered("a result, made by a step after it; at most 4 KiB in all")),
    ("outputs.artifact", Lowered("copied to a workspace by a step after")),
    ("outputs.artifact.store", Lowered("uploaded by a step with the tools of the store")),
    ("settings.env", Native),
    ("settings.secrets", Native),
    ("settings.resources", Native),
    ("settings.volumes", Native),
    ("settings.node_selector", Native),
    ("settings.tolerations", Native),
    (
        "settings.retry",
        Lowered(
            "retries after every failure, whatever the policy; a step before waits for the backoff; refused together \
             with continue_on_failure",
        ),
    ),
    ("settings.timeout", Native),
    ("settings.cache", Lowered("steps that look up and keep results in the volume claim couler-cache")),
    ("settings.daemon", Unsupported("a task ends with its pod, and a sidecar serves its own task only")),
    ("settings.service_account", Native),
    ("settings.labels", Native),
    ("settings.annotations", Native),
    ("settings.continue_on_failure", Native),
    (
        "settings.network",
        Unsupported(
            "pods share one network with what carries their files; have the cluster refuse it by a NetworkPolicy on labels of the step",
        ),
    ),
    (
        "workflow.parallelism",
        Lowered("lanes of steps that wait for each other; refused if one is mapped, skipped or may fail"),
    ),
    ("workflow.time_limit", Native),
    ("workflow.namespace", Native),
    ("workflow.service_account", Native),
    ("workflow.image_pull_secrets", Native),
    ("workflow.labels", Native),
    ("workflow.annotations", Native),
    ("workflow.node_selector", Native),
    ("workflow.tolerations", Native),
    ("workflow.volume_claims", Lowered("workspaces with volume claim templates")),
    ("workflow.keep_finished", Lowered("a CronJob deletes runs that are older, once an hour")),
];
