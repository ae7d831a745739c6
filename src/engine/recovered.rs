//! The graph that is recovered from a manifest, the same for every engine.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What a manifest says, without the engine's own words.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RecoveredGraph {
    /// Name of the workflow.
    pub name: String,
    /// Cron expressions and time zone, if it runs by itself.
    pub schedule: Option<(Vec<String>, Option<String>)>,
    /// Parameters with their defaults.
    pub parameters: BTreeMap<String, Option<String>>,
    /// The steps by name.
    pub steps: BTreeMap<String, RecoveredStep>,
    /// Names of the steps that run at the end, in order (their details are in `exit_steps`).
    pub on_exit: Vec<String>,
    /// The steps of the exit handler.
    pub exit_steps: BTreeMap<String, RecoveredStep>,
    /// Most steps at once.
    pub parallelism: Option<u32>,
    /// Time limit of the workflow in seconds.
    pub time_limit: Option<u64>,
    /// Every string, number and key of the manifest as it stands there, without descriptions and without the fixed
    /// sources of components.
    pub texts: Vec<String>,
}

/// One step of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RecoveredStep {
    /// The component it was made from, if the manifest says so.
    pub component: Option<String>,
    /// `container`, `script` or `job`.
    pub kind: String,
    /// The image, if it runs one.
    pub image: Option<String>,
    /// Steps it waits for.
    pub after: BTreeSet<String>,
    /// Its condition in the unified API's words.
    pub when: Option<String>,
    /// Items of a map, as JSON texts; a single text for an output, a parameter or a range without gaps and padding
    /// (`steps.x.y`, `1..3`).
    pub items: Option<Vec<String>>,
    /// Most instances at once.
    pub map_parallelism: Option<u32>,
    /// The condition of a loop and its bound.
    pub exec_while: Option<(String, u32)>,
    /// Retries.
    pub retries: Option<u32>,
    /// Time limit in seconds.
    pub timeout: Option<u64>,
    /// Age limit of the cache in seconds; 0 if unlimited.
    pub cache: Option<u64>,
    /// GPUs, CPU and memory requested.
    pub resources: BTreeMap<String, String>,
    /// Every string and number of the step: image, command, arguments, source, environment, settings. Without its
    /// description and without the fixed source of its component, which would prove nothing about it.
    pub texts: Vec<String>,
}
