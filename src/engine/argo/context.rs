//! What the generation of every step needs to know about the whole workflow.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::super::EngineError;
use super::super::kubernetes::digests::digests;
use super::super::kubernetes::job::{has_result, no_result};
use super::super::kubernetes::names::{Names, port_name};
use super::manifest::{ObjectStore, Place};
use super::parts::PartView;
use crate::api::{ADDRESS, Condition, Map, MapItems, Operand, Piece, RunFact, STATUS, WORKFLOW};
use crate::ir::{Action, Carry, Node, NodeOutputKind, Workflow};

/// The name of the engine in messages.
pub(crate) const ENGINE: &str = "Argo Workflows";

/// The date of the start of a workflow, in the words of its own variables.
pub(crate) const START_DATE: &str =
    "{{workflow.creationTimestamp.Y}}-{{workflow.creationTimestamp.m}}-{{workflow.creationTimestamp.d}}";

/// An error that names the step and the feature.
pub(crate) fn unsupported(step: &str, feature: &'static str, reason: impl Into<String>) -> EngineError {
    EngineError::Unsupported { engine: ENGINE, step: step.to_owned(), feature, reason: reason.into() }
}

/// Where a reference stands: in a DAG or in a steps template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `{{tasks.…}}`
    Dag,
    /// `{{steps.…}}`
    Steps,
}

impl Scope {
    /// The first word of references.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dag => "tasks",
            Self::Steps => "steps",
        }
    }
}

/// The workflow with what is looked up again and again.
pub(crate) struct Context<'a> {
    pub(crate) workflow: &'a Workflow,
    nodes: HashMap<&'a str, &'a Node>,
    names: RefCell<Names>,
    /// Short digests of the nodes, each with everything that its artifacts come from. Empty if nothing is cached.
    digests: HashMap<&'a str, String>,
    /// Outputs of the graph's steps that some step reads, as (step, output).
    read: HashSet<(&'a str, &'a str)>,
    /// Steps whose status is read.
    with_read_status: HashSet<&'a str>,
    /// Whether a step waits for another however that ends.
    reads_statuses: bool,
    /// The part that is written, if it is not the whole workflow.
    pub(crate) part: Option<PartView<'a>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(workflow: &'a Workflow) -> Self {
        let nodes: HashMap<&str, &Node> = workflow.nodes().map(|node| (node.name.as_str(), node)).collect();
        let names = RefCell::new(Names::taken(nodes.keys().copied()));
        let cached = workflow.nodes().any(|node| node.settings.cache.is_some());
        let digests = if cached { digests(workflow) } else { HashMap::new() };
        Self {
            workflow,
            nodes,
            names,
            digests,
            read: outputs_read(workflow),
            with_read_status: with_read_status(workflow),
            reads_statuses: workflow.graph.node_weights().any(|node| !node.awaited().is_empty()),
            part: None,
        }
    }

    /// Whether somebody reads an output, the step's own loop included. Exit steps are taken to be read.
    pub(crate) fn is_read(&self, node: &Node, output: &str) -> bool {
        let own = node
            .exec_while
            .as_ref()
            .is_some_and(|repeat| repeat.condition.outputs().contains(&(&node.name, output)));
        own || self.read.contains(&(node.name.as_str(), output))
            || self.workflow.on_exit.iter().any(|exit| exit.name == node.name)
    }

    /// The short digest of a step and of everything that its artifacts come from.
    pub(crate) fn digest(&self, name: &str) -> &str {
        self.digests.get(name).map_or("", String::as_str)
    }

    /// The node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.nodes.get(name).copied()
    }

    /// A template name that no step has.
    pub(crate) fn template_name(&self, wanted: &str) -> String {
        self.names.borrow_mut().claim(wanted)
    }

    /// The reference to a scalar that a step wrote, without braces.
    ///
    /// # Errors
    /// A job that deletes says nothing that could be read.
    pub(crate) fn output_path(
        &self,
        scope: Scope,
        reader: &str,
        step: &str,
        output: &str,
    ) -> Result<String, EngineError> {
        if step == WORKFLOW {
            return Ok("workflow.status".to_owned());
        }
        let word = scope.word();
        if output == STATUS {
            return self.status_path(scope, reader, step);
        }
        if let Some(path) = self.elsewhere(step).and_then(|view| view.value(word, reader, step, output)) {
            return Ok(path);
        }
        let Some(producer) = self.node(step) else {
            return Err(unsupported(reader, "reference", format!("there is no step {step:?}")));
        };
        if output == ADDRESS && producer.settings.daemon {
            return Ok(format!("{word}.{step}.ip"));
        }
        if output != "result" {
            return Ok(format!("{word}.{step}.outputs.parameters.{}", port_name(output)));
        }
        if !has_result(producer) {
            return Err(unsupported(reader, "result of a job", no_result(step)));
        }
        Ok(if self.is_wrapped(producer) || matches!(producer.action, Action::Job { .. }) {
            format!("{word}.{step}.outputs.parameters.result")
        } else {
            format!("{word}.{step}.outputs.result")
        })
    }

    /// The reference to how a step ended, without braces.
    fn status_path(&self, scope: Scope, reader: &str, step: &str) -> Result<String, EngineError> {
        let reason = if scope == Scope::Steps {
            format!("a step at the end cannot see how {step:?} ended; it can read workflow.status")
        } else if self.part.is_some() {
            format!("the workflow runs in parts, which do not see how {step:?} ended; write it as one")
        } else {
            return Ok(format!("{}.{step}.status", scope.word()));
        };
        Err(unsupported(reader, "status of a step", reason))
    }

    /// The reference to an artifact that a step wrote, in braces.
    ///
    /// # Errors
    /// The instances of a map that write to a store of the user, where nobody knows what belongs together.
    pub(crate) fn artifact(
        &self,
        scope: Scope,
        reader: &str,
        step: &str,
        output: &str,
    ) -> Result<String, EngineError> {
        if self.node(step).is_some_and(|node| node.map.is_some()) {
            let reason = format!(
                "{step:?} runs once per item, and its instances write to a store of their own; read them from there"
            );
            return Err(unsupported(reader, "artifact of a mapped step", reason));
        }
        Ok(format!("{{{{{}.{step}.outputs.artifacts.{}}}}}", scope.word(), port_name(output)))
    }

    /// Whether the step's template is called through another one, which hands its outputs on: loops, maps with a limit,
    /// and maps whose status is read, which Argo knows of templates only.
    pub(crate) fn is_wrapped(&self, node: &Node) -> bool {
        let of_map =
            |map: &Map| map.parallelism.is_some() || self.with_read_status.contains(node.name.as_str());
        node.exec_while.is_some() || node.map.as_ref().is_some_and(of_map)
    }

    /// Whether a step waits for another however that ends.
    pub(crate) fn reads_statuses(&self) -> bool {
        self.reads_statuses
    }

    /// What is known of the run, in Argo's words.
    ///
    /// # Errors
    /// The date of a workflow in parts, each of which begins at a time of its own.
    pub(crate) fn fact(&self, reader: &str, fact: RunFact) -> Result<String, EngineError> {
        match (fact, &self.part) {
            (RunFact::WorkflowName, _) => Ok(self.workflow.name.clone()),
            (RunFact::Id, Some(part)) => Ok(part.run()),
            (RunFact::Id, None) => Ok("{{workflow.uid}}".to_owned()),
            (RunFact::Date, None) => Ok(self.date()),
            (RunFact::Date, Some(_)) => {
                let reason = "each part of a workflow begins at a time of its own; write the workflow as one, or give \
                              the date as a parameter";
                Err(unsupported(reader, "run.date", reason))
            }
        }
    }

    /// The date of the scheduled time in the zone of the schedule; else that of the start.
    fn date(&self) -> String {
        let Some(schedule) = &self.workflow.schedule else {
            return START_DATE.to_owned();
        };
        let zone = schedule.timezone.as_deref().unwrap_or("UTC");
        format!(
            "{{{{=sprig.dateInZone('2006-01-02', sprig.toDate('2006-01-02T15:04:05Z07:00', workflow.scheduledTime), '{zone}')}}}}"
        )
    }

    /// The part that is written, if the step is in another one.
    fn elsewhere(&self, step: &str) -> Option<&PartView<'a>> {
        self.part.as_ref().filter(|view| view.parts.is_elsewhere(view.part, step))
    }

    /// Where a file is read from that a step of another part wrote.
    pub(crate) fn place_elsewhere(&self, step: &str, output: &str) -> Option<Place> {
        self.elsewhere(step).map(|view| view.place(step, output))
    }

    /// Where a file is kept that a step of another part reads. What is memoized keeps the place of the run that made it,
    /// so it is passed on by a task of its own.
    pub(crate) fn place_for_others(&self, node: &Node, output: &str) -> Option<Place> {
        let view = self.part.as_ref().filter(|_| node.settings.cache.is_none())?;
        view.parts.leaves(&node.name, output).then(|| view.place(&node.name, output))
    }

    /// The name of a volume claim of the run.
    pub(crate) fn claim_name(&self, label: &str) -> String {
        match &self.part {
            None => format!("{{{{workflow.name}}}}-{label}"),
            Some(view) => format!("{}-{label}", view.run()),
        }
    }

    /// The folder of the default repository, which must be S3, with the artifacts of a mapped step: Argo itself does not
    /// put them together. None if the step is not mapped, or the output has a store.
    pub(crate) fn folder_of_map(&self, step: &str, output: &str) -> Option<Place> {
        let node = self.node(step).filter(|node| node.map.is_some())?;
        let stored = |kind: &NodeOutputKind| matches!(kind, NodeOutputKind::Artifact { store: Some(_), .. });
        if node.outputs.iter().any(|one| one.name == output && stored(&one.kind)) {
            return None;
        }
        if let Some(view) = &self.part {
            return Some(view.place(step, output));
        }
        let key = format!("{{{{workflow.uid}}}}/{step}/{}", port_name(output));
        Some(Place::S3(Box::new(ObjectStore { key, ..ObjectStore::default() })))
    }

    /// Whether an artifact may be missing when its reader starts.
    pub(crate) fn may_be_missing(&self, step: &str, output: &str) -> bool {
        self.node(step).is_some_and(|node| {
            let optional =
                |kind: &NodeOutputKind| matches!(kind, NodeOutputKind::Artifact { optional: true, .. });
            node.condition.is_some()
                || node.settings.continue_on_failure
                || node.outputs.iter().any(|out| out.name == output && optional(&out.kind))
        })
    }
}

fn with_read_status(workflow: &Workflow) -> HashSet<&str> {
    let graph = &workflow.graph;
    let read = graph.edge_indices().filter(|edge| graph[*edge].carries.contains(&Carry::Status));
    read.filter_map(|edge| graph.edge_endpoints(edge)).map(|(from, _)| graph[from].name.as_str()).collect()
}

fn outputs_read(workflow: &Workflow) -> HashSet<(&str, &str)> {
    let graph = &workflow.graph;
    let carried = |edge| {
        let step = graph.edge_endpoints(edge).map_or("", |(from, _)| graph[from].name.as_str());
        graph[edge].carries.iter().filter_map(move |carry| Some((step, carry.output()?)))
    };
    graph.edge_indices().flat_map(carried).collect()
}

/// Something that a template gets from its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An output of another step.
    Output(String, String),
    /// The item of the map, or one of its keys.
    Item(Option<String>),
    /// A text with references.
    Text(crate::api::Template),
}

impl Source {
    /// Whether it depends on the item of the map.
    pub(crate) fn reads_item(&self) -> bool {
        match self {
            Self::Output(..) => false,
            Self::Item(_) => true,
            Self::Text(template) => template.0.iter().any(|piece| matches!(piece, Piece::Item(_))),
        }
    }
}

/// `{{item}}` or `{{item.KEY}}`.
pub(crate) fn item(key: Option<&str>) -> String {
    key.map_or_else(|| "{{item}}".to_owned(), |key| format!("{{{{item.{key}}}}}"))
}

/// `{{workflow.parameters.NAME}}`.
pub(crate) fn workflow_parameter(name: &str) -> String {
    format!("{{{{workflow.parameters.{}}}}}", port_name(name))
}

/// `{{inputs.parameters.NAME}}`.
pub(crate) fn input_parameter(name: &str) -> String {
    format!("{{{{inputs.parameters.{name}}}}}")
}

/// Whether a condition reads the item of the map.
pub(crate) fn condition_reads_item(condition: &Condition) -> bool {
    condition.operands().into_iter().any(|operand| matches!(operand, Operand::Item(_)))
}

/// The output that a map iterates over.
pub(crate) fn map_output(node: &Node) -> Option<(&str, &str)> {
    match node.map.as_ref().map(|map| &map.over) {
        Some(MapItems::Output { step, output }) => Some((step, output)),
        _ => None,
    }
}
