//! The default policy: seconds saved per byte.
//!
//! An artifact is worth P(still valid at the next run) × P(needed by then) × max(0, seconds to rebuild it − seconds to
//! read it) / bytes. How likely a step changes is learned from the runs seen.

use super::{Graph, Ledger, Policy, Resident, View, cheapest};

/// What an artifact that is no present result is worth, compared with a present one: a change may be taken back.
const STALE: f64 = 0.02;
/// Steps that change between two runs, at most, as far as the estimate goes.
const CHANGES_PER_RUN: f64 = 2.0;

/// The policy; it keeps the scores of the present run.
#[derive(Default)]
pub(super) struct Couler {
    scores: Vec<f64>,
}

impl Policy for Couler {
    fn name(&self) -> &'static str {
        "couler"
    }

    fn begin(&mut self, view: &View<'_>, _: &Ledger) {
        self.scores = scores(view);
    }

    fn priority(&self, view: &View<'_>, _: &Ledger, key: u128, resident: &Resident) -> f64 {
        match resident.node.and_then(|node| self.scores.get(node)) {
            Some(score) if view.is_current(key, resident) => *score,
            Some(score) => score * STALE,
            // An artifact of another workflow: what it was worth there.
            None => resident.score,
        }
    }

    fn score(&self, _: &View<'_>, _: &Ledger, _: u128, node: usize) -> f64 {
        self.scores.get(node).copied().unwrap_or(0.0)
    }

    /// All or nothing: the cheapest set of artifacts gives way only if it is worth less than the newcomer.
    fn admit(&mut self, view: &View<'_>, ledger: &Ledger, key: u128, node: usize) -> Option<Vec<u128>> {
        let size = view.graph.bytes[node];
        let victims = cheapest(self, view, ledger, size)?;
        let loss: f64 = victims.iter().map(|(key, priority)| priority * ledger.kept[key].bytes).sum();
        let gain = self.score(view, ledger, key, node) * size;
        let room = victims.is_empty();
        (room || gain > loss).then(|| victims.into_iter().map(|(key, _)| key).collect())
    }
}

fn scores(view: &View<'_>) -> Vec<f64> {
    let graph = view.graph;
    let rates = change_rates(view);
    let mut valid = vec![1.0; graph.len()];
    for &node in &graph.order {
        valid[node] = graph.parents[node]
            .iter()
            .fold(1.0 - rates[node], |least: f64, parent| least.min(valid[*parent] * (1.0 - rates[node])));
    }
    let needed = needed(graph, &valid);
    let rebuild = rebuild(graph);
    (0..graph.len())
        .map(|node| {
            let bytes = graph.bytes[node].max(1.0);
            valid[node] * needed[node] * (rebuild[node] - bytes / view.bandwidth).max(0.0) / bytes
        })
        .collect()
}

/// The probability that each step changes before the next run.
fn change_rates(view: &View<'_>) -> Vec<f64> {
    let changes = view.changes;
    let steps = changes.changed.len().max(1);
    #[expect(clippy::cast_precision_loss, reason = "numbers of steps are small")]
    let mean = changes.changed.iter().sum::<f64>() / steps as f64 / changes.runs;
    let own = |changed: &f64| 0.5 * (changed / changes.runs).min(0.9) + 0.5 * mean;
    let mut rates: Vec<f64> = changes.changed.iter().map(own).collect();
    let total: f64 = rates.iter().sum();
    let scale = (CHANGES_PER_RUN / total).min(1.0);
    for rate in &mut rates {
        *rate *= scale;
    }
    rates
}

/// The probability that a reader of a still valid artifact runs: that it changed itself, or has another input that
/// did. Results of the last steps are always asked for.
fn needed(graph: &Graph, valid: &[f64]) -> Vec<f64> {
    (0..graph.len())
        .map(|node| {
            let readers = &graph.children[node];
            if readers.is_empty() {
                return 1.0;
            }
            let none: f64 =
                readers.iter().map(|reader| (valid[*reader] / valid[node].max(1e-9)).min(1.0)).product();
            1.0 - none
        })
        .collect()
}

/// Seconds to make an artifact again; what several readers share is shared among them.
fn rebuild(graph: &Graph) -> Vec<f64> {
    let mut seconds = graph.seconds.clone();
    for &node in &graph.order {
        #[expect(clippy::cast_precision_loss, reason = "numbers of readers are small")]
        let inherited: f64 = graph.parents[node]
            .iter()
            .map(|parent| seconds[*parent] / graph.children[*parent].len().max(1) as f64)
            .sum();
        seconds[node] += inherited;
    }
    seconds
}
