//! Cards and hyperparameters for a freshly written program: what was read, what was written, and why.

use serde_json::{Value, json};

use super::commands::{open_cards, open_lake};
use super::tuning::{as_json, tune_program};
use super::{Environment, Failure, Output};
use crate::api::program_from_value;
use crate::ir::lower;
use crate::nl::Outcome;
use crate::tune::{Portfolio, look, propose};

/// Finds the cards of every training step, writes the priors that were measured to be no loss and, for `trials` above 0,
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
        match tune_program(&mut outcome.program, trials, environment, output) {
            Ok(done) => tuned = done,
            Err(failure) if failure.code() == 130 => return Err(failure),
            // A description is worth its workflow even where nothing can be tried.
            Err(failure) => output.message(&format!(
                "warning: nothing was tuned: {}; the values below are priors, not measured",
                failure.message()
            )),
        }
    }
    let mut proposals = Vec::new();
    if tuned.is_empty() {
        proposals =
            propose(&mut outcome.program, &description, &library, &Portfolio::built_in(), &lake, &look);
        outcome.notes.extend(proposals.iter().flat_map(|proposal| proposal.notes.iter().cloned()));
    }
    if outcome.program != before {
        let value = serde_json::to_value(&outcome.program).expect("a program is JSON");
        let workflow = program_from_value(&value).and_then(|program| lower(&program, &lake));
        let workflow = workflow.map_err(|problems| {
            Failure::failed(
                format!("the proposed hyperparameters do not fit: {problems}"),
                "add --no-proposals",
            )
        })?;
        outcome.workflow = crate::ir::Workflow { notes: outcome.workflow.notes.clone(), ..workflow };
    }
    Ok(json!({"proposals": proposals, "trials": as_json(&tuned)}))
}
