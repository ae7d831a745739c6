//! Repairs: planted faults that the checks found go back to the model once, with what was found.

use futures::StreamExt;
use serde::Serialize;
use serde_json::json;

use super::edits::plain;
use super::faults::{FaultKind, Planted};
use super::fidelity::differences;
use super::gold::GoldCase;
use crate::lake::Lake;
use crate::llm::{Budget, LanguageModel, Ledger};
use crate::nl::{Pipeline, PipelineOptions, Prompts, Silent, Way};

/// What a model made of a planted fault and its findings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repaired {
    /// The gold case.
    pub id: String,
    /// The kind of fault.
    pub kind: FaultKind,
    /// What was made wrong.
    pub fault: String,
    /// What the model was told.
    pub findings: Vec<String>,
    /// What still differs from the right program; nothing if it is mended.
    pub differences: Vec<String>,
}

/// Lets a model repair planted faults, `jobs` at a time.
pub async fn repair(
    planted: &[Planted],
    cases: &[GoldCase],
    lake: &Lake,
    prompts: &Prompts,
    model: &dyn LanguageModel,
    jobs: usize,
) -> Vec<Repaired> {
    let one = |fault: &Planted| {
        let case = cases.iter().find(|case| case.id == fault.id).cloned();
        let fault = fault.clone();
        async move {
            let ledger = Ledger::new(Budget::default());
            let options =
                PipelineOptions { way: Way::Whole, max_regenerations: 1, ..PipelineOptions::default() };
            let pipeline = Pipeline { model, lake, prompts, options, ledger: &ledger, observer: &Silent };
            let mut list = Vec::new();
            let right =
                case.ok_or("no such gold case".to_owned()).and_then(|case| Ok((case.program()?, case)));
            match right {
                Ok((right, case)) => match pipeline.mend(&case.description, &fault.answer).await {
                    Ok(answer) => match answer.to_program(lake) {
                        Ok(program) => differences("program", &plain(&right), &plain(&program), &mut list),
                        Err(errors) => list.extend(errors.iter().map(ToString::to_string)),
                    },
                    Err(error) => list.push(error.to_string()),
                },
                Err(error) => list.push(error),
            }
            Repaired {
                id: fault.id.clone(),
                kind: fault.kind,
                fault: fault.fault.clone(),
                findings: fault.findings.iter().map(ToString::to_string).collect(),
                differences: list,
            }
        }
    };
    let work: Vec<_> = planted.iter().map(one).collect();
    let mut repaired: Vec<Repaired> =
        futures::stream::iter(work).buffer_unordered(jobs.max(1)).collect().await;
    repaired.sort_by_cached_key(|one| (json!(one.kind).to_string(), one.id.clone()));
    repaired
}
