//! Where the words of each step stand in the description, and what it waits for.

use std::collections::HashSet;
use std::ops::Range;

use regex::Regex;
use serde_json::json;

use super::Judged;
use crate::ir::Node;
use crate::nl::answer::StepAnswer;
use crate::nl::document::{Concept, Document};

/// The steps of a valid answer, those at the end aside.
pub(super) struct Layout<'a> {
    document: &'a Document,
    pub(super) steps: Vec<Placed<'a>>,
}

/// A step with its place in the text and in the graph; other steps are named by their index.
pub(super) struct Placed<'a> {
    pub(super) step: &'a StepAnswer,
    /// The pieces of its quote that no other step has; all pieces if it shares all of them.
    pub(super) own: Vec<Range<usize>>,
    /// Where the longest of them begins.
    pub(super) place: usize,
    /// The steps that it waits for itself, with those that the wiring adds.
    pub(super) waits: Vec<usize>,
    /// Those of them whose outputs it reads.
    pub(super) reads: HashSet<usize>,
    /// All steps that are finished before.
    pub(super) before: HashSet<usize>,
}

impl<'a> Layout<'a> {
    /// Nothing if the answer means no valid graph.
    pub(super) fn of(judged: &Judged<'a>) -> Option<Self> {
        let (program, workflow) = (judged.program?, judged.workflow?);
        let (document, answer) = (judged.document, judged.answer);
        let pieces = own_pieces(judged);
        let names: Vec<&str> = program.steps.iter().map(|step| step.name.as_str()).collect();
        let mut steps: Vec<Placed<'a>> = Vec::new();
        for (step, own) in answer.steps.iter().zip(pieces) {
            let place = own.iter().max_by_key(|span| (span.len(), usize::MAX - span.start))?.start;
            let empty = (Vec::new(), HashSet::new(), HashSet::new());
            steps.push(Placed { step, own, place, waits: empty.0, reads: empty.1, before: empty.2 });
        }
        for index in workflow.topological() {
            let node = &workflow.graph[index];
            let at = names.iter().position(|name| *name == node.name)?;
            let waits: Vec<usize> = workflow
                .dependencies(index)
                .iter()
                .filter_map(|name| names.iter().position(|other| other == name))
                .collect();
            let said = reading(node);
            steps[at].reads =
                waits.iter().copied().filter(|other| names_step(&said, names[*other])).collect();
            let before: HashSet<usize> =
                waits.iter().flat_map(|other| steps[*other].before.iter().copied().chain([*other])).collect();
            steps[at].waits = waits;
            steps[at].before = before;
        }
        Some(Self { document, steps })
    }

    /// The steps in the order in which the text speaks of them.
    pub(super) fn by_place(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.steps.len()).collect();
        order.sort_by_key(|index| (self.steps[*index].place, *index));
        order
    }

    /// The steps that wait for one themselves.
    pub(super) fn followers(&self, index: usize) -> impl Iterator<Item = usize> {
        (0..self.steps.len()).filter(move |other| self.steps[*other].waits.contains(&index))
    }

    /// Whether a step waits for another anyway, because it waits for a third one.
    pub(super) fn implied(&self, first: usize, second: usize) -> bool {
        self.steps[second].waits.iter().any(|other| self.steps[*other].before.contains(&first))
    }

    /// Whether one of two steps waits for the other.
    pub(super) fn ordered(&self, first: usize, second: usize) -> bool {
        self.steps[first].before.contains(&second) || self.steps[second].before.contains(&first)
    }

    /// Whether a step's own words, or the words that lead to them, speak of a concept.
    pub(super) fn says(&self, index: usize, concept: Concept) -> bool {
        self.steps[index].own.iter().any(|span| {
            let lead = self.document.lead(span.clone());
            self.document.says(concept, lead.start.min(span.start)..span.end).is_some()
        })
    }

    /// Whether the sentences of a step's own words speak of a concept.
    pub(super) fn sentence_says(&self, index: usize, concept: Concept) -> bool {
        let own = &self.steps[index].own;
        let sentences = self.document.sentences();
        sentences
            .into_iter()
            .filter(|sentence| own.iter().any(|span| span.start < sentence.end && sentence.start < span.end))
            .any(|sentence| self.document.says(concept, sentence).is_some())
    }
}

/// For each step, those at the end included, the pieces of its quote that no other step's quote holds, or all of them.
pub(super) fn own_pieces(judged: &Judged<'_>) -> Vec<Vec<Range<usize>>> {
    let spans: Vec<Vec<Range<usize>>> =
        judged.answer.all_steps().map(|step| judged.document.spans(&step.text)).collect();
    (0..spans.len()).map(|index| own_of(&spans, index)).collect()
}

fn own_of(spans: &[Vec<Range<usize>>], index: usize) -> Vec<Range<usize>> {
    let shared = |span: &Range<usize>| {
        spans
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, spans)| spans)
            .any(|other| other.start <= span.start && span.end <= other.end)
    };
    let own: Vec<Range<usize>> = spans[index].iter().filter(|span| !shared(span)).cloned().collect();
    if own.is_empty() { spans[index].clone() } else { own }
}

/// All that a node says about other nodes.
fn reading(node: &Node) -> String {
    let repeat = node.exec_while.as_ref();
    json!([node.action, node.inputs, node.condition, node.map, repeat]).to_string()
}

fn names_step(said: &str, name: &str) -> bool {
    let name = regex::escape(name);
    Regex::new(&format!(r#""step":"{name}"|steps\.{name}\.|(?:^|[^\w.-]){name}\.\w"#))
        .is_ok_and(|pattern| pattern.is_match(said))
}
