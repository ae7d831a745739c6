//! The windowed algorithm.
//!
//! Start times never fall along an edge: earliest ones, latest ones, and those halfway between. So tasks put into windows
//! of equal width of start time make parts that never wait for each other in a cycle. Inside a window, weakly connected
//! components are independent of each other and are packed; a component that is too large is cut between hop levels.
//! About ten widths of each kind of time are tried (in big graphs three of the second and third kind), each in time linear
//! in tasks and edges, and the fewest parts within 5 % of the best makespan win.

use super::groups::Groups;
use super::merge::merged;
use super::peers::{chunks, kahn};
use super::{Budget, Dag, Partition, Weight};

/// Makespans up to this multiple of the best are as good.
const TOLERANCE: f64 = 1.05;
/// Widths are the critical path divided by 2, 4, … this many times.
const HALVINGS: i32 = 9;
/// In graphs of more tasks not every width is tried for every time.
const MANY: usize = 10_000;
/// Bins that are looked at before a new one is opened.
const OPEN_BINS: usize = 8;

/// Splits by windows. Every step fits the budget by itself.
pub(super) fn windowed(dag: &Dag, budget: &Budget) -> Partition {
    if dag.is_empty() {
        return Partition::whole(dag);
    }
    let length = dag.critical_path();
    let times = Times::new(dag, length);
    let widths = std::iter::once(f64::INFINITY).chain((1..=HALVINGS).map(|k| length / 2_f64.powi(k)));
    let widths: Vec<f64> = widths.filter(|width| *width > 0.0).collect();
    let judged = |parts: Partition| {
        let makespan = parts.barrier_makespan(dag);
        (parts, makespan)
    };
    let of = |time: &[f64], finishes: Option<&[usize]>, widths: &[f64]| -> Vec<(Partition, f64)> {
        let made = widths.iter().map(|width| Packing::partition(dag, budget, time, finishes, *width));
        made.map(judged).collect()
    };
    let mut candidates = of(&times.earliest, None, &widths);
    let near = near_best(&widths, &candidates, dag.len());
    // Two cores are what even small machines have; the order of the candidates stays the same.
    candidates.extend(std::thread::scope(|scope| {
        let middle = scope.spawn(|| of(&times.middle, Some(&times.finishes), near));
        let mut others = of(&times.latest, Some(&times.finishes), near);
        others.extend(middle.join().expect("packing does not panic"));
        others
    }));
    let (levels, count) = chunks(dag, budget, 0..dag.len(), |a, b| dag.level(a) != dag.level(b));
    candidates.push(judged(Partition::in_order(levels, count)));
    candidates.push(judged(kahn(dag, budget)));
    let best = candidates.iter().map(|(_, makespan)| *makespan).fold(f64::INFINITY, f64::min);
    let limit = best * TOLERANCE;
    let chosen = candidates
        .into_iter()
        .filter(|(_, makespan)| *makespan <= limit)
        .min_by(|(a, a_time), (b, b_time)| a.len().cmp(&b.len()).then(a_time.total_cmp(b_time)))
        .map(|(parts, _)| parts)
        .expect("the best candidate is within its own limit");
    merged(dag, budget, chosen, limit)
}

/// The widths that are tried for other times: all of them, or in a big graph those beside the best one so far.
fn near_best<'a>(widths: &'a [f64], candidates: &[(Partition, f64)], tasks: usize) -> &'a [f64] {
    if tasks <= MANY {
        return widths;
    }
    let best = (0..widths.len()).min_by(|a, b| candidates[*a].1.total_cmp(&candidates[*b].1)).unwrap_or(0);
    &widths[best.saturating_sub(1)..widths.len().min(best + 2)]
}

/// When tasks start and end, in seconds.
struct Times {
    /// Earliest starts.
    earliest: Vec<f64>,
    /// Latest starts with which the makespan stays.
    latest: Vec<f64>,
    /// Halfway between the two.
    middle: Vec<f64>,
    /// The place of each task among all when they are put in the order of their earliest ends.
    finishes: Vec<usize>,
}

impl Times {
    fn new(dag: &Dag, length: f64) -> Self {
        let earliest = dag.earliest_starts();
        let latest: Vec<f64> = dag.ranks().into_iter().map(|rank| (length - rank).max(0.0)).collect();
        let middle = earliest.iter().zip(&latest).map(|(early, late)| f64::midpoint(*early, *late)).collect();
        let mut order: Vec<usize> = (0..dag.len()).collect();
        let end = |task: usize| earliest[task] + dag.span(task);
        order.sort_by(|a, b| end(*a).total_cmp(&end(*b)).then(a.cmp(b)));
        let mut finishes = vec![0; dag.len()];
        for (place, task) in order.into_iter().enumerate() {
            finishes[task] = place;
        }
        Self { earliest, latest, middle, finishes }
    }
}

/// The parts of one width, while they are made.
struct Packing<'a> {
    dag: &'a Dag,
    budget: &'a Budget,
    part_of: Vec<usize>,
    count: usize,
}

impl<'a> Packing<'a> {
    /// `time` never falls along an edge. With `finishes`, components that end at about the same time share a part, so
    /// that nobody waits for a slow one without need; else the largest come first, which takes the fewest parts.
    fn partition(
        dag: &'a Dag,
        budget: &'a Budget,
        time: &[f64],
        finishes: Option<&[usize]>,
        width: f64,
    ) -> Partition {
        let window_of = Dag::windows(time, width);
        let components = Components::new(dag, &window_of, finishes);
        let open_bins = if finishes.is_some() { 1 } else { OPEN_BINS };
        let mut packing = Self { dag, budget, part_of: vec![0; dag.len()], count: 0 };
        for window in 0..components.by_window.len() {
            let (fitting, oversized): (Vec<usize>, Vec<usize>) = components
                .by_window
                .get(window)
                .iter()
                .partition(|component| budget.holds(components.weights[**component]));
            for component in oversized {
                packing.cut(components.members.get(component));
            }
            packing.pack(&components, &fitting, open_bins);
        }
        Partition::in_order(packing.part_of, packing.count)
    }

    fn put(&mut self, tasks: &[usize], part: usize) {
        for task in tasks {
            self.part_of[*task] = part;
        }
    }

    /// Cuts a component into runs of consecutive hop levels; a level that is too large into several parts.
    fn cut(&mut self, members: &[usize]) {
        let mut open = Weight::default();
        for level in members.chunk_by(|a, b| self.dag.level(*a) == self.dag.level(*b)) {
            let weight = self.weight(level);
            if !self.budget.holds(open.plus(weight)) && open.steps > 0 {
                self.count += 1;
                open = Weight::default();
            }
            if self.budget.holds(weight) {
                self.put(level, self.count);
                open = open.plus(weight);
                continue;
            }
            for task in level {
                let grown = open.plus(self.dag.task(*task).weight);
                if self.budget.holds(grown) {
                    open = grown;
                } else {
                    self.count += 1;
                    open = self.dag.task(*task).weight;
                }
                self.part_of[*task] = self.count;
            }
            self.count += 1;
            open = Weight::default();
        }
        if open.steps > 0 {
            self.count += 1;
        }
    }

    fn weight(&self, tasks: &[usize]) -> Weight {
        tasks.iter().fold(Weight::default(), |sum, task| sum.plus(self.dag.task(*task).weight))
    }

    /// Packs components, in their order, into the first of the last few parts that has room.
    fn pack(&mut self, components: &Components, fitting: &[usize], open_bins: usize) {
        let mut bins: Vec<(usize, Weight)> = Vec::new();
        for component in fitting {
            let weight = components.weights[*component];
            let recent = bins.len().saturating_sub(open_bins);
            let roomy = bins[recent..].iter_mut().find(|(_, filled)| self.budget.holds(filled.plus(weight)));
            let part = if let Some((part, filled)) = roomy {
                *filled = filled.plus(weight);
                *part
            } else {
                bins.push((self.count, weight));
                self.count += 1;
                self.count - 1
            };
            self.put(components.members.get(*component), part);
        }
    }
}

/// The weakly connected components of each window.
struct Components {
    members: Groups,
    weights: Vec<Weight>,
    /// Components of each window, those with most steps or with the earliest end first.
    by_window: Groups,
}

impl Components {
    fn new(dag: &Dag, window_of: &[usize], finishes: Option<&[usize]>) -> Self {
        let mut parent: Vec<usize> = (0..dag.len()).collect();
        for task in 0..dag.len() {
            for next in dag.successors(task).iter().filter(|next| window_of[**next] == window_of[task]) {
                let (a, b) = (root(&mut parent, task), root(&mut parent, *next));
                // The earlier task stays the root: numbers of components follow the order of tasks.
                parent[a.max(b)] = a.min(b);
            }
        }
        let mut component_of = vec![0; dag.len()];
        let (mut weights, mut windows): (Vec<Weight>, Vec<usize>) = (Vec::new(), Vec::new());
        for task in 0..dag.len() {
            let first = root(&mut parent, task);
            if first == task {
                component_of[task] = weights.len();
                weights.push(Weight::default());
                windows.push(window_of[task]);
            } else {
                component_of[task] = component_of[first];
            }
            let weight = &mut weights[component_of[task]];
            *weight = weight.plus(dag.task(task).weight);
        }
        let members = Groups::new(&component_of, weights.len(), 0..dag.len());
        let place: Vec<usize> = match finishes {
            None => weights.iter().map(|weight| dag.len() - weight.steps).collect(),
            Some(finishes) => {
                let mut last = vec![0; weights.len()];
                for task in 0..dag.len() {
                    last[component_of[task]] = last[component_of[task]].max(finishes[task]);
                }
                last
            }
        };
        let in_order = Groups::new(&place, dag.len(), 0..weights.len());
        let count = windows.iter().max().map_or(0, |last| last + 1);
        let by_window = Groups::new(&windows, count, in_order.items().iter().copied());
        Self { members, weights, by_window }
    }
}

fn root(parent: &mut [usize], mut task: usize) -> usize {
    while parent[task] != task {
        parent[task] = parent[parent[task]];
        task = parent[task];
    }
    task
}
