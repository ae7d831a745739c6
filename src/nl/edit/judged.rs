//! The checks on what a remark changed.

use crate::api::Program;
use crate::lake::Lake;
use crate::nl::answer::{StepAnswer, WorkflowAnswer};
use crate::nl::checks::{CHECKS, Finding, Judged};
use crate::nl::document::Document;

/// What the checks that can judge a remark find: everything it gives must stand in the changed program, or in what went.
pub(super) fn judge_edits(
    remark: &str,
    before: &Program,
    after: &Program,
    lake: &Lake,
    without: &[String],
) -> Vec<Finding> {
    let document = Document::parse(remark);
    let Ok(mut answer) = WorkflowAnswer::of_program(after, &[remark.to_owned()], &[], lake) else {
        return Vec::new();
    };
    for step in answer.steps.iter_mut().chain(&mut answer.on_exit) {
        step.text.clear();
    }
    let gone = before
        .steps
        .iter()
        .chain(&before.on_exit)
        .filter(|step| !after.steps.iter().chain(&after.on_exit).any(|other| other == *step));
    let gone: Vec<StepAnswer> = gone
        .filter_map(|step| StepAnswer::of_step(step, lake).ok())
        .map(|step| StepAnswer { text: String::new(), ..step })
        .collect();
    answer.steps.extend(gone);
    let judged = Judged { document: &document, answer: &answer, program: Some(after), workflow: None, lake };
    CHECKS
        .iter()
        .filter(|check| check.judges_remarks() && without.iter().all(|name| name != check.name()))
        .flat_map(|check| check.check(&judged))
        .collect()
}
