//! Every feature of the unified API, and what becomes of it in Airflow (target kubernetes).

use super::super::Support;
use super::super::Support::{Lowered, Native, Unsupported};

/// The features by their names in the unified API.
pub(crate) const CAPABILITIES: &[(&str, Support)] = &[
    ("run_container", Native),
    ("run_script", Lowered("a pod whose command is python -c or bash -c; long sources stand behind the DAG")),
    ("run_script.requirements", Lowered("pip installs what the image lacks before the script starts")),
    (
        "run_job.PyTorchJob",
        Lowered("a task that creates a Kubeflow training-operator v1 job and waits for it"),
    ),
    ("run_job.TFJob", Lowered("a task that creates a Kubeflow training-operator v1 job and waits for it")),
    ("run_job.MPIJob", Lowered("a task that creates a Kubeflow training-operator v1 job and waits for it")),
    (
        "run_job.XGBoostJob",
        Lowered("a task that creates a Kubeflow training-operator v1 job and waits for it"),
    ),
    ("run_job.Katib", Lowered("a task that creates a Katib v1beta1 experiment and waits for it")),
    (
        "run_job.Manifest",
        Lowered("a task that creates, applies, patches or deletes it and waits for its conditions"),
    ),
    (
        "run_job.result",
        Lowered("the status of the resource, of a Katib search the best trial, goes to XCom as JSON"),
    ),
    ("component", Lowered("a pod that reads COULER_ variables; its files are on the volume claim")),
    ("component.wait.time", Lowered("the script waits")),
    ("concurrent", Lowered("tasks that do not depend on each other")),
    ("after", Native),
    ("when", Lowered("the task skips itself; with the trigger rule none_failed what follows goes on")),
    ("when.in", Lowered("the task skips itself; with the trigger rule none_failed what follows goes on")),
    (
        "when.status",
        Lowered(
            "the trigger rule all_done, the condition looks at the states; a last task decides how the run went",
        ),
    ),
    ("map.list", Native),
    ("map.range", Native),
    ("map.range.step", Native),
    ("map.range.pad", Native),
    ("map.product", Lowered("a list with every combination")),
    ("map.output", Lowered("a task before reads the JSON list over which the step is expanded")),
    ("map.parameter", Lowered("a task before reads the JSON list over which the step is expanded")),
    ("map.parallelism", Native),
    ("map.outputs.parameter", Native),
    ("map.outputs.artifact", Lowered("a folder with one entry per instance")),
    ("exec_while", Lowered("the task repeats its pod inside one attempt, as often as the bound allows")),
    ("exec_while.pause", Lowered("the task sleeps between two repetitions")),
    ("parameters", Native),
    ("parameters.choices", Native),
    ("schedule", Native),
    ("on_exit", Lowered("teardown tasks; whether they fail does not change how the run went")),
    ("on_exit.several", Lowered("teardown tasks one after the other")),
    ("on_exit.status", Lowered("the condition looks at the states of the tasks")),
    ("texts.workflow.name", Native),
    ("texts.workflow.status", Lowered("a macro looks at the states of the tasks")),
    ("texts.run.id", Native),
    (
        "texts.run.date",
        Lowered(
            "a macro reads the logical date, else the time after which it runs, in the zone of the schedule",
        ),
    ),
    ("texts.status", Lowered("a macro looks at the states of the tasks")),
    ("texts.literal_braces", Lowered("braces that Jinja would misread go through literal(…)")),
    ("inputs.parameter", Lowered("an environment variable")),
    ("inputs.artifact", Lowered("mounted from the folder of the run on the volume claim couler-artifacts")),
    ("inputs.external", Lowered("an init container with rclone or git fetches it")),
    ("inputs.external.uri", Lowered("rclone or git by the address; components open addresses themselves")),
    (
        "outputs.parameter",
        Lowered(
            "a shell around the command hands files and what it prints on as XCom; of a container whose command only \
             its image knows the result is the log, standard error included",
        ),
    ),
    ("outputs.artifact", Lowered("copied to the folder of the run on the volume claim couler-artifacts")),
    ("outputs.artifact.store", Lowered("rclone copies it when the command is done")),
    ("settings.env", Native),
    ("settings.secrets", Native),
    ("settings.resources", Native),
    ("settings.volumes", Native),
    ("settings.node_selector", Native),
    ("settings.tolerations", Native),
    (
        "settings.retry",
        Lowered(
            "retries with backoff; the step itself keeps to the longest time of all waits; failures of the command are retried \
                 unless the policy names errors of the infrastructure only",
        ),
    ),
    ("settings.timeout", Native),
    ("settings.cache", Lowered("the shell around the command looks for the key on the volume claim")),
    ("settings.daemon", Lowered("the task ends when the pod runs; a teardown task deletes it")),
    ("settings.service_account", Native),
    ("settings.labels", Native),
    ("settings.annotations", Native),
    ("settings.continue_on_failure", Lowered("the last failed attempt is marked as skipped")),
    (
        "settings.network",
        Unsupported(
            "pods share one network with what carries their files; have the cluster refuse it by a NetworkPolicy on labels of the step",
        ),
    ),
    ("workflow.parallelism", Native),
    ("workflow.time_limit", Native),
    ("workflow.namespace", Native),
    ("workflow.service_account", Native),
    ("workflow.image_pull_secrets", Native),
    ("workflow.labels", Native),
    ("workflow.annotations", Native),
    ("workflow.node_selector", Native),
    ("workflow.tolerations", Native),
    ("workflow.volume_claims", Lowered("a task makes the claim, a teardown task deletes it")),
    (
        "workflow.keep_finished",
        Lowered("a teardown task deletes the files of older runs; airflow db clean deletes their records"),
    ),
];
