//! Every quote stands in the description, so that each step can be traced to what asks for it.

use super::{Check, Finding, Judged};

/// See the module.
pub(super) struct Quotes;

impl Check for Quotes {
    fn name(&self) -> &'static str {
        "quotes"
    }

    fn about(&self) -> &'static str {
        "every quote is copied from the description"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for step in judged.answer.all_steps() {
            if step.text.trim().is_empty() {
                found.push(
                    Finding::error(self.name(), Some(&step.name), "it quotes nothing of the description")
                        .at("text"),
                );
            }
            for piece in judged.document.unknown_pieces(&step.text) {
                let message = format!("{piece:?} does not stand in the description");
                found.push(Finding::error(self.name(), Some(&step.name), message).at("text"));
            }
        }
        for (field, quotes) in
            [("about_whole", &judged.answer.about_whole), ("ignored", &judged.answer.ignored)]
        {
            for piece in quotes.iter().flat_map(|quote| judged.document.unknown_pieces(quote)) {
                let message = format!("{piece:?} does not stand in the description");
                found.push(Finding::error(self.name(), None, message).at(field));
            }
        }
        found
    }
}
