//! Where and with what a workflow runs.

use std::collections::HashMap;
use std::path::PathBuf;

use super::failure::Patterns;
use super::masks::Masks;
use super::resources::Capacity;
use crate::api::Network;
use crate::ir::Node;

/// Settings of a run.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct RunSettings {
    /// Folder of this run; made if absent.
    pub folder: PathBuf,
    /// Folder of the Python environments.
    pub environments: PathBuf,
    /// The interpreter that environments are made with.
    pub python: PathBuf,
    /// The `uv` program, if there is one.
    pub uv: Option<PathBuf>,
    /// The docker or podman program, if there is one.
    pub containers: Option<PathBuf>,
    /// Run the commands of containers directly.
    pub host: bool,
    /// Folder in which relative paths of steps have their meaning.
    pub working_dir: PathBuf,
    /// Values of workflow parameters.
    pub parameters: HashMap<String, String>,
    /// Most tasks at the same time.
    pub jobs: usize,
    /// What the machine has.
    pub machine: Capacity,
    /// Environment variables that every step gets, such as `PATH`.
    pub env: Vec<(String, String)>,
    /// Values of secrets by the environment variable that steps ask for.
    pub secrets: HashMap<String, String>,
    /// Where steps may write; anywhere if absent. Containers are not concerned.
    pub writable: Option<Writable>,
    /// Whether all steps are without network.
    pub offline: bool,
    /// Bytes of a step's log before its middle is left out.
    pub log_limit: u64,
    /// Whether earlier results are used.
    pub reuse: bool,
    /// Whether failures that are known to pass are repeated although the step does not ask for it.
    pub automatic_retries: bool,
    /// The table of failures.
    pub patterns: Patterns,
}

/// Where steps may write besides the folders that a run makes for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writable {
    /// Places such as those for temporary files. Where couler's own folder lies in one, only what is around it.
    pub usual: Vec<PathBuf>,
    /// What the user allows, besides the working folder.
    pub allowed: Vec<PathBuf>,
    /// couler's own folder, with the runs, the store and the Python environments.
    pub private: PathBuf,
}

impl RunSettings {
    /// Whether a step has no network.
    pub(super) fn is_offline(&self, node: &Node) -> bool {
        self.offline || node.settings.network == Network::None
    }

    pub(super) fn masks(&self) -> Masks {
        Masks::new(self.secrets.values().map(String::as_str))
    }
}
