//! The steps of a workflow as the scheduler sees them.

use std::collections::HashMap;

use crate::ir::{Node, Workflow};
use crate::run::resources::Capacity;

/// A step.
pub(in crate::run) struct Entry<'a> {
    pub(in crate::run) node: &'a Node,
    pub(in crate::run) parents: Vec<usize>,
    pub(in crate::run) children: Vec<usize>,
    pub(in crate::run) asked: Capacity,
    /// Most instances at the same time.
    pub(in crate::run) parallelism: usize,
    /// Order in which ready steps start: those with the longest way to the end first.
    pub(in crate::run) rank: u64,
}

/// All steps in topological order, then those that run at the end.
pub(in crate::run) struct Plan<'a> {
    pub(in crate::run) entries: Vec<Entry<'a>>,
    /// How many of the entries are no exit steps.
    pub(in crate::run) steps: usize,
    /// Positions by name.
    pub(in crate::run) position: HashMap<&'a str, usize>,
}

impl<'a> Plan<'a> {
    pub(in crate::run) fn new(workflow: &'a Workflow, machine: Capacity) -> Self {
        let order = workflow.topological();
        let mut place = vec![0; order.len()];
        for (position, index) in order.iter().enumerate() {
            place[index.index()] = position;
        }
        let around = |index, direction| {
            workflow.graph.neighbors_directed(index, direction).map(|other| place[other.index()]).collect()
        };
        let mut entries: Vec<Entry<'a>> = order
            .iter()
            .map(|index| {
                let (parents, children) =
                    (around(*index, petgraph::Incoming), around(*index, petgraph::Outgoing));
                Entry::new(&workflow.graph[*index], parents, children, machine)
            })
            .collect();
        let steps = entries.len();
        entries.extend(workflow.on_exit.iter().map(|node| Entry::new(node, Vec::new(), Vec::new(), machine)));
        let position =
            entries.iter().enumerate().map(|(index, entry)| (entry.node.name.as_str(), index)).collect();
        let mut plan = Self { entries, steps, position };
        plan.rank();
        plan
    }

    pub(in crate::run) fn node(&self, index: usize) -> &'a Node {
        self.entries[index].node
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "times are positive and rounded"
    )]
    fn rank(&mut self) {
        let mut longest = vec![0.0f64; self.entries.len()];
        for index in (0..self.entries.len()).rev() {
            let entry = &self.entries[index];
            let behind = entry.children.iter().map(|child| longest[*child]).fold(0.0, f64::max);
            longest[index] = behind + entry.node.estimate.seconds.max(0.001);
            self.entries[index].rank = u64::MAX - (longest[index] * 1000.0) as u64;
        }
    }
}

impl<'a> Entry<'a> {
    fn new(node: &'a Node, parents: Vec<usize>, children: Vec<usize>, machine: Capacity) -> Self {
        let asked = Capacity::asked(&node.settings.resources).within(machine);
        let parallelism =
            node.map.as_ref().and_then(|map| map.parallelism).map_or(usize::MAX, |most| most as usize);
        Self { node, parents, children, asked, parallelism, rank: 0 }
    }
}
