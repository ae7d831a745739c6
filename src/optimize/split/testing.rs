//! Random graphs and budgets for property tests.

use proptest::prelude::*;

use super::{Budget, Task};

/// Random graphs of up to 60 tasks, with edges from lower to higher numbers that are then shuffled.
pub(in crate::optimize) fn random_dag() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<Task>)> {
    (1..60_usize).prop_flat_map(|count| {
        let task = (0..4_usize, 0.0..100.0_f64, 1..500_usize, 1..4_usize).prop_map(
            |(kind, seconds, bytes, pods)| {
                let seconds = [0.0, 1.0, seconds, seconds / 10.0][kind];
                let mut task = Task { instances: pods, at_once: 2, ..Task::plain(seconds, bytes) };
                task.weight.pods = pods;
                task
            },
        );
        let edges = prop::collection::vec((0..count, 0..count), 0..3 * count);
        let numbers = Just((0..count).collect::<Vec<usize>>()).prop_shuffle();
        (edges, prop::collection::vec(task, count), numbers).prop_map(move |(edges, tasks, numbers)| {
            let mut successors = vec![Vec::new(); count];
            for (a, b) in edges.into_iter().filter(|(a, b)| a != b) {
                successors[numbers[a.min(b)]].push(numbers[a.max(b)]);
            }
            for next in &mut successors {
                next.sort_unstable();
                next.dedup();
            }
            (successors, tasks)
        })
    })
}

/// Random limits that every task of [`random_dag`] keeps.
pub(in crate::optimize) fn random_budget() -> impl Strategy<Value = Budget> {
    (1..20_usize, 3..40_usize, 500..4000_usize).prop_map(|(steps, pods, bytes)| Budget {
        steps,
        pods,
        bytes,
        part_bytes: 0,
    })
}
