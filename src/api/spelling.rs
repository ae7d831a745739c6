//! Double braces that look like a reference and are none.
//!
//! `{{steps.flip.outputs.result}}` would reach the step as it is, and nobody meant that. Braces of other languages
//! (`{{ .Names }}`, `{{ user }}`) stay text.

use super::problem::distance;
use super::{Piece, References, RunFact, Template, WORKFLOW};

/// First words that belong to references, or that people write instead.
const WORDS: [&str; 9] =
    ["steps", "step", "parameters", "parameter", "params", "item", "items", WORKFLOW, "run"];
/// Words that other systems have between the name of a step and that of its output.
const BETWEEN: [&str; 4] = ["outputs", "output", "parameters", "artifacts"];

/// How a reference that was not understood is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misspelt {
    /// The text with its braces.
    pub(crate) text: String,
    /// What was probably meant.
    pub(crate) hint: String,
}

/// The references of a text that were not understood; `is_step` knows the names of steps.
pub(crate) fn misspelt(text: &str, references: References, is_step: &dyn Fn(&str) -> bool) -> Vec<Misspelt> {
    let mut found = Vec::new();
    if references == References::Nothing {
        return found;
    }
    for piece in Template::parse(text, references).0 {
        let Piece::Text(plain) = piece else { continue };
        let mut rest = plain.as_str();
        while let Some((_, after)) = rest.split_once("{{") {
            let Some((inner, behind)) = after.split_once("}}") else { break };
            let inner = inner.rsplit_once("{{").map_or(inner, |(_, nested)| nested);
            if let Some(hint) = hint(inner.trim(), references, is_step) {
                found.push(Misspelt { text: format!("{{{{{inner}}}}}"), hint });
            }
            rest = behind;
        }
    }
    found
}

/// The known first word that a word is, or nearly is.
fn known_word(word: &str, dotted: bool) -> Option<&'static str> {
    let exact = WORDS.into_iter().find(|known| *known == word);
    let near = |known: &&str| {
        let most = if known.len() > 6 { 2 } else { 1 };
        known.len() > 3 && (distance(known, word) <= most || is_swapped(known, word))
    };
    exact.or_else(|| WORDS.into_iter().filter(|_| dotted).find(near))
}

/// Whether two letters beside each other were exchanged.
fn is_swapped(known: &str, word: &str) -> bool {
    let pairs: Vec<(char, char)> =
        known.chars().zip(word.chars()).filter(|(one, other)| one != other).collect();
    let adjacent = || known.char_indices().zip(word.chars()).find(|((_, one), other)| one != other);
    match (&pairs[..], adjacent()) {
        ([first, second], Some(((at, _), _))) => {
            known.len() == word.len()
                && *first == (second.1, second.0)
                && known[at..].chars().nth(1) == Some(second.0)
        }
        _ => false,
    }
}

fn hint(inner: &str, references: References, is_step: &dyn Fn(&str) -> bool) -> Option<String> {
    let end = inner.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(inner.len());
    let (first, rest) = inner.split_at(end);
    let names: Vec<&str> = rest.split('.').skip(1).map(str::trim).filter(|name| !name.is_empty()).collect();
    let dotted = rest.starts_with('.') && !names.is_empty();
    if first.is_empty() {
        return None;
    }
    if dotted && is_step(first) {
        return Some(of_step(first, &names));
    }
    if first == "tasks" && names.first().is_some_and(|name| is_step(name)) {
        return Some(of_step(names[0], &names[1..]));
    }
    let hint = match known_word(first, dotted)? {
        "steps" | "step" => match names.split_first() {
            Some((step, more)) => of_step(step, more),
            None => "write {{steps.STEP.OUTPUT}}".to_owned(),
        },
        "item" | "items" => item(references, &names),
        "workflow" | "run" => of_the_run(&names),
        _ => match names.last() {
            Some(name) => write(&format!("parameters.{name}")),
            None => "write {{parameters.NAME}}".to_owned(),
        },
    };
    Some(hint)
}

fn write(reference: &str) -> String {
    format!("write {{{{{reference}}}}}")
}

fn of_step(step: &str, names: &[&str]) -> String {
    let output = names.iter().rfind(|name| !BETWEEN.contains(name)).unwrap_or(&"result");
    write(&format!("steps.{step}.{output}"))
}

fn item(references: References, names: &[&str]) -> String {
    if references != References::ValuesAndItem {
        return "add `map` to the step; only then there is an item".to_owned();
    }
    write(&names.first().map_or_else(|| "item".to_owned(), |key| format!("item.{key}")))
}

fn of_the_run(names: &[&str]) -> String {
    match names {
        ["parameters", .., name] => write(&format!("parameters.{name}")),
        ["name"] => write("workflow.name"),
        ["status" | "phase"] => write("workflow.status"),
        ["uid" | "id"] => write("run.id"),
        ["date" | "creationTimestamp" | "scheduledTime", ..] => write("run.date"),
        _ => {
            let all: Vec<String> = RunFact::ALL.map(|fact| format!("{{{{{}}}}}", fact.name())).into();
            format!("there are {} and, at the end, {{{{workflow.status}}}}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(text: &str, mapped: bool) -> Vec<String> {
        let is_step = |name: &str| ["flip", "load-data"].contains(&name);
        misspelt(text, References::of(mapped, false), &is_step).into_iter().map(|one| one.hint).collect()
    }

    #[test]
    fn what_looks_like_a_reference_gets_its_spelling() {
        for (text, expected) in [
            ("{{step.flip.result}}", "write {{steps.flip.result}}"),
            ("{{ steps.flip.outputs.result }}", "write {{steps.flip.result}}"),
            ("{{steps.flip.outputs.parameters.auc}}", "write {{steps.flip.auc}}"),
            ("{{tasks.load-data.outputs.result}}", "write {{steps.load-data.result}}"),
            ("{{stpes.other.x}}", "write {{steps.other.x}}"),
            ("{{flip.result}}", "write {{steps.flip.result}}"),
            ("{{load-data.status}}", "write {{steps.load-data.status}}"),
            ("{{steps.flip}}", "write {{steps.flip.result}}"),
            ("{{params.lr}}", "write {{parameters.lr}}"),
            ("{{workflow.parameters.lr}}", "write {{parameters.lr}}"),
            ("{{paramters.lr}}", "write {{parameters.lr}}"),
            ("{{workflow.uid}}", "write {{run.id}}"),
            ("{{workflow.creationTimestamp.Y}}", "write {{run.date}}"),
            ("a {{item}}", "add `map` to the step; only then there is an item"),
            ("{{ {{item.key}}", "add `map` to the step; only then there is an item"),
            ("{{item | upper}}", "add `map` to the step; only then there is an item"),
        ] {
            assert_eq!(hints(text, false), [expected], "{text}");
        }
        assert_eq!(hints("{{items.key}}", true), ["write {{item.key}}"]);
    }

    #[test]
    fn other_braces_are_text() {
        let text = "{{ .Names }} {{ user }} {{user.name}} {{- item }} {{tasks.a.b}} {{}} {{ x }} {{\"{{\"}} {{run.id}}";
        assert_eq!(hints(text, false), Vec::<String>::new());
        assert_eq!(misspelt("{{item}} {{flip.result}}", References::Nothing, &|_| true), []);
    }
}
