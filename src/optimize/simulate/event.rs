//! What happens when, and who is served first.

use std::cmp::Ordering;

/// A number with a total order, for heaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub(super) f64);

impl PartialEq for Seconds {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Seconds {}

impl PartialOrd for Seconds {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Seconds {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// An attempt ends; its number in the list of attempts.
    End(usize),
    /// One of the things that a task waits for is there.
    Gate(usize),
    /// A part may start.
    Open(usize),
}

/// Whether an attempt fails: the same for the same seed, task, instance and attempt, whatever ran before.
pub(super) fn fails(probability: f64, seed: u64, task: usize, instance: usize, attempt: usize) -> bool {
    let mut draw = fastrand::Rng::with_seed(mixed(mixed(mixed(seed, task), instance), attempt));
    draw.f64() < probability
}

fn mixed(seed: u64, number: usize) -> u64 {
    fastrand::Rng::with_seed(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).u64(..)
}
