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
pub(in crate::nl) struct SettingsAnswer {
    pub(in crate::nl) retries: Option<u32>,
    pub(in crate::nl) backoff: Option<String>,
    pub(in crate::nl) timeout: Option<String>,
    pub(in crate::nl) gpus: Option<u32>,
    pub(in crate::nl) cpu: Option<String>,
    pub(in crate::nl) memory: Option<String>,
    pub(in crate::nl) parallel: Option<u32>,
    pub(in crate::nl) cache: Option<String>,
    pub(in crate::nl) env: Option<Vec<EnvAnswer>>,
    pub(in crate::nl) secrets: Option<Vec<Secret>>,
    pub(in crate::nl) mounts: Option<Vec<MountAnswer>>,
    pub(in crate::nl) node: Option<Vec<NodeAnswer>>,
    pub(in crate::nl) tolerate: Option<Vec<TolerateAnswer>>,
    pub(in crate::nl) service_account: Option<String>,
    pub(in crate::nl) background: Option<bool>,
    pub(in crate::nl) continue_on_failure: Option<bool>,
    pub(in crate::nl) limit: Option<u32>,
    /// A label of the pod; read from the text, never asked for.
    #[serde(skip)]
    pub(in crate::nl) labels: Option<(String, String)>,
    /// An annotation of the pod; read from the text, never asked for.
    #[serde(skip)]
    pub(in crate::nl) annotations: Option<(String, String)>,
    /// Volumes beside claims; read from the text, never asked for.
    #[serde(skip)]
    pub(in crate::nl) volumes: Vec<Volume>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(in crate::nl) struct EnvAnswer {
    pub(in crate::nl) name: String,
    pub(in crate::nl) value: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(in crate::nl) struct MountAnswer {
    pub(in crate::nl) claim: String,
    pub(in crate::nl) path: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(in crate::nl) struct NodeAnswer {
    pub(in crate::nl) label: String,
    pub(in crate::nl) value: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(in crate::nl) struct TolerateAnswer {
    pub(in crate::nl) key: String,
    #[serde(default)]
    pub(in crate::nl) value: Option<String>,
    #[serde(default)]
    pub(in crate::nl) effect: Option<TolerationEffect>,
}

impl SettingsAnswer {
    /// The settings in the unified API. What cannot be read (a duration of 0) is left out.
    pub(in crate::nl) fn into_settings(self) -> StepSettings {
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
        let backoff = duration(self.backoff).map(|duration| Backoff {
            duration,
            factor: Some(2),
            max_pause: None,
            max_duration: None,
        });
        StepSettings {
            network: crate::api::Network::default(),
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
pub(in crate::nl) fn secret_of(volume: &Volume) -> Option<&str> {
    match volume {
        Volume::Secret { name, .. } => Some(name),
        _ => None,
    }
}

pub(in crate::nl) fn toleration(answer: TolerateAnswer) -> Toleration {
    let operator =
        if answer.value.is_some() { TolerationOperator::Equal } else { TolerationOperator::Exists };
    Toleration { key: Some(answer.key), operator, value: answer.value, effect: answer.effect }
}
