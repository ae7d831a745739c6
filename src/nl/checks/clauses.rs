//! Every clause of the description is quoted: by a step, as words about the whole, or as words that ask for nothing.

use super::{Check, Finding, Judged};

/// Fewer letters than this are a connective, not a wish.
const LETTERS: usize = 16;

/// See the module.
pub(super) struct Clauses;

impl Check for Clauses {
    fn name(&self) -> &'static str {
        "clauses"
    }

    fn about(&self) -> &'static str {
        "no clause of the description is left without a step, a field of the whole, or a word that it asks for nothing"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let document = judged.document;
        let mut covered = vec![false; document.text.len()];
        let steps = judged.answer.all_steps().map(|step| &step.text);
        for quote in steps.chain(&judged.answer.about_whole).chain(&judged.answer.ignored) {
            for span in document.spans_everywhere(quote) {
                covered[span].fill(true);
            }
        }
        let mut found = Vec::new();
        let mut start = None;
        for at in 0..=document.text.len() {
            let open = covered.get(at).is_some_and(|covered| !covered);
            match (start, open) {
                (None, true) => start = Some(at),
                (Some(begin), false) => {
                    start = None;
                    if document.text[begin..at].chars().filter(|c| c.is_alphanumeric()).count() >= LETTERS {
                        let message = "nothing quotes these words: no step does what they ask for";
                        found.push(Finding::error(self.name(), None, message).because(document, begin..at));
                    }
                }
                _ => {}
            }
        }
        found
    }
}
