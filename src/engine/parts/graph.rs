//! The graph, seen part by part.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

use super::super::{EngineError, GeneratedFile, PartFiles};
use super::{Admission, PartPlan};
use crate::ir::{Carry, Workflow};

/// A workflow in parts.
pub(crate) struct Parts<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) admission: Admission,
    part_of: HashMap<&'a str, usize>,
    members: Vec<Vec<NodeIndex>>,
    before: Vec<BTreeSet<usize>>,
    /// When steps end: seconds if they are known, else places in the order of the graph.
    ends: HashMap<&'a str, f64>,
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
            ends: HashMap::with_capacity(workflow.graph.node_count()),
        };
        for (place, index) in workflow.topological().into_iter().enumerate() {
            let node = &workflow.graph[index];
            let place = u32::try_from(place).map_or(f64::MAX, f64::from);
            let end = if plan.ends.is_empty() { Some(place) } else { plan.ends.get(&node.name).copied() };
            parts.ends.insert(&node.name, end.unwrap_or(0.0));
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
    pub(crate) fn values_from_outside(&self, index: NodeIndex) -> BTreeSet<(&'a str, &'a str)> {
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

    /// The gates of a part, in the order of the steps behind them, one for each set of steps that is waited for. With
    /// barriers only values have to be handed over.
    pub(crate) fn exact_gates(&self, part: usize) -> Vec<Gate<'a>> {
        let mut gates: Vec<Gate<'a>> = Vec::new();
        let mut known: HashMap<BTreeSet<&'a str>, usize> = HashMap::new();
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
            let number = *known.entry(producers.clone()).or_insert_with(|| {
                gates.push(Gate { producers, readers: Vec::new(), values: BTreeSet::new() });
                gates.len() - 1
            });
            gates[number].readers.push(&self.workflow.graph[*index].name);
            gates[number].values.extend(values);
        }
        gates
    }

    /// The gates of a part, no more than the plan allows. Parts form no cycle, so what a gate waits for never waits for
    /// a step behind another gate of the same part, and to put gates together can never make them wait for ever.
    pub(crate) fn gates(&self, part: usize) -> Vec<Gate<'a>> {
        let exact = self.exact_gates(part);
        let most = match self.admission {
            Admission::Gated { gates } => gates.max(1),
            // All of them are open when the part starts, so one hands everything over.
            Admission::Barrier => 1,
        };
        if exact.len() <= most {
            return exact;
        }
        let opening = |gate: &Gate<'_>| gate.producers.iter().map(|step| self.ends[step]).fold(0.0, f64::max);
        let mut timed: Vec<(f64, Gate<'a>)> = exact.into_iter().map(|gate| (opening(&gate), gate)).collect();
        timed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        // The longest times between two openings part the groups.
        let mut between: Vec<(f64, usize)> =
            (1..timed.len()).map(|number| (timed[number].0 - timed[number - 1].0, number)).collect();
        between.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(first.cmp(second)));
        let starts: BTreeSet<usize> = between.into_iter().take(most - 1).map(|(_, number)| number).collect();
        let mut gates: Vec<Gate<'a>> = Vec::with_capacity(most);
        for (number, (_, gate)) in timed.into_iter().enumerate() {
            match gates.last_mut() {
                Some(last) if !starts.contains(&number) => {
                    last.producers.extend(gate.producers);
                    last.readers.extend(gate.readers);
                    last.values.extend(gate.values);
                }
                _ => gates.push(gate),
            }
        }
        gates
    }

    /// What steps of a part wait for in others, where its gates do not say so exactly.
    pub(crate) fn notes(&self, part: usize) -> Option<String> {
        let inexact = self.has_barriers() || self.gates(part).len() < self.exact_gates(part).len();
        let after: serde_json::Map<String, serde_json::Value> = self
            .members(part)
            .iter()
            .filter_map(|index| {
                let outside = self.outside(*index);
                (!outside.is_empty()).then(|| (self.workflow.graph[*index].name.clone(), outside.into()))
            })
            .collect();
        (inexact && !after.is_empty()).then(|| serde_json::Value::Object(after).to_string())
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

    /// The parts after which a part is created: with barriers those that it waits for, else those that these wait for.
    pub(crate) fn opened_after(&self, part: usize) -> BTreeSet<usize> {
        if self.has_barriers() {
            return self.before[part].clone();
        }
        self.before[part].iter().flat_map(|before| self.before[*before].iter().copied()).collect()
    }

    /// The files of an engine on Kubernetes: what must be there first, and the parent; with how to start a run. `ending`
    /// is that of the engine's files, `bytes` those of the parts.
    pub(crate) fn files(
        &self,
        ending: &str,
        first: &[String],
        parent: String,
        mut bytes: Vec<usize>,
    ) -> PartFiles {
        bytes.push(parent.len());
        let name = &self.workflow.name;
        let (of_parts, of_parent) = (format!("{name}.parts{ending}"), format!("{name}{ending}"));
        let notes = self.submission(&of_parts, &of_parent);
        let files = vec![
            GeneratedFile { name: of_parts, content: first.join("---\n") },
            GeneratedFile { name: of_parent, content: parent },
        ];
        PartFiles { files, bytes, notes }
    }

    /// How to start a run on Kubernetes, and how many gates there are.
    fn submission(&self, of_parts: &str, of_parent: &str) -> Vec<String> {
        let submit = format!(
            "submit it with: kubectl apply --server-side -f {of_parts} && kubectl create -f {of_parent}"
        );
        let gates: usize = (0..self.len()).map(|part| self.gates(part).len()).sum();
        let waiting = if self.has_barriers() {
            "each starts when those before it have ended".to_owned()
        } else {
            format!("{gates} gates; a gate is a pod while it waits, so leave room for them or use --barrier")
        };
        vec![submit, format!("{} parts, {waiting}", self.len())]
    }
}

fn scalars(carries: &[Carry]) -> impl Iterator<Item = &str> {
    carries.iter().filter_map(|carry| match carry {
        Carry::Parameter { output } => Some(output.as_str()),
        Carry::Artifact { .. } | Carry::Status => None,
    })
}
