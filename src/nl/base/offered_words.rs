//! The words of the text that a command may be made of.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::literals::{Literal, LiteralKind};
use super::slots::{Offer, StepContext};

pub(in crate::nl) static COMMAND_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(^|\s)--?[a-z]|\b(arguments?|args?|commands?|cmd|options?|flags?|executes?|called? with|python3? \S|sh -c|bash|script)\b")
        .expect("the pattern is valid")
});

/// The words of a command are words of the step: the model chooses and orders them, it does not write new ones.
pub(in crate::nl) fn command_offer(context: &StepContext<'_>) -> Offer {
    let quoted =
        context.literals.iter().filter(|l| l.kind == LiteralKind::Quoted && context.text.contains(&l.text));
    let own_uris =
        context.literals.iter().any(|l| l.kind == LiteralKind::Uri && context.text.contains(&l.text));
    let quoted: Vec<String> = quoted.map(|literal| literal.text.clone()).collect();
    let assignments = context.literals.iter().filter(|literal| literal.kind == LiteralKind::Assignment);
    let without = assignments.fold(context.text.to_owned(), |text, literal| text.replace(&literal.text, " "));
    let spoken_of = COMMAND_WORDS.is_match(&without) || !quoted.is_empty() || own_uris || context.mapped;
    if !spoken_of {
        return Offer::Skip;
    }
    let images: Vec<&Literal> = context
        .literals
        .iter()
        .filter(|literal| literal.kind == LiteralKind::Image && literal.text.contains(':'))
        .collect();
    let mut words = quoted;
    for word in context.text.split_whitespace() {
        if context.literals.iter().any(|l| l.kind == LiteralKind::Assignment && word.contains(&l.text)) {
            continue;
        }
        let word = word.trim_matches(|c: char| "\"'`“”„,;()".contains(c)).trim_end_matches(['.', ':']);
        let image = images.iter().any(|image| image.text == word);
        if !word.is_empty() && !image && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    if context.mapped {
        let flags: Vec<String> = words
            .iter()
            .filter(|word| word.starts_with('-'))
            .map(|flag| format!("{flag}={{{{item}}}}"))
            .collect();
        words.retain(|word| !context.items.contains(word));
        words.extend(flags);
        words.push("{{item}}".to_owned());
    }
    words.extend(context.parameters.iter().map(|name| format!("{{{{parameters.{name}}}}}")));
    Offer::Optional(json!({"type": "array", "items": {"enum": words}, "maxItems": 12}))
}
