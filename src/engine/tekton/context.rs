//! What the generation of every step needs to know about the whole workflow.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use indexmap::IndexMap;

use super::super::EngineError;
use super::super::kubernetes::digests::digests;
use super::super::kubernetes::job::{has_result, no_result};
use super::super::kubernetes::names::Names;
use super::parts::PartView;
use super::text::{in_field, in_script, is_misread};
use crate::api::{MapItems, Operand, Piece, RunFact, STATUS, Template, WORKFLOW};
use crate::ir::{Carry, Node, Workflow};

/// The name of the engine in messages.
pub(crate) const ENGINE: &str = "Tekton";

/// An error that names the step and the feature.
pub(crate) fn unsupported(step: &str, feature: &'static str, reason: impl Into<String>) -> EngineError {
    EngineError::Unsupported { engine: ENGINE, step: step.to_owned(), feature, reason: reason.into() }
}

/// The workflow with what is looked up again and again.
pub(crate) struct Context<'a> {
    pub(crate) workflow: &'a Workflow,
    nodes: HashMap<&'a str, &'a Node>,
    names: RefCell<Names>,
    digests: HashMap<&'a str, String>,
    /// Outputs that some step reads, as (step, output).
    read: HashSet<(&'a str, &'a str)>,
    /// The tasks of maps that run in rounds, the first one being the step's own.
    rounds: HashMap<&'a str, Vec<String>>,
    /// Artifacts that some step reads.
    handed_on: HashSet<(&'a str, &'a str)>,
    /// Names of the pipeline that are not those of the user, with the user's.
    renamed: RefCell<IndexMap<String, String>>,
    /// Workspaces in use, besides the volume claims of the workflow.
    used: RefCell<BTreeSet<&'static str>>,
    /// The task that tells the date of the run, if some step reads it.
    date_task: Option<String>,
    /// The part that is written, if it is not the whole workflow.
    pub(crate) part: Option<PartView<'a>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(workflow: &'a Workflow) -> Self {
        let nodes: HashMap<&str, &Node> = workflow.nodes().map(|node| (node.name.as_str(), node)).collect();
        let (mut read, mut handed_on) = (HashSet::new(), HashSet::new());
        for edge in workflow.graph.edge_indices() {
            let from = workflow.graph.edge_endpoints(edge).map_or("", |(from, _)| &workflow.graph[from].name);
            for carry in &workflow.graph[edge].carries {
                match carry {
                    Carry::Parameter { output } => read.insert((from, output.as_str())),
                    Carry::Artifact { output, .. } => handed_on.insert((from, output.as_str())),
                    Carry::Status => false,
                };
            }
        }
        let cached = workflow.nodes().any(|node| node.settings.cache.is_some());
        let mut context = Self {
            workflow,
            names: RefCell::new(Names::taken(nodes.keys().copied())),
            nodes,
            digests: if cached { digests(workflow) } else { HashMap::new() },
            read,
            rounds: HashMap::new(),
            handed_on,
            renamed: RefCell::default(),
            used: RefCell::default(),
            date_task: None,
            part: None,
        };
        let date = Piece::Run(RunFact::Date);
        if workflow.nodes().any(|node| node.pieces().contains(&date)) {
            context.date_task = Some(context.task_name("run", "date"));
        }
        context.rounds = workflow.nodes().filter_map(|node| context.rounds_of(node)).collect();
        context
    }

    fn rounds_of(&self, node: &'a Node) -> Option<(&'a str, Vec<String>)> {
        let count = super::rounds::count(node);
        let mut names = vec![node.name.clone()];
        names.extend((2..=count).map(|number| self.task_name(&node.name, &format!("round-{number}"))));
        (count > 1).then_some((node.name.as_str(), names))
    }

    /// The tasks of a step: several if its map runs in rounds.
    pub(crate) fn rounds(&self, step: &str) -> Vec<&str> {
        match self.rounds.get(step) {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => self.nodes.get_key_value(step).map(|(name, _)| *name).into_iter().collect(),
        }
    }

    /// The short digest of a step and of everything that its artifacts come from.
    pub(crate) fn digest(&self, name: &str) -> &str {
        self.digests.get(name).map_or("", String::as_str)
    }

    /// Whether a step reads what this one prints; its own loop is not counted.
    pub(crate) fn is_read(&self, node: &Node, output: &str) -> bool {
        self.read.contains(&(node.name.as_str(), output))
    }

    /// Whether a step reads this artifact.
    pub(crate) fn is_handed_on(&self, node: &Node, output: &str) -> bool {
        self.handed_on.contains(&(node.name.as_str(), output))
    }

    /// What is known of the run, as a task of the pipeline reads it.
    ///
    /// # Errors
    /// What the parts of a workflow do not know of the whole.
    pub(crate) fn fact(&self, reader: &str, fact: RunFact) -> Result<String, EngineError> {
        match (fact, &self.date_task) {
            (RunFact::WorkflowName, _) => return Ok(self.workflow.name.clone()),
            (RunFact::Id, _) if self.part.is_none() => return Ok("$(context.pipelineRun.uid)".to_owned()),
            (RunFact::Date, Some(task)) if self.part.is_none() => {
                return Ok(format!("$(tasks.{task}.results.date)"));
            }
            _ => {}
        }
        let reason = "each part of a workflow is a run of its own; write the workflow as one, or give it as a parameter";
        Err(unsupported(reader, fact.name(), reason))
    }

    /// The name of the task that tells the date of the run, if some step reads it.
    pub(crate) fn date_task(&self) -> Option<&str> {
        self.date_task.as_deref()
    }

    /// Whether the step runs at the end, where tasks cannot read each other.
    pub(crate) fn is_exit(&self, node: &Node) -> bool {
        self.workflow.on_exit.iter().any(|exit| exit.name == node.name)
    }

    /// The node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.nodes.get(name).copied()
    }

    /// The name of a task around a step: `STEP-SUFFIX`, shortened with a digest if that is too long.
    pub(crate) fn task_name(&self, step: &str, suffix: &str) -> String {
        const LONGEST: usize = 58;
        let wanted = format!("{step}-{suffix}");
        if wanted.len() <= LONGEST {
            return self.names.borrow_mut().claim(&wanted);
        }
        let digest = blake3::hash(step.as_bytes()).to_hex();
        let short = &step[..LONGEST - suffix.len() - 8];
        self.names.borrow_mut().claim(&format!("{short}-{}-{suffix}", &digest[..6]))
    }

    /// A name that Tekton accepts for a result: letters, digits, `-`, `_`, `.`, with a letter or digit at both ends.
    pub(crate) fn result_name(&self, name: &str) -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric());
        if ends && name.chars().all(fits) {
            return name.to_owned();
        }
        let readable: String = name.chars().map(|c| if fits(c) { c } else { '-' }).collect();
        let digest = blake3::hash(name.as_bytes()).to_hex();
        let changed = format!("r{readable}-{}", &digest[..6]);
        self.renamed.borrow_mut().insert(changed.clone(), name.to_owned());
        changed
    }

    /// The names that were changed, with the user's.
    pub(crate) fn renamed(&self) -> IndexMap<String, String> {
        self.renamed.borrow().clone()
    }

    /// Notes that a workspace is needed.
    pub(crate) fn uses(&self, workspace: &'static str) {
        self.used.borrow_mut().insert(workspace);
    }

    /// The workspaces that tasks need.
    pub(crate) fn used(&self) -> Vec<&'static str> {
        self.used.borrow().iter().copied().collect()
    }

    /// Tekton's reference to how a step ended, which only tasks at the end can read: `Succeeded`, `Failed` or `None`.
    fn status(&self, reader: &str, producer: &Node) -> Result<String, EngineError> {
        let at_end = |name: &str| self.workflow.on_exit.iter().any(|exit| exit.name == name);
        let reason = if !at_end(reader) || at_end(&producer.name) {
            "only steps at the end can see how one of the others ended"
        } else if self.part.is_some() || self.rounds(&producer.name).len() > 1 {
            "it is not one task of this pipeline; remove the limit of its map, or write the workflow as one"
        } else {
            return Ok(format!("$(tasks.{}.status)", producer.name));
        };
        Err(unsupported(reader, "status of a step", format!("of {:?}: {reason}", producer.name)))
    }

    /// Tekton's reference to a scalar, as a task of the pipeline reads it.
    ///
    /// # Errors
    /// Results of jobs that delete, and outputs of other steps that run at the end.
    pub(crate) fn output(&self, reader: &str, step: &str, output: &str) -> Result<String, EngineError> {
        if step == WORKFLOW {
            return Ok("$(tasks.status)".to_owned());
        }
        let Some(producer) = self.node(step) else {
            return Err(unsupported(reader, "reference", format!("there is no step {step:?}")));
        };
        if output == STATUS {
            return self.status(reader, producer);
        }
        if !has_result(producer) {
            return Err(unsupported(reader, "result of a job", no_result(step)));
        }
        if self.is_exit(producer) && reader != step {
            let reason =
                format!("{step:?} and {reader:?} run at the end, at the same time; make them one step");
            return Err(unsupported(reader, "output of an exit step", reason));
        }
        if let Some(view) = self.part.as_ref().filter(|view| view.parts.is_elsewhere(view.part, step)) {
            return view.value(reader, step, output).ok_or_else(|| {
                unsupported(reader, "reference", format!("it does not wait for {step:?}, which it reads"))
            });
        }
        let list = producer.map.is_some();
        if list {
            return Ok(format!("$(tasks.{}.results.list)", collector_name(step, output)));
        }
        Ok(format!("$(tasks.{step}.results.{})", self.result_name(output)))
    }
}

/// The task that makes one list of what the instances of a map wrote.
pub(crate) fn collector_name(step: &str, output: &str) -> String {
    let digest = blake3::hash(format!("{step}.{output}").as_bytes()).to_hex();
    let short: String = step.chars().take(40).collect();
    format!("{}-all-{}", short.trim_end_matches('-'), &digest[..6])
}

/// Something that a task gets from the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An output of another step.
    Output(String, String),
    /// A parameter of the pipeline.
    Parameter(String),
    /// The item of the map, or one of its keys.
    Item(Option<String>),
    /// A variable of the run, such as `context.pipelineRun.name`.
    Run(&'static str),
    /// Something that is known of the run.
    Fact(RunFact),
}

/// The parameters of a task.
#[derive(Debug, Default)]
pub(crate) struct Params(pub(crate) IndexMap<String, Source>);

impl Params {
    /// The reference to a source inside the task.
    pub(crate) fn reference(&mut self, source: Source) -> String {
        let wanted = match &source {
            Source::Output(step, output) => format!("{step}-{output}"),
            Source::Parameter(name) => name.clone(),
            Source::Item(None) => "item".to_owned(),
            Source::Item(Some(key)) => format!("item-{key}"),
            Source::Run(variable) => variable.replace('.', "-"),
            Source::Fact(fact) => fact.name().replace('.', "-"),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let wanted: String = wanted.chars().map(|c| if fits(c) { c } else { '-' }).collect();
        let mut name = wanted.clone();
        for number in 2.. {
            match self.0.get(&name) {
                Some(known) if *known == source => break,
                Some(_) => name = format!("{wanted}-{number}"),
                None => {
                    self.0.insert(name.clone(), source);
                    break;
                }
            }
        }
        format!("$(params.{name})")
    }

    /// The reference of a piece of a string.
    fn piece(&mut self, piece: &Piece) -> String {
        self.reference(match piece {
            Piece::Text(text) => return text.clone(),
            Piece::Item(key) => Source::Item(key.clone()),
            Piece::Parameter(name) => Source::Parameter(name.clone()),
            Piece::Run(fact) => Source::Fact(*fact),
            Piece::Output { step, output } => Source::Output(step.clone(), output.clone()),
        })
    }

    /// The reference of an operand that is no constant.
    pub(crate) fn operand(&mut self, operand: &Operand) -> String {
        self.reference(match operand {
            Operand::Literal(literal) => return literal.text().to_owned(),
            Operand::Item(key) => Source::Item(key.clone()),
            Operand::Parameter(name) => Source::Parameter(name.clone()),
            Operand::Output { step, output } => Source::Output(step.clone(), output.clone()),
        })
    }

    /// A command, an argument or a variable of a step; `known` are its variables.
    pub(crate) fn field(&mut self, node: &Node, text: &str, known: &dyn Fn(&str) -> bool) -> String {
        self.written(&node.template(text), known)
    }

    fn written(&mut self, template: &Template, known: &dyn Fn(&str) -> bool) -> String {
        let mut written = String::new();
        for (index, piece) in template.0.iter().enumerate() {
            match piece {
                Piece::Text(text) => written += &in_field(text, index + 1 < template.0.len(), known),
                other => written += &self.piece(other),
            }
        }
        written
    }

    /// The source of a script.
    pub(crate) fn source(&mut self, node: &Node, text: &str) -> String {
        let template = node.template(text);
        let written = template.0.iter().map(|piece| match piece {
            Piece::Text(text) => in_script(text),
            other => self.piece(other),
        });
        written.collect()
    }

    /// A text that nothing protects from Tekton, such as an image.
    ///
    /// # Errors
    /// Text that Tekton would replace.
    pub(crate) fn bare(&mut self, node: &Node, text: &str) -> Result<String, EngineError> {
        let template = node.template(text);
        let plain = |piece: &Piece| matches!(piece, Piece::Text(text) if is_misread(text));
        if template.0.iter().any(plain) {
            let reason = format!("Tekton would replace a part of {text:?}; write it in another way");
            return Err(unsupported(&node.name, "dollar sign and bracket in a name", reason));
        }
        Ok(template.0.iter().map(|piece| self.piece(piece)).collect())
    }
}

/// The list that a map goes through, if it is known only at run time.
pub(crate) fn list_at_run_time(node: &Node) -> Option<Operand> {
    match &node.map.as_ref()?.over {
        MapItems::Output { step, output } => {
            Some(Operand::Output { step: step.clone(), output: output.clone() })
        }
        MapItems::Parameter { name } => Some(Operand::Parameter(name.clone())),
        MapItems::List { .. } | MapItems::Range { .. } | MapItems::Product { .. } => None,
    }
}
