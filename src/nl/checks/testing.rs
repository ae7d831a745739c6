//! What one check says of an answer, for the tables of cases.

use serde_json::{Value, json};

use crate::lake::Lake;
use crate::nl::document::Document;
use crate::nl::judge_answer;

/// The messages of one check for the steps of an answer.
pub(super) fn findings(check: &str, text: &str, steps: &Value) -> Vec<String> {
    let answer =
        serde_json::from_value(json!({"name": "case", "steps": steps})).expect("the case is an answer");
    judge_answer(&answer, &Document::parse(text), &Lake::built_in(), &[])
        .iter()
        .filter(|finding| finding.check == check || finding.check == "graph" || finding.check == "schema")
        .map(ToString::to_string)
        .collect()
}

/// A step that runs its own name in a container.
pub(super) fn run(name: &str, text: &str, after: &[&str]) -> Value {
    json!({"text": text, "name": name, "task": "container.run", "after": after,
           "with": {"image": "a/b:1", "command": [name]}})
}
