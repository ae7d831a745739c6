//! Seeded workflows and schedules of faults, through the scheduler and the journal's own format.
//!
//! The world here is simulated: attempts fail, the process is killed between any two steps of the driver (so that only
//! what was committed of the journal is left, sometimes with a torn record), artifacts vanish. What must hold is
//! checked on what the simulated machine has really executed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use fastrand::Rng;
use serde_json::Value;

use super::{Limits, Memory, Outcome, Plan, Scheduler};
use crate::ir::{NoComponents, Workflow, lower};
use crate::run::StepState;
use crate::run::digest::Digest;
use crate::run::failure::{Cause, Failure};
use crate::run::journal::Record;
use crate::run::memory::remembered;
use crate::run::record;
use crate::run::resources::Capacity;
use crate::run::task::{Done, Results, Task};
use crate::run::values::Values;

/// The world outside the scheduler.
struct World {
    rng: Rng,
    /// Attempts that fail, by step, counted down.
    faults: HashMap<String, u32>,
    /// Attempts executed in this session.
    attempts: BTreeMap<(String, usize), u32>,
    /// Tasks that were executed to their end, and how often, over all sessions.
    executed: BTreeMap<(String, usize), u32>,
    /// Tasks whose artifacts are there.
    artifacts: HashSet<(String, usize)>,
    /// Results that the journal had when the session began.
    durable: HashMap<(String, usize), Digest>,
    /// Tasks that were executed although the journal had their result for the same inputs.
    repeated: Vec<(String, usize)>,
    /// Tasks whose artifacts were taken away; they may run again.
    evicted: HashSet<(String, usize)>,
}

struct Known<'w> {
    before: HashMap<(String, Option<u32>), Done>,
    recalled: &'w mut BTreeSet<(String, usize)>,
}

fn key(plan: &Plan<'_>, task: Task, results: &Results) -> Digest {
    let mut text = format!("{} {}", plan.node(task.node).name, task.instance);
    for parent in &plan.entries[task.node].parents {
        text.push_str(&format!(" {:?}", results.done.get(parent)));
    }
    Digest::of(text)
}

impl Memory for Known<'_> {
    fn recall(&mut self, plan: &Plan<'_>, task: Task, _: Option<&Value>, results: &Results) -> Option<Done> {
        let node = plan.node(task.node);
        let item = node.map.as_ref().map(|_| u32::try_from(task.instance).unwrap());
        let done = self.before.get(&(node.name.clone(), item))?;
        if done.key != key(plan, task, results) {
            return None;
        }
        self.recalled.insert((node.name.clone(), task.instance));
        Some(done.clone())
    }
}

fn workflow(rng: &mut Rng) -> Workflow {
    let steps = rng.usize(1..14);
    let mut text = String::from("version: couler/v1\nname: w\nsteps:\n");
    for step in 0..steps {
        let after: Vec<String> =
            (0..step).filter(|_| rng.f64() < 0.25).map(|other| format!("s{other}")).collect();
        text.push_str(&format!(
            "  - name: s{step}\n    run: {{function: run_script, language: bash, source: work}}\n    after: [{}]\n",
            after.join(", ")
        ));
        if rng.f64() < 0.2 {
            let parallelism = if rng.bool() { ", parallelism: 2" } else { "" };
            text.push_str(&format!(
                "    map: {{over: {{kind: range, start: 1, end: {}}}{parallelism}}}\n",
                rng.u32(1..5)
            ));
        }
        if step > 0 && rng.f64() < 0.15 {
            let other = rng.usize(0..step);
            text.push_str(&format!("    when: s{other}.result == 'yes'\n"));
        }
        let tolerated = rng.f64() < 0.2;
        let retry = rng.u32(0..4);
        if retry > 0 || tolerated {
            text.push_str("    settings:\n");
        }
        if retry > 0 {
            text.push_str(&format!(
                "      retry: {{limit: {retry}, backoff: {{duration: 3s, factor: 2}}}}\n"
            ));
        }
        if tolerated {
            text.push_str("      continue_on_failure: true\n");
        }
    }
    if rng.bool() {
        text.push_str(
            "on_exit:\n  - name: goodbye\n    run: {function: run_script, language: bash, source: bye}\n",
        );
    }
    lower(&crate::api::parse_program(&text).unwrap(), &NoComponents).unwrap()
}

/// What is left when a session ends.
struct Session {
    journal: Vec<u8>,
    finished: bool,
    states: BTreeMap<String, StepState>,
    recalled: BTreeSet<(String, usize)>,
    most_running: usize,
}

/// One process: from its start to its end or to the kill after `life` turns of its driver.
fn session(
    workflow: &Workflow,
    world: &mut World,
    mut journal: Vec<u8>,
    jobs: usize,
    life: usize,
) -> Session {
    let found = record::read::<Record>(&journal);
    journal.truncate(found.sound);
    let records = record::read::<Record>(&journal).records;
    let mut recalled = BTreeSet::new();
    let mut known = Known { before: remembered(&records, &["goodbye"]), recalled: &mut recalled };
    let machine = Capacity { cpu_millis: 4000, memory: 1 << 30, gpus: 0 };
    let limits = Limits { jobs, machine, automatic_retries: true };
    let mut scheduler = Scheduler::new(Plan::new(workflow, machine), limits, Values::default());
    let mut pending: Vec<Record> = Vec::new();
    let (mut appended, mut committed, mut now) = (0u64, 0u64, 0.0);
    let mut running: Vec<(f64, Task)> = Vec::new();
    let mut most_running = 0;
    let mut finished = false;
    // As in the driver, the place of a task is given away before its end is worked on.
    let mut ended: Option<(Task, Outcome)> = None;
    for _ in 0..life {
        let starts = match ended {
            None => scheduler.advance(now, committed, &mut known),
            Some(_) => scheduler.start(committed),
        };
        let records = scheduler.take_records();
        appended += records.len() as u64;
        pending.extend(records);
        running.extend(starts.into_iter().map(|task| (now + world.rng.f64() * 5.0, task)));
        most_running = most_running.max(running.len());
        if let Some((task, outcome)) = ended.take() {
            scheduler.finished(task, outcome, now);
            continue;
        }
        if scheduler.is_over() && running.is_empty() {
            pending.push(Record::Ended { status: scheduler.status().into(), at: 0 });
            finished = true;
            break;
        }
        if !pending.is_empty() && (running.is_empty() || world.rng.f64() < 0.6) {
            pending.drain(..).for_each(|entry| record::write(&entry, &mut journal));
            committed = appended;
            continue;
        }
        running.sort_by(|a, b| a.0.total_cmp(&b.0));
        match scheduler.wake() {
            Some(wake) if running.first().is_none_or(|(end, _)| wake <= *end) => now = f64::max(now, wake),
            _ if !running.is_empty() => {
                let (end, task) = running.remove(0);
                now = f64::max(now, end);
                let outcome = execute(&scheduler, task, world);
                scheduler.released(task);
                ended = Some((task, outcome));
            }
            _ => {}
        }
    }
    if finished {
        pending.drain(..).for_each(|entry| record::write(&entry, &mut journal));
    } else if let Some(entry) = pending.first() {
        // The kill may come in the middle of a write.
        let mut torn = Vec::new();
        record::write(entry, &mut torn);
        torn.truncate(world.rng.usize(0..torn.len()));
        journal.extend(torn);
    }
    let states = (0..scheduler.plan.entries.len())
        .map(|node| (scheduler.plan.node(node).name.clone(), scheduler.outcome(node).0))
        .collect();
    Session { journal, finished, states, recalled, most_running }
}

fn execute(scheduler: &Scheduler<'_>, task: Task, world: &mut World) -> Outcome {
    let plan = &scheduler.plan;
    let name = plan.node(task.node).name.clone();
    let mut lost = Vec::new();
    for &parent in &plan.entries[task.node].parents {
        let name = &plan.node(parent).name;
        let instances = scheduler.results.done.get(&parent).map_or(&[][..], Vec::as_slice);
        let gone = instances
            .iter()
            .enumerate()
            .any(|(instance, done)| done.is_some() && !world.artifacts.contains(&(name.clone(), instance)));
        if gone {
            lost.push(parent);
        }
    }
    if !lost.is_empty() {
        return Outcome::Lost(lost);
    }
    let id = (name.clone(), task.instance);
    *world.attempts.entry(id.clone()).or_default() += 1;
    if let Some(left) = world.faults.get_mut(&name).filter(|left| **left > 0) {
        *left -= 1;
        return Outcome::Failed(Failure { message: "fault".into(), cause: Cause::Step, advice: None });
    }
    *world.executed.entry(id.clone()).or_default() += 1;
    let key = key(plan, task, &scheduler.results);
    if world.durable.get(&id) == Some(&key) {
        world.repeated.push(id.clone());
    }
    world.artifacts.insert(id);
    let result = if name.len().is_multiple_of(2) { "yes" } else { "no" };
    Outcome::Succeeded(Done {
        key,
        values: BTreeMap::from([("result".to_owned(), result.to_owned())]),
        ..Done::default()
    })
}

fn succeeded(journal: &[u8]) -> BTreeSet<(String, usize)> {
    let records = record::read::<Record>(journal).records;
    let known = remembered(&records, &["goodbye"]);
    known.into_keys().map(|(step, item)| (step, item.unwrap_or(0) as usize)).collect()
}

fn check(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let workflow = workflow(&mut rng);
    let jobs = rng.usize(1..5);
    let mut faults: HashMap<String, u32> = HashMap::new();
    for node in workflow.nodes() {
        if rng.f64() < 0.3 {
            faults.insert(node.name.clone(), rng.u32(1..6));
        }
    }
    let limit = |name: &str| {
        let node = workflow.nodes().find(|node| node.name == name).unwrap();
        1 + node.settings.retry.as_ref().map_or(0, |retry| retry.limit)
    };
    let mut world = World {
        rng: Rng::with_seed(seed ^ 0x00ab_cdef),
        faults,
        attempts: BTreeMap::new(),
        executed: BTreeMap::new(),
        artifacts: HashSet::new(),
        durable: HashMap::new(),
        repeated: Vec::new(),
        evicted: HashSet::new(),
    };
    let mut journal = Vec::new();
    for round in 0..40 {
        let before = succeeded(&journal);
        world.attempts.clear();
        world.durable = remembered(&record::read::<Record>(&journal).records, &["goodbye"])
            .into_iter()
            .map(|((step, item), done)| ((step, item.unwrap_or(0) as usize), done.key))
            .collect();
        // The last sessions live long enough, and nothing fails any more, so that the run must come to its end.
        let life = if round < 4 { world.rng.usize(1..60) } else { 100_000 };
        if round >= 4 {
            world.faults.clear();
        }
        let session = session(&workflow, &mut world, journal, jobs, life);
        assert!(session.most_running <= jobs, "seed {seed}: {} at once", session.most_running);
        for ((name, _), attempts) in &world.attempts {
            let made = *attempts;
            let again = world.evicted.iter().any(|(step, _)| step == name);
            assert!(made <= limit(name) || again, "seed {seed}: {name} tried {made} times");
        }
        for id in &world.repeated {
            assert!(evicted_with(&world, id), "seed {seed}: {id:?} ran again");
        }
        // Everything that stood for a step was really executed, by this or an earlier process.
        for id in &session.recalled {
            assert!(
                world.executed.contains_key(id) && before.contains(id),
                "seed {seed}: {id:?} from nowhere"
            );
        }
        journal = session.journal;
        let now = succeeded(&journal);
        assert!(
            world.evicted.is_empty()
                || !session.finished
                || !now.is_empty()
                || workflow.graph.node_count() > 0
        );
        if session.finished && round >= 4 {
            for (name, state) in &session.states {
                assert!(
                    matches!(state, StepState::Succeeded | StepState::Cached | StepState::Skipped),
                    "seed {seed}: {name} is {state:?}"
                );
            }
            return;
        }
        if world.rng.f64() < 0.4 {
            let gone: Vec<_> =
                world.artifacts.iter().filter(|id| id.0.len() % 2 == 0 || round % 2 == 0).cloned().collect();
            let mut gone: Vec<_> = gone.into_iter().collect();
            gone.sort();
            for id in gone.into_iter().take(2) {
                world.artifacts.remove(&id);
                world.evicted.insert(id);
            }
        }
    }
    panic!("seed {seed}: the run did not come to its end");
}

/// All items of a map are made again when one of them was taken away.
fn evicted_with(world: &World, id: &(String, usize)) -> bool {
    world.evicted.iter().any(|(step, _)| *step == id.0)
}

/// `make properties` asks for 10,000.
fn cases() -> u64 {
    u64::from(proptest::test_runner::Config::default().cases).max(500)
}

#[test]
fn schedules_of_faults_lose_and_repeat_nothing() {
    (0..cases()).for_each(check);
}

#[test]
fn without_evictions_restart_work_is_what_had_not_succeeded() {
    for seed in 0..cases().min(2_000) {
        let mut rng = Rng::with_seed(seed);
        let workflow = workflow(&mut rng);
        let mut world = World {
            rng: Rng::with_seed(seed),
            faults: HashMap::new(),
            attempts: BTreeMap::new(),
            executed: BTreeMap::new(),
            artifacts: HashSet::new(),
            durable: HashMap::new(),
            repeated: Vec::new(),
            evicted: HashSet::new(),
        };
        let life = rng.usize(1..40);
        let first = session(&workflow, &mut world, Vec::new(), 3, life);
        let durable = succeeded(&first.journal);
        let before = world.executed.clone();
        let second = session(&workflow, &mut world, first.journal, 3, 100_000);
        assert!(second.finished);
        for (id, count) in &world.executed {
            let more = count - before.get(id).copied().unwrap_or(0);
            let expected = u32::from(!durable.contains(id));
            assert_eq!(more, expected, "seed {seed}: {id:?}");
        }
    }
}

#[test]
fn a_kill_at_every_turn_is_survived() {
    for seed in 0..cases().min(5_000) / 80 {
        for life in 0..80 {
            let mut rng = Rng::with_seed(seed);
            let workflow = workflow(&mut rng);
            let mut world = World {
                rng: Rng::with_seed(seed),
                faults: HashMap::new(),
                attempts: BTreeMap::new(),
                executed: BTreeMap::new(),
                artifacts: HashSet::new(),
                durable: HashMap::new(),
                repeated: Vec::new(),
                evicted: HashSet::new(),
            };
            let first = session(&workflow, &mut world, Vec::new(), 2, life);
            let second = session(&workflow, &mut world, first.journal, 2, 100_000);
            assert!(second.finished, "seed {seed}, killed after {life}");
        }
    }
}
