//! Training jobs of Kubeflow (training operator v1).

use indexmap::IndexMap;
use serde::Serialize;

use super::super::EngineError;
use super::job::{JobContext, JobManifest, JobPod, JobResource, generated_name};
use super::pod::{Container, ObjectMeta, PodTemplate};
use crate::api::{DistributedJob, ManifestAction};
use crate::ir::Node;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrainingJob {
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
pub(super) struct Kind {
    name: &'static str,
    replica_specs: &'static str,
    container: &'static str,
    master: &'static str,
    /// Whether a job without a master can run.
    master_optional: bool,
}

pub(super) const PYTORCH: Kind = Kind {
    name: "PyTorchJob",
    replica_specs: "pytorchReplicaSpecs",
    container: "pytorch",
    master: "Master",
    master_optional: true,
};
pub(super) const TENSORFLOW: Kind = Kind {
    name: "TFJob",
    replica_specs: "tfReplicaSpecs",
    container: "tensorflow",
    master: "Chief",
    master_optional: true,
};
pub(super) const MPI: Kind = Kind {
    name: "MPIJob",
    replica_specs: "mpiReplicaSpecs",
    container: "mpi",
    master: "Launcher",
    master_optional: false,
};
pub(super) const XGBOOST: Kind = Kind {
    name: "XGBoostJob",
    replica_specs: "xgbReplicaSpecs",
    container: "xgboost",
    master: "Master",
    master_optional: false,
};

impl TrainingJob {
    /// The containers of all replicas; the first is that of the leading replica.
    pub(super) fn containers(&mut self) -> impl Iterator<Item = &mut Container> {
        let replicas = self.spec.replicas.values_mut().flat_map(IndexMap::values_mut);
        replicas.flat_map(|replica| replica.template.spec.containers.iter_mut())
    }
}

/// The manifest of a training job.
///
/// # Errors
/// A job without the replica that leads it.
pub(super) fn training(
    context: &JobContext<'_>,
    node: &Node,
    job: &DistributedJob,
    kind: &Kind,
) -> Result<JobManifest, EngineError> {
    if job.masters == 0 && (!kind.master_optional || job.workers == 0) {
        let reason = format!("a {} without a {} cannot run; set masters to 1", kind.name, kind.master);
        return Err(EngineError::Unsupported {
            engine: context.engine,
            step: node.name.clone(),
            feature: "masters of a job",
            reason,
        });
    }
    let is_mpi = kind.name == MPI.name;
    let base = JobPod::new(context, node, job);
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
    Ok(JobManifest {
        action: ManifestAction::Create,
        merge_strategy: None,
        owned: true,
        success_condition: Some(format!("status.replicaStatuses.{role}.succeeded = {count}")),
        failure_condition: Some(failure.join(",")),
        resource: JobResource::Training(Box::new(manifest)),
    })
}
