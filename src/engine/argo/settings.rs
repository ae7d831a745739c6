//! How a step runs: environment, resources, volumes, placement, retries, caching.

use indexmap::IndexMap;

use super::super::EngineError;
use super::context::Context;
use super::inputs::Inputs;
use super::manifest::{Backoff, Memoize, MemoizeCache, Named, RetryStrategy};
use super::names::{Names, dns_label};
use super::pod::{
    EnvSource, EnvVar, ResourceAmounts, SecretKeyRef, Toleration, Volume as PodVolume, VolumeMount,
    VolumeSource,
};
use super::text::BRACE_VARIABLE;
use crate::api::{
    self, Duration, Input, Resources, Retry, RetryPolicy, TolerationEffect, TolerationOperator, Volume,
    VolumeClaim,
};
use crate::ir::Node;

/// Resource name of GPUs if none is given.
pub(crate) const GPU: &str = "nvidia.com/gpu";

/// A duration in Go's words, which know no days.
pub(crate) fn go_duration(duration: Duration) -> String {
    let seconds = duration.seconds();
    let parts = [(seconds / 3600, 'h'), (seconds % 3600 / 60, 'm'), (seconds % 60, 's')];
    let written: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    written.concat()
}

/// Environment of a step: its input parameters, then what its settings say. `extra` comes between.
pub(crate) fn environment(
    node: &Node,
    inputs: &mut Inputs,
    extra: Vec<EnvVar>,
) -> Result<Vec<EnvVar>, EngineError> {
    let mut variables: IndexMap<String, EnvVar> = IndexMap::new();
    for input in &node.inputs {
        if let Input::Parameter { name, value } = input {
            let text = if inputs.parameters.contains_key(name) {
                super::context::input_parameter(name)
            } else {
                inputs.pod_text(node, value)?
            };
            variables.insert(name.clone(), EnvVar::with_value(name, text));
        }
    }
    variables.extend(extra.into_iter().map(|variable| (variable.name.clone(), variable)));
    for (name, value) in &node.settings.env {
        let text = inputs.pod_text(node, value)?;
        variables.entry(name.clone()).or_insert_with(|| EnvVar::with_value(name, text));
    }
    for secret in &node.settings.secrets {
        let secret_key_ref = SecretKeyRef { name: secret.secret.clone(), key: secret.key.clone() };
        let variable =
            EnvVar { name: secret.env.clone(), value: None, value_from: Some(EnvSource { secret_key_ref }) };
        variables.entry(secret.env.clone()).or_insert(variable);
    }
    Ok(variables.into_values().collect())
}

/// Puts the brace variable first if some text needs it; Kubernetes expands earlier variables in later ones.
pub(crate) fn with_brace_variable(mut variables: Vec<EnvVar>, inputs: &Inputs) -> Vec<EnvVar> {
    if inputs.broken_braces {
        variables.insert(0, EnvVar::with_value(BRACE_VARIABLE, "{"));
    }
    variables
}

/// Requests and limits of a container.
pub(crate) fn resources(resources: &Resources) -> ResourceAmounts {
    let entries = |pairs: [(&str, Option<String>); 3]| -> IndexMap<String, String> {
        pairs.into_iter().filter_map(|(name, amount)| Some((name.to_owned(), amount?))).collect()
    };
    let gpu_name = resources.gpu_resource.as_deref().unwrap_or(GPU);
    ResourceAmounts {
        requests: entries([
            ("cpu", resources.cpu.clone()),
            ("memory", resources.memory.clone()),
            ("ephemeral-storage", resources.disk.clone()),
        ]),
        limits: entries([
            ("cpu", resources.cpu_limit.clone()),
            ("memory", resources.memory_limit.clone()),
            (gpu_name, resources.gpu.filter(|count| *count > 0).map(|count| count.to_string())),
        ]),
    }
}

/// Volumes of a pod and where they are mounted. The claims of the workflow are mounted under their own names in pods
/// that Argo makes; in the pods of a job (`of_job`) they are claims of the workflow's name.
pub(crate) fn volumes(
    node: &Node,
    claims: &[VolumeClaim],
    of_job: bool,
) -> (Vec<PodVolume>, Vec<VolumeMount>) {
    // In the pods of a job the claims of the workflow are volumes like all others.
    let taken = if of_job { &[] } else { claims };
    let labels: Vec<String> = taken.iter().map(|claim| dns_label(&claim.name)).collect();
    let mut names = Names::taken(labels.iter().map(String::as_str));
    let mut volumes: Vec<PodVolume> = Vec::new();
    let mut mounts = Vec::new();
    for volume in &node.settings.volumes {
        let (wanted, source) = volume_source(volume, of_job);
        let name = match source {
            None => wanted,
            Some(source) => match volumes.iter().find(|known| known.source == source) {
                Some(known) if !matches!(source, VolumeSource::EmptyDir { .. }) => known.name.clone(),
                _ => {
                    let name = names.claim(&wanted);
                    volumes.push(PodVolume { name: name.clone(), source });
                    name
                }
            },
        };
        let (sub_path, read_only) = match volume {
            Volume::Claim { sub_path, read_only, .. } => (sub_path.clone(), *read_only),
            _ => (None, false),
        };
        mounts.push(VolumeMount { name, mount_path: volume.path().to_owned(), sub_path, read_only });
    }
    (volumes, mounts)
}

fn volume_source(volume: &Volume, of_job: bool) -> (String, Option<VolumeSource>) {
    match volume {
        Volume::Claim { claim, .. } => {
            (dns_label(claim), Some(VolumeSource::PersistentVolumeClaim { claim_name: claim.clone() }))
        }
        Volume::Shared { name, .. } => {
            let label = dns_label(name);
            let claim_name = format!("{{{{workflow.name}}}}-{label}");
            (label, of_job.then_some(VolumeSource::PersistentVolumeClaim { claim_name }))
        }
        Volume::EmptyDir { size, memory, .. } => {
            let source =
                VolumeSource::EmptyDir { medium: memory.then_some("Memory"), size_limit: size.clone() };
            ("scratch".to_owned(), Some(source))
        }
        Volume::ConfigMap { name, .. } => {
            (dns_label(name), Some(VolumeSource::ConfigMap { name: name.clone() }))
        }
        Volume::Secret { name, .. } => {
            (dns_label(name), Some(VolumeSource::Secret { secret_name: name.clone() }))
        }
        Volume::HostPath { host_path, .. } => (
            format!("host-{}", dns_label(host_path)),
            Some(VolumeSource::HostPath { path: host_path.clone() }),
        ),
    }
}

/// Tolerations in Kubernetes' words.
pub(crate) fn tolerations(tolerations: &[api::Toleration]) -> Vec<Toleration> {
    tolerations
        .iter()
        .map(|toleration| Toleration {
            key: toleration.key.clone(),
            operator: match toleration.operator {
                TolerationOperator::Equal => "Equal",
                TolerationOperator::Exists => "Exists",
            },
            value: toleration.value.clone(),
            effect: toleration.effect.map(|effect| match effect {
                TolerationEffect::NoSchedule => "NoSchedule",
                TolerationEffect::PreferNoSchedule => "PreferNoSchedule",
                TolerationEffect::NoExecute => "NoExecute",
            }),
        })
        .collect()
}

/// The retry strategy.
pub(crate) fn retry(retry: &Retry) -> RetryStrategy {
    RetryStrategy {
        limit: retry.limit,
        retry_policy: match retry.policy {
            RetryPolicy::OnFailure => "OnFailure",
            RetryPolicy::OnError => "OnError",
            RetryPolicy::OnTransientError => "OnTransientError",
            RetryPolicy::Always => "Always",
        },
        backoff: retry.backoff.as_ref().map(|backoff| Backoff {
            duration: go_duration(backoff.duration),
            factor: backoff.factor,
            max_duration: backoff.max_duration.map(go_duration),
        }),
    }
}

/// Reuse of earlier results. The default key holds the step, everything its artifacts come from, and a hash of its
/// parameters, for Argo takes letters, digits and dashes only.
pub(crate) fn memoize(context: &Context<'_>, node: &Node, inputs: &mut Inputs) -> Option<Memoize> {
    let cache = node.settings.cache.as_ref()?;
    let key = match &cache.key {
        Some(key) => key_text(node, inputs, key),
        None => default_key(context, node, inputs),
    };
    let max_age = cache.max_age.map(go_duration).unwrap_or_default();
    let config_map = Named { name: "couler-cache".to_owned() };
    Some(Memoize { key, max_age, cache: MemoizeCache { config_map } })
}

fn key_text(node: &Node, inputs: &mut Inputs, key: &str) -> String {
    let template = api::Template::parse(key, node.map.is_some());
    let mut text = String::new();
    for piece in &template.0 {
        match piece {
            api::Piece::Text(plain) => {
                text.extend(plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }));
            }
            other => text.push_str(&inputs.reference(other)),
        }
    }
    if text.starts_with('-') { format!("key{text}") } else { text }
}

fn default_key(context: &Context<'_>, node: &Node, inputs: &Inputs) -> String {
    let digest = context.digest(&node.name);
    let mut values: Vec<String> =
        inputs.parameters.keys().map(|name| format!("inputs.parameters['{name}']")).collect();
    values.extend(inputs.workflow_parameters.iter().map(|name| format!("workflow.parameters['{name}']")));
    if values.is_empty() {
        return format!("{}-{digest}", node.name);
    }
    format!("{}-{digest}-{{{{=sprig.sha256sum(toJson([{}]))}}}}", node.name, values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_no_days() {
        for (text, expected) in [("7d", "168h"), ("90s", "1m30s"), ("1h30m", "1h30m"), ("5s", "5s")] {
            assert_eq!(go_duration(text.parse().unwrap()), expected);
        }
    }
}
