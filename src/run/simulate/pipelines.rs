//! Machine-learning pipelines as people build them: sources, cleaning, features, models, evaluations, a comparison.

use fastrand::Rng;

use super::Subject;
use super::random::{normal, uniform};
use crate::run::policy::Graph;

#[derive(Default)]
struct Draft {
    children: Vec<Vec<usize>>,
    seconds: Vec<f64>,
    bytes: Vec<f64>,
}

impl Draft {
    fn add(&mut self, seconds: f64, bytes: f64) -> usize {
        self.children.push(Vec::new());
        self.seconds.push(seconds);
        self.bytes.push(bytes);
        self.children.len() - 1
    }
}

/// A pipeline with three sources and this many models.
pub fn pipeline(models: usize, seed: u64) -> Subject {
    let mut rng = Rng::with_seed(seed.wrapping_mul(1009).wrapping_add(models as u64));
    let mut draft = Draft::default();
    let mut features = Vec::new();
    for _ in 0..3 {
        let source = draft.add(uniform(&mut rng, 60.0, 600.0), uniform(&mut rng, 2e9, 20e9));
        let clean = draft.add(uniform(&mut rng, 60.0, 900.0), uniform(&mut rng, 1e9, 10e9));
        draft.children[source].push(clean);
        for _ in 0..2 {
            let feature = draft.add(uniform(&mut rng, 120.0, 1800.0), uniform(&mut rng, 0.2e9, 8e9));
            draft.children[clean].push(feature);
            features.push(feature);
        }
    }
    let mut evaluations = Vec::new();
    for _ in 0..models {
        let model = draft.add((7.0 + normal(&mut rng)).exp(), uniform(&mut rng, 0.01e9, 1e9));
        let inputs = [1, 1, 2, 3][rng.usize(0..4)];
        rng.shuffle(&mut features);
        for feature in &features[..inputs] {
            draft.children[*feature].push(model);
        }
        let evaluation = draft.add(uniform(&mut rng, 20.0, 200.0), 1e6);
        draft.children[model].push(evaluation);
        evaluations.push(evaluation);
    }
    let comparison = draft.add(10.0, 1e5);
    for evaluation in evaluations {
        draft.children[evaluation].push(comparison);
    }
    Subject {
        name: format!("pipeline with {models} models, seed {seed}"),
        kind: "pipeline".into(),
        graph: Graph::new(draft.children, draft.seconds, draft.bytes),
    }
}
