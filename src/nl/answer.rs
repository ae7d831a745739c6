//! The settings that a model gave a step.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::api::{
    Backoff, Cache, Duration, Resources, Retry, Secret, StepSettings, Toleration, TolerationEffect,
    TolerationOperator, Volume,
};

/// The model's answer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SettingsAnswer {
    pub(super) retries: Option<u32>,
    pub(super) backoff: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) gpus: Option<u32>,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) parallel: Option<u32>,
    pub(super) cache: Option<String>,
    pub(super) env: Option<Vec<EnvAnswer>>,
    pub(super) secrets: Option<Vec<Secret>>,
    pub(super) mounts: Option<Vec<MountAnswer>>,
    pub(super) node: Option<Vec<NodeAnswer>>,
    pub(super) tolerate: Option<Vec<TolerateAnswer>>,
    pub(super) service_account: Option<String>,
    pub(super) background: Option<bool>,
    pub(super) continue_on_failure: Option<bool>,
    pub(super) limit: Option<u32>,
    /// A label of the pod; read from the text, never asked for.
    #[serde(skip)]
    pub(super) labels: Option<(String, String)>,
    /// An annotation of the pod; read from the text, never asked for.
    #[serde(skip)]
    pub(super) annotations: Option<(String, String)>,
    /// Volumes beside claims; read from the text, never asked for.
    #[serde(skip)]
    pub(super) volumes: Vec<Volume>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct EnvAnswer {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct MountAnswer {
    pub(super) claim: String,
    pub(super) path: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct NodeAnswer {
    pub(super) label: String,
    pub(super) value: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct TolerateAnswer {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: Option<String>,
    #[serde(default)]
    pub(super) effect: Option<TolerationEffect>,
}

impl SettingsAnswer {
    /// The settings in the unified API. What cannot be read (a duration of 0) is left out.
    pub(super) fn into_settings(self) -> StepSettings {
        let mut mounted: HashSet<String> = self.volumes.iter().map(|v| v.path().to_owned()).collect();
        let files: Vec<String> = self.volumes.iter().filter_map(secret_of).map(str::to_owned).collect();
        let duration = |text: Option<String>| text.and_then(|text| text.parse::<Duration>().ok());
        let env: IndexMap<String, String> =
            self.env.into_iter().flatten().map(|variable| (variable.name, variable.value)).collect();
        let secrets = self
            .secrets
            .unwrap_or_default()
            .into_iter()
            .filter(|s| !env.contains_key(&s.env) && !files.contains(&s.secret))
            .collect();
        let backoff =
            duration(self.backoff).map(|duration| Backoff { duration, factor: Some(2), max_duration: None });
        StepSettings {
            env,
            secrets,
            resources: Resources {
                cpu: self.cpu,
                memory: self.memory,
                gpu: self.gpus.filter(|gpus| *gpus > 0),
                ..Resources::default()
            },
            volumes: self
                .mounts
                .into_iter()
                .flatten()
                // One path holds one volume: the first one named.
                .filter(|mount| mounted.insert(mount.path.trim_end_matches('/').to_owned()))
                .map(|mount| Volume::Claim {
                    claim: mount.claim,
                    path: mount.path,
                    sub_path: None,
                    read_only: false,
                })
                .chain(self.volumes)
                .collect(),
            node_selector: self.node.into_iter().flatten().map(|node| (node.label, node.value)).collect(),
            tolerations: self.tolerate.into_iter().flatten().map(toleration).collect(),
            retry: self.retries.filter(|limit| (1..=1000).contains(limit)).map(|limit| Retry {
                limit,
                policy: crate::api::RetryPolicy::default(),
                backoff,
            }),
            timeout: duration(self.timeout),
            cache: self.cache.map(|age| Cache { key: None, max_age: age.parse().ok() }),
            daemon: self.background.unwrap_or(false),
            service_account: self.service_account,
            continue_on_failure: self.continue_on_failure.unwrap_or(false),
            literal_braces: false,
            labels: self.labels.into_iter().collect(),
            annotations: self.annotations.into_iter().collect(),
        }
    }
}

/// The secret that a volume holds.
pub(super) fn secret_of(volume: &Volume) -> Option<&str> {
    match volume {
        Volume::Secret { name, .. } => Some(name),
        _ => None,
    }
}

pub(super) fn toleration(answer: TolerateAnswer) -> Toleration {
    let operator =
        if answer.value.is_some() { TolerationOperator::Equal } else { TolerationOperator::Exists };
    Toleration { key: Some(answer.key), operator, value: answer.value, effect: answer.effect }
}
