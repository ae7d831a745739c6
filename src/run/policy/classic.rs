//! Policies that are well known.

use super::{Ledger, Policy, Resident, View};

/// Least recently used.
pub(super) struct Lru;

#[expect(clippy::cast_precision_loss, reason = "clocks stay far below 2^52")]
fn time(clock: u64) -> f64 {
    clock as f64
}

impl Policy for Lru {
    fn name(&self) -> &'static str {
        "lru"
    }

    fn priority(&self, _: &View<'_>, _: &Ledger, _: u128, resident: &Resident) -> f64 {
        time(resident.last)
    }

    fn score(&self, _: &View<'_>, _: &Ledger, _: u128, _: usize) -> f64 {
        0.0
    }
}

/// First in, first out.
pub(super) struct Fifo;

impl Policy for Fifo {
    fn name(&self) -> &'static str {
        "fifo"
    }

    fn priority(&self, _: &View<'_>, _: &Ledger, _: u128, resident: &Resident) -> f64 {
        time(resident.stored)
    }

    fn score(&self, _: &View<'_>, _: &Ledger, _: u128, _: usize) -> f64 {
        0.0
    }
}

/// Greedy dual, size and frequency: uses × seconds / bytes above the level of what gave way last.
#[derive(Default)]
pub(super) struct Gdsf {
    level: f64,
}

impl Policy for Gdsf {
    fn name(&self) -> &'static str {
        "gdsf"
    }

    fn priority(&self, _: &View<'_>, _: &Ledger, _: u128, resident: &Resident) -> f64 {
        resident.score
    }

    fn score(&self, view: &View<'_>, ledger: &Ledger, key: u128, node: usize) -> f64 {
        let uses = f64::from(ledger.uses.get(&key).copied().unwrap_or(1));
        self.level + uses * view.graph.seconds[node] / view.graph.bytes[node].max(1.0)
    }

    fn evicted(&mut self, priority: f64) {
        self.level = self.level.max(priority);
    }
}

/// Everything, whatever the capacity.
pub(super) struct All;

impl Policy for All {
    fn name(&self) -> &'static str {
        "all"
    }

    fn priority(&self, _: &View<'_>, _: &Ledger, _: u128, _: &Resident) -> f64 {
        0.0
    }

    fn score(&self, _: &View<'_>, _: &Ledger, _: u128, _: usize) -> f64 {
        0.0
    }

    fn admit(&mut self, _: &View<'_>, _: &Ledger, _: u128, _: usize) -> Option<Vec<u128>> {
        Some(Vec::new())
    }
}

/// Nothing.
pub(super) struct Nothing;

impl Policy for Nothing {
    fn name(&self) -> &'static str {
        "none"
    }

    fn priority(&self, _: &View<'_>, _: &Ledger, _: u128, _: &Resident) -> f64 {
        0.0
    }

    fn score(&self, _: &View<'_>, _: &Ledger, _: u128, _: usize) -> f64 {
        0.0
    }

    fn admit(&mut self, _: &View<'_>, _: &Ledger, _: u128, _: usize) -> Option<Vec<u128>> {
        None
    }
}
