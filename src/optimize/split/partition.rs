//! Parts of a graph, what connects them, and how long they take.

use super::groups::Groups;
use super::{Dag, SplitError, Weight};

/// Every step in exactly one part; the parts are numbered so that each comes after all it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    part_of: Vec<usize>,
    members: Groups,
}

/// One part waits for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The part that is waited for.
    pub from: usize,
    /// The part that waits.
    pub to: usize,
    /// The edges of the graph between the two, as (producer, consumer).
    pub edges: Vec<(usize, usize)>,
}

impl Partition {
    /// Everything in one part.
    pub fn whole(dag: &Dag) -> Self {
        Self::in_order(vec![0; dag.len()], usize::from(!dag.is_empty()))
    }

    /// The parts given by a number per task, put in order.
    ///
    /// # Errors
    /// [`SplitError::CyclicParts`] if they wait for each other, [`SplitError::WrongLength`].
    pub fn new(dag: &Dag, part_of: &[usize]) -> Result<Self, SplitError> {
        if part_of.len() != dag.len() {
            return Err(SplitError::WrongLength { given: part_of.len(), expected: dag.len() });
        }
        let (part_of, count) = without_gaps(part_of);
        let order = order_of_parts(dag, &part_of, count)?;
        let mut position = vec![0; count];
        for (new, old) in order.into_iter().enumerate() {
            position[old] = new;
        }
        Ok(Self::in_order(part_of.iter().map(|part| position[*part]).collect(), count))
    }

    /// For parts that are known to be numbered in order.
    pub(super) fn in_order(part_of: Vec<usize>, count: usize) -> Self {
        let members = Groups::new(&part_of, count, 0..part_of.len());
        Self { part_of, members }
    }

    /// Number of parts.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no part.
    pub fn is_empty(&self) -> bool {
        self.members.len() == 0
    }

    /// The part of each task.
    pub fn part_of(&self) -> &[usize] {
        &self.part_of
    }

    /// The tasks of a part, in topological order.
    pub fn members(&self, part: usize) -> &[usize] {
        self.members.get(part)
    }

    /// What a part asks for.
    pub fn weight(&self, dag: &Dag, part: usize) -> Weight {
        self.members(part).iter().fold(Weight::default(), |sum, task| sum.plus(dag.task(*task).weight))
    }

    /// The parts that each part is waited for by, ascending, and every edge behind it.
    pub fn gates(&self, dag: &Dag) -> Vec<Gate> {
        let mut crossing: Vec<(usize, usize, usize, usize)> = Vec::new();
        for task in 0..dag.len() {
            let from = self.part_of[task];
            let leaving = dag.successors(task).iter().filter(|next| self.part_of[**next] != from);
            crossing.extend(leaving.map(|next| (from, self.part_of[*next], task, *next)));
        }
        crossing.sort_unstable();
        let mut gates: Vec<Gate> = Vec::new();
        for (from, to, producer, consumer) in crossing {
            match gates.last_mut() {
                Some(gate) if (gate.from, gate.to) == (from, to) => gate.edges.push((producer, consumer)),
                _ => gates.push(Gate { from, to, edges: vec![(producer, consumer)] }),
            }
        }
        gates
    }

    /// Seconds from start to end with unlimited workers when a part starts only after all parts it waits for.
    pub fn barrier_makespan(&self, dag: &Dag) -> f64 {
        let mut inside = vec![0.0_f64; dag.len()];
        let mut starts = vec![0.0_f64; self.len()];
        let mut makespan = 0.0_f64;
        for part in 0..self.len() {
            let mut length = 0.0_f64;
            for task in self.members(part) {
                let finish = inside[*task] + dag.span(*task);
                length = length.max(finish);
                for next in dag.successors(*task).iter().filter(|next| self.part_of[**next] == part) {
                    inside[*next] = inside[*next].max(finish);
                }
            }
            let finish = starts[part] + length;
            makespan = makespan.max(finish);
            for next in self.members(part).iter().flat_map(|task| dag.successors(*task)) {
                let to = self.part_of[*next];
                if to != part {
                    starts[to] = starts[to].max(finish);
                }
            }
        }
        makespan
    }
}

/// The numbers in use, counted from 0 without gaps in the order of their first task.
fn without_gaps(part_of: &[usize]) -> (Vec<usize>, usize) {
    let mut known = std::collections::HashMap::new();
    let renumbered = part_of
        .iter()
        .map(|part| {
            let next = known.len();
            *known.entry(*part).or_insert(next)
        })
        .collect();
    (renumbered, known.len())
}

/// Parts so that each comes after all it waits for.
fn order_of_parts(dag: &Dag, part_of: &[usize], count: usize) -> Result<Vec<usize>, SplitError> {
    let mut successors = vec![Vec::new(); count];
    for task in 0..dag.len() {
        for next in dag.successors(task).iter().filter(|next| part_of[**next] != part_of[task]) {
            successors[part_of[task]].push(part_of[*next]);
        }
    }
    for next in &mut successors {
        next.sort_unstable();
        next.dedup();
    }
    topological(&successors).map_err(|parts| SplitError::CyclicParts { parts })
}

/// Numbers so that each comes after all it waits for, or those that no order can hold.
pub(super) fn topological(successors: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut waiting = vec![0_usize; successors.len()];
    for next in successors.iter().flatten() {
        waiting[*next] += 1;
    }
    let mut order: Vec<usize> = (0..successors.len()).filter(|part| waiting[*part] == 0).collect();
    let mut done = 0;
    while let Some(part) = order.get(done).copied() {
        done += 1;
        for next in &successors[part] {
            waiting[*next] -= 1;
            if waiting[*next] == 0 {
                order.push(*next);
            }
        }
    }
    if order.len() == successors.len() {
        Ok(order)
    } else {
        Err((0..waiting.len()).filter(|part| waiting[*part] > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::*;

    fn dag() -> Dag {
        let tasks = [4.0, 1.0, 2.0, 1.0].map(|seconds| Task::plain(seconds, 1));
        Dag::new(&[vec![2, 3], vec![3], vec![], vec![]], &tasks).unwrap()
    }

    #[test]
    fn parts_that_wait_for_each_other_are_refused() {
        // Each of the two parts holds a task that the other waits for.
        let error = Partition::new(&dag(), &[0, 1, 1, 0]).unwrap_err();
        assert_eq!(error, SplitError::CyclicParts { parts: vec![0, 1] });
        assert_eq!(
            Partition::new(&dag(), &[0, 0]).unwrap_err(),
            SplitError::WrongLength { given: 2, expected: 4 }
        );
    }

    #[test]
    fn parts_are_put_in_order_and_joined_by_gates() {
        let partition = Partition::new(&dag(), &[7, 7, 3, 3]).unwrap();
        assert_eq!(partition.part_of(), [0, 0, 1, 1]);
        let edges = vec![(0, 2), (0, 3), (1, 3)];
        assert_eq!(partition.gates(&dag()), [Gate { from: 0, to: 1, edges }]);
        assert!((partition.barrier_makespan(&dag()) - 6.0).abs() < 1e-12);
        assert!((Partition::whole(&dag()).barrier_makespan(&dag()) - 6.0).abs() < 1e-12);
    }
}
