//! The scheduler: decides what happens next, and does nothing itself.
//!
//! It knows neither processes nor clocks nor disks. [`Scheduler::advance`] returns the tasks to start, every change of
//! state is a [`Record`] in [`Scheduler::take_records`], and a task starts only when the record that says so is on
//! disk. The runner drives it with real processes, a test with simulated ones.

mod ending;
mod plan;
#[cfg(test)]
mod simulation;
mod starting;

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use plan::Entry;
pub(super) use plan::Plan;

use super::failure::{Failure, wait_before_next};
use super::journal::Record;
use super::resources::Capacity;
use super::task::{Done, Results, Task};
use super::{StepState, values::Values};

/// How much may happen at once.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) jobs: usize,
    pub(super) machine: Capacity,
    /// Whether failures that are known to pass are repeated although the step does not ask for it.
    pub(super) automatic_retries: bool,
}

/// Where earlier results are looked up.
pub(super) trait Memory {
    /// The result that stands for a task, if there is one.
    fn recall(
        &mut self,
        plan: &Plan<'_>,
        task: Task,
        item: Option<&Value>,
        results: &Results,
    ) -> Option<Done>;
}

/// How a task ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Succeeded(Done),
    Failed(Failure),
    /// Artifacts of these steps are needed and no longer there.
    Lost(Vec<usize>),
    /// It was ended from outside.
    Stopped,
}

/// Something to tell the user.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Notice {
    Started { task: Task, attempt: u32 },
    Retrying { task: Task, attempt: u32, wait: f64, message: String },
    Lost { node: usize },
    Ended { node: usize },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Waiting,
    Active,
    Ended(StepState),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Queued,
    Delayed(f64),
    /// Waits until lost artifacts are made again.
    Blocked,
    /// Its start is record number N of this session.
    Announced(u64),
    Running,
    Over,
}

#[derive(Debug)]
struct Instance {
    item: Option<Value>,
    place: Place,
    /// Failed attempts of this round.
    failures: u32,
    waited: f64,
    round: u32,
    fresh: bool,
    cached: bool,
    done: Option<Done>,
    /// Why it failed in the end.
    message: Option<String>,
}

impl Instance {
    fn new(item: Option<Value>) -> Self {
        Self {
            item,
            place: Place::Queued,
            failures: 0,
            waited: 0.0,
            round: 0,
            fresh: true,
            cached: false,
            done: None,
            message: None,
        }
    }
}

#[derive(Debug)]
struct Status {
    phase: Phase,
    /// Steps before it that are not through.
    waiting: usize,
    /// Steps that make its lost inputs again.
    blocked_on: BTreeSet<usize>,
    counted: bool,
    instances: Vec<Instance>,
    busy: usize,
    message: Option<String>,
}

/// The state of a run.
pub(super) struct Scheduler<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) results: Results,
    limits: Limits,
    states: Vec<Status>,
    ready: BTreeSet<(u64, Task)>,
    /// By rank, so that what matters most starts first, however late it became ready.
    announced: BTreeSet<(u64, Task)>,
    delayed: BTreeSet<Task>,
    running: usize,
    free: Capacity,
    open: usize,
    exit_next: Option<usize>,
    /// Steps that end with another one, in the order in which that was found out.
    ending: VecDeque<(usize, StepState)>,
    is_ending: bool,
    stopping: bool,
    expired: bool,
    records: Vec<Record>,
    recorded: u64,
    notices: Vec<Notice>,
}

impl<'a> Scheduler<'a> {
    pub(super) fn new(plan: Plan<'a>, limits: Limits, values: Values) -> Self {
        let states = plan.entries.iter().map(|entry| Status {
            phase: Phase::Waiting,
            waiting: entry.parents.len(),
            blocked_on: BTreeSet::new(),
            counted: false,
            instances: Vec::new(),
            busy: 0,
            message: None,
        });
        let mut scheduler = Self {
            states: states.collect(),
            results: Results { values, ..Results::default() },
            ready: BTreeSet::new(),
            announced: BTreeSet::new(),
            delayed: BTreeSet::new(),
            running: 0,
            free: limits.machine,
            open: plan.steps,
            exit_next: None,
            ending: VecDeque::new(),
            is_ending: false,
            stopping: false,
            expired: false,
            records: Vec::new(),
            recorded: 0,
            notices: Vec::new(),
            limits,
            plan,
        };
        for node in 0..scheduler.plan.steps {
            if scheduler.states[node].waiting == 0 {
                scheduler.consider(node);
            }
        }
        scheduler.exit_if_done();
        scheduler
    }

    /// Records since the last call; they must be appended to the journal in this order.
    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn record(&mut self, record: Record) {
        self.recorded += 1;
        self.records.push(record);
    }

    fn entry(&self, node: usize) -> &Entry<'a> {
        &self.plan.entries[node]
    }

    /// The name of a step and the number of the item, as records have them.
    fn label(&self, task: Task) -> (String, Option<u32>) {
        let node = self.plan.node(task.node);
        (node.name.clone(), node.map.as_ref().map(|_| u32::try_from(task.instance).unwrap_or(u32::MAX)))
    }

    pub(super) fn item(&self, task: Task) -> Option<&Value> {
        self.states[task.node].instances[task.instance].item.as_ref()
    }

    /// Moves on as far as possible and returns what is to be started. `committed` is the number of records on disk.
    pub(super) fn advance(&mut self, now: f64, committed: u64, memory: &mut dyn Memory) -> Vec<Task> {
        if self.stopping {
            return Vec::new();
        }
        let due: Vec<Task> = self.delayed.iter().copied().filter(|task| self.due(*task, now)).collect();
        for task in due {
            self.delayed.remove(&task);
            self.enqueue(task);
        }
        self.announce(memory);
        self.start(committed)
    }

    fn due(&self, task: Task, now: f64) -> bool {
        matches!(self.instance(task).place, Place::Delayed(until) if until <= now)
    }

    fn instance(&self, task: Task) -> &Instance {
        &self.states[task.node].instances[task.instance]
    }

    fn instance_mut(&mut self, task: Task) -> &mut Instance {
        &mut self.states[task.node].instances[task.instance]
    }

    fn enqueue(&mut self, task: Task) {
        self.instance_mut(task).place = Place::Queued;
        self.ready.insert((self.entry(task.node).rank, task));
    }

    fn cached(&mut self, task: Task, done: Done) {
        let (step, item) = self.label(task);
        self.record(Record::Cached { step, item, done: done.clone() });
        let instance = self.instance_mut(task);
        instance.cached = true;
        self.over(task, Some(done));
    }

    /// A started task no longer runs, and its place is free. [`Scheduler::finished`] tells later what its end means.
    pub(super) fn released(&mut self, task: Task) {
        self.running -= 1;
        self.states[task.node].busy -= 1;
        self.free.give(self.entry(task.node).asked);
    }

    /// Tells how a task ended that was released.
    pub(super) fn finished(&mut self, task: Task, outcome: Outcome, now: f64) {
        let (step, item) = self.label(task);
        match outcome {
            Outcome::Succeeded(done) => self.succeeded(task, done, now),
            Outcome::Failed(failure) => self.failed(task, &failure, now),
            Outcome::Lost(nodes) => self.lost(task, &nodes),
            Outcome::Stopped => {
                self.record(Record::Interrupted { step, item });
                self.instance_mut(task).message = Some("stopped".into());
                if self.expired {
                    self.over(task, None);
                } else {
                    self.instance_mut(task).place = Place::Over;
                }
            }
        }
    }

    fn succeeded(&mut self, task: Task, done: Done, now: f64) {
        let (step, item) = self.label(task);
        if let Some(repeat) = &self.plan.node(task.node).exec_while {
            let mut values = self.results.values.clone();
            for (output, value) in &done.values {
                values.set(&step, output, value.clone());
            }
            let round = self.instance(task).round + 1;
            if round < repeat.limit && values.holds(&repeat.condition, self.item(task)) {
                let pause = repeat.pause.map_or(0.0, crate::run::failure::as_seconds);
                self.record(Record::Repeated { step, item, round });
                let instance = self.instance_mut(task);
                (instance.round, instance.failures, instance.waited) = (round, 0, 0.0);
                instance.fresh = false;
                self.delay(task, now + pause);
                return;
            }
        }
        self.record(Record::Succeeded { step, item, done: done.clone() });
        self.over(task, Some(done));
    }

    fn delay(&mut self, task: Task, until: f64) {
        self.instance_mut(task).place = Place::Delayed(until);
        self.delayed.insert(task);
    }

    fn failed(&mut self, task: Task, failure: &Failure, now: f64) {
        let (step, item) = self.label(task);
        let instance = self.instance_mut(task);
        instance.failures += 1;
        instance.fresh = false;
        let (attempt, waited) = (instance.failures, instance.waited);
        let settings = self.plan.node(task.node).settings.retry.as_ref();
        let wait = wait_before_next(settings, failure, attempt, waited, self.limits.automatic_retries)
            .filter(|_| !self.stopping && !self.expired);
        let message = failure.message.clone();
        self.record(Record::Failed { step, item, attempt, message: message.clone(), retry_in: wait });
        match wait {
            Some(wait) => {
                self.notices.push(Notice::Retrying { task, attempt, wait, message });
                self.instance_mut(task).waited += wait;
                self.delay(task, now + wait);
            }
            None => {
                self.instance_mut(task).message = Some(message);
                self.over(task, None);
            }
        }
    }

    /// When something happens by itself: the end of a pause or of a wait before a retry.
    pub(super) fn wake(&self) -> Option<f64> {
        if self.stopping {
            return None;
        }
        self.delayed
            .iter()
            .filter_map(|task| match self.instance(*task).place {
                Place::Delayed(until) => Some(until),
                _ => None,
            })
            .min_by(f64::total_cmp)
    }

    /// Nothing new starts any more.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether everything is through, or stopped and nothing runs any more.
    pub(super) fn is_over(&self) -> bool {
        self.running == 0 && (self.stopping || (self.open == 0 && self.exit_next.is_none()))
    }
}
