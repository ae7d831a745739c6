//! List scheduling: whenever a worker is free, it takes the ready step with the longest way to the end.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::event::{Event, Seconds, fails};
use super::{Assumptions, Attempt, Mode, Simulation};
use crate::optimize::split::Dag;

/// Runs a graph in simulated time. The result depends on nothing but the arguments.
pub fn simulate(dag: &Dag, mode: Mode<'_>, assumptions: &Assumptions) -> Simulation {
    let mut run = Run::new(dag, mode, assumptions);
    run.start();
    while let Some(now) = run.next_events() {
        run.fill_workers(now);
    }
    run.finished()
}

/// How far one task is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Steps, parts or gates that it still waits for.
    waits_for: usize,
    /// Instances that were started.
    started: usize,
    /// Instances that ended for good.
    ended: usize,
    failed: bool,
}

/// A ready instance: the task's rank, the task, the instance and the number of its attempts so far.
type Ready = (Seconds, Reverse<usize>, Reverse<usize>, usize);

struct Run<'a> {
    dag: &'a Dag,
    mode: Mode<'a>,
    assumptions: &'a Assumptions,
    ranks: Vec<f64>,
    tasks: Vec<Progress>,
    /// For barriers: parts that each part waits for, and its tasks that have not ended.
    part_waits: Vec<usize>,
    part_left: Vec<usize>,
    part_successors: Vec<Vec<usize>>,
    ready: BinaryHeap<Ready>,
    events: BinaryHeap<Reverse<(Seconds, Event)>>,
    free: BTreeSet<usize>,
    workers: usize,
    attempts: Vec<Attempt>,
    /// Instance and number of each attempt.
    details: Vec<(usize, usize)>,
}

impl<'a> Run<'a> {
    fn new(dag: &'a Dag, mode: Mode<'a>, assumptions: &'a Assumptions) -> Self {
        let mut run = Self {
            dag,
            mode,
            assumptions,
            ranks: dag.ranks(),
            tasks: vec![Progress::default(); dag.len()],
            part_waits: Vec::new(),
            part_left: Vec::new(),
            part_successors: Vec::new(),
            ready: BinaryHeap::new(),
            events: BinaryHeap::new(),
            free: BTreeSet::new(),
            workers: 0,
            attempts: Vec::with_capacity(dag.len()),
            details: Vec::with_capacity(dag.len()),
        };
        for task in 0..dag.len() {
            for next in dag.successors(task) {
                if !run.crosses_barrier(task, *next) {
                    run.tasks[*next].waits_for += 1;
                }
            }
        }
        if let Mode::Barrier(parts) = mode {
            run.part_waits = vec![0; parts.len()];
            run.part_left = (0..parts.len()).map(|part| parts.members(part).len()).collect();
            run.part_successors = vec![Vec::new(); parts.len()];
            for gate in parts.gates(dag) {
                run.part_waits[gate.to] += 1;
                run.part_successors[gate.from].push(gate.to);
            }
            run.tasks.iter_mut().for_each(|task| task.waits_for += 1);
        }
        run
    }

    fn crosses(&self, from: usize, to: usize) -> bool {
        match self.mode {
            Mode::Unsplit => false,
            Mode::Gated(parts) | Mode::Barrier(parts) => parts.part_of()[from] != parts.part_of()[to],
        }
    }

    fn crosses_barrier(&self, from: usize, to: usize) -> bool {
        matches!(self.mode, Mode::Barrier(_)) && self.crosses(from, to)
    }

    fn start(&mut self) {
        let open: Vec<usize> =
            (0..self.part_waits.len()).filter(|part| self.part_waits[*part] == 0).collect();
        for task in 0..self.dag.len() {
            if self.tasks[task].waits_for == 0 {
                self.make_ready(task);
            }
        }
        for part in open {
            self.open(part);
        }
        self.fill_workers(0.0);
    }

    /// All instances that may run at once wait for a worker.
    fn make_ready(&mut self, task: usize) {
        let shape = self.dag.task(task);
        for instance in 0..shape.instances.min(shape.at_once).max(1) {
            self.queue(task, instance, 0);
        }
        self.tasks[task].started = shape.instances.min(shape.at_once).max(1);
    }

    fn queue(&mut self, task: usize, instance: usize, attempt: usize) {
        self.ready.push((Seconds(self.ranks[task]), Reverse(task), Reverse(instance), attempt));
    }

    fn arrived(&mut self, task: usize) {
        self.tasks[task].waits_for -= 1;
        if self.tasks[task].waits_for == 0 {
            self.make_ready(task);
        }
    }

    fn open(&mut self, part: usize) {
        if let Mode::Barrier(parts) = self.mode {
            parts.members(part).iter().for_each(|task| self.arrived(*task));
        }
    }

    /// Handles everything that happens at the next moment.
    fn next_events(&mut self) -> Option<f64> {
        let now = self.events.peek()?.0.0;
        while let Some(Reverse((time, event))) = self.events.peek().copied() {
            if time != now {
                break;
            }
            self.events.pop();
            match event {
                Event::End(attempt) => self.ended(attempt, now.0),
                Event::Gate(task) => self.arrived(task),
                Event::Open(part) => self.open(part),
            }
        }
        Some(now.0)
    }

    fn fill_workers(&mut self, now: f64) {
        while !self.ready.is_empty() {
            let worker = match self.free.pop_first() {
                Some(worker) => worker,
                None if self.assumptions.workers.is_none_or(|most| self.workers < most.max(1)) => {
                    self.workers += 1;
                    self.workers - 1
                }
                None => break,
            };
            let Some((_, Reverse(task), Reverse(instance), attempt)) = self.ready.pop() else { break };
            let Assumptions { failures, seed, .. } = *self.assumptions;
            let failed = failures > 0.0 && fails(failures, seed, self.dag.original(task), instance, attempt);
            let end = now + self.dag.task(task).seconds;
            self.events.push(Reverse((Seconds(end), Event::End(self.attempts.len()))));
            self.attempts.push(Attempt { task, worker, start: now, end, failed });
            self.details.push((instance, attempt));
        }
    }

    fn ended(&mut self, number: usize, now: f64) {
        let Attempt { task, worker, failed, .. } = self.attempts[number];
        let (instance, attempt) = self.details[number];
        self.free.insert(worker);
        let shape = self.dag.task(task);
        if failed && attempt < shape.retries {
            self.queue(task, instance, attempt + 1);
            return;
        }
        let progress = &mut self.tasks[task];
        progress.ended += 1;
        progress.failed |= failed;
        if progress.started < shape.instances {
            let next = progress.started;
            progress.started += 1;
            self.queue(task, next, 0);
        } else if progress.ended == shape.instances.max(1) && (!progress.failed || shape.tolerant) {
            self.completed(task, now);
        }
    }

    fn completed(&mut self, task: usize, now: f64) {
        let dag = self.dag;
        let later = Seconds(now + self.assumptions.latency);
        for next in dag.successors(task) {
            if !self.crosses(task, *next) {
                self.arrived(*next);
            } else if matches!(self.mode, Mode::Gated(_)) {
                self.events.push(Reverse((later, Event::Gate(*next))));
            }
        }
        let Mode::Barrier(parts) = self.mode else { return };
        let part = parts.part_of()[task];
        self.part_left[part] -= 1;
        if self.part_left[part] == 0 {
            for next in std::mem::take(&mut self.part_successors[part]) {
                self.part_waits[next] -= 1;
                if self.part_waits[next] == 0 {
                    self.events.push(Reverse((later, Event::Open(next))));
                }
            }
        }
    }

    fn finished(self) -> Simulation {
        let failed =
            (0..self.dag.len()).filter(|task| self.tasks[*task].failed && !self.dag.task(*task).tolerant);
        Simulation {
            makespan: self.attempts.iter().map(|attempt| attempt.end).fold(0.0, f64::max),
            workers: self.workers,
            failed: failed.collect(),
            not_run: self.tasks.iter().filter(|task| task.started == 0).count(),
            attempts: self.attempts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::split::{Partition, Task};

    /// 0 (4 s) → 2 (2 s); 0, 1 (1 s) → 3 (1 s).
    fn diamond() -> Dag {
        let tasks = [4.0, 1.0, 2.0, 1.0].map(|seconds| Task::plain(seconds, 1));
        Dag::new(&[vec![2, 3], vec![3], vec![], vec![]], &tasks).unwrap()
    }

    fn makespan(mode: Mode<'_>, assumptions: Assumptions) -> f64 {
        simulate(&diamond(), mode, &assumptions).makespan
    }

    #[test]
    fn workers_and_gates_decide_the_makespan() {
        let parts = Partition::new(&diamond(), &[0, 1, 2, 2]).unwrap();
        let plain = Assumptions::default();
        let one = Assumptions { workers: Some(1), ..plain };
        let late = Assumptions { latency: 10.0, ..plain };
        assert!((makespan(Mode::Unsplit, plain) - 6.0).abs() < 1e-9);
        assert!((makespan(Mode::Unsplit, one) - 8.0).abs() < 1e-9);
        assert!((makespan(Mode::Gated(&parts), plain) - 6.0).abs() < 1e-9);
        assert!((makespan(Mode::Gated(&parts), late) - 16.0).abs() < 1e-9);
        assert!((makespan(Mode::Barrier(&parts), late) - 16.0).abs() < 1e-9);
    }

    #[test]
    fn a_failure_stops_what_waits_for_it() {
        let always = Assumptions { failures: 1.0, ..Assumptions::default() };
        let run = simulate(&diamond(), Mode::Unsplit, &always);
        assert_eq!((run.failed.as_slice(), run.not_run, run.failures()), ([0, 1].as_slice(), 2, 2));
    }

    #[test]
    fn retries_take_their_time_and_tolerant_steps_do_not_stop_others() {
        let first = Task { retries: 2, tolerant: true, ..Task::plain(3.0, 1) };
        let dag = Dag::new(&[vec![1], vec![]], &[first, first]).unwrap();
        let always = Assumptions { failures: 1.0, ..Assumptions::default() };
        let run = simulate(&dag, Mode::Unsplit, &always);
        assert!((run.makespan - 18.0).abs() < 1e-9);
        assert_eq!((run.failures(), run.not_run, run.failed.len()), (6, 0, 0));
    }

    #[test]
    fn a_map_keeps_its_own_limit() {
        let map = Task { instances: 5, at_once: 2, ..Task::plain(1.0, 1) };
        let dag = Dag::new(&[vec![]], &[map]).unwrap();
        let run = simulate(&dag, Mode::Unsplit, &Assumptions::default());
        assert_eq!((run.attempts.len(), run.workers), (5, 2));
        assert!((run.makespan - dag.span(0)).abs() < 1e-9);
    }
}
