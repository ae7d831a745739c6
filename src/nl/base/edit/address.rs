//! Addresses, channels, recipients and images that take the place of others.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::read::{Context, Wish};
use super::replace::{kind, places, wanted};
use super::steps::Meant;
use crate::api::{Step, Task};
use crate::nl::base::literals::{Literal, LiteralKind, literals};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

/// Words in front of the place that something is written to.
static WRITES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:goes|going|go|sav(?:e[sd]?|ing)|writ(?:es?|ten|ing)|stor(?:e[sd]?|ing)|send|sent|put|cop(?:y|ies|ied)|upload(?:s|ed)?|export(?:s|ed)?|deploy(?:s|ed)?|ship(?:s|ped)?|lands?)\b[^.;]*\b(?:to|into|in|under|at)\s*$",
    )
});

/// A literal of the text takes the place of the only one of its kind: another address, channel or recipient.
pub(super) fn same_kind(context: &Context<'_>, text: &str) -> Option<Wish> {
    let wanted = wanted(text);
    let program = serde_json::to_string(context.steps.program).ok()?;
    let new: Vec<Literal> = literals(&wanted)
        .into_iter()
        .filter(|literal| {
            matches!(
                literal.kind,
                LiteralKind::Uri | LiteralKind::Channel | LiteralKind::Email | LiteralKind::Image
            )
        })
        .filter(|literal| !program.contains(&json!(literal.text).to_string()))
        .collect();
    let [literal] = &new[..] else { return None };
    let named = match context.chosen {
        Some(chosen) => vec![chosen.to_owned()],
        None => match context.steps.meant(&wanted.replace(&literal.text, " ")) {
            Meant::Steps(names) | Meant::Unclear(names) => names,
            Meant::Nothing => Vec::new(),
        },
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for step in context.steps.program.steps.iter().chain(&context.steps.program.on_exit) {
        let run = serde_json::to_value(&step.run).ok()?;
        places(&run, "/run", &mut |field, value| {
            let Some(known) = value.as_str() else { return };
            if alike(literal.kind, &literal.text, kind(known), known)
                && !field.ends_with("/source") | step_loads(context, step)
            {
                found.push((step.name.clone(), field.to_owned()));
            }
        });
    }
    // "From" names what is read, "to" what is written.
    let before = wanted[..literal.start].to_lowercase();
    let reads =
        ["from", "read", "load", "source", "input", "take", "fetch"].iter().any(|word| before.contains(word));
    let writes = !reads && WRITES.is_match(&before);
    let by_direction: Vec<(String, String)> = found
        .iter()
        .filter(|(step, _)| context.steps.get(step).is_some_and(|step| loads(context, step)) == reads)
        .cloned()
        .collect();
    if writes && !by_direction.is_empty() {
        // Where something goes is said: a step that loads is not meant, even if it was spoken of last.
        found.clone_from(&by_direction);
    }
    let of = |names: &[String]| -> Vec<(String, String)> {
        found.iter().filter(|(step, _)| names.contains(step)).cloned().collect()
    };
    let candidates = [of(&named), of(context.focus), by_direction, found.clone()]
        .into_iter()
        .find(|list| !list.is_empty())?;
    match &candidates[..] {
        [(step, field)] => Some(Wish::Edits(vec![Edit::set(step, field.clone(), literal.text.clone())])),
        several => {
            let mut steps: Vec<String> = several.iter().map(|(step, _)| step.clone()).collect();
            steps.dedup();
            (steps.len() > 1).then_some(Wish::Which { steps })
        }
    }
}

/// Whether a step reads data from somewhere.
pub(super) fn loads(context: &Context<'_>, step: &Step) -> bool {
    context.steps.component(step).is_some_and(|component| component.task == Task::Load)
}

/// Whether the text names a place that something is written to.
pub(super) fn writes_somewhere(text: &str) -> bool {
    literals(text).iter().any(|literal| {
        literal.kind == LiteralKind::Uri && WRITES.is_match(&text[..literal.start].to_lowercase())
    })
}

/// The source of a script is no address.
fn step_loads(context: &Context<'_>, step: &Step) -> bool {
    context.steps.component(step).is_some_and(|component| !component.name.starts_with("script."))
}

/// Whether two literals are of one kind: addresses and paths with and without an ending are.
pub(super) fn alike(kind: LiteralKind, text: &str, known: Option<LiteralKind>, other: &str) -> bool {
    use LiteralKind::{Channel, Email, Image, Uri};
    let address = |kind: LiteralKind, text: &str| kind == Uri || (kind == Image && !text.contains(':'));
    match known {
        Some(known) if known == kind && matches!(kind, Channel | Email | Image) => true,
        Some(known) => address(kind, text) && address(known, other),
        None => false,
    }
}
