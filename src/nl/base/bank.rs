//! The bank of worked examples: those most like a description are shown to the model before it plans.

use std::sync::OnceLock;

use bm25::{Document, SearchEngine, SearchEngineBuilder, Tokenizer};

use super::cues::asked_for;
use super::literals::literals;
use super::schedule::speaks_of_schedule;
use super::tidy::UNTIL;
use crate::lake::Lake;
use crate::nl::prompts::PlanExample;

/// Worked examples that can be searched.
#[derive(Default)]
pub(in crate::nl) struct Bank {
    examples: Vec<PlanExample>,
    engine: OnceLock<SearchEngine<usize, u32, Blanks>>,
}

/// Words that are prepared already.
#[derive(Default)]
struct Blanks;

impl Tokenizer for Blanks {
    fn tokenize(&self, text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }
}

impl std::fmt::Debug for Bank {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Bank of {} examples", self.examples.len())
    }
}

impl Bank {
    pub(in crate::nl) fn new(examples: Vec<PlanExample>) -> Self {
        Self { examples, engine: OnceLock::new() }
    }

    /// The examples most like a description, the best one last: the model looks most at what it read last.
    pub(in crate::nl) fn nearest(&self, description: &str, lake: &Lake, count: usize) -> Vec<&PlanExample> {
        let engine = self.engine.get_or_init(|| {
            let documents: Vec<Document<usize>> = self
                .examples
                .iter()
                .enumerate()
                .map(|(id, example)| Document { id, contents: features(&example.description, lake) })
                .collect();
            SearchEngineBuilder::<usize, u32, Blanks>::with_tokenizer_and_documents(Blanks, documents).build()
        });
        let mut found: Vec<&PlanExample> = engine
            .search(&features(description, lake), count)
            .into_iter()
            .map(|hit| &self.examples[hit.document.id])
            .collect();
        found.reverse();
        found
    }
}

/// What two descriptions have in common if they are alike: the components that their words ask for, the kinds of
/// literals, loops and schedules, and their plain words.
fn features(description: &str, lake: &Lake) -> String {
    let known = literals(description);
    let mut found: Vec<String> = Vec::new();
    for component in asked_for(description, lake) {
        // What is asked for tells more than single words.
        found.extend([format!("asks:{component}"), format!("asks:{component}")]);
    }
    let mut kinds: Vec<String> = known.iter().map(|literal| format!("has:{:?}", literal.kind)).collect();
    kinds.dedup();
    found.extend(kinds);
    if speaks_of_schedule(description) {
        found.push("has:schedule".to_owned());
    }
    if UNTIL.is_match(description) {
        found.push("has:repetition".to_owned());
    }
    let mut outside = description.to_owned();
    for literal in known.iter().rev() {
        outside.replace_range(literal.start..literal.end, " ");
    }
    let outside = outside.to_lowercase();
    let words = outside.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    found.extend(words.map(|word| word.chars().take(6).collect()));
    found.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::Prompts;

    #[test]
    fn examples_like_the_description_come_last() {
        let prompts = Prompts::built_in();
        let lake = Lake::built_in();
        let found = prompts.bank.nearest(
            "keep trying acme/check:3 until it prints open, ten times at most, then acme/go:3",
            &lake,
            2,
        );
        assert_eq!(found.len(), 2);
        assert!(found[1].plan.to_string().contains("until"), "{}", found[1].description);
    }

    #[test]
    fn every_example_is_a_plan_of_known_components() {
        let lake = Lake::built_in();
        for example in &Prompts::built_in().bank.examples {
            let plan: crate::nl::base::plan::Plan = serde_json::from_value(example.plan.clone()).unwrap();
            for step in plan.all_steps() {
                assert!(lake.components().any(|component| component.name == step.task), "{}", step.task);
            }
            assert!(plan.workflow != plan.steps.is_empty(), "{}", example.description);
        }
    }
}
