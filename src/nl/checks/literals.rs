//! Every literal of the description has its place in a step that quotes it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::content::Content;
use super::{Check, Finding, Judged};
use crate::nl::answer::StepAnswer;
use crate::nl::document::{Document, Literal};

static PRINTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:prints?|outputs?|gives?|reports?|gibt|imprime|stampa|affiche|drukuje|skriver ut)(?: out| back)?(?: an?| the)? [`'\x22]?$")
        .expect("the pattern is valid")
});
static SERIES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^\W{0,3}(?:up to|to|through|until|bis|à|a|hasta|até|tot|do|till|至|到|から|-|–|\.\.\.?|…)\W{0,3}$",
    )
    .expect("the pattern is valid")
});

/// See the module.
pub(super) struct Literals;

impl Check for Literals {
    fn name(&self) -> &'static str {
        "literals"
    }

    fn about(&self) -> &'static str {
        "every address, image, name, command and text in quotation marks stands in a step that quotes it"
    }

    fn judges_remarks(&self) -> bool {
        true
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let steps: Vec<(&StepAnswer, Content)> =
            judged.answer.all_steps().map(|step| (step, Content::of_step(step))).collect();
        let mut whole = Content::of_whole(judged.answer);
        for (_, content) in &steps {
            whole.extend(content);
        }
        // What a step prints is compared by others.
        let conditions: Vec<_> = steps.iter().map(|(step, _)| json!([step.when, step.exec_while])).collect();
        let conditions = Content::of(&json!(conditions));
        let document = judged.document;
        let said = json!(judged.answer).to_string();
        let mut found = Vec::new();
        for literal in &judged.document.literals {
            let owners = judged.owners(literal.span.clone());
            if judged.asks_for_nothing(literal.span.clone()) {
                continue;
            }
            let aside = owners.is_empty() && !judged.is_about_whole(literal.span.clone());
            if aside
                || is_place(&literal.text)
                || explains_place(document, literal)
                || is_printed(document, literal)
                || is_spelled_right_elsewhere(document, literal, &whole)
                || is_filled_in(&literal.text, &said)
                || ends_series(document, literal)
                || judged.is_step_name(&literal.text)
                || judged.document.declares(literal.span.start)
            {
                continue;
            }
            let kept = if owners.is_empty() {
                whole.holds(&literal.text, literal.quoted)
            } else {
                steps
                    .iter()
                    .filter(|(step, _)| owners.contains(&step.name.as_str()))
                    .any(|(_, content)| content.holds(&literal.text, literal.quoted))
                    || conditions.holds(&literal.text, literal.quoted)
                    || steps.iter().any(|(step, _)| {
                        owners.contains(&step.name.as_str()) && lies_on_volume(step, &literal.text)
                    })
            };
            // "After model.py": the name of what another step does, whose own words give it again.
            let elsewhere = || {
                document
                    .text
                    .match_indices(literal.text.as_str())
                    .filter(|(at, _)| *at != literal.span.start)
                    .any(|(at, _)| {
                        let others = judged.owners(at..at + literal.text.len());
                        steps.iter().any(|(step, content)| {
                            others.contains(&step.name.as_str())
                                && content.holds(&literal.text, literal.quoted)
                        })
                    })
            };
            if !kept && !elsewhere() {
                let message = format!("{:?} has no place", literal.text);
                let owner = owners.first().copied();
                found.push(
                    Finding::error(self.name(), owner, message)
                        .because(judged.document, literal.span.clone()),
                );
            }
        }
        found
    }
}

/// Whether a literal only marks where a fact of the run is filled in: `<run id>`, `RUN_ID`.
fn is_place(literal: &str) -> bool {
    let mut words = literal.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some()
        && words.all(|word| {
            ["run", "id", "workflow", "name", "status", "date", "runid", "of", "the"]
                .contains(&word.to_lowercase().as_str())
        })
}

/// Whether a literal is a slip of the fingers, with the same letters in the right order elsewhere: `pyhton:3.11`.
fn is_spelled_right_elsewhere(document: &Document, literal: &Literal, whole: &Content) -> bool {
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let digits = |text: &str| -> Vec<char> { text.chars().filter(char::is_ascii_digit).collect() };
    document.literals.iter().any(|other| {
        other.text != literal.text
            && letters(&other.text) == letters(&literal.text)
            && digits(&other.text) == digits(&literal.text)
            && whole.holds(&other.text, other.quoted)
    })
}

/// Whether a literal is a word in capitals in whose place something is filled in: `DATE.html` is `{{run.date}}.html`.
fn is_filled_in(literal: &str, said: &str) -> bool {
    let (stem, ending) = literal.split_at(literal.find('.').unwrap_or(literal.len()));
    stem.len() > 1
        && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        && !ending.is_empty()
        && said.contains(&format!("}}}}{ending}"))
}

/// Whether a literal names the place of another one that is filled in: `calc --id=ID`, "ID" being the number.
fn explains_place(document: &Document, literal: &Literal) -> bool {
    let short =
        literal.quoted && !literal.text.contains(char::is_whitespace) && literal.text.chars().count() <= 12;
    short
        && document.literals.iter().any(|other| {
            other.span != literal.span
                && other.text.len() > literal.text.len()
                && other.text.contains(char::is_whitespace)
                && other.text.contains(&literal.text)
        })
}

/// Whether a name is only that of what a step prints: "each prints `val_loss`".
fn is_printed(document: &Document, literal: &Literal) -> bool {
    let name = literal.text.chars().all(|c| c.is_alphanumeric() || c == '_');
    name && document
        .text
        .match_indices(literal.text.as_str())
        .any(|(at, _)| PRINTS.is_match(&document.text[..at]))
}

/// Whether it is the first or last of a series that a script counts: "b001" up to "b030".
fn ends_series(document: &Document, literal: &Literal) -> bool {
    let stem = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    literal.quoted
        && literal.text.ends_with(|c: char| c.is_ascii_digit())
        && document.literals.iter().any(|other| {
            let (low, high) =
                if other.span.start < literal.span.start { (other, literal) } else { (literal, other) };
            low.span.end < high.span.start
                && other.text != literal.text
                && stem(&other.text) == stem(&literal.text)
                && SERIES.is_match(&document.text[low.span.end..high.span.start])
        })
}

/// Whether a container or script sees the path without being told: it lies on one of its volumes.
fn lies_on_volume(step: &StepAnswer, path: &str) -> bool {
    step.settings.volumes.iter().any(|volume| {
        path.strip_prefix(volume.path().trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::findings;

    #[test]
    fn names_of_places_and_prints_need_no_place() {
        for (text, command, fine) in [
            ("Run `calc --id=ID` in a/b:1, \"ID\" being the number.", vec!["calc", "--id=7"], true),
            ("Run `calc` in a/b:1, it prints val_loss.", vec!["calc"], true),
            ("Run `calc --from /x/y.csv` in a/b:1.", vec!["calc"], false),
            ("Run calc in a/b:1 for the ids \"b001\" up to \"b030\".", vec!["calc"], true),
            ("Run `calc --run <run id>` in a/b:1.", vec!["calc", "--run", "{{run.id}}"], true),
        ] {
            let steps = json!([{"text": text, "name": "calc", "task": "container.run",
                                "with": {"image": "a/b:1", "command": command}}]);
            assert_eq!(findings("literals", text, &steps).is_empty(), fine, "{text}");
        }
    }
}
