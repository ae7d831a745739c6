//! Drives the scheduler with the journal, the store and real processes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::cgroup::Groups;
use super::checks::{parameters, supported};
use super::confine::{Confinement, Places};
use super::digest::StatCache;
use super::drive::Drive;
use super::facts::Facts;
use super::folder::Folder;
use super::journal::{Journal, Record};
use super::local::Local;
use super::memory::{Recollection, remembered};
use super::prepare::Workshop;
use super::process::{Programs, leftovers};
use super::python::Environments;
use super::scheduler::{Limits, Plan, Scheduler};
use super::store::{Store, now};
use super::{RunFolder, RunReport, RunSettings, StepResult, StepState, policy};
use crate::ir::Workflow;

/// What is said where couler's own folder is in a place that steps may write to.
const EXPOSED: &str = "couler's own folder is in a folder that steps may write to, so they could change its records; \
                       start in a folder for the project, or set COULER_HOME to another place";

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
/// `held` is the folder of the settings, taken by this process; `stop` ends the run.
///
/// # Errors
/// [`RunError`] if it cannot begin or its folder fails. A step that fails is no error: it is in the report.
pub async fn run(
    workflow: &Workflow,
    settings: &RunSettings,
    held: &RunFolder,
    store: &mut Store,
    observer: &dyn RunObserver,
    stop: watch::Receiver<bool>,
) -> Result<RunReport, RunError> {
    let mut values = parameters(workflow, settings)?;
    supported(workflow, settings)?;
    let started = Instant::now();
    let folder = held.path();
    let path = folder.join("journal.log");
    let (journal, records) =
        Journal::open(&path).map_err(|source| RunError::Io { path: path.clone(), source })?;
    if !records.is_empty() {
        end_leftovers(folder, "an interrupted attempt", observer);
    }
    values.facts = Facts::of(workflow, folder, began(&records));
    let files = Arc::new(StatCache::open(&folder.parent().unwrap_or(folder).join("digests")));
    let place = Folder::open(folder).map_err(|source| RunError::Io { path: folder.to_owned(), source })?;
    let environments =
        Environments::new(settings.python.clone(), settings.uv.clone(), settings.environments.clone());
    let plan = Plan::new(workflow, settings.machine);
    begin_store(store, workflow, &plan);
    let (halt, halted) = watch::channel(false);
    let masks = settings.masks();
    let is_read = |step: &str| reads_result(workflow, step);
    let (confinement, temporary) = confinement(workflow, settings, &place)
        .map_err(|source| RunError::Io { path: folder.to_owned(), source })?;
    if confinement.as_ref().is_some_and(|confinement| confinement.is_exposed()) {
        observer.message(EXPOSED);
    }
    let local = Local {
        settings,
        temporary,
        masks: masks.clone(),
        folder: Arc::new(place),
        files: Arc::clone(&files),
        environments: &environments,
        programs: Programs::default(),
        confinement,
        groups: limited(workflow).then(Groups::delegated).flatten(),
        objects: store.objects(),
        stop: halted,
        is_read: &is_read,
        daemons: std::sync::Mutex::default(),
    };
    let exit_steps: Vec<&str> = workflow.on_exit.iter().map(|node| node.name.as_str()).collect();
    let memory = Recollection {
        workshop: Workshop { settings, files: &files, environments: &environments, masks },
        before: remembered(&records, &exit_steps),
        store,
        run: Arc::clone(&local.folder),
        is_read: &is_read,
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

/// Whether another step, a text or a condition of the workflow reads what a step printed.
fn reads_result(workflow: &Workflow, step: &str) -> bool {
    let graph = &workflow.graph;
    let handed_on = |edge: petgraph::graph::EdgeIndex| {
        graph[edge].carries.iter().any(|carry| carry.output() == Some("result"))
    };
    let from = |edge| graph.edge_endpoints(edge).is_some_and(|(from, _)| graph[from].name == step);
    if graph.edge_indices().any(|edge| from(edge) && handed_on(edge)) {
        return true;
    }
    crate::ir::canonical_json(workflow).to_string().contains(&format!("{step}.result"))
}

/// What steps may do, and the folder for temporary files that they need if they may not use the usual one.
fn confinement(
    workflow: &Workflow,
    settings: &RunSettings,
    folder: &Folder,
) -> io::Result<(Option<Arc<Confinement>>, Option<PathBuf>)> {
    let Some(writable) = settings.writable.clone() else {
        let mut nodes = workflow.graph.node_weights().chain(&workflow.on_exit);
        let offline = nodes.any(|node| settings.is_offline(node));
        return Ok((offline.then(|| Arc::new(Confinement::new(None))), None));
    };
    let mut asked = writable.allowed;
    asked.push(settings.working_dir.clone());
    let mut places = Places::new(writable.usual, asked, &writable.private);
    let mut temporary = None;
    if places.is_carved() {
        let place = folder.made("tmp")?.path().to_owned();
        places.add(place.clone());
        temporary = Some(place);
    }
    Ok((Some(Arc::new(Confinement::new(Some(places)))), temporary))
}

/// Whether a step of the workflow has a limit.
fn limited(workflow: &Workflow) -> bool {
    let mut asked =
        workflow.graph.node_weights().chain(&workflow.on_exit).map(|node| &node.settings.resources);
    asked.any(|resources| resources.cpu_limit.is_some() || resources.memory_limit.is_some())
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

fn begin_store(store: &mut Store, workflow: &Workflow, plan: &Plan<'_>) {
    let entries = &plan.entries[..plan.steps];
    let children = entries.iter().map(|entry| entry.children.clone()).collect();
    let seconds = entries.iter().map(|entry| entry.node.estimate.seconds.max(1.0)).collect();
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    let bytes = entries.iter().map(|entry| (entry.node.estimate.output_bytes as f64).max(1e3)).collect();
    let names = entries.iter().map(|entry| entry.node.name.clone()).collect();
    store.begin(&workflow.name, names, policy::Graph::new(children, seconds, bytes));
}
