//! Drives the scheduler with the journal, the store and real processes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::checks::{parameters, supported};
use super::confine::Confinement;
use super::digest::StatCache;
use super::drive::Drive;
use super::facts::Facts;
use super::journal::{Journal, Record};
use super::local::Local;
use super::memory::{Recollection, remembered};
use super::prepare::Workshop;
use super::process::{Programs, leftovers};
use super::python::Environments;
use super::scheduler::{Limits, Plan, Scheduler};
use super::store::{Store, now};
use super::{RunReport, RunSettings, StepResult, StepState, policy};
use crate::ir::Workflow;

/// Listens to a run.
pub trait RunObserver: Sync {
    /// Something for people.
    fn message(&self, text: &str);
    /// A step began, or one item of it.
    fn started(&self, step: &str, item: Option<usize>, attempt: u32);
    /// A failed attempt is repeated after some seconds.
    fn retrying(&self, step: &str, attempt: u32, seconds: f64, message: &str);
    /// A step ended.
    fn finished(&self, result: &StepResult);
}

/// Why a run ended early, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A folder or file of the run.
    #[error("{path}: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The journal cannot be written, so nothing more may be done.
    #[error("the journal {path} cannot be written: {reason}; steps that run were ended")]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
    /// Another process works on the run.
    #[error("the run {folder} is being worked on by another process")]
    Busy {
        /// The run.
        folder: PathBuf,
    },
    /// Steps that cannot run here.
    #[error("step {step:?} cannot run on this machine: {reason}")]
    Unsupported {
        /// The first of them.
        step: String,
        /// Why.
        reason: String,
    },
    /// A workflow parameter with a value that is none of its choices.
    #[error("the parameter {name:?} cannot be {value:?}; it is one of {choices}")]
    NoChoice {
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
        /// What it may be.
        choices: String,
    },
    /// Workflow parameters without a value.
    #[error("the parameter {name:?} has no value")]
    NoValue {
        /// The first of them.
        name: String,
    },
}

/// Runs a workflow. A folder with the journal of an earlier attempt is continued: what it has done is not done again.
/// `stop` ends the run.
///
/// # Errors
/// [`RunError`] if it cannot begin or its folder fails. A step that fails is no error: it is in the report.
pub async fn run(
    workflow: &Workflow,
    settings: &RunSettings,
    store: &mut Store,
    observer: &dyn RunObserver,
    stop: watch::Receiver<bool>,
) -> Result<RunReport, RunError> {
    let mut values = parameters(workflow, settings)?;
    supported(workflow, settings)?;
    let started = Instant::now();
    let folder = &settings.folder;
    std::fs::create_dir_all(folder).map_err(|source| RunError::Io { path: folder.clone(), source })?;
    let _lock = exclusive(folder)?;
    let path = folder.join("journal.log");
    let (journal, records) =
        Journal::open(&path).map_err(|source| RunError::Io { path: path.clone(), source })?;
    if !records.is_empty() {
        end_leftovers(folder, "an interrupted attempt", observer);
    }
    values.facts = Facts::of(workflow, folder, began(&records));
    let files = StatCache::open(&folder.parent().unwrap_or(folder).join("digests"));
    let environments =
        Environments::new(settings.python.clone(), settings.uv.clone(), settings.environments.clone());
    let plan = Plan::new(workflow, settings.machine);
    begin_store(store, workflow, &plan);
    let (halt, halted) = watch::channel(false);
    let local = Local {
        settings,
        files: &files,
        environments: &environments,
        programs: Programs::default(),
        confinement: confinement(settings),
        objects: store.objects(),
        stop: halted,
        daemons: std::sync::Mutex::default(),
    };
    let exit_steps: Vec<&str> = workflow.on_exit.iter().map(|node| node.name.as_str()).collect();
    let memory = Recollection {
        workshop: Workshop { settings, files: &files, environments: &environments },
        before: remembered(&records, &exit_steps),
        store,
        prepared: HashMap::new(),
    };
    let scheduler = Scheduler::new(plan, limits(workflow, settings), values);
    let told = HashMap::new();
    let drive =
        Drive { scheduler, memory, local: &local, journal: &journal, observer, halt: &halt, started, told };
    let outcome = drive.whole(workflow, stop).await;
    let idle = [StepState::Cached, StepState::Skipped, StepState::Omitted];
    if !outcome.as_ref().is_ok_and(|report| report.steps.iter().all(|step| idle.contains(&step.state))) {
        end_leftovers(folder, "steps", observer);
    }
    if local.confinement.as_ref().is_some_and(|confinement| confinement.is_weak()) {
        observer.message("this system cannot confine steps (Landlock): they could write wherever you can");
    }
    let broken = |reason: String| RunError::Journal { path: path.clone(), reason };
    let report = outcome.map_err(|error| broken(error.to_string()))?;
    files.save();
    if let Err(error) = store.save(report.count(StepState::Stopped) == 0) {
        observer.message(&format!(
            "the cache could not be written ({error}); results of this run may be made again"
        ));
    }
    journal.close().map_err(|error| broken(error.to_string()))?;
    Ok(report)
}

/// When the run began, in seconds since 1970: a run that goes on keeps its date.
fn began(records: &[Record]) -> u64 {
    let first = records.iter().find_map(|record| match record {
        Record::Began { at, .. } => Some(*at),
        _ => None,
    });
    first.unwrap_or_else(now)
}

fn confinement(settings: &RunSettings) -> Option<Arc<Confinement>> {
    let mut folders = settings.writable.clone()?;
    folders.extend([settings.folder.clone(), settings.working_dir.clone()]);
    Some(Arc::new(Confinement::new(folders)))
}

fn limits(workflow: &Workflow, settings: &RunSettings) -> Limits {
    let most = workflow.settings.parallelism.map_or(settings.jobs, |most| settings.jobs.min(most as usize));
    Limits { jobs: most.max(1), machine: settings.machine, automatic_retries: settings.automatic_retries }
}

/// Ends what outlived the process that started it.
fn end_leftovers(folder: &Path, whose: &str, observer: &dyn RunObserver) {
    let ended = leftovers::end(folder);
    if ended > 0 {
        observer.message(&format!("ended {ended} processes that {whose} had left running"));
    }
}

fn exclusive(folder: &Path) -> Result<std::fs::File, RunError> {
    let path = folder.join("lock");
    let file = std::fs::File::create(&path).map_err(|source| RunError::Io { path, source })?;
    file.try_lock().map_err(|_| RunError::Busy { folder: folder.to_owned() })?;
    Ok(file)
}

fn begin_store(store: &mut Store, workflow: &Workflow, plan: &Plan<'_>) {
    let entries = &plan.entries[..plan.steps];
    let children = entries.iter().map(|entry| entry.children.clone()).collect();
    let seconds = entries.iter().map(|entry| entry.node.estimate.seconds.max(1.0)).collect();
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    let bytes = entries.iter().map(|entry| (entry.node.estimate.output_bytes as f64).max(1e3)).collect();
    let names = entries.iter().map(|entry| entry.node.name.clone()).collect();
    store.begin(&workflow.name, names, policy::Graph::new(children, seconds, bytes));
}
