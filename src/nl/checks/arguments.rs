//! Columns and measures that a step's words name are among its arguments.

use serde_json::{Value, json};

use super::layout::own_pieces;
use super::{Check, Finding, Judged};
use crate::nl::answer::StepAnswer;
use crate::nl::document::Document;

/// See the module.
pub(super) struct Arguments;

/// Arguments that steps of one kind share when they share their words.
const SHARED: [&str; 5] = ["target", "features", "metric", "metrics", "seed"];

impl Check for Arguments {
    fn name(&self) -> &'static str {
        "arguments"
    }

    fn about(&self) -> &'static str {
        "the column to predict and the measure that a step's words name are among its arguments"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let own = own_pieces(judged);
        let mut found = Vec::new();
        for (step, own) in judged.answer.all_steps().zip(&own) {
            let Some(component) = judged.lake.components().find(|component| component.name == step.task)
            else {
                continue;
            };
            let offered = &component.arguments["properties"];
            if let Some((name, value)) = shared(judged, step, offered) {
                let message =
                    format!("it has no {name}, although its words give {value} as those of a step like it");
                found.push(Finding::error(self.name(), Some(&step.name), message).at(format!("with/{name}")));
            }
            let said = json!([step.with, step.when, step.outputs]).to_string();
            for name in ["metric", "metrics"] {
                let choices =
                    offered[name]["enum"].as_array().or_else(|| offered[name]["items"]["enum"].as_array());
                let choices = choices.into_iter().flatten().filter_map(Value::as_str);
                let lost = choices.filter(|choice| !said.contains(choice)).find(|choice| {
                    own.iter().any(|span| names_measure(judged.document, span.clone(), choice))
                });
                if let Some(lost) =
                    lost.filter(|_| !step.with.contains_key("metric") && !step.with.contains_key("metrics"))
                {
                    let message = format!("its words name the measure {lost}");
                    found.push(
                        Finding::error(self.name(), Some(&step.name), message)
                            .at(format!("with/{name}"))
                            .suggest(format!("set it to {lost}")),
                    );
                    break;
                }
            }
        }
        found
    }
}

/// An argument that a step of the same kind takes from words that both quote.
fn shared(judged: &Judged<'_>, step: &StepAnswer, offered: &Value) -> Option<(&'static str, String)> {
    let document = judged.document;
    let spans = document.spans(&step.text);
    SHARED.into_iter().filter(|name| !offered[*name].is_null() && !step.with.contains_key(*name)).find_map(
        |name| {
            let others = judged.answer.all_steps().filter(|other| other.name != step.name);
            others
                .filter(|other| name == "target" || other.task == step.task)
                .filter(|other| trains(other) == trains(step))
                .filter_map(|other| Some((other, other.with.get(name)?)))
                .find_map(|(other, value)| {
                    let text = match value {
                        Value::Array(items) => items.first()?.as_str()?.to_owned(),
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    let theirs = document.spans(&other.text);
                    let both = spans.iter().filter(|span| {
                        theirs.iter().any(|other| other.start <= span.start && span.end <= other.end)
                    });
                    let said = both.map(|span| &document.text[span.clone()]).any(|words| {
                        words.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == text)
                    });
                    said.then_some((name, text))
                })
        },
    )
}

fn trains(step: &StepAnswer) -> bool {
    step.task.split('.').nth(1) == Some("train")
}

/// Whether words name a measure as a word of its own, outside of literals.
fn names_measure(document: &Document, span: std::ops::Range<usize>, measure: &str) -> bool {
    let plain = measure.replace('_', " ");
    let words = document.text[span.clone()].to_lowercase();
    // Where small letters have other lengths, places would not fit.
    words.len() == span.len()
        && words.match_indices(plain.as_str()).any(|(at, _)| {
            let place = span.start + at..span.start + at + plain.len();
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
            let literal = document
                .literals
                .iter()
                .any(|literal| literal.span.start < place.end && place.start < literal.span.end);
            !literal
                && edge(words[..at].chars().next_back())
                && edge(words[at + plain.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::findings;

    #[test]
    fn measures_are_named() {
        let text = "Load a.csv, train XGBoost on it, then evaluate by recall.";
        for (with, fine) in [(json!({"metrics": ["recall"]}), true), (json!({}), false)] {
            let steps = json!([
                {"text": "Load a.csv", "name": "load", "task": "data.load", "with": {"source": "a.csv"}},
                {"text": "train XGBoost on it", "name": "train", "task": "xgboost.train", "after": ["load"]},
                {"text": "then evaluate by recall", "name": "judge", "task": "model.evaluate", "after": ["train"], "with": with}
            ]);
            assert_eq!(findings("arguments", text, &steps).is_empty(), fine, "{steps}");
        }
    }
}
