//! Files of a workflow that is too big to run as one.

use super::optimizing::SplitArguments;
use super::{Environment, Failure, Output};
use crate::engine::{Admission, Engine, GenerateOptions, GeneratedFile, PartPlan};
use crate::ir::Workflow;
use crate::optimize::Model;
use crate::optimize::split::{Budget, Partition};

/// How often parts that come out too large are made smaller.
const MOST_ATTEMPTS: usize = 8;
/// What a smaller part is to take up of its limit: gates and marks between parts are not counted beforehand.
const AIM: f64 = 0.9;

/// When steps of one part may start.
#[derive(Debug, clap::Args)]
pub(super) struct AdmissionArguments {
    /// Start a part only when all parts that it waits for have ended
    #[arg(long)]
    barrier: bool,

    /// Most gates of a part, each a pod while it waits for steps of other parts (Argo and Tekton)
    #[arg(long, value_name = "N", default_value_t = 16, conflicts_with = "barrier")]
    gates: usize,
}

impl AdmissionArguments {
    fn admission(&self) -> Admission {
        if self.barrier { Admission::Barrier } else { Admission::Gated { gates: self.gates } }
    }
}

/// The files of a workflow: of the whole if it fits into one part, else of its parts.
///
/// # Errors
/// What the engine cannot express, steps that are too large by themselves, parts that form a cycle.
pub(super) fn files(
    workflow: &Workflow,
    engine: &dyn Engine,
    options: &GenerateOptions,
    split: &SplitArguments,
    admission: &AdmissionArguments,
    environment: &Environment,
    output: &Output,
) -> Result<Vec<GeneratedFile>, Failure> {
    let Some(limits) = split.budget() else { return Ok(engine.generate(workflow, options)?) };
    if let Some(whole) = whole(workflow, engine, options, &limits)? {
        return Ok(whole);
    }
    let (model, _) = split.model(workflow, environment, output)?;
    let mut budget = limits;
    for _ in 0..MOST_ATTEMPTS {
        let parts = split.parts_within(&model, &budget, output)?;
        if parts.len() <= 1 && budget == limits {
            let files = engine.generate(workflow, options)?;
            if files.iter().map(|file| file.content.len()).sum::<usize>() <= limits.bytes {
                return Ok(files);
            }
        }
        let (parts_of, admission) = (model.names_of_parts(&parts), admission.admission());
        let plan = PartPlan { parts: parts_of, admission, ends: model.ends() };
        let made = engine.generate_parts(workflow, &plan, options)?;
        let (parent, of_parts) = made.bytes.split_last().unwrap_or((&0, &[]));
        let largest = of_parts.iter().copied().max().unwrap_or(0);
        if !engine.has_limit_of_bytes() || (largest <= limits.bytes && *parent <= limits.bytes) {
            for note in &made.notes {
                output.message(note);
            }
            return Ok(made.files);
        }
        if *parent > limits.bytes {
            let message = format!("{} parts need {parent} bytes to be started from", plan.parts.len());
            return Err(Failure::refused(message, "allow more steps in a part"));
        }
        budget = smaller(&budget, &limits, &model, &parts, of_parts)?;
    }
    let message = format!("no part gets below {} bytes", limits.bytes);
    Err(Failure::refused(message, "raise --max-bytes, or shorten the longest steps"))
}

/// The files of the workflow as one, if the engine takes it.
fn whole(
    workflow: &Workflow,
    engine: &dyn Engine,
    options: &GenerateOptions,
    limits: &Budget,
) -> Result<Option<Vec<GeneratedFile>>, Failure> {
    // A limit of 0 is refused where parts are made, and pods are counted there.
    let steps = workflow.graph.node_count();
    if steps > limits.steps || limits.bytes == 0 || limits.pods != usize::MAX {
        return Ok(None);
    }
    let files = engine.generate(workflow, options)?;
    let bytes: usize = files.iter().map(|file| file.content.len()).sum();
    Ok((!engine.has_limit_of_bytes() || bytes <= limits.bytes).then_some(files))
}

/// The budget under which the largest part should fit.
fn smaller(
    budget: &Budget,
    limits: &Budget,
    model: &Model,
    parts: &Partition,
    bytes: &[usize],
) -> Result<Budget, Failure> {
    let largest = (0..bytes.len()).max_by_key(|part| bytes[*part]).unwrap_or(0);
    let members = parts.members(largest);
    if let [only] = members {
        let message = format!("step {:?} alone takes {} bytes", model.name(*only), bytes[largest]);
        return Err(Failure::refused(message, "raise --max-bytes, or divide the step"));
    }
    let counted = parts.weight(&model.dag, largest).bytes.saturating_add(budget.part_bytes);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let scaled = (counted as f64 * limits.bytes as f64 / bytes[largest] as f64 * AIM) as usize;
    let most = (0..model.dag.len()).map(|task| model.dag.task(task).weight.bytes).max().unwrap_or(0);
    // Below this no step would fit; then parts of fewer steps are what is left.
    let bytes = scaled.max(most.saturating_add(budget.part_bytes));
    let steps =
        if bytes >= budget.bytes { budget.steps.min(members.len()).div_ceil(2) } else { budget.steps };
    Ok(Budget { steps, bytes, ..*budget })
}
