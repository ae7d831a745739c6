//! From the graph of a workflow to the numbers that splitting and simulating work on.

use std::collections::HashMap;

use petgraph::graph::NodeIndex;

use super::Estimates;
use super::split::{Dag, Partition, SplitError, Task, Weight, excess};
use crate::ir::{Node, Workflow};

/// Rendered bytes of a step when no engine says otherwise: an Argo template and task of a container with one argument
/// and two dependencies, measured on 1,000 such steps.
pub const BYTES_PER_STEP: usize = 300;

/// A workflow as numbered tasks. The numbers follow names, so the order of steps in a program does not matter.
#[derive(Debug, Clone)]
pub struct Model {
    /// The tasks.
    pub dag: Dag,
    /// The node of each task.
    nodes: Vec<NodeIndex>,
    /// The name of each task.
    names: Vec<String>,
}

impl Model {
    /// Numbers the steps of a workflow; `bytes_of` gives the rendered bytes of a step.
    ///
    /// # Errors
    /// [`SplitError::CyclicInput`].
    pub fn new(
        workflow: &Workflow,
        estimates: &Estimates,
        bytes_of: &dyn Fn(&Node) -> usize,
    ) -> Result<Self, SplitError> {
        let graph = &workflow.graph;
        let order = workflow.topological();
        if order.len() < graph.node_count() {
            let left = graph.node_indices().filter(|index| !order.contains(index));
            return Err(SplitError::CyclicInput(left.map(NodeIndex::index).collect()));
        }
        let mut number = vec![0; order.len()];
        for (task, index) in order.iter().enumerate() {
            number[index.index()] = task;
        }
        let successors: Vec<Vec<usize>> = order
            .iter()
            .map(|index| {
                let mut next: Vec<usize> = graph.neighbors(*index).map(|next| number[next.index()]).collect();
                next.sort_unstable();
                next
            })
            .collect();
        let tasks: Vec<Task> = order
            .iter()
            .map(|index| task(&graph[*index], estimates.of(*index).seconds, bytes_of(&graph[*index])))
            .collect();
        let dag = Dag::new(&successors, &tasks)?;
        let nodes: Vec<NodeIndex> = (0..dag.len()).map(|task| order[dag.original(task)]).collect();
        let names = nodes.iter().map(|index| graph[*index].name.clone()).collect();
        Ok(Self { dag, nodes, names })
    }

    /// The name of a task.
    pub fn name(&self, task: usize) -> &str {
        &self.names[task]
    }

    /// The node of a task.
    pub fn node(&self, task: usize) -> NodeIndex {
        self.nodes[task]
    }

    /// The names of the steps of each part, in order.
    pub fn names_of_parts(&self, parts: &Partition) -> Vec<Vec<String>> {
        let names = |part| parts.members(part).iter().map(|task| self.names[*task].clone()).collect();
        (0..parts.len()).map(names).collect()
    }

    /// Seconds from the start to the end of each step, by name, with unlimited workers.
    pub fn ends(&self) -> HashMap<String, f64> {
        let starts = self.dag.earliest_starts().into_iter().enumerate();
        starts.map(|(task, start)| (self.names[task].clone(), start + self.dag.span(task))).collect()
    }

    /// An error in the words of the workflow: steps by name.
    pub fn explain(&self, error: &SplitError) -> String {
        match error {
            SplitError::StepOverBudget { step, weight, budget } => {
                let name = (0..self.dag.len()).find(|task| self.dag.original(*task) == *step);
                let name = name.map_or("?", |task| self.name(task));
                format!("step {name:?} alone is over the budget: {}", excess(weight, budget))
            }
            other => other.to_string(),
        }
    }
}

fn task(node: &Node, seconds: f64, bytes: usize) -> Task {
    let instances = instances(node).unwrap_or(1).max(1);
    let limit = node.map.as_ref().and_then(|map| map.parallelism).and_then(|most| usize::try_from(most).ok());
    let repetitions = node.exec_while.as_ref().map_or(1, |repeat| usize::try_from(repeat.limit).unwrap_or(1));
    let retries = node.settings.retry.as_ref().map_or(0, |retry| usize::try_from(retry.limit).unwrap_or(0));
    Task {
        seconds,
        instances,
        at_once: limit.unwrap_or(instances).clamp(1, instances),
        retries,
        tolerant: node.settings.continue_on_failure,
        weight: Weight { steps: 1, pods: instances.saturating_mul(repetitions), bytes },
    }
}

/// How many instances a step has, if that is known before it runs.
pub(super) fn instances(node: &Node) -> Option<usize> {
    match node.map.as_ref().map(|map| &map.over) {
        None => Some(1),
        Some(items) => items.count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::EstimateFile;
    use crate::optimize::split::{Budget, Method, split};
    use crate::optimize::testing::{lowered, workflow};

    #[test]
    fn numbers_follow_names_not_the_order_of_steps() {
        let edges = [("b", "c"), ("a", "c")];
        let models = [["a", "b", "c"], ["c", "b", "a"]].map(|names| {
            let workflow = workflow(&names, &edges);
            let estimates = Estimates::resolve(&workflow, &EstimateFile::default());
            Model::new(&workflow, &estimates, &|_| 1).unwrap()
        });
        for model in models {
            assert_eq!([0, 1, 2].map(|task| model.name(task).to_owned()), ["a", "b", "c"]);
            assert_eq!(model.dag.successors(0), [2]);
        }
    }

    #[test]
    fn maps_and_loops_are_counted_and_the_step_over_the_budget_is_named() {
        let program = r#"
version: couler/v1
name: w
steps:
- name: many
  run: {function: run_container, image: i, args: ["{{item}}"]}
  map: {over: {kind: range, start: 3, end: 12}, parallelism: 4}
- name: again
  run: {function: run_script, source: "print('x')"}
  exec_while: {condition: again.result == x, limit: 7}
"#;
        let workflow = lowered(program);
        let estimates = Estimates::resolve(&workflow, &EstimateFile::default());
        let model = Model::new(&workflow, &estimates, &|_| 1).unwrap();
        let many = model.dag.task(1);
        assert_eq!((many.instances, many.at_once, many.weight.pods), (10, 4, 10));
        assert_eq!(model.dag.task(0).weight.pods, 7);
        let budget = Budget { pods: 9, ..Budget::default() };
        let error = split(&model.dag, &budget, Method::Windowed).unwrap_err();
        assert_eq!(
            model.explain(&error),
            "step \"many\" alone is over the budget: 10 pods, at most 9 are allowed"
        );
    }
}
