//! A journal as it may be found, through everything that reads it.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::journal::Record;
use super::memory::remembered;
use super::record;
use super::resources::Capacity;
use super::scheduler::{Limits, Memory, Outcome, Plan, Scheduler};
use super::task::{Done, Results, Task};
use super::values::Values;
use crate::ir::Workflow;

/// Believes whatever the journal says.
struct Believing(HashMap<(String, Option<u32>), Done>);

impl Memory for Believing {
    fn recall(&mut self, plan: &Plan<'_>, task: Task, _: Option<&Value>, _: &Results) -> Option<Done> {
        let node = plan.node(task.node);
        let item = node.map.as_ref().map(|_| u32::try_from(task.instance).unwrap_or(u32::MAX));
        self.0.get(&(node.name.clone(), item)).cloned()
    }
}

/// Reads a journal as it is, then with right checksums, tells how the run stands, and goes on with it.
///
/// # Panics
/// What was read is written and read differently.
pub fn journal(bytes: &[u8], folder: &Path, workflow: &Workflow) {
    let found = record::read::<Record>(bytes);
    assert!(found.sound <= bytes.len());
    let mut sealed = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(record) = serde_json::from_slice::<Record>(line) {
            record::write(&record, &mut sealed);
        }
    }
    let records = record::read::<Record>(&sealed);
    assert_eq!((records.damaged, records.sound), (0, sealed.len()));
    if std::fs::write(folder.join("journal.log"), &sealed).is_ok() {
        let _ = super::run_state(folder);
    }
    let exit_steps: Vec<&str> = workflow.on_exit.iter().map(|node| node.name.as_str()).collect();
    finish(workflow, Believing(remembered(&records.records, &exit_steps)));
}

fn finish(workflow: &Workflow, mut memory: Believing) {
    let machine = Capacity { cpu_millis: 2000, memory: 1 << 30, gpus: 0 };
    let limits = Limits { jobs: 2, machine, automatic_retries: true };
    let mut scheduler = Scheduler::new(Plan::new(workflow, machine), limits, Values::default());
    let (mut committed, mut now) = (0, 0.0);
    for _ in 0..1000 {
        let tasks = scheduler.advance(now, committed, &mut memory);
        for task in tasks {
            scheduler.finished(task, Outcome::Succeeded(Done::default()), now);
            scheduler.released(task);
        }
        committed += scheduler.take_records().len() as u64;
        let _ = scheduler.take_notices();
        if scheduler.is_over() {
            return;
        }
        now = scheduler.wake().unwrap_or(now);
    }
    panic!("the run does not come to its end");
}
