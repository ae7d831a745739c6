//! What the windowed algorithm is compared with.

use super::{Budget, Dag, Partition, SplitError, Weight};

/// Consecutive tasks of an order, as many as fit; the part of each task and the number of parts.
pub(super) fn chunks(
    dag: &Dag,
    budget: &Budget,
    order: impl Iterator<Item = usize>,
    breaks: impl Fn(usize, usize) -> bool,
) -> (Vec<usize>, usize) {
    let mut part_of = vec![0; dag.len()];
    let (mut part, mut filled, mut before) = (0, Weight::default(), None);
    for task in order {
        let grown = filled.plus(dag.task(task).weight);
        if let Some(before) = before
            && (!budget.holds(grown) || breaks(before, task))
        {
            part += 1;
            filled = dag.task(task).weight;
        } else {
            filled = grown;
        }
        part_of[task] = part;
        before = Some(task);
    }
    (part_of, if before.is_some() { part + 1 } else { 0 })
}

/// Chunks of Kahn's topological order.
pub(super) fn kahn(dag: &Dag, budget: &Budget) -> Partition {
    let (part_of, count) = chunks(dag, budget, 0..dag.len(), |_, _| false);
    Partition::in_order(part_of, count)
}

/// Algorithm 3 of the paper: steps in the order of a depth-first search, a new part whenever the budget is used up.
///
/// As printed it recurses without marking what was visited and does not terminate on a graph with joins; here every
/// step is visited once, in the order in which the program lists the steps.
///
/// # Errors
/// [`SplitError::CyclicParts`], on most real workflows.
pub(super) fn paper(dag: &Dag, budget: &Budget) -> Result<Partition, SplitError> {
    let mut by_original: Vec<usize> = (0..dag.len()).collect();
    by_original.sort_unstable_by_key(|task| dag.original(*task));
    let mut visited = vec![false; dag.len()];
    let mut order = Vec::with_capacity(dag.len());
    for source in by_original {
        let mut stack = vec![source];
        while let Some(task) = stack.pop() {
            if std::mem::replace(&mut visited[task], true) {
                continue;
            }
            order.push(task);
            let first = stack.len();
            stack.extend(dag.successors(task));
            // The first child in the program's order is visited first.
            stack[first..].sort_unstable_by_key(|task| std::cmp::Reverse(dag.original(*task)));
        }
    }
    let (part_of, _) = chunks(dag, budget, order.into_iter(), |_, _| false);
    Partition::new(dag, &part_of)
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::*;

    #[test]
    fn the_paper_s_parts_deadlock_on_the_smallest_counterexample() {
        let dag = Dag::new(&[vec![2, 3], vec![2], vec![], vec![]], &[Task::plain(1.0, 1); 4]).unwrap();
        let budget = Budget::of_steps(2);
        assert!(matches!(paper(&dag, &budget), Err(SplitError::CyclicParts { .. })));
        assert_eq!(kahn(&dag, &budget).part_of(), [0, 0, 1, 1]);
    }

    #[test]
    fn the_paper_s_way_splits_a_chain() {
        let dag = Dag::new(&[vec![1], vec![2], vec![3], vec![]], &[Task::plain(1.0, 1); 4]).unwrap();
        assert_eq!(paper(&dag, &Budget::of_steps(3)).unwrap().part_of(), [0, 0, 0, 1]);
    }
}
