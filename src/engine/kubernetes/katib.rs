//! Hyperparameter searches: Katib experiments (v1beta1).

use serde::Serialize;

use super::job::{JobContext, JobManifest, JobPod, JobResource, generated_name};
use super::pod::{Container, ObjectMeta, PodTemplate};
use crate::api::{KatibExperiment, KatibParameter, KatibParameterType, ManifestAction, Objective};
use crate::ir::Node;

/// Name of the container whose output Katib reads.
const TRIAL: &str = "training-container";
/// Failed trials after which the search gives up, if nothing is said. The number must be known to see the failure.
const MAX_FAILED: u32 = 3;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Experiment {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    spec: ExperimentSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExperimentSpec {
    objective: ObjectiveSpec,
    algorithm: Algorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_trial_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_trial_count: Option<u32>,
    max_failed_trial_count: u32,
    parameters: Vec<SearchParameter>,
    trial_template: TrialTemplate,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectiveSpec {
    #[serde(rename = "type")]
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<f64>,
    objective_metric_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Algorithm {
    algorithm_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SearchParameter {
    name: String,
    parameter_type: &'static str,
    feasible_space: FeasibleSpace,
}

#[derive(Serialize)]
struct FeasibleSpace {
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrialTemplate {
    primary_container_name: &'static str,
    trial_parameters: Vec<TrialParameter>,
    trial_spec: TrialJob,
}

#[derive(Serialize)]
struct TrialParameter {
    name: String,
    reference: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrialJob {
    api_version: &'static str,
    kind: &'static str,
    spec: TrialJobSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrialJobSpec {
    backoff_limit: u32,
    template: PodTemplate,
}

impl Experiment {
    /// The container of a trial.
    pub(super) fn containers(&mut self) -> impl Iterator<Item = &mut Container> {
        self.spec.trial_template.trial_spec.spec.template.spec.containers.iter_mut()
    }
}

/// The manifest of a search.
pub(super) fn experiment(context: &JobContext<'_>, node: &Node, search: &KatibExperiment) -> JobManifest {
    let arguments: Vec<String> =
        search.parameters.iter().map(|p| format!("--{0}=${{trialParameters.{0}}}", p.name)).collect();
    let pod = JobPod::with_command(context, node, &search.image, search.command.clone(), arguments);
    let mut template = pod.pod(TRIAL, true, false);
    template.spec.restart_policy = Some("Never");
    // Katib refuses more failures than trials.
    let default_failed = search.max_trials.map_or(MAX_FAILED, |trials| trials.min(MAX_FAILED));
    let max_failed = search.max_failed_trials.unwrap_or(default_failed);
    let experiment = Experiment {
        api_version: "kubeflow.org/v1beta1",
        kind: "Experiment",
        metadata: generated_name(node),
        spec: ExperimentSpec {
            objective: ObjectiveSpec {
                direction: match search.objective {
                    Objective::Maximize => "maximize",
                    Objective::Minimize => "minimize",
                },
                goal: search.goal,
                objective_metric_name: search.objective_metric.clone(),
            },
            algorithm: Algorithm { algorithm_name: search.algorithm.clone() },
            parallel_trial_count: search.parallel_trials,
            max_trial_count: search.max_trials,
            max_failed_trial_count: max_failed,
            parameters: search.parameters.iter().map(parameter).collect(),
            trial_template: TrialTemplate {
                primary_container_name: TRIAL,
                trial_parameters: search
                    .parameters
                    .iter()
                    .map(|p| TrialParameter { name: p.name.clone(), reference: p.name.clone() })
                    .collect(),
                trial_spec: TrialJob {
                    api_version: "batch/v1",
                    kind: "Job",
                    spec: TrialJobSpec { backoff_limit: 0, template },
                },
            },
        },
    };
    JobManifest {
        action: ManifestAction::Create,
        merge_strategy: None,
        owned: true,
        // The conditions of an experiment are a list, which engines cannot search; a completed one has this time, and a
        // failed one is recognised before by its trials.
        success_condition: Some("status.completionTime".to_owned()),
        failure_condition: Some(format!("status.trialsFailed > {max_failed}")),
        resource: JobResource::Search(Box::new(experiment)),
    }
}

fn parameter(parameter: &KatibParameter) -> SearchParameter {
    let number = |value: Option<f64>| value.map(|value| value.to_string());
    SearchParameter {
        name: parameter.name.clone(),
        parameter_type: match parameter.kind {
            KatibParameterType::Double => "double",
            KatibParameterType::Int => "int",
            KatibParameterType::Categorical => "categorical",
            KatibParameterType::Discrete => "discrete",
        },
        feasible_space: FeasibleSpace {
            min: number(parameter.min),
            max: number(parameter.max),
            step: number(parameter.step),
            list: parameter.values.clone(),
        },
    }
}
