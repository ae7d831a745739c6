//! The order of steps is the one that the description states.

use std::collections::{HashMap, HashSet};

use super::{Check, Finding, Judged};
use crate::api::{Program, ancestors};
use crate::nl::answer::StepAnswer;
use crate::nl::document::Concept;

/// See the module.
pub(super) struct Order;

impl Check for Order {
    fn name(&self) -> &'static str {
        "order"
    }

    fn about(&self) -> &'static str {
        "steps wait for what the description names, and not for what runs beside them"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let Some(program) = judged.program else { return Vec::new() };
        let before = all_before(judged, program);
        let mut found = Vec::new();
        self.beside(judged, &before, &mut found);
        self.beginnings(judged, &before, &mut found);
        self.neighbours(judged, &before, &mut found);
        found
    }
}

/// The steps that must be finished before each one, with what the wiring adds.
fn all_before(judged: &Judged<'_>, program: &Program) -> HashMap<String, HashSet<String>> {
    let mut before = ancestors(program);
    let Some(workflow) = judged.workflow else { return before };
    for index in workflow.topological() {
        let mut all = before.remove(&workflow.graph[index].name).unwrap_or_default();
        for name in workflow.dependencies(index) {
            all.extend(before.get(name).into_iter().flatten().cloned());
            all.insert(name.to_owned());
        }
        before.insert(workflow.graph[index].name.clone(), all);
    }
    before
}

impl Order {
    /// Of the steps that one sentence tells to run at the same time, at least two must not wait for each other.
    fn beside(
        &self,
        judged: &Judged<'_>,
        before: &HashMap<String, HashSet<String>>,
        found: &mut Vec<Finding>,
    ) {
        let document = judged.document;
        for sentence in document.sentences() {
            let Some(word) = document.says(Concept::Together, sentence.clone()) else { continue };
            let lead =
                document.text[sentence.start..word.start].split_whitespace().next_back().unwrap_or_default();
            let denied = document
                .says(Concept::Negation, word.start - lead.len().min(word.start - sentence.start)..word.end)
                .is_some();
            let literal = document
                .literals
                .iter()
                .any(|literal| literal.span.start < word.end && word.start < literal.span.end);
            // "4 in parallel" limits how many, of whatever it is.
            let limit = lead.chars().all(|c| c.is_ascii_digit()) && !lead.is_empty();
            if denied || literal || limit {
                continue;
            }
            let steps: Vec<&StepAnswer> = judged
                .answer
                .steps
                .iter()
                .filter(|step| {
                    document
                        .spans(&step.text)
                        .iter()
                        .any(|span| span.start < sentence.end && sentence.start < span.end)
                })
                .collect();
            let ordered = |a: &StepAnswer, b: &StepAnswer| {
                let waits = |first: &StepAnswer, second: &StepAnswer| {
                    before.get(&second.name).is_some_and(|all| all.contains(&first.name))
                };
                waits(a, b) || waits(b, a)
            };
            let chain =
                steps.iter().enumerate().all(|(index, a)| steps[index + 1..].iter().all(|b| ordered(a, b)));
            let mapped = steps.iter().any(|step| step.map.is_some());
            if steps.len() >= 2 && chain && !mapped && !judged.is_about_whole(sentence.clone()) {
                let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
                let message = format!(
                    "{} wait for each other, although some of them run at the same time",
                    names.join(", ")
                );
                found.push(
                    Finding::error(self.name(), Some(names[names.len() - 1]), message)
                        .at("after")
                        .because(document, sentence),
                );
            }
        }
    }

    /// What stands right behind an arrow waits for what stands before it.
    fn neighbours(
        &self,
        judged: &Judged<'_>,
        before: &HashMap<String, HashSet<String>>,
        found: &mut Vec<Finding>,
    ) {
        let document = judged.document;
        let mut places: Vec<(std::ops::Range<usize>, &StepAnswer)> = judged
            .answer
            .steps
            .iter()
            .filter_map(|step| Some((document.spans(&step.text).into_iter().next()?, step)))
            .collect();
        places.sort_by_key(|(span, _)| (span.start, span.end));
        for pair in places.windows(2) {
            let ((first_span, first), (span, step)) = (&pair[0], &pair[1]);
            let ends = span.start < first_span.end || span.start == first_span.start;
            if ends
                || before.get(&step.name).is_some_and(|all| all.contains(&first.name))
                || first.when.is_some()
                || step.when.is_some()
            {
                continue;
            }
            let between = document.text[first_span.end..span.start].trim();
            let arrow = ["->", "→", "=>", "-->", "⇒", "➜"].contains(&between);
            // Several steps may share a place: "-> R2 of each".
            let sibling = places.iter().any(|(other, sibling)| {
                other.start == span.start
                    && before.get(&sibling.name).is_some_and(|all| all.contains(&first.name))
            });
            let lead = document.lead(span.clone());
            if arrow && !sibling {
                let message = format!("it does not wait for {}, which stands right before it", first.name);
                found.push(
                    Finding::error(self.name(), Some(&step.name), message)
                        .at("after")
                        .because(document, lead),
                );
            }
        }
    }

    /// A step behind "then" or an arrow waits for something.
    fn beginnings(
        &self,
        judged: &Judged<'_>,
        before: &HashMap<String, HashSet<String>>,
        found: &mut Vec<Finding>,
    ) {
        let document = judged.document;
        for step in &judged.answer.steps {
            if before.get(&step.name).is_some_and(|all| !all.is_empty()) {
                continue;
            }
            let Some(span) = document.spans(&step.text).into_iter().next() else { continue };
            let lead = document.lead(span.clone());
            let arrow = document.text[..span.start].trim_end().ends_with(['→', '>', '⇒', '➜']);
            let joined = document.says(Concept::Then, lead.clone()).is_some()
                && document.says(Concept::Beside, lead.clone()).is_none();
            if arrow || joined {
                let message = "it waits for nothing, although the text puts it behind another step";
                found.push(
                    Finding::error(self.name(), Some(&step.name), message)
                        .at("after")
                        .because(document, lead),
                );
            }
        }
    }
}
