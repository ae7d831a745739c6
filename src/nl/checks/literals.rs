//! Every literal of the description has its place in a step that quotes it.

use serde_json::json;

use super::content::Content;
use super::{Check, Finding, Judged};
use crate::nl::answer::StepAnswer;

/// See the module.
pub(super) struct Literals;

impl Check for Literals {
    fn name(&self) -> &'static str {
        "literals"
    }

    fn about(&self) -> &'static str {
        "every address, image, name, command and text in quotation marks stands in a step that quotes it"
    }

    fn judges_remarks(&self) -> bool {
        true
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let steps: Vec<(&StepAnswer, Content)> =
            judged.answer.all_steps().map(|step| (step, Content::of_step(step))).collect();
        let mut whole = Content::of_whole(judged.answer);
        for (_, content) in &steps {
            whole.extend(content);
        }
        // What a step prints is compared by others.
        let conditions: Vec<_> = steps.iter().map(|(step, _)| json!([step.when, step.exec_while])).collect();
        let conditions = Content::of(&json!(conditions));
        let document = judged.document;
        let mut found = Vec::new();
        for literal in &judged.document.literals {
            let owners = judged.owners(literal.span.clone());
            if judged.asks_for_nothing(literal.span.clone()) {
                continue;
            }
            let aside = owners.is_empty() && !judged.is_about_whole(literal.span.clone());
            if aside
                || is_place(&literal.text)
                || judged.is_step_name(&literal.text)
                || judged.document.declares(literal.span.start)
            {
                continue;
            }
            let kept = if owners.is_empty() {
                whole.holds(&literal.text, literal.quoted)
            } else {
                steps
                    .iter()
                    .filter(|(step, _)| owners.contains(&step.name.as_str()))
                    .any(|(_, content)| content.holds(&literal.text, literal.quoted))
                    || conditions.holds(&literal.text, literal.quoted)
                    || steps.iter().any(|(step, _)| {
                        owners.contains(&step.name.as_str()) && lies_on_volume(step, &literal.text)
                    })
            };
            // "After model.py": the name of what another step does, whose own words give it again.
            let elsewhere = || {
                document
                    .text
                    .match_indices(literal.text.as_str())
                    .filter(|(at, _)| *at != literal.span.start)
                    .any(|(at, _)| {
                        let others = judged.owners(at..at + literal.text.len());
                        steps.iter().any(|(step, content)| {
                            others.contains(&step.name.as_str())
                                && content.holds(&literal.text, literal.quoted)
                        })
                    })
            };
            if !kept && !elsewhere() {
                let message = format!("{:?} has no place", literal.text);
                let owner = owners.first().copied();
                found.push(
                    Finding::error(self.name(), owner, message)
                        .because(judged.document, literal.span.clone()),
                );
            }
        }
        found
    }
}

/// Whether a literal only marks where a fact of the run is filled in: `<run id>`, `RUN_ID`.
fn is_place(literal: &str) -> bool {
    let mut words = literal.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some()
        && words.all(|word| {
            ["run", "id", "workflow", "name", "status", "date", "runid", "of", "the"]
                .contains(&word.to_lowercase().as_str())
        })
}

/// Whether a container or script sees the path without being told: it lies on one of its volumes.
fn lies_on_volume(step: &StepAnswer, path: &str) -> bool {
    step.settings.volumes.iter().any(|volume| {
        path.strip_prefix(volume.path().trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
