//! Traces of edits, and what a policy makes of them.

use std::hash::{DefaultHasher, Hash, Hasher};

use fastrand::Rng;

use super::random::beta;
use crate::run::policy::{Changes, Graph, Ledger, PolicyKind, Resident, View};

/// Bytes per second at which a kept artifact is read.
const BANDWIDTH: f64 = 200e6;

/// The keys of all steps, run by run.
#[derive(Debug, Clone)]
pub struct Trace {
    runs: Vec<Vec<Option<u128>>>,
}

impl Trace {
    /// A trace of `runs` runs: nine of ten change one to three steps, rather late than early ones; some take the last
    /// change back, some change nothing.
    pub fn new(graph: &Graph, seed: u64, runs: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let depth = depths(graph);
        let deepest = depth.iter().max().map_or(1, |most| most + 1);
        let mut versions = vec![0u32; graph.len()];
        let mut history = vec![versions.clone()];
        let mut edits = 0;
        let mut trace = Vec::with_capacity(runs);
        for run in 0..runs {
            let kind = rng.f64();
            if run > 2 && (0.1..0.2).contains(&kind) {
                versions.clone_from(&history[history.len() - 2]);
            } else if run > 0 && kind >= 0.1 {
                for _ in 0..[1, 1, 1, 2, 3][rng.usize(0..5)] {
                    edits += 1;
                    let step = edited(graph, &depth, deepest, &mut rng);
                    versions[step] = edits;
                }
            }
            history.push(versions.clone());
            trace.push(keys(graph, &versions));
        }
        Self { runs: trace }
    }
}

fn depths(graph: &Graph) -> Vec<usize> {
    let mut depth = vec![0; graph.len()];
    for &node in &graph.order {
        depth[node] = graph.parents[node].iter().map(|parent| depth[*parent] + 1).max().unwrap_or(0);
    }
    depth
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "depths are small"
)]
fn edited(graph: &Graph, depth: &[usize], deepest: usize, rng: &mut Rng) -> usize {
    let level = ((beta(rng, 2.2, 1.3) * deepest as f64) as usize).min(deepest - 1);
    let candidates: Vec<usize> = (0..graph.len()).filter(|node| depth[*node] == level).collect();
    candidates[rng.usize(0..candidates.len())]
}

fn keys(graph: &Graph, versions: &[u32]) -> Vec<Option<u128>> {
    let mut keys: Vec<Option<u128>> = vec![None; graph.len()];
    for &node in &graph.order {
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, node, versions[node]).hash(&mut hasher);
            graph.parents[node].iter().for_each(|parent| keys[*parent].hash(&mut hasher));
            u128::from(hasher.finish())
        };
        keys[node] = Some(half(1) << 64 | half(2));
    }
    keys
}

/// What a trace cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Seconds of all work and all reading together.
    pub seconds: f64,
    /// Share of the requested artifacts that were kept.
    pub hit_ratio: f64,
}

/// Replays a trace: each run asks for the results of the last steps; what is not kept is made, from its inputs.
pub fn replay(graph: &Graph, trace: &Trace, kind: PolicyKind, capacity: f64) -> Cost {
    let mut policy = kind.policy();
    let mut ledger = Ledger::default();
    let mut changes = Changes::new(graph.len());
    let mut before: Option<&Vec<Option<u128>>> = None;
    let (mut seconds, mut asked, mut hits) = (0.0, 0u32, 0u32);
    for keys in &trace.runs {
        if let Some(before) = before {
            changes.observe(graph, before, keys);
        }
        before = Some(keys);
        let view = View { graph, keys, changes: &changes, capacity, bandwidth: BANDWIDTH };
        policy.begin(&view, &ledger);
        let mut needed: Vec<bool> = graph.children.iter().map(Vec::is_empty).collect();
        let mut made = Vec::new();
        for &node in graph.order.iter().rev().filter(|node| graph.len() > **node) {
            if !needed[node] {
                continue;
            }
            asked += 1;
            let key = keys[node].expect("every step of a trace has a key");
            if ledger.kept.contains_key(&key) {
                hits += 1;
                seconds += graph.bytes[node] / BANDWIDTH;
                ledger.touch(key);
                let score = policy.score(&view, &ledger, key, node);
                ledger.kept.entry(key).and_modify(|resident| resident.score = score);
            } else {
                made.push((node, key));
                graph.parents[node].iter().for_each(|parent| needed[*parent] = true);
            }
        }
        for (node, key) in made.into_iter().rev() {
            seconds += graph.seconds[node];
            ledger.touch(key);
            let Some(victims) = policy.admit(&view, &ledger, key, node) else { continue };
            for victim in victims {
                ledger.remove(victim);
            }
            let score = policy.score(&view, &ledger, key, node);
            let (bytes, clock) = (graph.bytes[node], ledger.clock);
            ledger.insert(key, Resident { node: Some(node), bytes, last: clock, stored: clock, score });
        }
    }
    Cost { seconds, hit_ratio: f64::from(hits) / f64::from(asked.max(1)) }
}
