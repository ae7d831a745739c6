//! Nodes and edges of the workflow graph.

use indexmap::IndexMap;
use petgraph::graph::{DiGraph, NodeIndex};
use serde::Serialize;
use serde_json::Value;

use crate::api::{
    ArtifactLocation, Condition, Estimate, Input, Job, Loop, Map, Parameter, PortType, References, Schedule,
    ScriptLanguage, StepSettings, Template, WorkflowSettings,
};

/// A workflow, unbound to any engine.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Name of the workflow.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Parameters by name.
    pub parameters: IndexMap<String, Parameter>,
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
    /// Settings of the whole workflow.
    pub settings: WorkflowSettings,
    /// Steps and what flows between them; an edge points from producer to consumer.
    pub graph: DiGraph<Node, Edge>,
    /// Steps that run at the end whatever happened, in this order.
    pub on_exit: Vec<Node>,
    /// What was decided while the graph was made, for people.
    pub notes: Vec<String>,
}

/// A leaf step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Unique name.
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The component it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// What is executed.
    pub action: Action,
    /// Runs only if this holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Runs once per item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<Map>,
    /// Runs again while a condition holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_while: Option<Loop>,
    /// What it reads; several artifact inputs may share a port name.
    pub inputs: Vec<Input>,
    /// What it writes besides `result`.
    pub outputs: Vec<NodeOutput>,
    /// How it runs.
    pub settings: Box<StepSettings>,
    /// Rough cost.
    pub estimate: Estimate,
}

impl Node {
    /// The references that its strings may hold.
    pub fn references(&self) -> References {
        References::of(self.map.is_some(), self.settings.literal_braces)
    }

    /// A string of it with its references.
    pub fn template(&self, text: &str) -> Template {
        Template::parse(text, self.references())
    }

    /// The steps whose status its condition reads. It runs when they are through, however they ended, and their
    /// failure is handled when it runs.
    pub fn awaited(&self) -> Vec<&str> {
        self.condition.as_ref().map(Condition::statuses).unwrap_or_default()
    }
}

/// What a node executes. Strings may hold references ([`crate::api::Template`]).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// A container.
    Container {
        /// The image.
        image: String,
        /// Entry point; the image's own if empty.
        command: Vec<String>,
        /// Its arguments.
        args: Vec<String>,
        /// Working directory.
        #[serde(skip_serializing_if = "Option::is_none")]
        working_dir: Option<String>,
    },
    /// A script.
    Script {
        /// Its language.
        language: ScriptLanguage,
        /// The text.
        source: String,
        /// The image.
        image: String,
        /// Python packages, sorted.
        requirements: Vec<String>,
        /// For components: the arguments (an object), handed over as `COULER_ARGS` together with `COULER_INPUTS`,
        /// `COULER_OUTPUTS` (JSON objects port to path; a list of paths for a port given several times) and
        /// `COULER_VALUES` (folder for scalars, one file each).
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<Value>,
    },
    /// A distributed job or another Kubernetes resource.
    Job {
        /// The job.
        job: Job,
    },
}

/// Something a node writes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeOutput {
    /// Name of the output.
    pub name: String,
    /// What and where.
    #[serde(flatten)]
    pub kind: NodeOutputKind,
}

/// Kinds of output. A path of `None` is chosen by the engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NodeOutputKind {
    /// A short string in a file.
    Parameter {
        /// The file.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Used when the file is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    },
    /// A file or directory.
    Artifact {
        /// The path inside the step.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// What it is.
        port_type: PortType,
        /// Where to keep it.
        #[serde(skip_serializing_if = "Option::is_none")]
        store: Option<ArtifactLocation>,
        /// Whether it may be missing.
        optional: bool,
    },
}

/// Why one node waits for another, and what flows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Edge {
    /// Everything that flows; empty for a plain order.
    pub carries: Vec<Carry>,
}

/// One thing that flows along an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Carry {
    /// An artifact from an output to an input port.
    Artifact {
        /// Output of the producer.
        output: String,
        /// Port of the consumer.
        port: String,
    },
    /// A scalar read by a string, a condition or a map.
    Parameter {
        /// Output of the producer.
        output: String,
    },
    /// How the producer ended, read by a string or a condition.
    Status,
}

impl Carry {
    /// The output that flows; how a step ended is none.
    pub fn output(&self) -> Option<&str> {
        match self {
            Self::Artifact { output, .. } | Self::Parameter { output } => Some(output),
            Self::Status => None,
        }
    }
}

impl Workflow {
    /// The nodes in an order in which each comes after everything it depends on, ties by name.
    pub fn topological(&self) -> Vec<NodeIndex> {
        let mut waiting: Vec<usize> = self
            .graph
            .node_indices()
            .map(|index| self.graph.edges_directed(index, petgraph::Incoming).count())
            .collect();
        let mut ready: std::collections::BTreeSet<(&str, NodeIndex)> = self
            .graph
            .node_indices()
            .filter(|index| waiting[index.index()] == 0)
            .map(|index| (self.graph[index].name.as_str(), index))
            .collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some((_, index)) = ready.pop_first() {
            order.push(index);
            for next in self.graph.neighbors(index) {
                waiting[next.index()] -= 1;
                if waiting[next.index()] == 0 {
                    ready.insert((self.graph[next].name.as_str(), next));
                }
            }
        }
        order
    }

    /// Names of the nodes that `index` waits for, sorted.
    pub fn dependencies(&self, index: NodeIndex) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .graph
            .neighbors_directed(index, petgraph::Incoming)
            .map(|index| self.graph[index].name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// All nodes: those of the graph and those of the exit handler.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.graph.node_weights().chain(&self.on_exit)
    }
}
