//! How long steps take and how much they write: from the user, from earlier runs on this machine, from the code lake,
//! or assumed and reported.

use indexmap::IndexMap;
use petgraph::graph::NodeIndex;
use serde::{Deserialize, Serialize};

use super::number::as_index;
use crate::api::Estimate;
use crate::ir::Workflow;

/// The version that every file of estimates starts with.
pub const ESTIMATES_VERSION: &str = "couler-estimates/v1";
/// Seconds of a step when nothing is known about any step.
const ASSUMED_SECONDS: f64 = 60.0;
/// No step is believed to take longer: 30 days.
const MOST_SECONDS: f64 = 30.0 * 86_400.0;
/// No step is believed to write more: one pebibyte.
const MOST_BYTES: f64 = 1_125_899_906_842_624.0;

/// What a user or earlier runs say about the steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimateFile {
    /// Always [`ESTIMATES_VERSION`].
    pub version: String,
    /// Estimates by the name of the step.
    pub steps: IndexMap<String, StepEstimate>,
    /// What earlier runs on this machine took, by the name of the step; no part of the file.
    #[serde(skip)]
    pub measured: IndexMap<String, StepEstimate>,
}

/// What is said about one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepEstimate {
    /// Seconds of one execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Bytes of all outputs together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<f64>,
}

/// A usable estimate for every step.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimates {
    by_node: Vec<Estimate>,
    /// What was replaced and why, for people.
    pub notes: Vec<String>,
}

impl Estimates {
    /// Takes the file's word, else what earlier runs took, else the code lake's word, else the median of the known ones.
    /// A value that is 0, negative, no number or absurd is replaced, and every replacement is noted.
    pub fn resolve(workflow: &Workflow, file: &EstimateFile) -> Self {
        let mut notes = Vec::new();
        let mut unknown = Vec::new();
        let mut by_node = vec![Estimate::default(); workflow.graph.node_count()];
        for index in workflow.topological() {
            let node = &workflow.graph[index];
            let said = file.steps.get(&node.name).copied().unwrap_or_default();
            let measured = file.measured.get(&node.name).copied().unwrap_or_default();
            let mut judged = |what: &str, said: Option<f64>, measured: Option<f64>, lake: f64, most: f64| {
                if let Some(value) = said.filter(|value| !usable(*value, most)) {
                    notes.push(format!("{}: {value} {what} cannot be, another value is used", node.name));
                }
                [said, measured, Some(lake)].into_iter().flatten().find(|value| usable(*value, most))
            };
            let seconds =
                judged("seconds", said.seconds, measured.seconds, node.estimate.seconds, MOST_SECONDS);
            let from_lake =
                super::number::as_f64(usize::try_from(node.estimate.output_bytes).unwrap_or(usize::MAX));
            let bytes =
                judged("output bytes", said.output_bytes, measured.output_bytes, from_lake, MOST_BYTES);
            if seconds.is_none() {
                unknown.push(index);
            }
            by_node[index.index()] = Estimate {
                seconds: seconds.unwrap_or(0.0),
                output_bytes: as_index(bytes.unwrap_or(0.0)) as u64,
            };
        }
        let of_runs = file.measured.iter().filter(|(name, measured)| {
            let said = file.steps.get(*name).and_then(|said| said.seconds);
            measured.seconds.is_some() && !said.is_some_and(|said| usable(said, MOST_SECONDS))
        });
        match of_runs.count() {
            0 => {}
            count => notes.push(format!(
                "how long {count} of {} steps last is known from earlier runs here",
                workflow.graph.node_count()
            )),
        }
        let assumed = median(by_node.iter().map(|known| known.seconds).filter(|seconds| *seconds > 0.0));
        let assumed = assumed.unwrap_or(ASSUMED_SECONDS);
        for index in &unknown {
            by_node[index.index()].seconds = assumed;
        }
        if !unknown.is_empty() {
            let first: Vec<&str> =
                unknown.iter().take(3).map(|index| workflow.graph[*index].name.as_str()).collect();
            let more = if unknown.len() > 3 { ", …" } else { "" };
            let (count, names) = (unknown.len(), first.join(", "));
            notes.push(format!(
                "{count} steps without an estimate are taken as {assumed:.1} s ({names}{more})"
            ));
        }
        let known: std::collections::HashSet<&str> =
            workflow.graph.node_weights().map(|node| node.name.as_str()).collect();
        let strangers = file.steps.keys().filter(|name| !known.contains(name.as_str()));
        notes.extend(strangers.map(|name| format!("{name}: an estimate for a step that does not exist")));
        Self { by_node, notes }
    }

    /// The estimate of a step.
    pub fn of(&self, node: NodeIndex) -> Estimate {
        self.by_node[node.index()]
    }
}

fn usable(value: f64, most: f64) -> bool {
    value > 0.0 && value <= most
}

/// The upper median.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::testing::workflow;

    #[test]
    fn what_cannot_be_is_replaced_and_reported() {
        let workflow = workflow(&["a", "b", "c", "d", "e", "f"], &[]);
        let said = [("a", 10.0), ("b", 0.0), ("c", -4.0), ("d", f64::NAN), ("e", 1e12), ("x", 3.0)];
        let steps = said.map(|(name, seconds)| {
            (name.to_owned(), StepEstimate { seconds: Some(seconds), output_bytes: Some(seconds) })
        });
        let file = EstimateFile {
            version: ESTIMATES_VERSION.into(),
            steps: IndexMap::from(steps),
            ..EstimateFile::default()
        };
        let estimates = Estimates::resolve(&workflow, &file);
        assert!(workflow.graph.node_indices().all(|index| (estimates.of(index).seconds - 10.0).abs() < 1e-9));
        let sentences = estimates.notes.join("\n");
        for expected in [
            "b: 0 seconds cannot be",
            "c: -4 seconds",
            "d: NaN seconds",
            "e: 1000000000000 seconds",
            "5 steps without an estimate are taken as 10.0 s (b, c, d, …)",
            "x: an estimate for a step that does not exist",
        ] {
            assert!(sentences.contains(expected), "{expected}: {sentences}");
        }
    }

    #[test]
    fn the_user_is_believed_before_earlier_runs_and_these_before_the_code_lake() {
        let mut workflow = workflow(&["a", "b", "c", "d"], &[]);
        for node in workflow.graph.node_weights_mut() {
            node.estimate = Estimate { seconds: 5.0, output_bytes: 50 };
        }
        let of = |seconds, bytes| StepEstimate { seconds, output_bytes: bytes };
        let file = EstimateFile {
            steps: IndexMap::from([
                ("a".to_owned(), of(Some(10.0), None)),
                ("b".to_owned(), of(Some(-1.0), None)),
            ]),
            measured: ["a", "b", "c"].map(|name| (name.to_owned(), of(Some(7.0), Some(70.0)))).into(),
            ..EstimateFile::default()
        };
        let estimates = Estimates::resolve(&workflow, &file);
        let found: Vec<(f64, u64)> = workflow
            .graph
            .node_indices()
            .map(|index| (estimates.of(index).seconds, estimates.of(index).output_bytes))
            .collect();
        assert_eq!(found, [(10.0, 70), (7.0, 70), (7.0, 70), (5.0, 50)]);
        assert_eq!(
            estimates.notes,
            [
                "b: -1 seconds cannot be, another value is used",
                "how long 2 of 4 steps last is known from earlier runs here"
            ]
        );
    }

    #[test]
    fn without_any_knowledge_a_minute_is_assumed() {
        let workflow = workflow(&["a"], &[]);
        let estimates = Estimates::resolve(&workflow, &EstimateFile::default());
        assert!((estimates.of(NodeIndex::new(0)).seconds - 60.0).abs() < 1e-9);
    }
}
