//! An answer with everything that follows from it.

use crate::api::Program;
use crate::ir::{Workflow, lower};
use crate::lake::Lake;
use crate::nl::answer::WorkflowAnswer;
use crate::nl::checks::{CHECKS, Finding, Judged, Severity, judge};
use crate::nl::document::Document;
use crate::nl::event::{Event, Observer};

/// An answer, the program and graph that it means, and what the checks say of it.
pub(in crate::nl) struct Verdict {
    pub(in crate::nl) answer: WorkflowAnswer,
    pub(in crate::nl) program: Option<Program>,
    pub(in crate::nl) workflow: Option<Workflow>,
    pub(in crate::nl) findings: Vec<Finding>,
}

impl Verdict {
    /// Makes all checks but those named in `without`.
    pub(in crate::nl) fn of(
        answer: WorkflowAnswer,
        document: &Document,
        lake: &Lake,
        without: &[String],
    ) -> Self {
        let program = answer.to_program(lake).ok();
        // Names were made legal: what the checks see has the names of the program.
        let answer = program
            .as_ref()
            .and_then(|program| {
                WorkflowAnswer::of_program(program, &answer.about_whole, &answer.ignored, lake).ok()
            })
            .unwrap_or(answer);
        let workflow = program.as_ref().and_then(|program| {
            let value = serde_json::to_value(program).ok()?;
            let checked = crate::api::program_from_value(&value).ok()?;
            lower(&checked, lake).ok()
        });
        let judged = Judged {
            document,
            answer: &answer,
            program: program.as_ref(),
            workflow: workflow.as_ref(),
            lake,
        };
        let findings = judge(&judged, without);
        Self { answer, program, workflow, findings }
    }

    /// Tells what each check said.
    pub(in crate::nl) fn tell(&self, observer: &dyn Observer) {
        for check in CHECKS {
            let by = format!("check {}", check.name());
            let mut own = self.findings.iter().filter(|finding| finding.check == check.name()).peekable();
            if own.peek().is_none() {
                observer.observe(&Event::Said { by: &by, text: "nothing" });
            }
            own.for_each(|finding| observer.observe(&Event::Said { by: &by, text: &finding.to_string() }));
        }
    }

    /// Findings that make the answer wrong.
    pub(in crate::nl) fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

/// What the checks say of an answer to a description; checks named in `without` are not made.
pub fn judge_answer(
    answer: &WorkflowAnswer,
    document: &Document,
    lake: &Lake,
    without: &[String],
) -> Vec<Finding> {
    Verdict::of(answer.clone(), document, lake, without).findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::answer::StepAnswer;

    #[test]
    fn names_of_the_text_that_are_made_legal_are_the_same_steps() {
        let text = "First qc: qc:1. Then, after qc, qc_report: report:2 --all.";
        let step = |name: &str, text: &str, image: &str, after: &[&str]| {
            StepAnswer {
            name: name.into(),
            text: text.into(),
            task: "container.run".into(),
            with: serde_json::json!({"image": image, "args": if image == "report:2" { vec!["--all"] } else { vec![] }})
                .as_object()
                .cloned()
                .unwrap(),
            after: after.iter().map(|name| (*name).to_owned()).collect(),
            ..StepAnswer::default()
        }
        };
        let answer = WorkflowAnswer {
            name: "w".into(),
            steps: vec![
                step("qc", "First qc: qc:1.", "qc:1", &[]),
                step("qc_report", "Then, after qc, qc_report: report:2 --all.", "report:2", &["qc"]),
            ],
            ..WorkflowAnswer::default()
        };
        assert_eq!(judge_answer(&answer, &Document::parse(text), &Lake::built_in(), &[]), []);
    }
}
