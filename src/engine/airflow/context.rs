//! What the generation of every step needs to know about the whole workflow.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::super::kubernetes::digests::digests;
use super::super::kubernetes::job::{has_result, no_result};
use super::super::parts::Parts;
use super::super::{AirflowTarget, EngineError, GenerateOptions};
use super::modules::Module;
use super::names::Names;
use super::python::block;
use crate::api::{ADDRESS, Input, STATUS, WORKFLOW};
use crate::ir::{Node, Workflow};

/// The name of the engine in messages.
pub(crate) const ENGINE: &str = "Apache Airflow";

/// An error that names the step and the feature.
pub(crate) fn unsupported(step: &str, feature: &'static str, reason: impl Into<String>) -> EngineError {
    EngineError::Unsupported { engine: ENGINE, step: step.to_owned(), feature, reason: reason.into() }
}

/// The workflow with what is looked up again and again, and what is gathered on the way.
pub(crate) struct Context<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) target: AirflowTarget,
    pub(crate) namespace: Option<String>,
    nodes: HashMap<&'a str, &'a Node>,
    digests: HashMap<&'a str, String>,
    read: HashSet<(&'a str, &'a str)>,
    names: RefCell<Names>,
    tasks: RefCell<Names>,
    modules: RefCell<BTreeSet<Module>>,
    sources: RefCell<Vec<(String, String)>>,
    /// Whether a step reads how another ended.
    reads_statuses: bool,
    /// The part that is written, if it is not the whole workflow.
    pub(crate) part: Option<(&'a Parts<'a>, usize)>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(workflow: &'a Workflow, options: &GenerateOptions) -> Self {
        let nodes: HashMap<&str, &Node> = workflow.nodes().map(|node| (node.name.as_str(), node)).collect();
        let cached = workflow.nodes().any(|node| node.settings.cache.is_some());
        Self {
            workflow,
            target: options.airflow_target,
            namespace: options.namespace.clone().or_else(|| workflow.settings.namespace.clone()),
            tasks: RefCell::new(Names::of_tasks(nodes.keys().copied())),
            nodes,
            digests: if cached { digests(workflow) } else { HashMap::new() },
            read: outputs_read(workflow),
            names: RefCell::new(Names::new()),
            modules: RefCell::default(),
            sources: RefCell::default(),
            reads_statuses: workflow.nodes().any(reads_status),
            part: None,
        }
    }

    /// The same for one part.
    pub(crate) fn of_part(parts: &'a Parts<'a>, part: usize, options: &GenerateOptions) -> Self {
        Self { part: Some((parts, part)), ..Self::new(parts.workflow, options) }
    }

    /// Whether a step reads how another ended.
    pub(crate) fn reads_statuses(&self) -> bool {
        self.reads_statuses
    }

    /// The steps that one waits for and needs, whatever others it waits for however they end; none if it waits for no
    /// other in this way.
    pub(crate) fn needs(&self, node: &Node) -> Vec<&'a str> {
        let awaited = node.awaited();
        let index =
            self.workflow.graph.node_indices().find(|index| self.workflow.graph[*index].name == node.name);
        let Some(index) = index.filter(|_| !awaited.is_empty()) else { return Vec::new() };
        self.workflow.dependencies(index).into_iter().filter(|name| !awaited.contains(name)).collect()
    }

    /// The steps whose status each step reads, by the step that is read.
    pub(crate) fn readers(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut readers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for node in self.workflow.graph.node_weights() {
            for name in node.awaited() {
                let step = self.node(name).map_or("", |step| step.name.as_str());
                readers.entry(step).or_default().push(&node.name);
            }
        }
        readers
    }

    /// Whether a step runs at the end.
    pub(crate) fn is_exit(&self, node: &Node) -> bool {
        self.workflow.on_exit.iter().any(|exit| exit.name == node.name)
    }

    /// Whether the DAG runs its steps as processes of one machine.
    pub(crate) fn is_local(&self) -> bool {
        self.target == AirflowTarget::Local
    }

    /// The node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.nodes.get(name).copied()
    }

    /// Whether somebody reads an output, the step's own loop included.
    pub(crate) fn is_read(&self, node: &Node, output: &str) -> bool {
        let own = node
            .exec_while
            .as_ref()
            .is_some_and(|repeat| repeat.condition.outputs().contains(&(&node.name, output)));
        own || self.read.contains(&(node.name.as_str(), output))
    }

    /// The short digest of a step and of everything that its artifacts come from.
    pub(crate) fn digest(&self, name: &str) -> &str {
        self.digests.get(name).map_or("", String::as_str)
    }

    /// A variable for a task.
    pub(crate) fn variable(&self, task: &str) -> String {
        self.names.borrow_mut().variable(task)
    }

    /// A task id that no step has.
    pub(crate) fn task_id(&self, wanted: &str) -> String {
        self.tasks.borrow_mut().claim(wanted)
    }

    /// Adds a fixed part of the file with everything it needs.
    pub(crate) fn uses(&self, module: Module) {
        if self.modules.borrow_mut().insert(module) {
            module.needs().iter().for_each(|needed| self.uses(*needed));
            if module == Module::Values {
                self.uses(if self.part.is_some() { Module::PartOutput } else { Module::Output });
                self.uses(if self.reads_statuses { Module::Ends } else { Module::Outcome });
            }
        }
    }

    /// The fixed parts in use.
    pub(crate) fn modules(&self) -> BTreeSet<Module> {
        self.modules.borrow().clone()
    }

    /// Puts a long text behind the DAG and returns the constant's name.
    pub(crate) fn constant(&self, step: &str, text: &str) -> String {
        let wanted = format!("{}_SOURCE", super::names::identifier(step).to_ascii_uppercase());
        let mut sources = self.sources.borrow_mut();
        let written = block(text);
        if let Some((name, _)) = sources.iter().find(|(_, known)| *known == written) {
            return name.clone();
        }
        let name = self.names.borrow_mut().claim(&wanted);
        sources.push((name.clone(), written));
        name
    }

    /// The long texts, as Python.
    pub(crate) fn sources(&self) -> Vec<(String, String)> {
        self.sources.borrow().clone()
    }

    /// Refuses to read what a job that deletes or a daemon cannot write.
    pub(crate) fn check_reads(&self, node: &Node) -> Result<(), EngineError> {
        let scalars = node.scalars();
        let artifacts = node.inputs.iter().filter_map(|input| match input {
            Input::Artifact { step, output, .. } => Some((step.clone(), output.clone())),
            _ => None,
        });
        for (step, output) in scalars.into_iter().chain(artifacts) {
            let Some(producer) = self.node(&step).filter(|_| step != WORKFLOW) else { continue };
            if output == STATUS && self.part.is_some() {
                let reason = format!(
                    "the workflow runs in parts, which do not see how {step:?} ended; write it as one"
                );
                return Err(unsupported(&node.name, "status of a step", reason));
            }
            if output != STATUS && !has_result(producer) {
                return Err(unsupported(&node.name, "result of a job", no_result(&step)));
            }
            if producer.settings.daemon && output != ADDRESS {
                let reason =
                    format!("{step:?} runs in the background until the end, so {output:?} is never complete");
                return Err(unsupported(&node.name, "output of a daemon", reason));
            }
        }
        Ok(())
    }
}

fn reads_status(node: &Node) -> bool {
    node.scalars().iter().any(|(step, output)| step != WORKFLOW && output == STATUS)
}

fn outputs_read(workflow: &Workflow) -> HashSet<(&str, &str)> {
    let graph = &workflow.graph;
    let mut read: HashSet<(&str, &str)> = HashSet::new();
    for edge in graph.edge_indices() {
        let Some((from, _)) = graph.edge_endpoints(edge) else { continue };
        let from = graph[from].name.as_str();
        read.extend(graph[edge].carries.iter().filter_map(|carry| Some((from, carry.output()?))));
    }
    for node in &workflow.on_exit {
        for (step, output) in node.scalars() {
            if let Some(earlier) = workflow.on_exit.iter().find(|earlier| earlier.name == step) {
                let output =
                    earlier.outputs.iter().find(|out| out.name == output).map_or("result", |out| &out.name);
                read.insert((earlier.name.as_str(), output));
            }
        }
    }
    read
}
