//! The cache simulator: what each policy would have saved while people edit, re-run and revert workflows.

mod instances;
mod pipelines;
mod plot;
mod random;
mod replay;

pub use instances::{InstanceError, read_instances};
pub use pipelines::pipeline;
pub use plot::plot;
pub use replay::{Trace, replay};

use serde::Serialize;

use super::policy::{Graph, PolicyKind};

/// A workflow that traces are made for.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// The kind of program it was made by; one workflow of each kind is taken.
    pub kind: String,
    /// Its steps.
    pub graph: Graph,
}

/// What one policy reached on a group of workflows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// The policy.
    pub policy: &'static str,
    /// Capacity as a part of all artifacts of a workflow together.
    pub capacity: f64,
    /// Mean share of the seconds that an unlimited cache saves.
    pub share: f64,
    /// The least share on any workflow.
    pub least: f64,
    /// The share of requested artifacts that were in the cache.
    pub hits: f64,
    /// Number of traces.
    pub traces: usize,
}

/// Runs per trace.
pub const RUNS: usize = 25;

/// Compares policies on traces over workflows; every workflow is traced with each of the seeds.
pub fn compare(
    subjects: &[Subject],
    seeds: &[u64],
    capacities: &[f64],
    policies: &[PolicyKind],
    progress: &dyn Fn(&str),
) -> Vec<Share> {
    let mut found: Vec<Vec<(f64, f64)>> = vec![Vec::new(); capacities.len() * policies.len()];
    for subject in subjects {
        progress(&subject.name);
        for seed in seeds {
            let trace = Trace::new(&subject.graph, *seed, RUNS);
            let nothing = replay(&subject.graph, &trace, PolicyKind::None, 0.0);
            let all = replay(&subject.graph, &trace, PolicyKind::All, f64::INFINITY);
            let whole: f64 = subject.graph.bytes.iter().sum();
            for (index, slot) in found.iter_mut().enumerate() {
                let (capacity, policy) =
                    (capacities[index / policies.len()], policies[index % policies.len()]);
                let reached = replay(&subject.graph, &trace, policy, capacity * whole);
                let saved = (nothing.seconds - reached.seconds) / (nothing.seconds - all.seconds).max(1e-9);
                slot.push((saved, reached.hit_ratio));
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of traces are small")]
    let mean = |values: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| {
        values.iter().map(pick).sum::<f64>() / values.len().max(1) as f64
    };
    found
        .iter()
        .enumerate()
        .map(|(index, values)| Share {
            policy: policies[index % policies.len()].name(),
            capacity: capacities[index / policies.len()],
            share: mean(values, |value| value.0),
            least: values.iter().map(|value| value.0).fold(f64::INFINITY, f64::min),
            hits: mean(values, |value| value.1),
            traces: values.len(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(shares: &[Share], policy: &str, capacity: f64) -> f64 {
        let found =
            shares.iter().find(|share| share.policy == policy && (share.capacity - capacity).abs() < 1e-9);
        found.unwrap().share
    }

    #[test]
    fn the_default_policy_leads_on_pipelines() {
        let subjects: Vec<Subject> = [8, 11, 19].into_iter().map(|models| pipeline(models, 1)).collect();
        let shares = compare(&subjects, &[1, 2], &[0.1, 0.25], &PolicyKind::EVERY, &|_| ());
        for capacity in [0.1, 0.25] {
            let ours = share(&shares, "couler", capacity);
            for other in ["couler-paper", "lru", "fifo", "gdsf", "none"] {
                assert!(ours > share(&shares, other, capacity), "{other} at {capacity}: {shares:#?}");
            }
            assert!((share(&shares, "all", capacity) - 1.0).abs() < 1e-9);
        }
    }
}
