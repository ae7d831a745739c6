//! The loop of a run: asks the scheduler what is next, and does it.

use std::collections::{HashMap, VecDeque};
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::journal::{Journal, Record, VERSION};
use super::local::Local;
use super::memory::Recollection;
use super::prepare::Prepared;
use super::report::{critical_path, step_result};
use super::runner::RunObserver;
use super::scheduler::{Notice, Outcome, Scheduler};
use super::store::{Entry, now};
use super::task::{Done, Task};
use super::{RunReport, StepResult, StepState};
use crate::ir::{NodeOutputKind, Workflow};

/// Time after which a run that was told to stop is left as it is.
const LAST_WAIT: Duration = Duration::from_secs(8);

/// Everything that takes part in a run.
pub(super) struct Drive<'a> {
    pub(super) scheduler: Scheduler<'a>,
    pub(super) memory: Recollection<'a>,
    pub(super) local: &'a Local<'a>,
    pub(super) journal: &'a Journal,
    pub(super) observer: &'a dyn RunObserver,
    pub(super) halt: &'a watch::Sender<bool>,
    pub(super) started: Instant,
    /// What was told about each step that has ended.
    pub(super) told: HashMap<usize, StepResult>,
}

/// What has ended the run from outside.
#[derive(Default)]
struct Ends {
    /// The time limit of the workflow has passed.
    expired: bool,
    /// When the user stopped it.
    stopped: Option<tokio::time::Instant>,
}

impl<'a> Drive<'a> {
    fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// The run from its first record to its last.
    ///
    /// # Errors
    /// The journal cannot be written; whatever ran was ended.
    pub(super) async fn whole(
        mut self,
        workflow: &Workflow,
        stop: watch::Receiver<bool>,
    ) -> Result<RunReport, Arc<io::Error>> {
        let began = Record::Began { version: VERSION, workflow: workflow.name.clone(), at: now() };
        self.journal.append(&[began]);
        let outcome = self.run(stop, workflow).await;
        self.local.end_daemons(self.halt).await;
        let stopped = outcome?;
        let report = self.report(stopped);
        self.journal.append(&self.scheduler.take_records());
        if !stopped {
            self.journal.append(&[Record::Ended { status: report.status.clone(), at: now() }]);
        }
        // To free what is known about a big workflow piece by piece would only take time.
        std::mem::forget(self);
        Ok(report)
    }

    /// Works until everything is through; returns whether the user stopped it.
    async fn run(
        &mut self,
        mut stop: watch::Receiver<bool>,
        workflow: &Workflow,
    ) -> Result<bool, Arc<io::Error>> {
        let limit = workflow.settings.time_limit.map(|limit| Duration::from_secs(limit.seconds()));
        let deadline = limit.map(|limit| tokio::time::Instant::now() + limit);
        let mut ends = Ends::default();
        let mut running = FuturesUnordered::new();
        let mut ended = VecDeque::new();
        loop {
            let now = self.now();
            // The place of a task that has ended goes to the next one before anything else is done about its end: a
            // core does not wait meanwhile.
            let starts = if ended.is_empty() { self.advance(now)? } else { self.refill()? };
            for task in starts {
                running.push(self.start(task));
            }
            if self.scheduler.is_over() && running.is_empty() && ended.is_empty() {
                return Ok(ends.stopped.is_some());
            }
            let wake = self
                .scheduler
                .wake()
                .map(|at| Duration::try_from_secs_f64((at - now).max(0.0)).unwrap_or(Duration::MAX));
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop), if ends.stopped.is_none() => self.stop(&mut ends),
                () = until(ends.stopped.map(|at| at + LAST_WAIT)) => return Ok(true),
                () = until(deadline), if !ends.expired => self.expire(&mut ends),
                Some(end) = running.next() => {
                    self.scheduler.released(end.0);
                    ended.push_back(end);
                }
                () = ready(()), if !ended.is_empty() => {
                    if let Some((task, prepared, outcome)) = ended.pop_front() {
                        self.finished(task, prepared, outcome);
                    }
                }
                () = self.journal.progress() => {}
                () = sleep(wake) => {}
            }
            if ends.expired && running.is_empty() && ends.stopped.is_none() {
                // The exit steps still run.
                self.halt.send_replace(false);
            }
        }
    }

    /// What may start in the places that have become free; all of it is in the journal already.
    fn refill(&mut self) -> Result<Vec<Task>, Arc<io::Error>> {
        let starts = self.scheduler.start(self.committed()?);
        self.tell();
        Ok(starts)
    }

    /// Records of the scheduler that are on disk. The record of the beginning is none of its.
    fn committed(&self) -> Result<u64, Arc<io::Error>> {
        Ok(self.journal.committed()?.saturating_sub(1))
    }

    /// What is to be started now, with everything that led there in the journal.
    fn advance(&mut self, now: f64) -> Result<Vec<Task>, Arc<io::Error>> {
        let committed = self.committed()?;
        let starts = self.scheduler.advance(now, committed, &mut self.memory);
        self.journal.append(&self.scheduler.take_records());
        self.tell();
        Ok(starts)
    }

    fn expire(&mut self, ends: &mut Ends) {
        ends.expired = true;
        self.observer.message("the time limit of the workflow has passed");
        self.scheduler.expire();
        self.halt.send_replace(true);
    }

    fn stop(&mut self, ends: &mut Ends) {
        ends.stopped = Some(tokio::time::Instant::now());
        self.scheduler.stop();
        self.halt.send_replace(true);
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
        let steady = prepared.watched.after(&self.local.files);
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
            let place = self.local.inside(&prepared.folder).join("outputs");
            let folder = || self.local.folder.at(&place);
            if let Err(error) = self.memory.store.put(entry, task.node, node.map.is_none(), folder) {
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
                    self.told.remove(&node);
                    let name = &plan.node(node).name;
                    self.observer
                        .message(&format!("{name}: its artifacts are no longer kept; it runs again"));
                }
                Notice::Ended { node } => {
                    let result = step_result(&self.scheduler, node, self.local.settings);
                    self.observer.finished(&result);
                    self.told.insert(node, result);
                }
            }
        }
    }

    fn report(&mut self, stopped: bool) -> RunReport {
        self.tell();
        self.restore_results();
        let settings = self.local.settings;
        let mut told = std::mem::take(&mut self.told);
        let steps: Vec<StepResult> = (0..self.scheduler.plan.entries.len())
            .map(|node| told.remove(&node).unwrap_or_else(|| step_result(&self.scheduler, node, settings)))
            .collect();
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
