//! How a step runs, in the words of pods: environment, resources, volumes, placement.

use indexmap::IndexMap;

use super::super::EngineError;
use super::names::{Names, dns_label};
use super::pod::{
    EnvSource, EnvVar, ObjectMeta, ResourceAmounts, SecretKeyRef, Toleration, Volume as PodVolume,
    VolumeClaimSpec, VolumeClaimTemplate, VolumeMount, VolumeSource,
};
use crate::api::{
    self, Duration, Input, Resources, TolerationEffect, TolerationOperator, Volume, VolumeClaim,
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

/// The text of a value in the engine's words; the name is that of the input parameter that it belongs to.
type TextOf<'a> = &'a mut dyn FnMut(Option<&str>, &str) -> Result<String, EngineError>;

/// Environment of a step: its input parameters, then what its settings say. `extra` comes between. `value` writes each
/// text; it also gets the name of the input parameter if the text is one.
///
/// # Errors
/// Those of `value`.
pub(crate) fn environment(
    node: &Node,
    extra: Vec<EnvVar>,
    value: TextOf<'_>,
) -> Result<Vec<EnvVar>, EngineError> {
    let mut variables: IndexMap<String, EnvVar> = IndexMap::new();
    for input in &node.inputs {
        if let Input::Parameter { name, value: text } = input {
            variables.insert(name.clone(), EnvVar::with_value(name, value(Some(name), text)?));
        }
    }
    variables.extend(extra.into_iter().map(|variable| (variable.name.clone(), variable)));
    for (name, text) in &node.settings.env {
        let text = value(None, text)?;
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

/// How the pods of a step get at the volume claims of the workflow.
#[derive(Clone, Copy)]
pub(crate) enum SharedClaims<'a> {
    /// The engine declares a volume for each, under the claim's own name.
    Declared(&'a [VolumeClaim]),
    /// They are volumes like all others; the function gives the name of the claim by its label.
    Named(&'a dyn Fn(&str) -> String),
}

/// Volumes of a pod and where they are mounted.
pub(crate) fn volumes<'a>(
    wanted: impl IntoIterator<Item = &'a Volume>,
    shared: SharedClaims<'_>,
) -> (Vec<PodVolume>, Vec<VolumeMount>) {
    let taken = match shared {
        SharedClaims::Declared(claims) => claims,
        SharedClaims::Named(_) => &[],
    };
    let labels: Vec<String> = taken.iter().map(|claim| dns_label(&claim.name)).collect();
    let mut names = Names::taken(labels.iter().map(String::as_str));
    let mut volumes: Vec<PodVolume> = Vec::new();
    let mut mounts = Vec::new();
    for volume in wanted {
        let (wanted, source) = volume_source(volume, shared);
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

fn volume_source(volume: &Volume, shared: SharedClaims<'_>) -> (String, Option<VolumeSource>) {
    match volume {
        Volume::Claim { claim, .. } => {
            (dns_label(claim), Some(VolumeSource::PersistentVolumeClaim { claim_name: claim.clone() }))
        }
        Volume::Shared { name, .. } => {
            let label = dns_label(name);
            let source = match shared {
                SharedClaims::Declared(_) => None,
                SharedClaims::Named(claim_name) => {
                    Some(VolumeSource::PersistentVolumeClaim { claim_name: claim_name(&label) })
                }
            };
            (label, source)
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

/// The template of a volume claim of the workflow.
pub(crate) fn volume_claim(claim: &VolumeClaim) -> VolumeClaimTemplate {
    let requests = IndexMap::from([("storage".to_owned(), claim.size.clone())]);
    VolumeClaimTemplate {
        metadata: ObjectMeta { name: Some(dns_label(&claim.name)), ..ObjectMeta::default() },
        spec: VolumeClaimSpec {
            access_modes: vec![if claim.shared_between_nodes { "ReadWriteMany" } else { "ReadWriteOnce" }],
            storage_class_name: claim.storage_class.clone(),
            resources: ResourceAmounts { requests, ..ResourceAmounts::default() },
        },
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
