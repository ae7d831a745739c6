//! Jobs: the manifests of Kubeflow training jobs, of Katib experiments, and any other.
//!
//! Their strings keep the references of the unified API; the engine translates them.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::EngineError;
use super::expansion::{Variables, in_pod};
use super::pod::{Container, EnvVar, Named, ObjectMeta, PodSpec, PodTemplate, ResourceAmounts};
use super::settings::{self, SharedClaims};
use super::{katib, training};
use crate::api::{DistributedJob, Job, ManifestAction, ManifestJob, WorkflowSettings};
use crate::ir::{Action, Node};

/// Name of the annotation by which Istio is kept out of pods that must end.
const ISTIO: &str = "sidecar.istio.io/inject";

/// What a job needs to know about its surroundings.
pub(crate) struct JobContext<'a> {
    /// The name of the engine in messages.
    pub engine: &'static str,
    /// Settings of the workflow, which apply to the pods of jobs too.
    pub shared: &'a WorkflowSettings,
    /// The name of a volume claim of the workflow, by its label.
    pub claim_name: &'a dyn Fn(&str) -> String,
}

/// A resource to create, with the conditions that tell when it is done.
///
/// Conditions are requirements on fields such as `status.succeeded > 0`, joined by commas: the job succeeds when all
/// of one kind hold and fails when any of the other does.
pub(crate) struct JobManifest {
    pub action: ManifestAction,
    /// Kubernetes' name of the way to patch, if it is not the default.
    pub merge_strategy: Option<&'static str>,
    /// Whether the resource goes when the run of the workflow is deleted.
    pub owned: bool,
    pub success_condition: Option<String>,
    pub failure_condition: Option<String>,
    pub resource: JobResource,
}

/// The resource itself.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum JobResource {
    Training(Box<training::TrainingJob>),
    Search(Box<katib::Experiment>),
    Any(Value),
}

impl JobResource {
    /// The containers that couler wrote; none in a manifest of the user.
    pub(crate) fn containers(&mut self) -> Vec<&mut Container> {
        match self {
            Self::Training(job) => job.containers().collect(),
            Self::Search(search) => search.containers().collect(),
            Self::Any(_) => Vec::new(),
        }
    }
}

/// The manifest of a job.
///
/// # Errors
/// Jobs that could not run.
pub(crate) fn job_manifest(
    context: &JobContext<'_>,
    node: &Node,
    job: &Job,
) -> Result<JobManifest, EngineError> {
    match job {
        Job::PyTorchJob(job) => training::training(context, node, job, &training::PYTORCH),
        Job::TFJob(job) => training::training(context, node, job, &training::TENSORFLOW),
        Job::MPIJob(job) => training::training(context, node, job, &training::MPI),
        Job::XGBoostJob(job) => training::training(context, node, job, &training::XGBOOST),
        Job::Katib(search) => Ok(katib::experiment(context, node, search)),
        Job::Manifest(job) => Ok(manifest(node, job)),
    }
}

/// Where a resource says how the job went, as a path of fields: what `steps.JOB.result` reads, as JSON. Of a search it
/// is the best trial, of everything else the whole status; what is deleted says nothing.
pub(crate) fn result_path(job: &Job) -> Option<&'static str> {
    match job {
        Job::Katib(_) => Some("status.currentOptimalTrial"),
        Job::Manifest(job) if job.action == ManifestAction::Delete => None,
        _ => Some("status"),
    }
}

/// Whether somebody could read the result of a step: everything but a job that deletes.
pub(crate) fn has_result(node: &Node) -> bool {
    match &node.action {
        Action::Job { job } => result_path(job).is_some(),
        _ => true,
    }
}

/// Why the result of a job that deletes cannot be read.
pub(crate) fn no_result(step: &str) -> String {
    format!(
        "{step:?} deletes a resource, which then says nothing; write the value in an ordinary step after it"
    )
}

/// The environment with its texts as they are.
fn as_written(node: &Node) -> Vec<EnvVar> {
    settings::environment(node, Vec::new(), &mut |_, text| Ok(in_pod(text, Variables::Expand).into_owned()))
        .expect("a text that is copied raises no error")
}

/// The name of the created resource starts with the step's; each attempt makes a new one.
pub(super) fn generated_name(node: &Node) -> ObjectMeta {
    ObjectMeta { generate_name: Some(format!("{}-", node.name)), ..ObjectMeta::default() }
}

/// What all pods of a job have in common.
pub(super) struct JobPod {
    container: Container,
    metadata: ObjectMeta,
    spec: PodSpec,
}

impl JobPod {
    pub(super) fn new(context: &JobContext<'_>, node: &Node, job: &DistributedJob) -> Self {
        let mut pod = Self::with_command(context, node, &job.image, job.command.clone(), job.args.clone());
        let resources = &mut pod.container.resources;
        for (name, amount) in [("cpu", &job.cpu), ("memory", &job.memory)] {
            if let Some(amount) = amount {
                resources.requests.insert(name.to_owned(), amount.clone());
            }
        }
        if job.gpus_per_replica > 0 {
            let name = node.settings.resources.gpu_resource.as_deref().unwrap_or(settings::GPU);
            resources.limits.insert(name.to_owned(), job.gpus_per_replica.to_string());
        }
        pod
    }

    /// A pod with the environment, volumes and placement of the step. What the workflow asks of all pods is added,
    /// for engines give it to their own pods only.
    pub(super) fn with_command(
        context: &JobContext<'_>,
        node: &Node,
        image: &str,
        command: Vec<String>,
        args: Vec<String>,
    ) -> Self {
        let (own, shared) = (&node.settings, context.shared);
        let word = |text: String| in_pod(&text, Variables::Expand).into_owned();
        let words = |texts: Vec<String>| texts.into_iter().map(word).collect();
        let claims = SharedClaims::Named(context.claim_name);
        let (volumes, volume_mounts) = settings::volumes(&own.volumes, claims);
        let mut node_selector = shared.node_selector.clone();
        node_selector.extend(own.node_selector.clone());
        let mut tolerations = settings::tolerations(&shared.tolerations);
        tolerations.extend(settings::tolerations(&own.tolerations));
        let mut annotations = IndexMap::from([(ISTIO.to_owned(), "false".to_owned())]);
        annotations.extend(own.annotations.clone());
        Self {
            container: Container {
                image: image.to_owned(),
                command: words(command),
                args: words(args),
                env: as_written(node),
                resources: settings::resources(&own.resources),
                volume_mounts,
                ..Container::default()
            },
            metadata: ObjectMeta { labels: own.labels.clone(), annotations, ..ObjectMeta::default() },
            spec: PodSpec {
                service_account_name: own.service_account.clone().or_else(|| shared.service_account.clone()),
                image_pull_secrets: Named::all(&shared.image_pull_secrets),
                node_selector,
                tolerations,
                volumes,
                ..PodSpec::default()
            },
        }
    }

    /// A pod of one role.
    pub(super) fn pod(&self, container: &'static str, accelerated: bool, idle: bool) -> PodTemplate {
        let mut main = Container { name: Some(container), ..self.container.clone() };
        if !accelerated {
            main.resources = without_gpus(main.resources);
        }
        if idle {
            main.command.clear();
            main.args.clear();
        }
        PodTemplate {
            metadata: self.metadata.clone(),
            spec: PodSpec { containers: vec![main], ..self.spec.clone() },
        }
    }
}

/// Extended resources such as GPUs have a domain in their names.
fn without_gpus(mut resources: ResourceAmounts) -> ResourceAmounts {
    resources.limits.retain(|name, _| !name.contains('/'));
    resources
}

fn manifest(node: &Node, job: &ManifestJob) -> JobManifest {
    let mut manifest = job.manifest.clone();
    if job.action == ManifestAction::Create {
        name_if_nameless(&mut manifest, node);
    }
    let word = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, version) = (word("kind"), word("apiVersion"));
    let creates = matches!(job.action, ManifestAction::Create | ManifestAction::Apply);
    // What runs to its end goes with the workflow; a deployment must stay when the workflow is deleted.
    let runs_to_end = kind.ends_with("Job") || matches!(kind, "Pod" | "SparkApplication" | "Workflow");
    JobManifest {
        action: job.action,
        // Kubernetes has no strategic merge for resources that are not its own.
        merge_strategy: (job.action == ManifestAction::Patch && version.contains('.')).then_some("merge"),
        owned: creates && runs_to_end,
        success_condition: job.success_condition.clone(),
        failure_condition: job.failure_condition.clone(),
        resource: JobResource::Any(Value::Object(manifest)),
    }
}

fn name_if_nameless(manifest: &mut Map<String, Value>, node: &Node) {
    let metadata = manifest.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata
        && !metadata.contains_key("name")
        && !metadata.contains_key("generateName")
    {
        metadata.insert("generateName".into(), Value::String(format!("{}-", node.name)));
    }
}
