//! A workflow reduced to what splitting and simulating need: edges, seconds, weights.

use super::SplitError;
use crate::optimize::number::{as_f64, as_index};

/// What one step asks of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Steps: 1 for each.
    pub steps: usize,
    /// Pods, one for every known instance of a map and every possible repetition of a loop.
    pub pods: usize,
    /// Bytes in the manifest that the engine writes.
    pub bytes: usize,
}

impl Weight {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            steps: self.steps.saturating_add(other.steps),
            pods: self.pods.saturating_add(other.pods),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// One step of a [`Dag`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Task {
    /// Seconds of one instance, at least 0 and finite.
    pub seconds: f64,
    /// Instances that run before the step is finished; 1 unless it is a map.
    pub instances: usize,
    /// Most instances at the same time.
    pub at_once: usize,
    /// Attempts after a first one that failed.
    pub retries: usize,
    /// Whether those that wait for it go on although it failed.
    pub tolerant: bool,
    /// What it asks of a part.
    pub weight: Weight,
}

impl Task {
    /// A plain step.
    pub fn plain(seconds: f64, bytes: usize) -> Self {
        let weight = Weight { steps: 1, pods: 1, bytes };
        Self { seconds, instances: 1, at_once: 1, retries: 0, tolerant: false, weight }
    }

    /// Seconds from its start to its end when nothing else limits it.
    pub fn span(&self) -> f64 {
        self.seconds * as_f64(self.instances.div_ceil(self.at_once.max(1)).max(1))
    }
}

/// A directed acyclic graph whose tasks are numbered in topological order, by hop level: every edge points from a
/// lower to a higher number, and levels never fall.
#[derive(Debug, Clone)]
pub struct Dag {
    starts: Vec<usize>,
    targets: Vec<usize>,
    tasks: Vec<Task>,
    spans: Vec<f64>,
    levels: Vec<usize>,
    /// The caller's number of each task.
    originals: Vec<usize>,
}

impl Dag {
    /// Numbers the tasks anew; `successors` and `tasks` have one entry per task.
    ///
    /// # Errors
    /// [`SplitError::CyclicInput`] with the caller's numbers of tasks that wait for each other.
    pub fn new(successors: &[Vec<usize>], tasks: &[Task]) -> Result<Self, SplitError> {
        let (order, levels) = by_level(successors)?;
        let mut number = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            number[*old] = new;
        }
        let mut dag = Self {
            starts: Vec::with_capacity(order.len() + 1),
            targets: Vec::with_capacity(successors.iter().map(Vec::len).sum()),
            tasks: order.iter().map(|old| tasks[*old]).collect(),
            spans: order.iter().map(|old| tasks[*old].span()).collect(),
            levels: order.iter().map(|old| levels[*old]).collect(),
            originals: order,
        };
        for old in &dag.originals {
            dag.starts.push(dag.targets.len());
            let first = dag.targets.len();
            dag.targets.extend(successors[*old].iter().map(|to| number[*to]));
            dag.targets[first..].sort_unstable();
        }
        dag.starts.push(dag.targets.len());
        Ok(dag)
    }

    /// Number of tasks.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Number of edges.
    pub fn edge_count(&self) -> usize {
        self.targets.len()
    }

    /// The tasks that wait for a task, in ascending order.
    pub fn successors(&self, task: usize) -> &[usize] {
        &self.targets[self.starts[task]..self.starts[task + 1]]
    }

    /// A task.
    pub fn task(&self, task: usize) -> &Task {
        &self.tasks[task]
    }

    /// Seconds from start to end of a task.
    pub fn span(&self, task: usize) -> f64 {
        self.spans[task]
    }

    /// Longest number of edges from a source.
    pub fn level(&self, task: usize) -> usize {
        self.levels[task]
    }

    /// The number that the caller of [`Dag::new`] gave.
    pub fn original(&self, task: usize) -> usize {
        self.originals[task]
    }

    /// Earliest start of each task with unlimited workers, in seconds.
    pub fn earliest_starts(&self) -> Vec<f64> {
        let mut starts = vec![0.0_f64; self.len()];
        for task in 0..self.len() {
            let finish = starts[task] + self.spans[task];
            for next in self.successors(task) {
                starts[*next] = starts[*next].max(finish);
            }
        }
        starts
    }

    /// The longest path in seconds: the shortest possible makespan.
    pub fn critical_path(&self) -> f64 {
        let starts = self.earliest_starts();
        starts.iter().zip(&self.spans).map(|(start, span)| start + span).fold(0.0, f64::max)
    }

    /// The tasks of one longest path.
    pub fn critical_tasks(&self) -> Vec<usize> {
        let ranks = self.ranks();
        let first = (0..self.len()).reduce(|best, task| if ranks[task] > ranks[best] { task } else { best });
        let mut path: Vec<usize> = first.into_iter().collect();
        while let Some(last) = path.last() {
            let next = self.successors(*last).iter().copied();
            match next.reduce(|best, task| if ranks[task] > ranks[best] { task } else { best }) {
                Some(next) => path.push(next),
                None => break,
            }
        }
        path
    }

    /// Seconds from the start of each task to the end of the last one that needs it (upward rank).
    pub fn ranks(&self) -> Vec<f64> {
        let mut ranks = vec![0.0_f64; self.len()];
        for task in (0..self.len()).rev() {
            let after = self.successors(task).iter().map(|next| ranks[*next]).fold(0.0, f64::max);
            ranks[task] = self.spans[task] + after;
        }
        ranks
    }

    /// Seconds of all instances of all tasks together.
    pub fn total_work(&self) -> f64 {
        self.tasks.iter().map(|task| task.seconds * as_f64(task.instances)).sum()
    }

    /// The windows of `width` seconds into which the earliest starts fall, numbered without gaps.
    pub(super) fn windows(starts: &[f64], width: f64) -> Vec<usize> {
        starts.iter().map(|start| if width.is_finite() { as_index(start / width) } else { 0 }).collect()
    }
}

/// The tasks by hop level (Kahn's algorithm with a queue), and the level of each.
fn by_level(successors: &[Vec<usize>]) -> Result<(Vec<usize>, Vec<usize>), SplitError> {
    let mut waiting = vec![0_usize; successors.len()];
    for next in successors.iter().flatten() {
        waiting[*next] += 1;
    }
    let mut levels = vec![0; successors.len()];
    let mut order: Vec<usize> = (0..successors.len()).filter(|task| waiting[*task] == 0).collect();
    let mut done = 0;
    while let Some(task) = order.get(done).copied() {
        done += 1;
        for next in &successors[task] {
            levels[*next] = levels[*next].max(levels[task] + 1);
            waiting[*next] -= 1;
            if waiting[*next] == 0 {
                order.push(*next);
            }
        }
    }
    if order.len() == successors.len() {
        Ok((order, levels))
    } else {
        Err(SplitError::CyclicInput((0..waiting.len()).filter(|task| waiting[*task] > 0).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_numbered_by_level() {
        let tasks = [3.0, 1.0, 2.0, 5.0].map(|seconds| Task::plain(seconds, 1));
        let dag = Dag::new(&[vec![], vec![0, 2], vec![0], vec![0]], &tasks).unwrap();
        let originals: Vec<usize> = (0..4).map(|task| dag.original(task)).collect();
        assert_eq!(originals, [1, 3, 2, 0]);
        assert_eq!(dag.successors(0), [2, 3]);
        assert_eq!(dag.earliest_starts(), [0.0, 0.0, 1.0, 5.0]);
        assert!((dag.critical_path() - 8.0).abs() < 1e-12);
        assert_eq!(dag.critical_tasks(), [1, 3]);
    }

    #[test]
    fn a_cycle_is_named() {
        let tasks = [Task::plain(1.0, 1); 3];
        let error = Dag::new(&[vec![1], vec![2], vec![1]], &tasks).unwrap_err();
        assert_eq!(error, SplitError::CyclicInput(vec![1, 2]));
    }

    #[test]
    fn a_map_runs_in_waves() {
        let task = Task { instances: 10, at_once: 4, ..Task::plain(2.0, 1) };
        assert!((task.span() - 6.0).abs() < 1e-12);
    }
}
