//! Merging small parts as long as the makespan stays within its limit.

use super::partition::topological;
use super::{Budget, Dag, Partition, Weight};

/// Work per task and edge that merging may take, so that all of splitting stays linear.
const WORK_PER_EDGE: usize = 20;
/// Work that is always allowed.
const WORK: usize = 2_000_000;

/// The same parts or fewer, none over the budget and with a barrier makespan up to `limit`.
pub(super) fn merged(dag: &Dag, budget: &Budget, parts: Partition, limit: f64) -> Partition {
    if parts.len() <= budget.lower_bound(dag) {
        return parts;
    }
    let mut merging = Merging::new(dag, budget, &parts);
    let mut left = WORK + WORK_PER_EDGE * (dag.len() + dag.edge_count());
    while let Some((first, second, length)) = merging.next(limit, &mut left) {
        merging.merge(first, second, length);
    }
    merging.finished()
}

/// The parts as a small graph.
struct Merging<'a> {
    dag: &'a Dag,
    budget: &'a Budget,
    part_of: Vec<usize>,
    members: Vec<Vec<usize>>,
    weights: Vec<Weight>,
    /// Seconds from start to end of each part by itself.
    lengths: Vec<f64>,
    successors: Vec<Vec<usize>>,
    /// Start times inside a part, all 0 between two uses.
    inside: Vec<f64>,
    /// Pairs that were tried in vain since one of the two last changed.
    refused: std::collections::HashSet<(usize, usize)>,
}

impl<'a> Merging<'a> {
    fn new(dag: &'a Dag, budget: &'a Budget, parts: &Partition) -> Self {
        let mut merging = Self {
            dag,
            budget,
            part_of: parts.part_of().to_vec(),
            members: (0..parts.len()).map(|part| parts.members(part).to_vec()).collect(),
            weights: (0..parts.len()).map(|part| parts.weight(dag, part)).collect(),
            lengths: Vec::new(),
            successors: Vec::new(),
            inside: vec![0.0; dag.len()],
            refused: std::collections::HashSet::new(),
        };
        for part in 0..parts.len() {
            let length = merging.length(parts.members(part), (part, part));
            merging.lengths.push(length);
        }
        merging.connect();
        merging
    }

    /// Finds the edges between parts.
    fn connect(&mut self) {
        let mut successors = vec![Vec::new(); self.members.len()];
        for task in 0..self.dag.len() {
            let from = self.part_of[task];
            let next = self.dag.successors(task).iter().map(|next| self.part_of[*next]);
            successors[from].extend(next.filter(|to| *to != from));
        }
        for next in &mut successors {
            next.sort_unstable();
            next.dedup();
        }
        self.successors = successors;
    }

    /// Seconds that the tasks of both parts of a pair take together; `tasks` are all of them, in order.
    fn length(&mut self, tasks: &[usize], (first, second): (usize, usize)) -> f64 {
        let mut length = 0.0_f64;
        for task in tasks {
            let finish = self.inside[*task] + self.dag.span(*task);
            length = length.max(finish);
            for next in self.dag.successors(*task) {
                if self.part_of[*next] == first || self.part_of[*next] == second {
                    self.inside[*next] = self.inside[*next].max(finish);
                }
            }
        }
        for task in tasks {
            self.inside[*task] = 0.0;
        }
        length
    }

    /// The next pair to merge, smallest first, with the length of the merged part.
    fn next(&mut self, limit: f64, left: &mut usize) -> Option<(usize, usize, f64)> {
        let order = topological(&self.successors).ok()?;
        let quotient = self.members.len() + self.successors.iter().map(Vec::len).sum::<usize>();
        for (first, second) in self.pairs(&order) {
            if self.refused.contains(&(first, second)) {
                continue;
            }
            let tasks = sorted_union(&self.members[first], &self.members[second]);
            *left = left.checked_sub(4 * tasks.len() + quotient)?;
            let length = self.length(&tasks, (first, second));
            if self.makespan((first, second), length).is_some_and(|makespan| makespan <= limit) {
                return Some((first, second, length));
            }
            self.refused.insert((first, second));
        }
        None
    }

    /// Pairs that fit the budget and are likely to go together: neighbours of the quotient with no other on one side,
    /// parts of the same depth, and neighbours in topological order.
    fn pairs(&self, order: &[usize]) -> Vec<(usize, usize)> {
        let count = self.members.len();
        let (mut waits, mut depth) = (vec![0_usize; count], vec![0_usize; count]);
        for part in order {
            for next in &self.successors[*part] {
                waits[*next] += 1;
                depth[*next] = depth[*next].max(depth[*part] + 1);
            }
        }
        let mut pairs: Vec<(usize, usize)> = order.windows(2).map(|pair| (pair[0], pair[1])).collect();
        for part in 0..count {
            let alone = self.successors[part].len() == 1;
            let near = self.successors[part].iter().filter(|next| alone || waits[**next] == 1);
            pairs.extend(near.map(|next| (part, *next)));
        }
        let mut by_depth: Vec<usize> = (0..count).collect();
        by_depth.sort_by_key(|part| (depth[*part], self.weights[*part].steps));
        let same = by_depth.windows(2).filter(|pair| depth[pair[0]] == depth[pair[1]]);
        pairs.extend(same.map(|pair| (pair[0], pair[1])));
        let together = |(a, b): &(usize, usize)| self.weights[*a].plus(self.weights[*b]);
        pairs.retain(|pair| self.budget.holds(together(pair)));
        pairs.sort_by_key(|pair| (together(pair).steps, *pair));
        pairs.dedup();
        pairs
    }

    /// The barrier makespan after a merge; `None` if the parts would wait for each other in a cycle.
    fn makespan(&self, (first, second): (usize, usize), length: f64) -> Option<f64> {
        let name = |part: usize| if part == second { first } else { part };
        let mut waiting = vec![0_usize; self.members.len()];
        for (part, successors) in self.successors.iter().enumerate() {
            for next in successors.iter().filter(|next| name(**next) != name(part)) {
                waiting[name(*next)] += 1;
            }
        }
        let mut starts = vec![0.0_f64; self.members.len()];
        let mut ready: Vec<usize> =
            (0..self.members.len()).filter(|part| *part != second && waiting[*part] == 0).collect();
        let (mut makespan, mut done) = (0.0_f64, 0);
        while let Some(part) = ready.pop() {
            done += 1;
            let finish = starts[part] + if part == first { length } else { self.lengths[part] };
            makespan = makespan.max(finish);
            let more: &[usize] = if part == first { &self.successors[second] } else { &[] };
            for next in self.successors[part].iter().chain(more).map(|next| name(*next)) {
                if next != part {
                    starts[next] = starts[next].max(finish);
                    waiting[next] -= 1;
                    if waiting[next] == 0 {
                        ready.push(next);
                    }
                }
            }
        }
        (done + 1 == self.members.len()).then_some(makespan)
    }

    /// Puts the tasks of `second` into `first`; `second` stays behind empty until the last part takes its number.
    fn merge(&mut self, first: usize, second: usize, length: f64) {
        let tasks = std::mem::take(&mut self.members[second]);
        for task in &tasks {
            self.part_of[*task] = first;
        }
        self.members[first] = sorted_union(&self.members[first], &tasks);
        self.weights[first] = self.weights[first].plus(self.weights[second]);
        self.lengths[first] = length;
        let last = self.members.len() - 1;
        for task in &self.members[last] {
            self.part_of[*task] = if second == last { first } else { second };
        }
        self.members.swap_remove(second);
        self.weights.swap_remove(second);
        self.lengths.swap_remove(second);
        let gone = std::mem::take(&mut self.successors[second]);
        self.successors[first].extend(gone);
        self.successors.swap_remove(second);
        let renamed = |part: usize| {
            let part = if part == second { first } else { part };
            if part == last { second } else { part }
        };
        for (part, next) in self.successors.iter_mut().enumerate() {
            for to in next.iter_mut() {
                *to = renamed(*to);
            }
            next.sort_unstable();
            next.dedup();
            next.retain(|to| *to != part);
        }
        self.refused.retain(|(a, b)| [a, b].into_iter().all(|part| ![first, second, last].contains(part)));
    }

    /// The parts in order.
    fn finished(self) -> Partition {
        Partition::new(self.dag, &self.part_of).expect("a merge that would make a cycle is refused")
    }
}

/// Two ascending lists as one.
fn sorted_union(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut union = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        union.extend(if x < y { a.next() } else { b.next() });
    }
    union.extend(a);
    union.extend(b);
    union
}
