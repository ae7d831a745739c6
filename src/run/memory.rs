//! Earlier results for the scheduler: those of this run's own journal, then those of the store.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::folder::Folder;
use super::journal::Record;
use super::prepare::{Prepared, Workshop};
use super::scheduler::{Memory, Plan};
use super::store::{Entry, Store, now};
use super::task::{Done, Results, Task};
use crate::ir::Node;

/// Results that a journal has, by step and item. Those of exit steps count only if the run never came to its end.
pub(super) fn remembered(records: &[Record], exit_steps: &[&str]) -> HashMap<(String, Option<u32>), Done> {
    let ended = records.iter().rev().any(|record| matches!(record, Record::Ended { .. }));
    let mut known = HashMap::new();
    for record in records {
        match record {
            Record::Succeeded { step, item, done } | Record::Cached { step, item, done } => {
                known.insert((step.clone(), *item), done.clone());
            }
            Record::Lost { step } => known.retain(|(name, _), _| name != step),
            _ => {}
        }
    }
    if ended {
        known.retain(|(name, _), _| !exit_steps.contains(&name.as_str()));
    }
    known
}

/// Looks results up, and keeps what was prepared for those that must run.
pub(super) struct Recollection<'a> {
    pub(super) workshop: Workshop<'a>,
    pub(super) before: HashMap<(String, Option<u32>), Done>,
    pub(super) store: &'a mut Store,
    pub(super) run: Arc<Folder>,
    /// Whether the result of a step is read.
    pub(super) is_read: &'a (dyn Fn(&str) -> bool + Sync),
    pub(super) prepared: HashMap<Task, Prepared>,
}

impl Recollection<'_> {
    /// Gives the store a result that it does not know because the process that made it was killed too early.
    fn adopt(&mut self, node: &Node, task: Task, prepared: &Prepared, done: &Done) {
        let files = self.workshop.files;
        if prepared.uncached.is_some()
            || self.store.lookup(&prepared.key, 0, &prepared.watched, files).is_some()
        {
            return;
        }
        let place = prepared.folder.join("outputs");
        let whole = done.outputs.iter().all(|(name, content)| {
            files.content(&place.join(name)).is_ok_and(|found| found.digest == content.digest)
        });
        if whole {
            let relative = place.strip_prefix(self.run.path()).unwrap_or(&place).to_owned();
            let workflow = self.store.workflow().to_owned();
            let entry = Entry { workflow, step: node.name.clone(), done: done.clone(), created: now() };
            // If the disk does not take it, the result is made again some day.
            let _ = self.store.put(entry, task.node, node.map.is_none(), || self.run.at(&relative));
        }
    }
}

impl Memory for Recollection<'_> {
    fn recall(
        &mut self,
        plan: &Plan<'_>,
        task: Task,
        item: Option<&Value>,
        results: &Results,
    ) -> Option<Done> {
        // What cannot be prepared is told when the task starts.
        let prepared = self.workshop.prepare(plan, task, item, results).ok()?;
        let node = plan.node(task.node);
        let number = node.map.as_ref().map(|_| u32::try_from(task.instance).unwrap_or(u32::MAX));
        let files = self.workshop.files;
        let own = self
            .before
            .get(&(node.name.clone(), number))
            .filter(|done| done.key == prepared.key && done.holds(&prepared.watched, files));
        let known = match own {
            Some(done) => {
                let done = done.clone();
                self.adopt(node, task, &prepared, &done);
                Some(done)
            }
            None if prepared.uncached.is_some() || !self.workshop.settings.reuse => None,
            None => {
                let age = node.settings.cache.as_ref().and_then(|cache| cache.max_age);
                let oldest = age.map_or(0, |age| now().saturating_sub(age.seconds()));
                self.store
                    .lookup(&prepared.key, oldest, &prepared.watched, files)
                    .map(|entry| entry.done.clone())
            }
        };
        // Of a long result that nobody read then, only the last line was kept.
        let known = known.filter(|done| done.last.is_empty() || !(self.is_read)(&node.name));
        match &known {
            Some(done) => self.store.used(&prepared.key, done, node.map.is_none().then_some(task.node)),
            None => {
                self.prepared.insert(task, prepared);
            }
        }
        known
    }
}
