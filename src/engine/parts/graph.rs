//! The graph, seen part by part.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

use super::super::EngineError;
use super::{Admission, PartPlan};
use crate::ir::{Carry, Workflow};

/// A workflow in parts.
pub(crate) struct Parts<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) admission: Admission,
    part_of: HashMap<&'a str, usize>,
    members: Vec<Vec<NodeIndex>>,
    before: Vec<BTreeSet<usize>>,
}

/// Where steps of one part wait for steps of others: one gate for all steps that wait for the same ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gate<'a> {
    /// The steps elsewhere.
    pub producers: BTreeSet<&'a str>,
    /// The steps of this part.
    pub readers: Vec<&'a str>,
    /// Scalars that these read, as (step, output).
    pub values: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Parts<'a> {
    /// The parts of a plan.
    ///
    /// # Errors
    /// Steps in no part or in several, parts that wait for later ones, and daemons, whose part would end before the
    /// workflow.
    pub(crate) fn new(
        engine: &'static str,
        workflow: &'a Workflow,
        plan: &PartPlan,
    ) -> Result<Self, EngineError> {
        let mut given: HashMap<&str, usize> = HashMap::new();
        for (part, names) in plan.parts.iter().enumerate() {
            for name in names {
                if given.insert(name, part).is_some() {
                    return Err(EngineError::Parts(format!("step {name:?} is in two parts")));
                }
            }
        }
        let count = plan.parts.len();
        let mut parts = Self {
            workflow,
            admission: plan.admission,
            part_of: HashMap::with_capacity(workflow.graph.node_count()),
            members: vec![Vec::new(); count],
            before: vec![BTreeSet::new(); count],
        };
        for index in workflow.topological() {
            let node = &workflow.graph[index];
            let Some(part) = given.remove(node.name.as_str()) else {
                return Err(EngineError::Parts(format!("step {:?} is in no part", node.name)));
            };
            if node.settings.daemon && count > 1 {
                return Err(EngineError::Unsupported {
                    engine,
                    step: node.name.clone(),
                    feature: "daemon in a workflow of several parts",
                    reason:
                        "it would end with its part, not with the workflow; use --split off, or make it a \
                             service that is there before"
                            .to_owned(),
                });
            }
            parts.part_of.insert(&node.name, part);
            parts.members[part].push(index);
            for earlier in workflow.dependencies(index) {
                let of_earlier = parts.part_of[earlier];
                if of_earlier > part {
                    let message = format!("part {} waits for the later part {}", part + 1, of_earlier + 1);
                    return Err(EngineError::Parts(message));
                }
                if of_earlier != part {
                    parts.before[part].insert(of_earlier);
                }
            }
        }
        match given.keys().min() {
            None => Ok(parts),
            Some(stranger) => Err(EngineError::Parts(format!("there is no step {stranger:?}"))),
        }
    }

    /// Number of parts.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The part of a step; none for steps at the end.
    pub(crate) fn part_of(&self, step: &str) -> Option<usize> {
        self.part_of.get(step).copied()
    }

    /// Whether a step is in another part than this one.
    pub(crate) fn is_elsewhere(&self, part: usize, step: &str) -> bool {
        self.part_of(step).is_some_and(|other| other != part)
    }

    /// The steps of a part, each after those that it waits for.
    pub(crate) fn members(&self, part: usize) -> &[NodeIndex] {
        &self.members[part]
    }

    /// The parts that a part waits for.
    pub(crate) fn before(&self, part: usize) -> &BTreeSet<usize> {
        &self.before[part]
    }

    pub(crate) fn has_barriers(&self) -> bool {
        self.admission == Admission::Barrier
    }

    /// The steps of its own part that a step waits for.
    pub(crate) fn inside(&self, index: NodeIndex) -> Vec<&'a str> {
        let own = self.part_of(&self.workflow.graph[index].name);
        let mut names = self.workflow.dependencies(index);
        names.retain(|name| self.part_of(name) == own);
        names
    }

    /// The steps of other parts that a step waits for, sorted.
    pub(crate) fn outside(&self, index: NodeIndex) -> Vec<&'a str> {
        let own = self.part_of(&self.workflow.graph[index].name);
        let mut names = self.workflow.dependencies(index);
        names.retain(|name| self.part_of(name) != own);
        names
    }

    /// The scalars that a step reads from steps of other parts, as (step, output).
    fn values_from_outside(&self, index: NodeIndex) -> BTreeSet<(&'a str, &'a str)> {
        let graph = &self.workflow.graph;
        let own = self.part_of(&graph[index].name);
        let mut values = BTreeSet::new();
        for edge in graph.edges_directed(index, Incoming) {
            let step = graph[edge.source()].name.as_str();
            if self.part_of(step) != own {
                values.extend(scalars(&edge.weight().carries).map(|output| (step, output)));
            }
        }
        values
    }

    /// The gates of a part, in the order of the steps behind them. With barriers only values have to be handed over.
    pub(crate) fn gates(&self, part: usize) -> Vec<Gate<'a>> {
        self.gates_of(part, false)
    }

    /// The same, with gates of their own for steps that read other values.
    pub(crate) fn gates_by_value(&self, part: usize) -> Vec<Gate<'a>> {
        self.gates_of(part, true)
    }

    fn gates_of(&self, part: usize, by_value: bool) -> Vec<Gate<'a>> {
        let mut gates: Vec<Gate<'a>> = Vec::new();
        let mut known: HashMap<(BTreeSet<&'a str>, BTreeSet<(&'a str, &'a str)>), usize> = HashMap::new();
        for index in self.members(part) {
            let values = self.values_from_outside(*index);
            let producers: BTreeSet<&'a str> = if self.has_barriers() {
                values.iter().map(|(step, _)| *step).collect()
            } else {
                self.outside(*index).into_iter().collect()
            };
            if producers.is_empty() {
                continue;
            }
            let key = (producers.clone(), if by_value { values.clone() } else { BTreeSet::new() });
            let number = *known.entry(key).or_insert_with(|| {
                gates.push(Gate { producers, readers: Vec::new(), values: BTreeSet::new() });
                gates.len() - 1
            });
            gates[number].readers.push(&self.workflow.graph[*index].name);
            gates[number].values.extend(values);
        }
        gates
    }

    /// The steps of a part that gates elsewhere wait for, each with the scalars that are read there.
    pub(crate) fn marked(&self, part: usize) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let graph = &self.workflow.graph;
        let mut marked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for index in self.members(part) {
            let name = graph[*index].name.as_str();
            for edge in graph.edges_directed(*index, Outgoing) {
                if !self.is_elsewhere(part, &graph[edge.target()].name) {
                    continue;
                }
                let read: Vec<&str> = scalars(&edge.weight().carries).collect();
                if !self.has_barriers() || !read.is_empty() {
                    marked.entry(name).or_default().extend(read);
                }
            }
        }
        marked
    }

    /// Whether a file that a step writes is read in another part.
    pub(crate) fn leaves(&self, step: &str, output: &str) -> bool {
        let graph = &self.workflow.graph;
        let Some(part) = self.part_of(step) else { return false };
        let index = self.members(part).iter().find(|index| graph[**index].name == step);
        index.is_some_and(|index| {
            graph.edges_directed(*index, Outgoing).any(|edge| {
                self.is_elsewhere(part, &graph[edge.target()].name)
                    && edge.weight().carries.iter().any(
                        |carry| matches!(carry, Carry::Artifact { output: written, .. } if written == output),
                    )
            })
        })
    }

    /// How many parts may be open at once so that no more than `waiting` gates do: a part is opened when the one that
    /// many places before it is done. One part is always open.
    pub(crate) fn open_at_once(&self, waiting: usize) -> usize {
        let gates: Vec<usize> = (0..self.len()).map(|part| self.gates(part).len()).collect();
        let most = |open: usize| -> usize {
            // Of all parts that follow each other at this distance one is open.
            let lanes = (0..open).map(|lane| gates.iter().skip(lane).step_by(open).max().copied());
            lanes.flatten().sum()
        };
        (1..=self.len()).rev().find(|open| most(*open) <= waiting).unwrap_or(1)
    }
}

fn scalars(carries: &[Carry]) -> impl Iterator<Item = &str> {
    carries.iter().filter_map(|carry| match carry {
        Carry::Parameter { output } => Some(output.as_str()),
        Carry::Artifact { .. } => None,
    })
}
