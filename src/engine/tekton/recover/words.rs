//! Tekton's references in the words of the unified API.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::super::condition::SKIPPED;
use super::super::helpers::{DATE, ROLE, SERVES};
use super::super::rounds::ROUND;
use super::super::text::{DOLLAR_MARKER, DOLLAR_VARIABLE};
use crate::api::{Condition, Literal, Operand, STATUS, WORKFLOW};

/// The text of a field; empty if it is missing or no text.
pub(in super::super) fn string<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a field; none if it is missing or no list.
pub(in super::super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The value of a variable of a container.
pub(in super::super) fn variable<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let variable = list(container, "env").iter().find(|variable| string(variable, "name") == name)?;
    variable.get("value").and_then(Value::as_str)
}

/// The text with the dollar signs that were kept from Tekton and Kubernetes.
pub(in super::super) fn plain(text: &str) -> String {
    text.replace(&format!("$({DOLLAR_VARIABLE})"), "$").replace(DOLLAR_MARKER, "$")
}

/// The seconds of a Go duration.
pub(in super::super) fn seconds(text: &str) -> Option<u64> {
    text.parse::<crate::api::Duration>().ok().map(crate::api::Duration::seconds)
}

/// What the names in references stand for.
pub(in super::super) struct Names<'a> {
    helpers: HashMap<&'a str, &'a Value>,
    /// The same tasks as they stand in the manifest.
    order: Vec<&'a Value>,
    /// The user's names of results that were changed.
    results: HashMap<String, String>,
    /// Names of all tasks.
    tasks: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(in super::super) fn new(spec: &'a Value, results: HashMap<String, String>) -> Self {
        let annotated = |task: &&Value| annotation(task, ROLE).is_some();
        let order: Vec<&Value> = list(spec, "tasks").iter().filter(annotated).collect();
        let tasks = list(spec, "tasks").iter().map(|task| string(task, "name")).collect();
        Self {
            helpers: order.iter().map(|task| (string(task, "name"), *task)).collect(),
            order,
            results,
            tasks,
        }
    }

    pub(in super::super) fn is_helper(&self, name: &str) -> bool {
        self.helpers.contains_key(name)
    }

    /// Whether the pipeline has a task of this name.
    pub(in super::super) fn has_task(&self, name: &str) -> bool {
        self.tasks.contains(name)
    }

    /// The helper of this name and role.
    pub(in super::super) fn helper(&self, name: &str, role: &str) -> Option<&'a Value> {
        self.helpers.get(name).copied().filter(|task| annotation(task, ROLE) == Some(role))
    }

    /// The rounds of a mapped step after the first, in order.
    pub(in super::super) fn rounds(&self, step: &str) -> Vec<&'a Value> {
        let serves =
            |task: &&&Value| annotation(task, ROLE) == Some(ROUND) && annotation(task, SERVES) == Some(step);
        self.order.iter().filter(serves).copied().collect()
    }

    /// The step that a task is or serves.
    pub(in super::super) fn step(&self, task: &str) -> String {
        let serves = self.helpers.get(task).and_then(|helper| annotation(helper, SERVES));
        serves.unwrap_or(task).to_owned()
    }

    /// What a reference of the pipeline, without `$(…)`, is called in conditions.
    pub(in super::super) fn operand(&self, reference: &str) -> Option<String> {
        if reference == "context.pipelineRun.uid" {
            return Some("run.id".to_owned());
        }
        if reference == "tasks.status" {
            return Some("workflow.status".to_owned());
        }
        if let Some(name) = reference.strip_prefix("params.") {
            return Some(format!("parameters.{name}"));
        }
        if let Some(task) = reference.strip_prefix("tasks.").and_then(|rest| rest.strip_suffix(".status")) {
            return Some(format!("{task}.status"));
        }
        let (task, result) = result(reference)?;
        if let Some(gather) = self.helper(task, "all") {
            let output = annotation(gather, "couler.dev/output")?;
            return Some(format!("{}.{output}", self.step(task)));
        }
        if self.helper(task, DATE).is_some() {
            return Some("run.date".to_owned());
        }
        let output = self.results.get(result).map_or(result, String::as_str);
        Some(format!("{task}.{output}"))
    }

    /// The operand that each parameter of a task stands for.
    pub(in super::super) fn bindings(&self, task: &Value) -> HashMap<String, String> {
        let mut bindings = HashMap::new();
        for param in list(task, "params") {
            let value = string(param, "value");
            let inner = value.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
            let operand = match inner {
                Some(inner) => self.operand(inner),
                None if value.is_empty() => None,
                None => Some("workflow.name".to_owned()),
            };
            if let Some(operand) = operand {
                bindings.insert(string(param, "name").to_owned(), operand);
            }
        }
        for param in list(&task["taskSpec"], "params") {
            let name = string(param, "name");
            let item = name.strip_prefix("item-").map_or("item".to_owned(), |key| format!("item.{key}"));
            bindings.entry(name.to_owned()).or_insert(item);
        }
        bindings
    }
}

/// A condition with Tekton's words for statuses in those of the unified API.
pub(in super::super) fn with_statuses(condition: Condition) -> Condition {
    match condition {
        Condition::Compare {
            left: left @ Operand::Output { .. },
            comparison,
            right: Operand::Literal(Literal::Text(word)),
        } if word == SKIPPED
            && matches!(&left, Operand::Output { step, output } if output == STATUS && step != WORKFLOW) =>
        {
            let right = Operand::Literal(Literal::Text("Skipped".to_owned()));
            Condition::Compare { left, comparison, right }
        }
        Condition::And(parts) => Condition::And(parts.into_iter().map(with_statuses).collect()),
        Condition::Or(parts) => Condition::Or(parts.into_iter().map(with_statuses).collect()),
        other => other,
    }
}

/// The task and the result in `tasks.TASK.results.RESULT`.
pub(in super::super) fn result(reference: &str) -> Option<(&str, &str)> {
    let (task, result) = reference.strip_prefix("tasks.")?.split_once(".results.")?;
    Some((task, result.strip_suffix("[*]").unwrap_or(result)))
}

/// An annotation of an embedded task.
pub(in super::super) fn annotation<'a>(task: &'a Value, name: &str) -> Option<&'a str> {
    task.pointer("/taskSpec/metadata/annotations")?.get(name)?.as_str()
}

/// All references of a value, without `$(…)`.
pub(in super::super) fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => {
            for (at, _) in text.match_indices("$(") {
                found.extend(text[at + 2..].split_once(')').map(|(inner, _)| inner));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Every text, number and key of a value, without descriptions.
pub(in super::super) fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(plain(text)),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => {
            let described = ["description", crate::engine::kubernetes::component::DESCRIPTION];
            for (key, item) in fields.iter().filter(|(key, _)| !described.contains(&key.as_str())) {
                found.push(key.clone());
                texts(item, found);
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

/// A text with the references of its task in the words of the unified API.
pub(in super::super) fn unified(text: &str, bindings: &HashMap<String, String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(params.") {
        result.push_str(before);
        let bound = after.split_once(')').and_then(|(name, more)| Some((bindings.get(name)?, more)));
        let Some((operand, more)) = bound else {
            result.push_str("$(params.");
            rest = after;
            continue;
        };
        let own = operand == "item"
            || ["parameters.", "item.", "run.", "workflow."].iter().any(|start| operand.starts_with(start));
        result.push_str(&format!("{{{{{}{operand}}}}}", if own { "" } else { "steps." }));
        rest = more;
    }
    result.push_str(rest);
    plain(&result)
}
