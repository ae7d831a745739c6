//! Conditions compare the way the words say.

use super::{Check, Finding, Judged};
use crate::api::{Comparison, Condition, Literal, Operand};
use crate::nl::answer::StepAnswer;
use crate::nl::document::Concept;

/// See the module.
pub(super) struct Conditions;

impl Check for Conditions {
    fn name(&self) -> &'static str {
        "conditions"
    }

    fn about(&self) -> &'static str {
        "conditions and loops compare the way the words say, and a clause with a condition has one"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for step in judged.answer.all_steps() {
            let says = |concept| judged.says(step, concept);
            if let Some(finding) = lost(judged, step) {
                found.push(finding);
            }
            let directed = says(Concept::More) != says(Concept::Less);
            for (field, condition) in
                [("when", step.when.as_ref()), ("exec_while", step.exec_while.as_ref().map(|l| &l.condition))]
            {
                let Some(condition) = condition else { continue };
                // Steps further down a branch repeat its condition; only the first one has the words.
                if field == "when"
                    && judged
                        .answer
                        .all_steps()
                        .take_while(|other| other.name != step.name)
                        .any(|other| other.when.as_ref() == Some(condition))
                {
                    continue;
                }
                // Where another step has the opposite condition, the words may be its own.
                let opposite = judged
                    .answer
                    .all_steps()
                    .any(|other| other.when.as_ref().is_some_and(|when| opposes(when, condition)));
                if opposite {
                    continue;
                }
                let all = comparisons(condition);
                let directed = directed && all.len() == 1;
                for comparison in all {
                    let wrong = match comparison {
                        Comparison::NotEqual => !says(Concept::Negation) && !says(Concept::Until),
                        Comparison::Less | Comparison::LessOrEqual => {
                            directed && says(Concept::More) && !says(Concept::Negation) && field == "when"
                        }
                        Comparison::Greater | Comparison::GreaterOrEqual => {
                            directed && says(Concept::Less) && !says(Concept::Negation) && field == "when"
                        }
                        Comparison::Equal => false,
                    };
                    if wrong {
                        let message =
                            format!("it compares with {}, which its words do not say", comparison.symbol());
                        found.push(Finding::error(self.name(), Some(&step.name), message).at(field));
                    }
                }
            }
        }
        found
    }
}

/// A step whose own sentence begins with a condition has one, or one of the steps that share its words has.
fn lost(judged: &Judged<'_>, step: &StepAnswer) -> Option<Finding> {
    if step.when.is_some()
        || step.exec_while.is_some()
        || step.settings.retry.is_some()
        || step.settings.timeout.is_some()
        || step.settings.continue_on_failure
    {
        return None;
    }
    let document = judged.document;
    let spans = document.spans(&step.text);
    // "If it went well" says no more than the order does.
    if judged.says(step, Concept::Success) {
        return None;
    }
    let shared =
        judged.answer.all_steps().filter(|other| other.name != step.name && other.when.is_some()).any(
            |other| {
                document
                    .spans(&other.text)
                    .iter()
                    .any(|a| spans.iter().any(|b| a.start < b.end && b.start < a.end))
            },
        );
    let word = spans.iter().find_map(|span| {
        // The word stands where the wish begins, not somewhere in what follows.
        let end =
            document.text[span.clone()].char_indices().nth(40).map_or(span.end, |(at, _)| span.start + at);
        document.says(Concept::If, span.start..end)
    })?;
    (!shared).then(|| {
        Finding::error("conditions", Some(&step.name), "its words have a condition, but the step has none")
            .at("when")
            .because(document, word)
    })
}

fn opposes(first: &Condition, second: &Condition) -> bool {
    let Condition::Compare { left, comparison, right } = first else { return false };
    let turned =
        Condition::Compare { left: left.clone(), comparison: comparison.negated(), right: right.clone() };
    turned == *second && *comparison != Comparison::Equal && *comparison != Comparison::NotEqual
}

/// The comparisons with constants.
fn comparisons(condition: &Condition) -> Vec<Comparison> {
    match condition {
        Condition::Compare {
            comparison,
            right: Operand::Literal(Literal::Number(_) | Literal::Text(_)),
            ..
        } => vec![*comparison],
        Condition::And(parts) | Condition::Or(parts) => parts.iter().flat_map(comparisons).collect(),
        _ => Vec::new(),
    }
}

impl Judged<'_> {
    /// Whether the words of a step speak of a concept.
    pub(super) fn says(&self, step: &StepAnswer, concept: Concept) -> bool {
        self.document.spans(&step.text).into_iter().any(|span| self.document.says(concept, span).is_some())
    }
}
