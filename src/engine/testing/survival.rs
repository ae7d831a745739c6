//! Texts that must reach the process of a step unchanged, whatever the engine does with its own manifests.

use serde_json::{Value, json};

use super::node;
use crate::api::{ScriptLanguage, parse_program};
use crate::ir::{Action, Workflow, lower};

/// The workflow whose steps `words` (a container), `script` (Bash) and `component` carry the text in their arguments,
/// variables and sources.
pub(crate) fn workflow_with(text: &str) -> Workflow {
    let program = "version: couler/v1\nname: w\nparameters: {free: {default: x}}\n\
                   steps: [{name: words, run: {function: run_container, image: i}}]\n";
    let mut workflow = lower(&parse_program(program).unwrap(), &crate::ir::NoComponents).unwrap();
    let words = workflow.graph.node_weights_mut().next().unwrap();
    let mut variables = words.settings.clone();
    variables.env.insert("TEXT".into(), text.to_owned());
    words.settings.clone_from(&variables);
    words.action = Action::Container {
        image: "i".into(),
        command: vec!["run".into(), text.to_owned()],
        args: vec![text.to_owned(), joined(text, "{{parameters.free}}")],
        working_dir: None,
    };
    let script = |source: &str, arguments: Option<Value>| Action::Script {
        language: ScriptLanguage::Bash,
        source: source.to_owned(),
        image: "bash:5".into(),
        requirements: vec![],
        arguments,
    };
    let mut step = node("script");
    step.settings.clone_from(&variables);
    step.action = script(text, None);
    workflow.graph.add_node(step);
    let mut step = node("component");
    step.component = Some("data.split".into());
    let both = joined(text, "{{parameters.free}}");
    step.action = script("true", Some(json!({"text": text, "both": both, "n": [1, text]})));
    workflow.graph.add_node(step);
    workflow
}

/// A text and more; a brace before a reference would make it text.
fn joined(text: &str, more: &str) -> String {
    if text.ends_with('{') { format!("{text}-{more}") } else { format!("{text}{more}") }
}

/// The texts of the process that a container starts, with what references become.
#[derive(Debug, PartialEq)]
pub(crate) struct Reached {
    /// Command and arguments of the container.
    pub words: Vec<String>,
    /// Its variable `TEXT`.
    pub variable: String,
    /// The source of the script.
    pub source: String,
    /// The variable `TEXT` of the script.
    pub script_variable: String,
    /// The arguments of the component, once its runtime has put the values in the place of the marks.
    pub arguments: Value,
}

impl Reached {
    /// What must reach the processes if the reference becomes `value`.
    pub(crate) fn expected(text: &str, value: &str) -> Self {
        let both = joined(text, value);
        Self {
            words: vec!["run".into(), text.to_owned(), text.to_owned(), both.clone()],
            variable: text.to_owned(),
            source: text.to_owned(),
            script_variable: text.to_owned(),
            arguments: json!({"text": text, "both": both, "n": [1, text]}),
        }
    }
}

/// What the runtime of components makes of its arguments; `variable` gives the value of a variable.
pub(crate) fn arguments(variable: &dyn Fn(&str) -> Option<String>) -> Value {
    let value: Value = serde_json::from_str(&variable("COULER_ARGS").unwrap()).unwrap();
    with_values(value, variable)
}

fn with_values(value: Value, variable: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => {
            let marks = regex::Regex::new("@(COULER_ARG_[0-9]+)@").unwrap();
            let put =
                |found: &regex::Captures<'_>| variable(&found[1]).unwrap_or_else(|| found[0].to_owned());
            Value::String(marks.replace_all(&text, put).into_owned())
        }
        Value::Array(items) => items.into_iter().map(|item| with_values(item, variable)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, item)| (key, with_values(item, variable))).collect())
        }
        other => other,
    }
}
