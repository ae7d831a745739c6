//! No two steps have each other's values, and values have the form of what they are for.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Check, Finding, Judged};
use crate::nl::answer::StepAnswer;

/// See the module.
pub(super) struct Crossed;

/// Names of images have no spaces, no signs of channels and no absolute paths.
static IMAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\{\{[^}]*\}\}|[a-zA-Z0-9])[\w./:@{}-]*(?:\{\{[^}]*\}\}[\w./:@{}-]*)*$")
        .expect("the pattern is valid")
});

/// The first word of a command is no flag, channel or folder.
static NO_PROGRAM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^-|^#[a-z]|/$|^[a-z0-9]+://").expect("the pattern is valid"));

impl Check for Crossed {
    fn name(&self) -> &'static str {
        "crossed"
    }

    fn about(&self) -> &'static str {
        "no two steps have each other's values, and images and programs look like ones"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let steps: Vec<(&StepAnswer, String)> = judged
            .answer
            .all_steps()
            .map(|step| (step, format!("{} {}", step.text, step.name.replace('-', " ")).to_lowercase()))
            .collect();
        let mut found = Vec::new();
        for (index, (step, words)) in steps.iter().enumerate() {
            for (other, others) in &steps[..index] {
                for (key, value) in step.with.iter().filter(|(key, _)| *key != "source") {
                    let Some(against) = other.with.get(key).filter(|against| *against != value) else {
                        continue;
                    };
                    if crossed(value, words, against, others) {
                        let message = format!(
                            "it has the value that the words of {} give, and the other way round",
                            other.name
                        );
                        found.push(
                            Finding::error(self.name(), Some(&step.name), message).at(format!("with/{key}")),
                        );
                    }
                }
            }
            found.extend(misfit(step));
        }
        found
    }
}

/// Whether the parts of each value that the other has not stand in the other step's words only.
fn crossed(value: &Value, words: &str, against: &Value, others: &str) -> bool {
    let (mine, theirs) = (parts(value), parts(against));
    let only = |left: &BTreeSet<String>, right: &BTreeSet<String>, here: &str, there: &str| {
        let mut own = left.difference(right).peekable();
        own.peek().is_some() && own.all(|part| !has(here, part) && has(there, part))
    };
    only(&mine, &theirs, words, others) && only(&theirs, &mine, others, words)
}

fn has(text: &str, part: &str) -> bool {
    text.match_indices(part).any(|(at, _)| {
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
        edge(text[..at].chars().next_back()) && edge(text[at + part.len()..].chars().next())
    })
}

/// The words and numbers of a value.
fn parts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => text
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|part| part.chars().count() > 1 || part.chars().all(|c| c.is_ascii_digit()))
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::Number(number) => [number.to_string()].into(),
        Value::Array(items) => items.iter().flat_map(parts).collect(),
        Value::Object(map) => map.values().flat_map(parts).collect(),
        _ => BTreeSet::new(),
    }
}

/// An image or a program that cannot be one.
fn misfit(step: &StepAnswer) -> Option<Finding> {
    let image = step.with.get("image").and_then(Value::as_str);
    if let Some(image) = image.filter(|image| !image.is_empty() && !IMAGE.is_match(image)) {
        let message = format!("{image:?} is no name of an image");
        return Some(Finding::error("crossed", Some(&step.name), message).at("with/image"));
    }
    let program = step.with.get("command").and_then(Value::as_array)?.first()?.as_str()?;
    let image_like = program.contains('/') && program.contains(':') && !program.contains("{{");
    (NO_PROGRAM.is_match(program) || image_like).then(|| {
        let message = format!("{program:?} is no program");
        Finding::error("crossed", Some(&step.name), message).at("with/command")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::{findings, run};

    #[test]
    fn values_stand_where_their_words_are() {
        let text = "Run go vet in a/b:1 and go test in a/b:1.";
        for (first, second, fine) in [
            (json!(["go", "vet"]), json!(["go", "test"]), true),
            (json!(["go", "test"]), json!(["go", "vet"]), false),
            (json!(["-c", "go vet"]), json!(["go", "test"]), false),
        ] {
            let mut steps =
                json!([run("one", "Run go vet in a/b:1", &[]), run("two", "go test in a/b:1", &[])]);
            steps[0]["with"]["command"] = first;
            steps[1]["with"]["command"] = second;
            assert_eq!(findings("crossed", text, &steps).is_empty(), fine, "{steps}");
        }
    }
}
