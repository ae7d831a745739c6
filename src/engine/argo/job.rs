//! Jobs: `resource` templates with Kubeflow training jobs (training operator v1) or any manifest.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::EngineError;
use super::context::{Context, unsupported};
use super::inputs::Inputs;
use super::leaf::refuse_files;
use super::manifest::{Named, ResourceTemplate, Template};
use super::pod::{Container, ObjectMeta, PodSpec, PodTemplate, ResourceAmounts};
use super::text::Braces;
use super::yaml;
use super::{katib, settings};
use crate::api::{DistributedJob, Job, ManifestAction, ManifestJob};
use crate::ir::Node;

/// Name of the annotation by which Istio is kept out of pods that must end.
const ISTIO: &str = "sidecar.istio.io/inject";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrainingJob {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    spec: TrainingSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrainingSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    slots_per_worker: Option<u32>,
    run_policy: RunPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_policy: Option<&'static str>,
    #[serde(flatten)]
    replicas: IndexMap<&'static str, IndexMap<&'static str, Replica>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunPolicy {
    clean_pod_policy: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replica {
    replicas: u32,
    restart_policy: &'static str,
    template: PodTemplate,
}

/// What differs between the kinds of training job.
struct Kind {
    name: &'static str,
    replica_specs: &'static str,
    container: &'static str,
    master: &'static str,
    /// Whether a job without a master can run.
    master_optional: bool,
}

const PYTORCH: Kind = Kind {
    name: "PyTorchJob",
    replica_specs: "pytorchReplicaSpecs",
    container: "pytorch",
    master: "Master",
    master_optional: true,
};
const TENSORFLOW: Kind = Kind {
    name: "TFJob",
    replica_specs: "tfReplicaSpecs",
    container: "tensorflow",
    master: "Chief",
    master_optional: true,
};
const MPI: Kind = Kind {
    name: "MPIJob",
    replica_specs: "mpiReplicaSpecs",
    container: "mpi",
    master: "Launcher",
    master_optional: false,
};
const XGBOOST: Kind = Kind {
    name: "XGBoostJob",
    replica_specs: "xgbReplicaSpecs",
    container: "xgboost",
    master: "Master",
    master_optional: false,
};

/// Fills the template of a job.
///
/// # Errors
/// Files in or out, and jobs that could not run.
pub(crate) fn fill(
    context: &Context<'_>,
    node: &Node,
    job: &Job,
    inputs: &mut Inputs,
    template: &mut Template,
) -> Result<(), EngineError> {
    refuse_files(node)?;
    template.resource = Some(match job {
        Job::PyTorchJob(job) => training(context, node, job, &PYTORCH, inputs)?,
        Job::TFJob(job) => training(context, node, job, &TENSORFLOW, inputs)?,
        Job::MPIJob(job) => training(context, node, job, &MPI, inputs)?,
        Job::XGBoostJob(job) => training(context, node, job, &XGBOOST, inputs)?,
        Job::Katib(experiment) => katib::resource(context, node, experiment, inputs)?,
        Job::Manifest(job) => manifest(node, job, inputs)?,
    });
    Ok(())
}

fn training(
    context: &Context<'_>,
    node: &Node,
    job: &DistributedJob,
    kind: &Kind,
    inputs: &mut Inputs,
) -> Result<ResourceTemplate, EngineError> {
    if job.masters == 0 && (!kind.master_optional || job.workers == 0) {
        let reason = format!("a {} without a {} cannot run; set masters to 1", kind.name, kind.master);
        return Err(unsupported(&node.name, "masters of a job", reason));
    }
    let is_mpi = kind.name == MPI.name;
    let base = JobPod::new(context, node, job, inputs)?;
    let roles = [
        (kind.master, job.masters, !is_mpi),
        ("Worker", job.workers, true),
        ("PS", job.parameter_servers, false),
    ];
    let mut replicas = IndexMap::new();
    for (role, count, accelerated) in roles {
        if count > 0 {
            // The workers of MPI wait for the launcher to start the program on them.
            let idle = is_mpi && role == "Worker";
            let template = base.pod(kind.container, accelerated, idle);
            replicas.insert(role, Replica { replicas: count, restart_policy: "Never", template });
        }
    }
    let failure: Vec<String> =
        replicas.keys().map(|role| format!("status.replicaStatuses.{role}.failed > 0")).collect();
    let all_workers = kind.name == TENSORFLOW.name && job.masters == 0;
    let manifest = TrainingJob {
        api_version: "kubeflow.org/v1",
        kind: kind.name,
        metadata: generated_name(node),
        spec: TrainingSpec {
            slots_per_worker: is_mpi.then_some(job.gpus_per_replica.max(1)),
            run_policy: RunPolicy { clean_pod_policy: "Running" },
            success_policy: all_workers.then_some("AllWorkers"),
            replicas: IndexMap::from([(kind.replica_specs, replicas)]),
        },
    };
    let (role, count) = if job.masters > 0 { (kind.master, 1) } else { ("Worker", job.workers) };
    Ok(ResourceTemplate {
        action: "create",
        merge_strategy: None,
        set_owner_reference: true,
        success_condition: Some(format!("status.replicaStatuses.{role}.succeeded = {count}")),
        failure_condition: Some(failure.join(",")),
        manifest: yaml::write(&manifest)?,
    })
}

/// The name of the created resource starts with the step's; each attempt makes a new one.
pub(crate) fn generated_name(node: &Node) -> ObjectMeta {
    ObjectMeta { generate_name: Some(format!("{}-", node.name)), ..ObjectMeta::default() }
}

/// What all pods of a job have in common.
pub(crate) struct JobPod {
    container: Container,
    metadata: ObjectMeta,
    spec: PodSpec,
}

impl JobPod {
    fn new(
        context: &Context<'_>,
        node: &Node,
        job: &DistributedJob,
        inputs: &mut Inputs,
    ) -> Result<Self, EngineError> {
        let mut pod = Self::with_command(context, node, &job.image, (&job.command, &job.args), inputs)?;
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
        Ok(pod)
    }

    /// A pod with the environment, volumes and placement of the step. What the workflow asks of all pods is added,
    /// for Argo gives it to its own pods only.
    pub(crate) fn with_command(
        context: &Context<'_>,
        node: &Node,
        image: &str,
        (command, args): (&[String], &[String]),
        inputs: &mut Inputs,
    ) -> Result<Self, EngineError> {
        let (own, shared) = (&node.settings, &context.workflow.settings);
        let mut words = |texts: &[String]| -> Result<Vec<String>, EngineError> {
            texts.iter().map(|text| inputs.pod_text(node, text)).collect()
        };
        let (command, args) = (words(command)?, words(args)?);
        let image = inputs.text(node, image, Braces::Keep)?.text;
        let env = settings::environment(node, inputs, Vec::new())?;
        let (volumes, volume_mounts) = settings::volumes(node, &shared.volume_claims, true);
        let mut node_selector = shared.node_selector.clone();
        node_selector.extend(own.node_selector.clone());
        let mut tolerations = settings::tolerations(&shared.tolerations);
        tolerations.extend(settings::tolerations(&own.tolerations));
        let mut annotations = IndexMap::from([(ISTIO.to_owned(), "false".to_owned())]);
        annotations.extend(own.annotations.clone());
        Ok(Self {
            container: Container {
                image,
                command,
                args,
                env: settings::with_brace_variable(env, inputs),
                resources: settings::resources(&own.resources),
                volume_mounts,
                ..Container::default()
            },
            metadata: ObjectMeta { labels: own.labels.clone(), annotations, ..ObjectMeta::default() },
            spec: PodSpec {
                service_account_name: own.service_account.clone().or_else(|| shared.service_account.clone()),
                image_pull_secrets: shared
                    .image_pull_secrets
                    .iter()
                    .map(|name| Named { name: name.clone() })
                    .collect(),
                node_selector,
                tolerations,
                volumes,
                ..PodSpec::default()
            },
        })
    }

    /// A pod of one role.
    pub(crate) fn pod(&self, container: &'static str, accelerated: bool, idle: bool) -> PodTemplate {
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

fn manifest(node: &Node, job: &ManifestJob, inputs: &mut Inputs) -> Result<ResourceTemplate, EngineError> {
    let mut manifest = job.manifest.clone();
    if job.action == ManifestAction::Create {
        name_if_nameless(&mut manifest, node);
    }
    let manifest = resolved(&Value::Object(manifest), node, inputs)?;
    let word = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, version) = (word("kind"), word("apiVersion"));
    let creates = matches!(job.action, ManifestAction::Create | ManifestAction::Apply);
    // What runs to its end goes with the workflow; a deployment must stay when the workflow is deleted.
    let runs_to_end = kind.ends_with("Job") || matches!(kind, "Pod" | "SparkApplication" | "Workflow");
    Ok(ResourceTemplate {
        action: job.action.name(),
        // Kubernetes has no strategic merge for resources that are not its own.
        merge_strategy: (job.action == ManifestAction::Patch && version.contains('.')).then_some("merge"),
        set_owner_reference: creates && runs_to_end,
        success_condition: job.success_condition.clone(),
        failure_condition: job.failure_condition.clone(),
        manifest: yaml::write(&manifest)?,
    })
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

/// The manifest with the references in its strings put into Argo's words.
fn resolved(value: &Value, node: &Node, inputs: &mut Inputs) -> Result<Value, EngineError> {
    Ok(match value {
        Value::String(text) => {
            if inputs.text(node, text, Braces::Marker)?.broken {
                let reason =
                    format!("Argo would read the braces in {text:?} as its own; write them in another way");
                return Err(unsupported(&node.name, "braces in a manifest", reason));
            }
            Value::String(inputs.text(node, text, Braces::Keep)?.text)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolved(item, node, inputs)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let mut fields = Map::new();
            for (key, item) in map {
                fields.insert(key.clone(), resolved(item, node, inputs)?);
            }
            Value::Object(fields)
        }
        other => other.clone(),
    })
}
