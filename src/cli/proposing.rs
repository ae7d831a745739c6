//! Cards and hyperparameters for a freshly written program: what was read, what was written, and why.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::commands::{open_cards, open_lake};
use super::tuning::{Running, as_json, tune_program};
use super::{Environment, Failure, Output};
use crate::api::{Function, Problems, Step, flatten_steps, parse_program, program_from_value};
use crate::ir::{Workflow, lower};
use crate::lake::Lake;
use crate::nl::Outcome;
use crate::optimize::passes::ProposedArguments;
use crate::tune::{ORIGIN, Portfolio, SearchParts, SharedSearch, fill_spaces, look, propose, share_searches};

/// Says that a search got the ranges of a model card.
pub(super) fn ranges_note(step: &str, card: &str) -> String {
    format!("{step}: the ranges of the search are those of the card {card}")
}

/// The arguments that cards and the portfolio propose for training steps of a program, by step.
pub(super) fn proposed_arguments(
    program: &str,
    environment: &Environment,
    output: &Output,
) -> Result<BTreeMap<String, ProposedArguments>, Failure> {
    let mut program = parse_program(program)?;
    let before: HashMap<String, Step> =
        flatten_steps(&program).into_iter().map(|(_, step)| (step.name.clone(), step.clone())).collect();
    let (library, lake) = (open_cards(environment, output)?, open_lake(environment)?);
    let description = program.description.clone().unwrap_or_default();
    let proposals = propose(&mut program, &description, &library, &Portfolio::built_in(), &lake, &look);
    let steps = flatten_steps(&program).into_iter().map(|(_, step)| step);
    let changed = steps.filter_map(|step| {
        let proposal = proposals.iter().find(|one| one.step == step.name && !one.written.is_empty())?;
        let (Function::Component(old), Function::Component(new)) = (&before.get(&step.name)?.run, &step.run)
        else {
            return None;
        };
        let fresh = new.with.iter().filter(|(name, value)| old.with.get(*name) != Some(value));
        let arguments = fresh.map(|(name, value)| (name.clone(), value.clone())).collect();
        let annotations = step.settings.annotations.clone();
        let origin = |name: &String| annotations.get(&format!("{ORIGIN}{name}")).cloned();
        let why = proposal.written.keys().find_map(origin).unwrap_or_default();
        Some((step.name.clone(), ProposedArguments { arguments, annotations, why }))
    });
    Ok(changed.collect())
}

/// The workflow of a program that was changed after it was written.
fn lowered_again(outcome: &Outcome, lake: &Lake) -> Result<Workflow, Problems> {
    let value = serde_json::to_value(&outcome.program).expect("a program is JSON");
    let workflow = program_from_value(&value).and_then(|program| lower(&program, lake))?;
    Ok(Workflow { notes: outcome.workflow.notes.clone(), ..workflow })
}

/// Shares the trials of searches among several steps, and says so.
pub(super) fn share_for(
    outcome: &mut Outcome,
    parts: SearchParts,
    lake: &Lake,
) -> Result<Vec<SharedSearch>, Failure> {
    let shared = share_searches(&mut outcome.program, parts);
    if !shared.is_empty() {
        outcome.workflow = lowered_again(outcome, lake).map_err(|problems| {
            Failure::failed(format!("the search cannot be shared: {problems}"), "add --search-parts off")
        })?;
        outcome.notes.extend(shared.iter().map(ToString::to_string));
    }
    Ok(shared)
}

/// Finds the cards of every training step, writes the priors that were measured to be a gain and, for `trials` above 0,
/// lets short real trainings decide. Gives a report for JSON.
pub(super) fn propose_for(
    outcome: &mut Outcome,
    trials: u16,
    environment: &Environment,
    output: &Output,
) -> Result<Value, Failure> {
    let (library, lake) = (open_cards(environment, output)?, open_lake(environment)?);
    let description = outcome.program.description.clone().unwrap_or_default();
    let before = outcome.program.clone();
    let mut tuned = Vec::new();
    if trials > 0 {
        let mut program = before.clone();
        match tune_program(&mut program, trials, &Running::default(), environment, output) {
            Ok(done) => (outcome.program, tuned) = (program, done),
            Err(failure) if failure.code() == 130 => return Err(failure),
            // A description is worth its workflow even where nothing can be tried.
            Err(failure) => output.message(&format!(
                "warning: nothing was tuned: {}; the values below are priors, not measured",
                failure.message()
            )),
        }
    }
    let filled = fill_spaces(&mut outcome.program, &library);
    outcome.notes.extend(filled.iter().map(|(step, card)| ranges_note(step, card)));
    let mut proposals = Vec::new();
    if tuned.is_empty() {
        proposals =
            propose(&mut outcome.program, &description, &library, &Portfolio::built_in(), &lake, &look);
        outcome.notes.extend(proposals.iter().flat_map(|proposal| proposal.notes.iter().cloned()));
    }
    if outcome.program != before {
        outcome.workflow = lowered_again(outcome, &lake).map_err(|problems| {
            Failure::failed(
                format!("the proposed hyperparameters do not fit: {problems}"),
                "add --no-proposals",
            )
        })?;
    }
    let ranges: Vec<Value> =
        filled.iter().map(|(step, card)| json!({"step": step, "model_card": card})).collect();
    Ok(json!({"proposals": proposals, "ranges": ranges, "trials": as_json(&tuned)}))
}
