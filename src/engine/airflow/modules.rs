//! The fixed parts of a DAG file: classes and functions that its steps use, and what they import.

/// A part of the file behind the DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Module {
    Values,
    Outcome,
    Ends,
    Facts,
    Output,
    PartOutput,
    Gate,
    Step,
    Items,
    Path,
    Pod,
    Daemon,
    Job,
    Claim,
    Clean,
    Local,
    Place,
    LocalPlace,
}

/// A module to import from, or `""`, and the name.
pub(crate) type Import = (&'static str, &'static str);

const CONTEXT: Import = ("airflow.sdk", "get_current_context");
const BASE: Import = ("airflow.sdk", "BaseOperator");
const FAIL: Import = ("airflow.sdk.exceptions", "AirflowFailException");
const ERROR: Import = ("airflow.sdk.exceptions", "AirflowException");
const VARIABLE: Import = ("airflow.sdk", "Variable");
const HOOK: Import = ("airflow.providers.cncf.kubernetes.hooks.kubernetes", "KubernetesHook");
const POD: Import = ("airflow.providers.cncf.kubernetes.operators.pod", "KubernetesPodOperator");
pub(crate) const MODELS: Import = ("kubernetes.client", "models as k8s");
const QUOTE: Import = ("shlex", "quote");

impl Module {
    /// Its Python code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Values => include_str!("runtime/values.py"),
            Self::Outcome => include_str!("runtime/outcome.py"),
            Self::Ends => include_str!("runtime/ends.py"),
            Self::Facts => include_str!("runtime/facts.py"),
            Self::Output => include_str!("runtime/output.py"),
            Self::PartOutput => include_str!("runtime/part_output.py"),
            Self::Gate => include_str!("runtime/gate.py"),
            Self::Step => include_str!("runtime/step.py"),
            Self::Items => include_str!("runtime/items.py"),
            Self::Path => include_str!("runtime/path.py"),
            Self::Pod => include_str!("runtime/pod.py"),
            Self::Daemon => include_str!("runtime/daemon.py"),
            Self::Job => include_str!("runtime/job.py"),
            Self::Claim => include_str!("runtime/claim.py"),
            Self::Clean => include_str!("runtime/clean.py"),
            Self::Local => include_str!("runtime/local.py"),
            Self::Place => include_str!("runtime/place.py"),
            Self::LocalPlace => include_str!("runtime/local_place.py"),
        }
    }

    /// What its code needs.
    pub(crate) fn needs(self) -> &'static [Self] {
        match self {
            Self::Values
            | Self::Outcome
            | Self::Facts
            | Self::Output
            | Self::PartOutput
            | Self::Gate
            | Self::Path
            | Self::Place
            | Self::LocalPlace
            | Self::Step => &[],
            Self::Items | Self::Ends => &[Self::Values],
            Self::Pod | Self::Local => &[Self::Step, Self::Path],
            Self::Daemon | Self::Clean => &[Self::Pod],
            Self::Job => &[Self::Step, Self::Values],
            Self::Claim => &[Self::Job],
        }
    }

    /// What its code imports.
    pub(crate) fn imports(self) -> &'static [Import] {
        match self {
            Self::Values => &[("", "json"), ("", "operator"), CONTEXT, FAIL],
            Self::Outcome => &[CONTEXT],
            Self::Ends => &[BASE, CONTEXT, FAIL],
            Self::Facts => &[("", "pendulum"), CONTEXT],
            Self::Output | Self::PartOutput => &[("", "json"), CONTEXT],
            Self::Gate => &[
                BASE,
                FAIL,
                ("datetime", "timedelta"),
                ("airflow.providers.standard.triggers.external_task", "WorkflowTrigger"),
                ("airflow.providers.standard.triggers.temporal", "TimeDeltaTrigger"),
            ],
            Self::Step => &[
                ("", "time"),
                BASE,
                FAIL,
                ("airflow.sdk.exceptions", "AirflowSkipException"),
                ("airflow.sdk.exceptions", "AirflowTaskTimeout"),
            ],
            Self::Items => &[("", "json"), BASE, FAIL],
            Self::Path => &[("", "re"), CONTEXT],
            Self::Pod => &[("", "base64"), ("", "hashlib"), ("", "os"), QUOTE, CONTEXT, FAIL, POD, MODELS],
            Self::Daemon => &[("", "hashlib"), CONTEXT, BASE, HOOK],
            Self::Job => &[
                ("", "functools"),
                ("", "hashlib"),
                ("", "operator"),
                ("", "re"),
                ("", "time"),
                VARIABLE,
                ERROR,
                HOOK,
                ("kubernetes.dynamic", "DynamicClient"),
            ],
            Self::Claim => &[("", "hashlib"), CONTEXT],
            Self::Clean => &[],
            Self::Local => &[
                ("", "contextlib"),
                ("", "fcntl"),
                ("", "hashlib"),
                ("", "json"),
                ("", "os"),
                ("", "pathlib"),
                ("", "shutil"),
                ("", "signal"),
                ("", "subprocess"),
                ("", "sys"),
                ("", "time"),
                BASE,
                VARIABLE,
                ERROR,
                FAIL,
            ],
            Self::Place => &[QUOTE, MODELS],
            Self::LocalPlace => {
                &[("", "os"), ("", "shutil"), ("", "subprocess"), ("", "urllib.request"), VARIABLE, FAIL]
            }
        }
    }

    /// The constants that its code reads.
    pub(crate) fn constants(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Pod => &[("ARTIFACT_CLAIM", "couler-artifacts"), ("RCLONE_IMAGE", "rclone/rclone:1.71.2")],
            Self::Place => &[("GIT_IMAGE", "alpine/git:2.49.1"), ("RCLONE_IMAGE", "rclone/rclone:1.71.2")],
            _ => &[],
        }
    }
}
