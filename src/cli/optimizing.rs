//! Options of the optimizer that several commands share.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::commands::cache_folder;
use super::files::read_text;
use super::proposing::proposed_arguments;
use super::{Environment, Failure, Output};
use crate::api::{cpu_cores, memory_bytes};
use crate::engine::argo::step_bytes;
use crate::ir::{Node, Workflow};
use crate::optimize::passes::{Outcome, PASSES, PassError, Pipeline, Quota, Settings};
use crate::optimize::split::{Budget, Method, Partition, SplitError, split};
use crate::optimize::{BYTES_PER_STEP, ESTIMATES_VERSION, EstimateFile, Estimates, Model, StepEstimate};
use crate::run::measurements;

/// Into how many parts a workflow is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SplitChoice {
    /// Not at all.
    Off,
    /// Under the default budget.
    Auto,
    /// With at most this many steps per part.
    Steps(usize),
}

impl std::str::FromStr for SplitChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            number => number
                .parse()
                .map(Self::Steps)
                .map_err(|_| "write auto, off, or the largest number of steps of a part".to_owned()),
        }
    }
}

fn method(text: &str) -> Result<Method, String> {
    let known = Method::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, method)| *method).ok_or_else(|| "possible: windowed, paper, kahn".to_owned())
}

/// How a workflow is split, and what is known about its steps.
#[derive(Debug, clap::Args)]
pub(super) struct SplitArguments {
    /// Split into parts: auto (200 steps and 1 MiB each), off, or the largest number of steps of a part
    #[arg(long, value_name = "auto|N|off", default_value = "auto")]
    pub(super) split: SplitChoice,

    /// How to split: windowed, paper (Algorithm 3 of the paper) or kahn (chunks of a topological order)
    #[arg(long, value_name = "METHOD", default_value = "windowed", value_parser = method)]
    pub(super) split_method: Method,

    /// Most pods of a part, instances of maps included
    #[arg(long, value_name = "N")]
    pub(super) max_pods: Option<usize>,

    /// Most bytes of the manifest of a part
    #[arg(long, value_name = "N")]
    pub(super) max_bytes: Option<usize>,

    /// Seconds and output bytes of steps, YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub(super) estimates: Option<PathBuf>,
}

impl SplitArguments {
    /// The limits of a part; `None` if the workflow is not to be split.
    pub(super) fn budget(&self) -> Option<Budget> {
        let steps = match self.split {
            SplitChoice::Off => return None,
            SplitChoice::Auto => Budget::default().steps,
            SplitChoice::Steps(steps) => steps,
        };
        let default = Budget::default();
        Some(Budget {
            steps,
            pods: self.max_pods.unwrap_or(default.pods),
            bytes: self.max_bytes.unwrap_or(default.bytes),
            ..default
        })
    }

    /// What the user and earlier runs on this machine say about the steps.
    pub(super) fn knowledge(
        &self,
        workflow: &Workflow,
        environment: &Environment,
    ) -> Result<EstimateFile, Failure> {
        let mut measured = measurements(&cache_folder(environment), &workflow.name);
        let taken = |(seconds, bytes)| StepEstimate { seconds: Some(seconds), output_bytes: Some(bytes) };
        let of_steps = workflow.graph.node_weights();
        let measured = of_steps
            .filter_map(|node| Some((node.name.clone(), taken(measured.remove(&node.name)?))))
            .collect();
        Ok(EstimateFile { measured, ..read_estimates(self.estimates.as_deref())? })
    }

    /// The workflow as numbered tasks. What Argo cannot express counts as an ordinary step.
    pub(super) fn model(
        &self,
        workflow: &Workflow,
        environment: &Environment,
        output: &Output,
    ) -> Result<(Model, Estimates), Failure> {
        let estimates = Estimates::resolve(workflow, &self.knowledge(workflow, environment)?);
        for note in &estimates.notes {
            output.message(&format!("note: {note}"));
        }
        let bytes = step_bytes(workflow).unwrap_or_else(|error| {
            output.message(&format!("note: {error}; {BYTES_PER_STEP} bytes are assumed for every step"));
            HashMap::new()
        });
        let of_step = |node: &Node| bytes.get(&node.name).copied().unwrap_or(BYTES_PER_STEP);
        let model = Model::new(workflow, &estimates, &of_step)
            .map_err(|error| Failure::refused(error.to_string(), "remove one of the dependencies"))?;
        Ok((model, estimates))
    }

    /// Splits, and says on standard error how long that took; `None` if it is not to be split.
    pub(super) fn parts(&self, model: &Model, output: &Output) -> Result<Option<Partition>, Failure> {
        self.budget().map(|budget| self.parts_within(model, &budget, output)).transpose()
    }

    /// Splits under other limits than those given.
    pub(super) fn parts_within(
        &self,
        model: &Model,
        budget: &Budget,
        output: &Output,
    ) -> Result<Partition, Failure> {
        let started = Instant::now();
        let parts = split(&model.dag, budget, self.split_method).map_err(|error| refused(model, &error))?;
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        let (steps, count) = (model.dag.len(), parts.len());
        output.message(&format!("split {steps} steps into {count} parts in {milliseconds:.1} ms"));
        Ok(parts)
    }
}

/// Which passes run, and what they may spend.
#[derive(Debug, clap::Args)]
pub(super) struct PassArguments {
    /// Bytes of results that the cache may keep, for example 10Gi
    #[arg(long, value_name = "BYTES", default_value = "10Gi", value_parser = capacity)]
    pub(super) cache_capacity: f64,

    /// What may be requested at the same time, for example pods=50,cpu=16,memory=64Gi,gpu=2
    #[arg(long, value_name = "LIMITS", default_value = "", hide_default_value = true, value_parser = quota)]
    pub(super) quota: Quota,
}

fn quota(text: &str) -> Result<Quota, String> {
    let wrong = || "write for example pods=50,cpu=16,memory=64Gi,gpu=2".to_owned();
    let mut quota = Quota::default();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (name, amount) = part.split_once('=').ok_or_else(wrong)?;
        match name.trim() {
            "pods" => quota.pods = Some(amount.parse().map_err(|_| wrong())?),
            "cpu" => quota.cpu = Some(cpu_cores(amount).ok_or_else(wrong)?),
            "memory" => quota.memory = Some(memory_bytes(amount).ok_or_else(wrong)?),
            "gpu" => quota.gpu = Some(amount.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        }
    }
    Ok(quota)
}

fn capacity(text: &str) -> Result<f64, String> {
    memory_bytes(text).ok_or_else(|| "write for example 500Mi or 10Gi".to_owned())
}

/// Passes by their names on the command line; `all` and `none` stand for themselves.
///
/// # Errors
/// A name that is no pass.
pub(super) fn passes_named(names: &[String]) -> Result<Vec<String>, Failure> {
    let known: Vec<&str> = PASSES.iter().map(|(name, _)| *name).collect();
    match names {
        [one] if one == "none" => Ok(Vec::new()),
        [one] if one == "all" => Ok(known.iter().map(|name| (*name).to_owned()).collect()),
        names => match names.iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(names.to_vec()),
            Some(unknown) => Err(Failure::usage(
                format!("there is no pass {unknown:?}"),
                format!("possible: {}, all, none", known.join(", ")),
            )),
        },
    }
}

/// Runs the passes with these names. `unkept` tells whose results the engine cannot keep; `program` is the text that the
/// workflow was made of.
#[expect(clippy::too_many_arguments, reason = "two groups of options, and what every command has")]
pub(super) fn optimized(
    workflow: Workflow,
    program: &str,
    names: &[String],
    passes: &PassArguments,
    split: &SplitArguments,
    unkept: &dyn Fn(&Node) -> bool,
    environment: &Environment,
    output: &Output,
) -> Result<Outcome, Failure> {
    let mut names = passes_named(names)?;
    let budget = split.budget();
    names.retain(|name| budget.is_some() || name != "split");
    let unkept = workflow.graph.node_weights().filter(|node| unkept(node));
    let settings = Settings {
        hyperparameters: if names.iter().any(|name| name == "hyperparameters") {
            proposed_arguments(program, environment, output)?
        } else {
            BTreeMap::new()
        },
        estimates: split.knowledge(&workflow, environment)?,
        cache_capacity: passes.cache_capacity,
        quota: passes.quota,
        not_kept: unkept.map(|node| node.name.clone()).collect(),
        budget: budget.unwrap_or_default(),
        method: split.split_method,
        bytes: step_bytes(&workflow).unwrap_or_default(),
    };
    for note in Estimates::resolve(&workflow, &settings.estimates).notes {
        output.message(&format!("note: {note}"));
    }
    let run = Pipeline::of(&names, &settings).run(workflow);
    run.map_err(|error: PassError| Failure::refused(error.to_string(), error.hint))
}

/// A workflow that cannot be split as asked.
pub(super) fn refused(model: &Model, error: &SplitError) -> Failure {
    let hint = match error {
        SplitError::CyclicInput(_) => "remove one of the dependencies",
        SplitError::EmptyBudget => "allow at least 1",
        SplitError::StepOverBudget { .. } => "raise the limit, or divide the step",
        SplitError::CyclicParts { .. } => "use --split-method windowed, whose parts never form a cycle",
        SplitError::WrongLength { .. } => "name every step once",
    };
    Failure::refused(model.explain(error), hint)
}

fn read_estimates(path: Option<&Path>) -> Result<EstimateFile, Failure> {
    let Some(path) = path else { return Ok(EstimateFile::default()) };
    let wrong = |message: String| {
        let hint = format!(
            "write version: {ESTIMATES_VERSION} and steps: {{NAME: {{seconds: 12, output_bytes: 3000}}}}"
        );
        Failure::usage(format!("{}: {message}", path.display()), hint)
    };
    let text = read_text(path)?;
    // JSON is YAML as well, but its own reader is faster and has no limit of entries.
    let file: EstimateFile = match serde_json::from_str(&text) {
        Ok(file) => file,
        Err(_) => serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?,
    };
    if file.version == ESTIMATES_VERSION {
        Ok(file)
    } else {
        Err(wrong(format!("unknown version {:?}", file.version)))
    }
}
