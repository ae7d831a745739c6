//! Properties of every split: no cycle, no budget exceeded, every step in exactly one part.

use proptest::prelude::*;

use super::testing::{random_budget, random_dag};
use super::*;

/// What holds for every partition.
fn holds(dag: &Dag, budget: &Budget, parts: &Partition) -> Result<(), TestCaseError> {
    let mut seen = vec![0; dag.len()];
    for part in 0..parts.len() {
        prop_assert!(!parts.members(part).is_empty());
        prop_assert!(budget.holds(parts.weight(dag, part)), "part {} is over the budget", part);
        for task in parts.members(part) {
            prop_assert_eq!(parts.part_of()[*task], part);
            seen[*task] += 1;
        }
    }
    prop_assert!(seen.iter().all(|count| *count == 1));
    prop_assert!(parts.gates(dag).iter().all(|gate| gate.from < gate.to), "the parts are not in order");
    prop_assert!(parts.len() >= budget.lower_bound(dag));
    let edges: usize = parts.gates(dag).iter().map(|gate| gate.edges.len()).sum();
    let crossing = (0..dag.len()).flat_map(|task| dag.successors(task).iter().map(move |next| (task, *next)));
    let part_of = parts.part_of();
    prop_assert_eq!(edges, crossing.filter(|(from, to)| part_of[*from] != part_of[*to]).count());
    prop_assert!(parts.barrier_makespan(dag) >= dag.critical_path() - 1e-9);
    Ok(())
}

proptest! {
    #[test]
    fn parts_are_whole_within_budget_and_in_order((successors, tasks) in random_dag(), budget in random_budget()) {
        let dag = Dag::new(&successors, &tasks).unwrap();
        for (name, method) in Method::ALL {
            match split(&dag, &budget, method) {
                Ok(parts) => {
                    holds(&dag, &budget, &parts)?;
                    prop_assert_eq!(&split(&dag, &budget, method).unwrap(), &parts, "{} varies", name);
                }
                Err(SplitError::CyclicParts { .. }) => prop_assert_eq!(method, Method::Paper),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
    }

    #[test]
    fn a_step_over_the_budget_is_named((successors, mut tasks) in random_dag(), which in any::<prop::sample::Index>()) {
        let big = which.index(tasks.len());
        tasks[big].weight.bytes = 5000;
        let dag = Dag::new(&successors, &tasks).unwrap();
        let budget = Budget { steps: 10, pods: 40, bytes: 4000, part_bytes: 0 };
        match split(&dag, &budget, Method::Windowed) {
            Err(SplitError::StepOverBudget { step, .. }) => prop_assert_eq!(step, big),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }
}

#[test]
fn a_budget_of_nothing_is_refused() {
    let dag = Dag::new(&[vec![]], &[Task::plain(1.0, 1)]).unwrap();
    for budget in [
        Budget::of_steps(0),
        Budget { pods: 0, ..Budget::default() },
        Budget { bytes: 0, ..Budget::default() },
    ] {
        assert_eq!(split(&dag, &budget, Method::Windowed).unwrap_err(), SplitError::EmptyBudget);
    }
}

#[test]
fn no_step_makes_no_part() {
    let dag = Dag::new(&[], &[]).unwrap();
    for (_, method) in Method::ALL {
        assert!(split(&dag, &Budget::default(), method).unwrap().is_empty());
    }
}
