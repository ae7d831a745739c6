//! Properties of simulated runs.

use proptest::prelude::*;

use super::*;
use crate::optimize::split::testing::{random_budget, random_dag};
use crate::optimize::split::{Dag, Method, split};

proptest! {
    #[test]
    fn gates_without_latency_cost_nothing(
        (successors, tasks) in random_dag(),
        budget in random_budget(),
        workers in prop::option::of(1..6_usize),
        failures in prop_oneof![Just(0.0), 0.0..0.5_f64],
        seed: u64,
    ) {
        let dag = Dag::new(&successors, &tasks).unwrap();
        let parts = split(&dag, &budget, Method::Windowed).unwrap();
        let assumptions = Assumptions { workers, failures, seed, latency: 0.0 };
        let unsplit = simulate(&dag, Mode::Unsplit, &assumptions);
        let gated = simulate(&dag, Mode::Gated(&parts), &assumptions);
        prop_assert!((gated.makespan - unsplit.makespan).abs() <= 1e-9 * unsplit.makespan);
        prop_assert_eq!((&gated.failed, gated.not_run), (&unsplit.failed, unsplit.not_run));
    }

    #[test]
    fn nothing_starts_before_what_it_waits_for_and_no_worker_does_two_things(
        (successors, tasks) in random_dag(),
        budget in random_budget(),
        workers in prop::option::of(1..6_usize),
        latency in 0.0..20.0_f64,
    ) {
        let dag = Dag::new(&successors, &tasks).unwrap();
        let parts = split(&dag, &budget, Method::Windowed).unwrap();
        let assumptions = Assumptions { workers, latency, ..Assumptions::default() };
        for mode in [Mode::Unsplit, Mode::Gated(&parts), Mode::Barrier(&parts)] {
            let run = simulate(&dag, mode, &assumptions);
            prop_assert_eq!(run.not_run, 0);
            prop_assert_eq!(run.attempts.len(), tasks.iter().map(|task| task.instances).sum::<usize>());
            prop_assert!(run.makespan >= dag.critical_path() - 1e-9);
            prop_assert!(workers.is_none_or(|most| run.workers <= most));
            check_order(&dag, &run, mode, latency)?;
        }
        if workers.is_none() {
            let run = simulate(&dag, Mode::Barrier(&parts), &Assumptions::default());
            prop_assert!((run.makespan - parts.barrier_makespan(&dag)).abs() < 1e-6);
        }
    }
}

fn check_order(dag: &Dag, run: &Simulation, mode: Mode<'_>, latency: f64) -> Result<(), TestCaseError> {
    let mut bounds = vec![(f64::INFINITY, 0.0_f64); dag.len()];
    let mut busy_until = vec![0.0_f64; run.workers];
    for attempt in &run.attempts {
        let (start, end) = &mut bounds[attempt.task];
        (*start, *end) = (start.min(attempt.start), end.max(attempt.end));
        prop_assert!(attempt.start >= busy_until[attempt.worker] - 1e-9);
        busy_until[attempt.worker] = attempt.end;
    }
    for task in 0..dag.len() {
        for next in dag.successors(task) {
            let crosses = match mode {
                Mode::Unsplit => false,
                Mode::Gated(parts) | Mode::Barrier(parts) => parts.part_of()[task] != parts.part_of()[*next],
            };
            let wait = if crosses { latency } else { 0.0 };
            prop_assert!(bounds[*next].0 >= bounds[task].1 + wait - 1e-9);
        }
    }
    Ok(())
}
