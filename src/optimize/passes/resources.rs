//! Resources: requests where there are none, demand over time, and the smallest parallelism that costs no time.

use super::demand::Demand;
use super::split::model;
use super::{Change, Pass, PassError, Quota, Report, Settings, size};
use crate::api::Input;
use crate::ir::{Action, Workflow};
use crate::optimize::number::{as_f64, as_index};
use crate::optimize::simulate::{Assumptions, Mode, Simulation, simulate};
use crate::optimize::{Estimates, Model};

/// A table in memory takes about this many times its size in a file.
const IN_MEMORY: f64 = 4.0;
/// What a Python process takes before it reads anything, and the steps in which memory is requested.
const BASE_MEMORY: f64 = 256.0 * 1_048_576.0;
const MEMORY_STEP: f64 = 128.0 * 1_048_576.0;

/// Requests memory and disk where the sizes of what a step reads and writes are known and the user requested nothing,
/// and limits the parallelism to what keeps the makespan.
#[derive(Debug, Clone)]
pub struct Resources {
    settings: Settings,
}

impl Resources {
    /// A pass with its settings.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Pass for Resources {
    fn name(&self) -> &'static str {
        "resources"
    }

    fn run(&self, workflow: &mut Workflow) -> Result<Report, PassError> {
        let model = model(self.name(), workflow, &self.settings)?;
        let mut changes = request(workflow, &Estimates::resolve(workflow, &self.settings.estimates));
        let unlimited = simulate(&model.dag, Mode::Unsplit, &Assumptions::default());
        let enough = smallest_parallelism(&model, &unlimited);
        if workflow.settings.parallelism.is_none() && enough < unlimited.workers {
            workflow.settings.parallelism = u32::try_from(enough).ok();
            let why = format!("{} at once would not be faster", unlimited.workers);
            changes.push(Change::new(&workflow.name, format!("at most {enough} steps at once"), why));
        }
        let limit = workflow.settings.parallelism.and_then(|most| usize::try_from(most).ok());
        let (run, demand) = self.within_quota(workflow, &model, limit, &mut changes)?;
        let path = model.dag.critical_tasks();
        let shown: Vec<&str> = path.iter().take(12).map(|task| model.name(*task)).collect();
        let more = if path.len() > 12 { format!(" … ({} steps)", path.len()) } else { String::new() };
        let figures = vec![
            ("critical path", format!("{:.0} s: {}{more}", model.dag.critical_path(), shown.join(" → "))),
            ("total work", format!("{:.0} s", model.dag.total_work())),
            ("makespan", format!("{:.0} s", run.makespan)),
            ("peak pods", demand.pods.to_string()),
            ("peak CPU requested", format!("{:.1} cores", demand.cpu)),
            ("peak memory requested", size(demand.memory)),
            ("peak GPUs requested", demand.gpu.to_string()),
            ("quota", if self.settings.quota == Quota::default() { "none given" } else { "kept" }.to_owned()),
        ];
        let summary = format!("{} pods at most at the same time, {} changes", demand.pods, changes.len());
        Ok(Report { pass: self.name(), summary, changes, figures, parts: None })
    }
}

impl Resources {
    /// A run with at most `limit` steps at once, or fewer if more would request more than the quota.
    fn within_quota(
        &self,
        workflow: &mut Workflow,
        model: &Model,
        limit: Option<usize>,
        changes: &mut Vec<Change>,
    ) -> Result<(Simulation, Demand), PassError> {
        let quota = &self.settings.quota;
        let alone = (0..model.dag.len()).find_map(|task| {
            let excess = quota.excess(&Demand::of(workflow, model, task))?;
            Some(format!("step {:?} alone requests {excess}", model.name(task)))
        });
        if let Some(message) = alone {
            return Err(PassError { pass: self.name(), message, hint: "raise the quota, or request less" });
        }
        let with = |workers: Option<usize>| {
            let run = simulate(&model.dag, Mode::Unsplit, &Assumptions { workers, ..Assumptions::default() });
            let demand = Demand::peak(workflow, model, &run);
            (run, demand)
        };
        let (run, demand) = with(limit);
        let Some(excess) = quota.excess(&demand) else { return Ok((run, demand)) };
        // One at a time is within the quota, as each step is by itself.
        let (mut within, mut beyond) = (1, run.workers.max(2));
        while beyond - within > 1 {
            let middle = within.midpoint(beyond);
            if quota.excess(&with(Some(middle)).1).is_none() {
                within = middle;
            } else {
                beyond = middle;
            }
        }
        let (run, demand) = with(Some(within));
        workflow.settings.parallelism = u32::try_from(within).ok();
        let why = format!("more would request {excess}");
        changes.push(Change::new(&workflow.name, format!("at most {within} steps at once"), why));
        Ok((run, demand))
    }
}

/// Requests for steps that read or write a known amount.
fn request(workflow: &mut Workflow, estimates: &Estimates) -> Vec<Change> {
    let mut changes = Vec::new();
    for index in workflow.topological() {
        let node = &workflow.graph[index];
        if matches!(node.action, Action::Job { .. }) {
            continue;
        }
        let bytes = |step: &str| -> f64 {
            let mut before = workflow.graph.neighbors_directed(index, petgraph::Incoming);
            let producer = before.find(|before| workflow.graph[*before].name == step);
            producer.map_or(0.0, |producer| known_bytes(estimates, producer))
        };
        let mut producers: Vec<&str> = node
            .inputs
            .iter()
            .filter_map(|input| match input {
                Input::Artifact { step, .. } => Some(step.as_str()),
                _ => None,
            })
            .collect();
        producers.sort_unstable();
        producers.dedup();
        let read: f64 = producers.into_iter().map(bytes).sum();
        let written = known_bytes(estimates, index);
        if read + written <= 0.0 {
            continue;
        }
        let memory = mebibytes(BASE_MEMORY + IN_MEMORY * read.max(written));
        let disk = mebibytes(2.0 * (read + written));
        let why = format!("it reads {} and writes {}", size(read), size(written));
        let node = &mut workflow.graph[index];
        let resources = &mut node.settings.resources;
        // A request above the user's own limit would be refused by the cluster.
        if resources.memory.is_none() && resources.memory_limit.is_none() {
            resources.memory = Some(memory.clone());
            changes.push(Change::new(&node.name, format!("requests {memory} of memory"), &why));
        }
        if resources.disk.is_none() {
            resources.disk = Some(disk.clone());
            changes.push(Change::new(&node.name, format!("requests {disk} of disk"), why));
        }
    }
    changes
}

fn known_bytes(estimates: &Estimates, node: petgraph::graph::NodeIndex) -> f64 {
    as_f64(usize::try_from(estimates.of(node).output_bytes).unwrap_or(usize::MAX))
}

fn mebibytes(bytes: f64) -> String {
    format!("{}Mi", as_index((bytes / MEMORY_STEP).ceil() * 128.0))
}

/// The fewest workers with which the makespan is that of unlimited workers.
fn smallest_parallelism(model: &Model, unlimited: &Simulation) -> usize {
    let long_enough = unlimited.makespan * (1.0 + 1e-9);
    let keeps = |workers: usize| {
        let assumptions = Assumptions { workers: Some(workers), ..Assumptions::default() };
        simulate(&model.dag, Mode::Unsplit, &assumptions).makespan <= long_enough
    };
    // List scheduling may get slower with more workers, so what is found was tried, but need not be the smallest.
    let (mut too_few, mut enough) = (0, unlimited.workers.max(1));
    while enough - too_few > 1 {
        let middle = too_few.midpoint(enough);
        if keeps(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    enough
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::optimize::testing::{lowered, workflow};
    use crate::optimize::{EstimateFile, StepEstimate};

    #[test]
    fn parallelism_is_limited_where_that_costs_nothing() {
        // A chain of three beside three steps that fit next to it one after the other.
        let mut workflow = workflow(&["a", "b", "c", "x", "y", "z"], &[("a", "b"), ("b", "c")]);
        let report = Resources::new(&Settings::default()).run(&mut workflow).unwrap();
        assert_eq!(workflow.settings.parallelism, Some(2));
        assert_eq!(report.changes[0].why, "4 at once would not be faster");
        let figure = |name: &str| report.figures.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        assert_eq!(figure("critical path"), "180 s: a → b → c");
        assert_eq!((figure("total work"), figure("peak pods")), ("360 s".to_owned(), "2".to_owned()));
    }

    #[test]
    fn a_quota_limits_the_steps_at_once_and_a_step_over_it_is_named() {
        let program = |memory: &str| {
            let step = |name: &str| {
                format!(
                    "- name: {name}\n  run: {{function: run_container, image: i}}\n  settings: {{resources: {{memory: {memory}}}}}\n"
                )
            };
            format!("version: couler/v1\nname: w\nsteps:\n{}", ["a", "b", "c", "d", "e"].map(step).concat())
        };
        let quota = Quota { memory: Some(7.0 * 1_073_741_824.0), ..Quota::default() };
        let pass = Resources::new(&Settings { quota, ..Settings::default() });
        let mut workflow = lowered(&program("2Gi"));
        let report = pass.run(&mut workflow).unwrap();
        assert_eq!(workflow.settings.parallelism, Some(3));
        assert_eq!(report.changes.last().unwrap().why, "more would request 10.0 GiB of memory of 7.0 GiB");
        let error = pass.run(&mut lowered(&program("8Gi"))).unwrap_err();
        assert_eq!(error.message, "step \"a\" alone requests 8.0 GiB of memory of 7.0 GiB");
    }

    #[test]
    fn requests_follow_sizes_and_leave_the_user_s_alone() {
        let program = r"
version: couler/v1
name: w
steps:
- name: load
  run: {function: run_container, image: i}
  outputs: [{name: data, source: {kind: artifact, path: /d}}]
- name: train
  run: {function: run_container, image: i}
  inputs: [{kind: artifact, name: data, step: load, output: data}]
  settings: {resources: {memory: 7Gi, cpu: 500m, gpu: 2}}
";
        let known = StepEstimate { seconds: None, output_bytes: Some(1e9) };
        let estimates =
            EstimateFile { steps: IndexMap::from([("load".to_owned(), known)]), ..EstimateFile::default() };
        let mut workflow = lowered(program);
        let report =
            Resources::new(&Settings { estimates, ..Settings::default() }).run(&mut workflow).unwrap();
        let memory = |name: &str| {
            let node = workflow.graph.node_weights().find(|node| node.name == name).unwrap();
            (node.settings.resources.memory.clone().unwrap(), node.settings.resources.disk.clone().unwrap())
        };
        assert_eq!(memory("load"), ("4096Mi".to_owned(), "1920Mi".to_owned()));
        assert_eq!(memory("train"), ("7Gi".to_owned(), "1920Mi".to_owned()));
        let figures: Vec<&str> = report.figures.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(&figures[3..], ["1", "0.5 cores", "7.0 GiB", "2", "none given"]);
    }
}
