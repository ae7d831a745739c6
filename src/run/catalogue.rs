//! The runs of this machine: what was run, and how it stands.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::folder::read_own;
use super::journal::{self, Record};

/// What is needed to go on with a run: kept as `run.json` in its folder. The program is beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunManifest {
    /// Always 1.
    pub version: u32,
    /// Name of the workflow.
    pub workflow: String,
    /// Folder in which relative paths have their meaning.
    pub working_dir: PathBuf,
    /// Values of parameters that were given.
    pub parameters: HashMap<String, String>,
    /// Whether commands of containers run directly.
    pub host: bool,
    /// Most tasks at the same time.
    pub jobs: usize,
    /// Names of the environment variables that all steps get besides the usual ones.
    pub env: Vec<String>,
    /// Whether steps may write wherever the user can.
    #[serde(default)]
    pub unconfined: bool,
    /// Places where steps may write besides the usual ones.
    #[serde(default)]
    pub allow_write: Vec<PathBuf>,
    /// Whether steps are without network.
    #[serde(default)]
    pub offline: bool,
}

/// A run, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunInfo {
    /// Name of its folder.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// `succeeded`, `failed`, or `unfinished`.
    pub status: String,
    /// Seconds since 1970 when it began.
    pub began: u64,
    /// Seconds since 1970 when it ended, if it did.
    pub ended: Option<u64>,
    /// Number of steps by how they stand.
    pub steps: BTreeMap<String, usize>,
    /// Where its journal, logs and results are.
    pub folder: PathBuf,
}

/// Reads what a run was started with.
///
/// # Errors
/// There is no such run, or its file is damaged.
pub fn read_manifest(folder: &Path) -> io::Result<RunManifest> {
    let text = read_own(&folder.join("run.json"))?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}

/// How a run stands.
///
/// # Errors
/// Its journal cannot be read.
pub fn run_state(folder: &Path) -> io::Result<RunInfo> {
    let mut info = RunInfo {
        id: folder.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned()),
        workflow: String::new(),
        status: "unfinished".into(),
        began: 0,
        ended: None,
        steps: BTreeMap::new(),
        folder: folder.to_owned(),
    };
    let mut states: HashMap<String, &str> = HashMap::new();
    for record in journal::read(&folder.join("journal.log"))? {
        let (step, state) = match record {
            Record::Began { workflow, at, .. } => {
                info.workflow = workflow;
                info.status = "unfinished".into();
                info.ended = None;
                info.began = if info.began == 0 { at } else { info.began };
                continue;
            }
            Record::Ended { status, at } => {
                info.status = status.to_lowercase();
                info.ended = Some(at);
                continue;
            }
            Record::Started { step, .. } | Record::Repeated { step, .. } => (step, "started"),
            Record::Succeeded { step, .. } => (step, "succeeded"),
            Record::Cached { step, .. } => (step, "cached"),
            Record::Failed { step, .. } => (step, "failed"),
            Record::Skipped { step } => (step, "skipped"),
            Record::Omitted { step } => (step, "omitted"),
            Record::Lost { step } | Record::Interrupted { step, .. } => (step, "stopped"),
        };
        states.insert(step, state);
    }
    for state in states.into_values() {
        *info.steps.entry(state.to_owned()).or_default() += 1;
    }
    Ok(info)
}

/// All runs under a folder, the newest first. What is no run is left out.
///
/// # Errors
/// The folder cannot be read; one that is not there has no runs.
pub fn list_runs(folder: &Path) -> io::Result<Vec<RunInfo>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut runs: Vec<RunInfo> = entries.filter_map(|entry| run_state(&entry.ok()?.path()).ok()).collect();
    runs.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
    Ok(runs)
}
