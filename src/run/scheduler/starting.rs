//! Which ready tasks are announced in the journal, and which of those start.

use std::ops::Bound::{Excluded, Unbounded};

use super::{Memory, Notice, Place, Scheduler};
use crate::run::journal::Record;
use crate::run::task::{Done, Task};

/// Tasks that are announced in the journal ahead of a free place, per place: one delay of the disk serves them all.
const AHEAD: usize = 24;
/// More are announced when fewer than this wait, per place.
const LOW: usize = 4;
/// Ready tasks that are looked at for those that fit, when many wait for cores, memory or GPUs.
const LOOKED_AT: usize = 256;

impl Scheduler<'_> {
    /// Announces ready tasks in the order of their rank. Those that do not fit beside what runs do not keep others
    /// from being announced.
    pub(super) fn announce(&mut self, memory: &mut dyn Memory) {
        let (mut fitting, mut waiting) = (0, 0);
        for (_, task) in &self.announced {
            *(if self.entry(task.node).asked.fits(self.free) { &mut fitting } else { &mut waiting }) += 1;
        }
        let first = self.announced.first().copied();
        let refill = fitting < self.limits.jobs * LOW;
        let most = if refill { self.limits.jobs * (1 + AHEAD) } else { fitting + self.limits.jobs };
        let (mut after, mut looked_at) = (None, 0);
        while fitting < most && looked_at < LOOKED_AT {
            let Some(place) = self.next_ready(after) else { break };
            if !refill && first.is_some_and(|first| first < place) {
                break;
            }
            let task = place.1;
            let fits = self.entry(task.node).asked.fits(self.free);
            let full = self.states[task.node].busy >= self.entry(task.node).parallelism;
            if full || (!fits && waiting >= self.limits.jobs) {
                // All instances of a step are alike in this.
                after = Some((place.0, Task { instance: usize::MAX, ..task }));
                looked_at += 1;
                continue;
            }
            self.ready.remove(&place);
            match self.recalled(task, memory) {
                Some(done) => {
                    self.cached(task, done);
                    // Steps behind it may have become ready, also before the place reached.
                    after = None;
                }
                None => {
                    self.announce_one(place);
                    *(if fits { &mut fitting } else { &mut waiting }) += 1;
                }
            }
        }
    }

    fn next_ready(&self, after: Option<(u64, Task)>) -> Option<(u64, Task)> {
        match after {
            None => self.ready.first().copied(),
            Some(place) => self.ready.range((Excluded(place), Unbounded)).next().copied(),
        }
    }

    fn recalled(&self, task: Task, memory: &mut dyn Memory) -> Option<Done> {
        let instance = self.instance(task);
        let lookup = || memory.recall(&self.plan, task, instance.item.as_ref(), &self.results);
        instance.fresh.then(lookup).flatten()
    }

    fn announce_one(&mut self, place: (u64, Task)) {
        let task = place.1;
        let (step, item) = self.label(task);
        let attempt = self.instance(task).failures + 1;
        self.record(Record::Started { step, item, attempt });
        let number = self.recorded;
        self.states[task.node].busy += 1;
        self.instance_mut(task).place = Place::Announced(number);
        self.announced.insert(place);
    }

    /// Tasks that are announced on disk and fit beside what runs. `committed` is the number of records on disk.
    pub(in crate::run) fn start(&mut self, committed: u64) -> Vec<Task> {
        let mut started = Vec::new();
        if self.stopping {
            return started;
        }
        let mut after = None;
        while self.running < self.limits.jobs {
            let next = match after {
                None => self.announced.first().copied(),
                Some(place) => self.announced.range((Excluded(place), Unbounded)).next().copied(),
            };
            let Some(place) = next else { break };
            let task = place.1;
            let durable =
                matches!(self.instance(task).place, Place::Announced(number) if number <= committed);
            let asked = self.entry(task.node).asked;
            if !durable || !asked.fits(self.free) {
                after = Some(place);
                continue;
            }
            self.announced.remove(&place);
            self.free.take(asked);
            self.running += 1;
            let instance = self.instance_mut(task);
            instance.place = Place::Running;
            let attempt = instance.failures + 1;
            self.notices.push(Notice::Started { task, attempt });
            started.push(task);
        }
        started
    }
}
