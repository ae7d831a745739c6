//! Running a workflow on this machine.
//!
//! `scheduler` decides, `local` does: scripts and components run as child processes in Python environments of their
//! own, containers through docker or podman. Results are kept in `store` under a key made from the step, its inputs
//! and its environment; `journal` has every change of state on disk before it is acted on, so that a run can go on
//! after a crash.

pub mod policy;
pub mod simulate;

mod catalogue;
mod cgroup;
mod checks;
mod confine;
mod digest;
mod drive;
mod explain;
mod facts;
mod failure;
mod folder;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod journal;
mod local;
mod masks;
mod memory;
mod prepare;
mod process;
mod python;
mod record;
mod report;
mod resources;
mod run_folder;
mod runner;
mod scheduler;
mod settings;
mod store;
mod task;
mod values;

pub use catalogue::{RunInfo, RunManifest, list_runs, read_manifest, run_state};
pub use digest::{Content, Digest};
pub use explain::{Prospect, prospects};
pub use failure::{Advice, PatternError, Patterns, Sign};
pub use report::{RunReport, StepResult, StepState};
pub use resources::{Capacity, bytes as parse_bytes};
pub use run_folder::RunFolder;
pub use runner::{RunError, RunObserver, run};
pub use settings::{RunSettings, Writable};
pub use store::{Shelf, Store, StoreSettings, measurements};
