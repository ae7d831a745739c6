//! Tasks, their results, and what a whole run has produced so far.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest::{Content, Digest, StatCache};
use super::prepare::Watched;
use super::values::Values;

/// One execution of a step: the step's position and, for a map, that of the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Task {
    pub(super) node: usize,
    pub(super) instance: usize,
}

/// What a task that did its work has left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    /// Digest of everything that decides the result.
    pub(super) key: Digest,
    /// Scalars; `result` is what it printed, unless that is long and no step reads it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<String, String>,
    /// Artifacts by output.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) outputs: BTreeMap<String, Content>,
    /// Files that the step named but did not declare, as they were when it ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<(PathBuf, Digest)>,
    /// The last line that it printed, where the result is not kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) last: String,
    /// Seconds that the work took when it was done.
    pub(super) seconds: f64,
}

impl Done {
    /// Whether the files that the step named are as it left them. `watched` has what was just seen of them.
    pub(super) fn holds(&self, watched: &Watched, files: &StatCache) -> bool {
        self.files.iter().all(|(path, digest)| match watched.seen(path) {
            Some(found) => found == *digest,
            None => files.content(path).is_ok_and(|found| found.digest == *digest),
        })
    }
}

/// Results of all steps that are through.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) values: Values,
    /// By step, one entry per instance; `None` for instances that failed.
    pub(super) done: HashMap<usize, Vec<Option<Done>>>,
}

impl Results {
    /// Keeps the instances of a step, and offers its values: those of a map are JSON lists.
    pub(super) fn keep(&mut self, node: usize, name: &str, mapped: bool, instances: Vec<Option<Done>>) {
        let mut lists: BTreeMap<&String, Vec<Value>> = BTreeMap::new();
        for (output, value) in instances.iter().flatten().flat_map(|done| &done.values) {
            if mapped {
                let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.clone()));
                lists.entry(output).or_default().push(parsed);
            } else {
                self.values.set(name, output, value.clone());
            }
        }
        for (output, list) in lists {
            self.values.set(name, output, Value::Array(list).to_string());
        }
        self.done.insert(node, instances);
    }
}
