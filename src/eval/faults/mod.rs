//! Planted faults: right answers with one thing made wrong, to measure what the checks find.
//!
//! Only what changes the workflow is a fault (`fair` says what is none).

mod choice;
mod fair;
mod rules;
mod steps;
mod values;

use std::collections::BTreeMap;

use fastrand::Rng;
use serde::Serialize;

use crate::eval::fidelity::answers;
use crate::eval::gold::GoldCase;
use crate::lake::Lake;
use crate::nl::answer::WorkflowAnswer;
use crate::nl::checks::{Finding, Severity};
use crate::nl::document::Document;
use crate::nl::judge_answer;

/// What can be made wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An argument or a word of a command is lost.
    ValueLost,
    /// A value is another one.
    ValueChanged,
    /// Two steps have each other's value.
    ValuesSwapped,
    /// A step is missing.
    StepDropped,
    /// There is a step that nobody asked for.
    StepInvented,
    /// A step is there twice.
    StepDoubled,
    /// A step does not wait for another.
    EdgeMissing,
    /// A step waits for one that runs beside it.
    EdgeExtra,
    /// A condition is lost, turned around or compares with something else.
    Condition,
    /// A loop or map is lost, has another bound or lacks an item.
    Loop,
    /// The schedule is lost or another one.
    Schedule,
    /// A setting is lost, changed or at another step.
    Setting,
}

const KINDS: [FaultKind; 12] = [
    FaultKind::ValueLost,
    FaultKind::ValueChanged,
    FaultKind::ValuesSwapped,
    FaultKind::StepDropped,
    FaultKind::StepInvented,
    FaultKind::StepDoubled,
    FaultKind::EdgeMissing,
    FaultKind::EdgeExtra,
    FaultKind::Condition,
    FaultKind::Loop,
    FaultKind::Schedule,
    FaultKind::Setting,
];

/// A planted fault and what the checks said.
#[derive(Debug, Clone, Serialize)]
pub struct Planted {
    /// The gold case.
    pub id: String,
    /// The kind.
    pub kind: FaultKind,
    /// What was made wrong.
    pub fault: String,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// The answer with the fault.
    #[serde(skip)]
    pub answer: WorkflowAnswer,
}

impl Planted {
    /// Whether a check found an error.
    pub fn found(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Plants about `count` faults, all kinds in turn over all cases, and judges each.
pub fn plant(cases: &[GoldCase], lake: &Lake, count: usize, seed: u64, without: &[String]) -> Vec<Planted> {
    let mut random = Rng::with_seed(seed);
    let right: Vec<(&GoldCase, Document, WorkflowAnswer)> = cases
        .iter()
        .filter_map(|case| {
            let answer = answers(case, &case.program().ok()?, lake).ok()?;
            Some((case, Document::parse(&case.description), answer))
        })
        .collect();
    let mut planted = Vec::new();
    if right.is_empty() {
        return planted;
    }
    for attempt in 0..count * 6 {
        if planted.len() >= count {
            break;
        }
        let kind = KINDS[planted.len() % KINDS.len()];
        let (case, document, answer) = &right[(attempt * 7919 + random.usize(..right.len())) % right.len()];
        let mut wrong = answer.clone();
        let Some(fault) = make_wrong(&mut wrong, kind, document, lake, &mut random) else { continue };
        let of_order = matches!(kind, FaultKind::EdgeMissing | FaultKind::EdgeExtra);
        if wrong == *answer || (of_order && !fair::waits_differently(answer, &wrong, lake)) {
            continue;
        }
        let findings = judge_answer(&wrong, document, lake, without);
        planted.push(Planted { id: case.id.clone(), kind, fault, findings, answer: wrong });
    }
    planted
}

/// Found and planted faults by kind.
pub fn by_kind(planted: &[Planted]) -> BTreeMap<FaultKind, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for fault in planted {
        let (found, all) = counts.entry(fault.kind).or_insert((0, 0));
        *found += usize::from(fault.found());
        *all += 1;
    }
    counts
}

fn make_wrong(
    answer: &mut WorkflowAnswer,
    kind: FaultKind,
    document: &Document,
    lake: &Lake,
    random: &mut Rng,
) -> Option<String> {
    match kind {
        FaultKind::ValueLost => values::value_lost(answer, lake, random),
        FaultKind::ValueChanged => values::value_changed(answer, document, random),
        FaultKind::ValuesSwapped => values::values_swapped(answer, random),
        FaultKind::StepDropped => steps::step_dropped(answer, random),
        FaultKind::StepInvented => steps::step_invented(answer, random),
        FaultKind::StepDoubled => steps::step_doubled(answer, random),
        FaultKind::EdgeMissing => steps::edge_missing(answer, random),
        FaultKind::EdgeExtra => steps::edge_extra(answer, random),
        FaultKind::Condition => rules::condition(answer, random),
        FaultKind::Loop => rules::repetition(answer, random),
        FaultKind::Schedule => rules::schedule(answer, random),
        FaultKind::Setting => rules::setting(answer, random),
    }
}
