//! Drives the scheduler with the journal, the store and real processes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::digest::StatCache;
use super::journal::{Journal, Record, VERSION};
use super::local::Local;
use super::memory::{Recollection, remembered};
use super::prepare::{Prepared, Workshop};
use super::python::Environments;
use super::report::{critical_path, step_result};
use super::scheduler::{Limits, Notice, Outcome, Plan, Scheduler};
use super::store::{Entry, Store, now};
use super::task::{Done, Task};
use super::values::Values;
use super::{RunReport, RunSettings, StepResult, StepState, policy};
use crate::ir::{Action, NodeOutputKind, Workflow, digest};

/// Time after which a run that was told to stop is left as it is.
const LAST_WAIT: Duration = Duration::from_secs(8);

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
    let values = parameters(workflow, settings)?;
    supported(workflow, settings)?;
    let started = Instant::now();
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| RunError::Io { path, source }
    };
    std::fs::create_dir_all(&settings.folder).map_err(io(&settings.folder))?;
    let _lock = exclusive(&settings.folder)?;
    let journal_path = settings.folder.join("journal.log");
    let (journal, records) = Journal::open(&journal_path).map_err(io(&journal_path))?;
    let stat_path = settings.folder.parent().unwrap_or(&settings.folder).join("digests");
    let files = StatCache::open(&stat_path);
    let environments =
        Environments::new(settings.python.clone(), settings.uv.clone(), settings.environments.clone());
    let plan = Plan::new(workflow, settings.machine);
    begin_store(store, workflow, &plan);
    let exit_steps: Vec<&str> = workflow.on_exit.iter().map(|node| node.name.as_str()).collect();
    let (halt, halted) = watch::channel(false);
    let local = Local {
        settings,
        files: &files,
        environments: &environments,
        objects: store.objects(),
        stop: halted,
        daemons: std::sync::Mutex::default(),
    };
    let memory = Recollection {
        workshop: Workshop { settings, files: &files, environments: &environments },
        before: remembered(&records, &exit_steps),
        store,
        prepared: HashMap::new(),
    };
    let jobs =
        workflow.settings.parallelism.map_or(settings.jobs, |most| settings.jobs.min(most as usize)).max(1);
    let limits = Limits { jobs, machine: settings.machine, automatic_retries: settings.automatic_retries };
    let scheduler = Scheduler::new(plan, limits, values);
    let mut drive =
        Drive { scheduler, memory, local: &local, journal: &journal, observer, halt: &halt, started };
    drive.begin(workflow);
    let outcome = drive.run(stop, workflow).await;
    local.end_daemons(&halt).await;
    let broken = |reason: String| RunError::Journal { path: journal_path.clone(), reason };
    let stopped = outcome.map_err(|error| broken(error.to_string()))?;
    let report = drive.report(stopped);
    drive.end(&report, stopped);
    drop(drive);
    let finished = report.count(StepState::Stopped) == 0;
    files.save();
    if let Err(error) = store.save(finished) {
        observer.message(&format!(
            "the cache could not be written ({error}); results of this run may be made again"
        ));
    }
    journal.close().map_err(|error| broken(error.to_string()))?;
    Ok(report)
}

struct Drive<'a> {
    scheduler: Scheduler<'a>,
    memory: Recollection<'a>,
    local: &'a Local<'a>,
    journal: &'a Journal,
    observer: &'a dyn RunObserver,
    halt: &'a watch::Sender<bool>,
    started: Instant,
}

impl<'a> Drive<'a> {
    fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn begin(&mut self, workflow: &Workflow) {
        self.journal.append(&[Record::Began {
            version: VERSION,
            workflow: workflow.name.clone(),
            digest: digest(workflow),
            at: now(),
        }]);
    }

    /// Works until everything is through; returns whether the user stopped it.
    async fn run(
        &mut self,
        mut stop: watch::Receiver<bool>,
        workflow: &Workflow,
    ) -> Result<bool, std::sync::Arc<io::Error>> {
        let limit = workflow.settings.time_limit.map(|limit| Duration::from_secs(limit.seconds()));
        let deadline = limit.map(|limit| tokio::time::Instant::now() + limit);
        let mut expired = false;
        let mut stopped = false;
        let mut running = FuturesUnordered::new();
        loop {
            // The record of the beginning is the first of the journal and none of the scheduler's.
            let committed = self.journal.committed()?.saturating_sub(1);
            let now = self.now();
            let starts = self.scheduler.advance(now, committed, &mut self.memory);
            self.journal.append(&self.scheduler.take_records());
            self.tell();
            for task in starts {
                running.push(self.start(task));
            }
            if self.scheduler.is_over() && running.is_empty() {
                return Ok(stopped);
            }
            let wake = self.scheduler.wake().map(|at| Duration::from_secs_f64((at - now).max(0.0)));
            tokio::select! {
                Some((task, prepared, outcome)) = running.next() => self.finished(task, prepared, outcome),
                () = self.journal.progress() => {}
                () = sleep(wake) => {}
                () = until(deadline), if !expired => {
                    expired = true;
                    self.observer.message("the time limit of the workflow has passed");
                    self.scheduler.expire();
                    self.halt.send_replace(true);
                }
                _ = stop.wait_for(|stop| *stop), if !stopped => {
                    stopped = true;
                    self.scheduler.stop();
                    self.halt.send_replace(true);
                }
                () = tokio::time::sleep(LAST_WAIT), if stopped => return Ok(true),
            }
            if expired && running.is_empty() && !stopped {
                self.halt.send_replace(false);
            }
        }
    }

    /// The work of a task; it is prepared again if another attempt used up what was prepared.
    fn start(&mut self, task: Task) -> impl Future<Output = (Task, Option<Prepared>, Outcome)> + use<'a> {
        let (scheduler, local, observer) = (&self.scheduler, self.local, self.observer);
        let again = !self.memory.prepared.contains_key(&task);
        let prepared = match self.memory.prepared.remove(&task) {
            Some(prepared) => Ok(prepared),
            None => {
                let item = scheduler.item(task);
                self.memory.workshop.prepare(&scheduler.plan, task, item, &scheduler.results)
            }
        };
        let node = scheduler.plan.node(task.node);
        async move {
            let prepared = match prepared {
                Ok(prepared) => prepared,
                Err(failure) => return (task, None, Outcome::Failed(failure)),
            };
            let outcome = local.run(node, &prepared, again, &|text| observer.message(text)).await;
            (task, Some(prepared), outcome)
        }
    }

    fn finished(&mut self, task: Task, prepared: Option<Prepared>, outcome: Outcome) {
        let outcome = match (outcome, prepared) {
            (Outcome::Succeeded(done), Some(prepared)) => {
                Outcome::Succeeded(self.keep(task, &prepared, done))
            }
            (outcome, _) => outcome,
        };
        let now = self.now();
        self.scheduler.finished(task, outcome, now);
    }

    /// Puts a result into the store, unless a file that was there before changed meanwhile.
    fn keep(&mut self, task: Task, prepared: &Prepared, mut done: Done) -> Done {
        let steady = prepared.watched.after(self.local.files);
        let cacheable = prepared.uncached.is_none() && steady.is_some();
        done.files = steady.unwrap_or_default();
        if cacheable {
            let node = self.scheduler.plan.node(task.node);
            let entry = Entry {
                workflow: self.memory.store.workflow().to_owned(),
                step: node.name.clone(),
                done: done.clone(),
                created: now(),
            };
            let folder = prepared.folder.join("outputs");
            if let Err(error) = self.memory.store.put(entry, task.node, node.map.is_none(), &folder) {
                self.observer.message(&format!("{} is not cached: {error}", node.name));
            }
        }
        done
    }

    fn tell(&mut self) {
        for notice in self.scheduler.take_notices() {
            let plan = &self.scheduler.plan;
            match notice {
                Notice::Started { task, attempt } => {
                    let node = plan.node(task.node);
                    let item = node.map.as_ref().map(|_| task.instance);
                    self.observer.started(&node.name, item, attempt);
                }
                Notice::Retrying { task, attempt, wait, message } => {
                    self.observer.retrying(&plan.node(task.node).name, attempt, wait, &message);
                }
                Notice::Lost { node } => {
                    let name = &plan.node(node).name;
                    self.observer
                        .message(&format!("{name}: its artifacts are no longer kept; it runs again"));
                }
                Notice::Ended { node } => {
                    self.observer.finished(&step_result(&self.scheduler, node, self.local.settings));
                }
            }
        }
    }

    fn report(&mut self, stopped: bool) -> RunReport {
        self.tell();
        self.restore_results();
        let settings = self.local.settings;
        let all = 0..self.scheduler.plan.entries.len();
        let steps: Vec<StepResult> = all.map(|node| step_result(&self.scheduler, node, settings)).collect();
        let (critical_path, critical_seconds) = critical_path(&self.scheduler, &steps);
        let status = if stopped { "Stopped" } else { self.scheduler.status() };
        RunReport { status: status.to_owned(), seconds: self.now(), steps, critical_path, critical_seconds }
    }

    /// Brings the artifacts of cached steps that nobody reads, and cached models, into the folder of the run.
    fn restore_results(&self) {
        for node in 0..self.scheduler.plan.steps {
            let entry = &self.scheduler.plan.entries[node];
            let (state, _, done) = self.scheduler.outcome(node);
            let model = entry.node.outputs.iter().any(|output| {
                matches!(output.kind, NodeOutputKind::Artifact { port_type: crate::api::PortType::Model, .. })
            });
            if state != StepState::Cached || !(model || entry.children.is_empty()) {
                continue;
            }
            for (instance, done) in done.iter().enumerate().filter(|(_, done)| done.is_some()) {
                let folder = super::prepare::task_folder(&self.local.settings.folder, entry.node, instance);
                let whole = done.as_ref().is_some_and(|done| self.local.restore(&folder, done));
                if !whole {
                    self.observer.message(&format!(
                        "{}: its artifacts are no longer kept; `--fresh` makes them again",
                        entry.node.name
                    ));
                }
            }
        }
    }

    fn end(&mut self, report: &RunReport, stopped: bool) {
        self.journal.append(&self.scheduler.take_records());
        if !stopped {
            self.journal.append(&[Record::Ended { status: report.status.clone(), at: now() }]);
        }
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn exclusive(folder: &Path) -> Result<std::fs::File, RunError> {
    let path = folder.join("lock");
    let file = std::fs::File::create(&path).map_err(|source| RunError::Io { path, source })?;
    file.try_lock().map_err(|_| RunError::Busy { folder: folder.to_owned() })?;
    Ok(file)
}

fn parameters(workflow: &Workflow, settings: &RunSettings) -> Result<Values, RunError> {
    let mut values = Values::default();
    for (name, parameter) in &workflow.parameters {
        let given = settings.parameters.get(name).or(parameter.default.as_ref());
        let value = given.ok_or_else(|| RunError::NoValue { name: name.clone() })?;
        values.parameters.insert(name.clone(), value.clone());
    }
    Ok(values)
}

/// Refuses what cannot run here before anything has run.
fn supported(workflow: &Workflow, settings: &RunSettings) -> Result<(), RunError> {
    for node in workflow.nodes() {
        let reason = match &node.action {
            Action::Job { job } => format!("a {} needs a cluster", job.kind()),
            Action::Container { image, .. } if settings.containers.is_none() && !settings.host => {
                format!(
                    "{image} needs docker or podman, and neither is here (--host runs its command directly)"
                )
            }
            Action::Container { image, command, .. } if settings.host && command.is_empty() => {
                format!("without its image {image} there is no command to run")
            }
            _ if node.settings.resources.gpu.unwrap_or(0) > settings.machine.gpus => {
                format!(
                    "it asks for {} GPUs, and {} are here",
                    node.settings.resources.gpu.unwrap_or(0),
                    settings.machine.gpus
                )
            }
            _ => continue,
        };
        return Err(RunError::Unsupported { step: node.name.clone(), reason });
    }
    Ok(())
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
