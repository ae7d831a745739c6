//! The cache plan: which steps are memoized, chosen by the seconds that a kept byte saves.
//!
//! `score(u) = P_valid · P_need · max(0, rebuild(u | cache) − size / bandwidth) / size`: `P_valid` is the probability that
//! neither the step nor anything before it changed since the last run, `P_need` that something which reads it did,
//! `rebuild` the time to make it again with what is already kept.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::split::model;
use super::{Change, Pass, PassError, Report, Settings, size};
use crate::api::{self, Duration, Input};
use crate::ir::{Action, Carry, Node, Workflow};
use crate::optimize::number::as_f64;
use crate::optimize::{Estimates, Model};

/// Probability that a person changes a step between two runs.
const CHANGE: f64 = 0.1;
/// Bytes per second from the store.
const BANDWIDTH: f64 = 100e6;
/// Bytes of a result whose size nobody knows.
const UNKNOWN_BYTES: f64 = 10e6;
/// Results are used for a week; for a day if something before them reads from outside, which may change unseen.
const AGE: u64 = 7 * 86_400;
const AGE_OF_OUTSIDE: u64 = 86_400;
/// Ancestors that are looked at; beyond them the time to rebuild is a lower bound.
const MOST_ANCESTORS: usize = 2_000;

/// Memoizes the steps whose results are worth the capacity.
#[derive(Debug, Clone)]
pub struct CachePlan {
    settings: Settings,
}

impl CachePlan {
    /// A pass with its settings.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Pass for CachePlan {
    fn name(&self) -> &'static str {
        "cache"
    }

    fn run(&self, workflow: &mut Workflow) -> Result<Report, PassError> {
        let model = model(self.name(), workflow, &self.settings)?;
        let plan = Plan::new(workflow, &model, &self.settings);
        let (chosen, used) = plan.choose(self.settings.cache_capacity);
        let (mut changes, mut saved) = (Vec::new(), 0.0);
        for choice in &chosen {
            let age = if plan.outside[choice.task] { AGE_OF_OUTSIDE } else { AGE };
            let age = Duration::from_seconds(age);
            let node = &mut workflow.graph[model.node(choice.task)];
            node.settings.cache = Some(api::Cache { key: None, max_age: Some(age) });
            saved += choice.seconds;
            let bytes = size(plan.bytes[choice.task]);
            let why = format!("{:.0} s to make again, {bytes} to keep", choice.rebuild);
            changes.push(Change::new(&node.name, format!("memoized for {age}"), why));
        }
        let capacity = size(self.settings.cache_capacity);
        let kept = workflow.graph.node_weights().filter(|node| node.settings.cache.is_some()).count();
        let summary = format!("{kept} of {} steps are memoized", model.dag.len());
        let figures = vec![
            ("capacity used", format!("{} of {capacity}", size(used))),
            ("expected saving per run", format!("{saved:.0} s")),
        ];
        Ok(Report { pass: self.name(), summary, changes, figures, parts: None })
    }
}

/// A step that is memoized.
#[derive(Debug, Clone, Copy)]
struct Choice {
    task: usize,
    /// Seconds to make it again with what was kept before.
    rebuild: f64,
    /// Seconds that keeping it is expected to save in each run.
    seconds: f64,
}

struct Plan<'a> {
    model: &'a Model,
    parents: Vec<Vec<usize>>,
    bytes: Vec<f64>,
    valid: Vec<f64>,
    needed: Vec<f64>,
    /// Whether the step or something before it reads from outside the workflow.
    outside: Vec<bool>,
    possible: Vec<bool>,
    /// Steps that the user memoizes.
    given: HashSet<usize>,
}

impl<'a> Plan<'a> {
    fn new(workflow: &Workflow, model: &'a Model, settings: &Settings) -> Self {
        let count = model.dag.len();
        let estimates = Estimates::resolve(workflow, &settings.estimates);
        let node = |task: usize| &workflow.graph[model.node(task)];
        let mut plan = Self {
            model,
            parents: vec![Vec::new(); count],
            bytes: Vec::with_capacity(count),
            valid: vec![1.0; count],
            needed: vec![1.0; count],
            outside: vec![false; count],
            possible: (0..count)
                .map(|task| {
                    may_be_memoized(workflow, model, task) && !settings.not_kept.contains(model.name(task))
                })
                .collect(),
            given: (0..count).filter(|task| node(*task).settings.cache.is_some()).collect(),
        };
        for task in 0..count {
            let bytes = estimates.of(model.node(task)).output_bytes;
            let known = as_f64(usize::try_from(bytes).unwrap_or(usize::MAX));
            plan.bytes.push(if bytes > 0 { known } else { UNKNOWN_BYTES });
            plan.outside[task] |= reads_outside(node(task));
            let successors = model.dag.successors(task);
            if !successors.is_empty() {
                let exponent = i32::try_from(successors.len()).unwrap_or(i32::MAX);
                plan.needed[task] = 1.0 - (1.0 - CHANGE).powi(exponent);
            }
            for next in successors {
                plan.parents[*next].push(task);
                plan.outside[*next] |= plan.outside[task];
            }
        }
        for task in 0..count {
            let ancestors = i32::try_from(plan.ancestors(task, &HashSet::new()).0).unwrap_or(i32::MAX);
            plan.valid[task] = (1.0 - CHANGE).powi(ancestors);
        }
        plan
    }

    /// How many steps have to run to make a result again, itself included, and the seconds that takes.
    fn ancestors(&self, task: usize, kept: &HashSet<usize>) -> (usize, f64) {
        let mut seen = HashSet::from([task]);
        let mut stack = vec![task];
        let mut seconds = 0.0;
        while let Some(next) = stack.pop() {
            seconds += self.model.dag.span(next);
            for parent in self.parents[next].iter().filter(|parent| !kept.contains(parent)) {
                if seen.len() < MOST_ANCESTORS && seen.insert(*parent) {
                    stack.push(*parent);
                }
            }
        }
        (seen.len(), seconds)
    }

    /// Takes the best step per byte again and again while there is room. A step that is kept makes those behind it
    /// cheaper to rebuild, so scores only fall, and an old score is a bound for the new one.
    fn choose(&self, capacity: f64) -> (Vec<Choice>, f64) {
        let mut kept = self.given.clone();
        let given: f64 = self.given.iter().map(|task| self.bytes[*task]).sum();
        let mut room = (capacity - given).max(0.0);
        let mut heap: BinaryHeap<(Score, Reverse<usize>, usize)> = (0..self.model.dag.len())
            .filter(|task| self.possible[*task] && !kept.contains(task))
            .map(|task| (self.score(task, &kept).0, Reverse(task), 0))
            .collect();
        let mut chosen: Vec<Choice> = Vec::new();
        while let Some((score, Reverse(task), made_with)) = heap.pop() {
            if score.0 <= 0.0 {
                break;
            }
            if self.bytes[task] > room {
                continue;
            }
            if made_with < chosen.len() {
                heap.push((self.score(task, &kept).0, Reverse(task), chosen.len()));
                continue;
            }
            let (_, rebuild, seconds) = self.score(task, &kept);
            room -= self.bytes[task];
            kept.insert(task);
            chosen.push(Choice { task, rebuild, seconds });
        }
        let used = given + chosen.iter().map(|choice| self.bytes[choice.task]).sum::<f64>();
        (chosen, used)
    }

    /// The score, the seconds to rebuild, and the seconds that keeping it saves in a run.
    fn score(&self, task: usize, kept: &HashSet<usize>) -> (Score, f64, f64) {
        let (_, rebuild) = self.ancestors(task, kept);
        let gain = (rebuild - self.bytes[task] / BANDWIDTH).max(0.0);
        let seconds = self.valid[task] * self.needed[task] * gain;
        (Score(seconds / self.bytes[task]), rebuild, seconds)
    }
}

/// Seconds per byte.
#[derive(Debug, Clone, Copy)]
struct Score(f64);

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Components that read what their arguments name.
const READERS: [&str; 6] =
    ["data.load", "data.load_sql", "data.load_huggingface", "data.download", "git.clone", "model.load"];

fn reads_outside(node: &Node) -> bool {
    let by_arguments = node.component.as_deref().is_some_and(|name| READERS.contains(&name));
    by_arguments || node.inputs.iter().any(|input| matches!(input, Input::External { .. }))
}

/// Memoizing skips the step: only for steps whose results someone reads, so never for messages, deployments and other
/// steps that are run for their effect, and neither for jobs nor for what runs in the background.
fn may_be_memoized(workflow: &Workflow, model: &Model, task: usize) -> bool {
    let index = model.node(task);
    let node: &Node = &workflow.graph[index];
    let read = workflow.graph.edges(index).any(|edge| {
        edge.weight()
            .carries
            .iter()
            .any(|carry| matches!(carry, Carry::Artifact { .. } | Carry::Parameter { .. }))
    });
    let saves = matches!(&node.action, Action::Script { arguments: Some(arguments), .. } if arguments.get("output").is_some());
    let for_effect = saves || node.component.as_deref().is_some_and(api::acts_elsewhere);
    let shared = node.settings.volumes.iter().any(|volume| matches!(volume, api::Volume::Shared { .. }));
    let plain = node.map.is_none() && node.exec_while.is_none() && !node.settings.daemon && !shared;
    read && plain && !for_effect && !matches!(node.action, Action::Job { .. })
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::optimize::number::as_index;
    use crate::optimize::testing::lowered;
    use crate::optimize::{EstimateFile, StepEstimate};

    const PROGRAM: &str = r#"
version: couler/v1
name: w
steps:
- name: load
  run: {function: run_container, image: i}
  inputs: [{kind: external, name: raw, location: {kind: http, url: "https://x.org/big.csv"}}]
  outputs: [{name: data, source: {kind: artifact, path: /d}}]
- name: clean
  run: {function: run_container, image: i}
  inputs: [{kind: artifact, name: data, step: load, output: data}]
  outputs: [{name: data, source: {kind: artifact, path: /d}}]
- name: train
  run: {function: run_container, image: i}
  inputs: [{kind: artifact, name: data, step: clean, output: data}]
  outputs: [{name: model, source: {kind: artifact, path: /m}}]
- name: tell
  run: {function: run_container, image: i}
  inputs: [{kind: artifact, name: model, step: train, output: model}]
"#;

    fn planned(capacity: f64, costs: [(&str, f64, f64); 3]) -> (Report, Vec<String>) {
        let steps: IndexMap<String, StepEstimate> = costs
            .into_iter()
            .map(|(name, seconds, bytes)| {
                (name.to_owned(), StepEstimate { seconds: Some(seconds), output_bytes: Some(bytes) })
            })
            .collect();
        let estimates = EstimateFile { steps, ..EstimateFile::default() };
        let settings = Settings { estimates, cache_capacity: capacity, ..Settings::default() };
        let mut workflow = lowered(PROGRAM);
        let report = CachePlan::new(&settings).run(&mut workflow).unwrap();
        let cached = workflow.graph.node_weights().filter(|node| node.settings.cache.is_some());
        (report, cached.map(|node| node.name.clone()).collect())
    }

    #[test]
    fn capacity_goes_to_what_saves_most_per_byte_and_effects_are_never_skipped() {
        let costs = [("load", 10.0, 1e9), ("clean", 500.0, 1e6), ("train", 1000.0, 1e6)];
        let (report, cached) = planned(3e6, costs);
        assert_eq!(cached, ["clean", "train"]);
        assert_eq!(report.changes[0].what, "memoized for 1d");
        assert_eq!(planned(1e6, costs).1, ["train"]);
        assert_eq!(planned(1e5, costs).1, Vec::<String>::new());
        // Reading a gigabyte back takes as long as making it.
        assert_eq!(planned(1e12, costs).1, ["clean", "train"]);
    }

    #[test]
    fn what_the_user_memoizes_stays() {
        let mut workflow =
            lowered(&PROGRAM.replacen("  outputs", "  settings: {cache: {key: mine}}\n  outputs", 1));
        CachePlan::new(&Settings::default()).run(&mut workflow).unwrap();
        let load = workflow.graph.node_weights().find(|node| node.name == "load").unwrap();
        assert_eq!(load.settings.cache.as_ref().unwrap().key.as_deref(), Some("mine"));
    }

    #[test]
    fn scores_fall_when_more_is_kept() {
        let workflow = lowered(PROGRAM);
        let model = model("cache", &workflow, &Settings::default()).unwrap();
        let plan = Plan::new(&workflow, &model, &Settings::default());
        let train = (0..4).find(|task| model.name(*task) == "train").unwrap();
        let clean = (0..4).find(|task| model.name(*task) == "clean").unwrap();
        assert_eq!(plan.ancestors(train, &HashSet::new()), (3, 180.0));
        assert_eq!(plan.ancestors(train, &HashSet::from([clean])), (1, 60.0));
        assert_eq!(as_index(plan.bytes[train]), 10_000_000);
    }
}
