//! The policy of the paper (Eq. 3 to 6, Algorithm 2).
//!
//! The loops of Algorithm 2 are repaired: the cache is not reset at every call, and a round that frees nothing ends
//! it. The formulas are kept as they are printed, so a larger artifact scores higher (Eq. 6), and a direct reader has
//! weight 0 (Eq. 4).

use std::collections::HashSet;

use super::{Ledger, Policy, Resident, View, cheapest};

/// Hops that are looked at before and after a step.
const LAYERS: usize = 3;
/// Eq. 6 has no unit for sizes; gigabytes keep the exponential away from 0 and 1.
const UNIT: f64 = 1e9;

/// Weights of Eq. 6.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaperSettings {
    /// Weight of the cost of building.
    pub alpha: f64,
    /// Weight of the size.
    pub beta: f64,
}

/// The policy.
pub(super) struct Paper {
    settings: PaperSettings,
}

impl Paper {
    pub(super) fn new(settings: PaperSettings) -> Self {
        Self { settings }
    }

    /// I(u) = α ln(1 + L(u)) + F(u)² − β e^(−V(u)).
    fn importance(&self, view: &View<'_>, ledger: &Ledger, node: usize) -> f64 {
        let reuse = reuse(view, node);
        self.settings.alpha * (1.0 + building(view, ledger, node)).ln() + reuse * reuse
            - self.settings.beta * (-view.graph.bytes[node] / UNIT).exp()
    }
}

impl Policy for Paper {
    fn name(&self) -> &'static str {
        "couler-paper"
    }

    fn priority(&self, view: &View<'_>, ledger: &Ledger, key: u128, resident: &Resident) -> f64 {
        match resident.node {
            Some(node) if view.is_current(key, resident) => self.importance(view, ledger, node),
            _ => f64::MIN,
        }
    }

    fn score(&self, view: &View<'_>, ledger: &Ledger, _: u128, node: usize) -> f64 {
        self.importance(view, ledger, node)
    }

    fn admit(&mut self, view: &View<'_>, ledger: &Ledger, _: u128, node: usize) -> Option<Vec<u128>> {
        let own = self.importance(view, ledger, node);
        let victims = cheapest(self, view, ledger, view.graph.bytes[node])?;
        victims
            .iter()
            .all(|(_, priority)| *priority < own)
            .then(|| victims.into_iter().map(|(key, _)| key).collect())
    }
}

/// Eq. 3: seconds and degrees along the edges before the step, up to what is kept.
#[expect(clippy::cast_precision_loss, reason = "degrees are small")]
fn building(view: &View<'_>, ledger: &Ledger, node: usize) -> f64 {
    let graph = view.graph;
    let degree = |node: usize| (graph.children[node].len() + graph.parents[node].len()) as f64;
    let kept = |node: usize| view.keys[node].is_some_and(|key| ledger.kept.contains_key(&key));
    let mut seen = HashSet::from([node]);
    let mut layer = vec![node];
    let mut cost = 0.0;
    for _ in 0..LAYERS {
        let mut before = Vec::new();
        for &reader in layer.iter().filter(|reader| **reader == node || !kept(**reader)) {
            for &parent in &graph.parents[reader] {
                cost += graph.seconds[parent] + degree(parent) * degree(reader);
                if seen.insert(parent) {
                    before.push(parent);
                }
            }
        }
        layer = before;
    }
    cost
}

/// Eq. 4: readers by distance; the direct ones cancel out in the Laplacian.
#[expect(clippy::cast_precision_loss, reason = "numbers of readers are small")]
fn reuse(view: &View<'_>, node: usize) -> f64 {
    let mut seen = HashSet::from([node]);
    let mut layer = vec![node];
    let mut sum = 0.0;
    for distance in 1..=LAYERS {
        let mut behind = Vec::new();
        for &step in &layer {
            behind.extend(view.graph.children[step].iter().copied().filter(|reader| seen.insert(*reader)));
        }
        if distance > 1 {
            sum += behind.len() as f64 / distance as f64;
        }
        layer = behind;
    }
    sum
}
