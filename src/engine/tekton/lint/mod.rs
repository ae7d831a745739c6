//! Faults of Tekton manifests that neither the schema nor tekton-lint finds.
//!
//! The linter reads plain values, so it works for any manifest, and it stays silent about what it cannot know: tasks
//! and pipelines of the cluster, custom tasks, what resolvers fetch.

mod pipeline;
mod task;

use serde_json::Value;

use crate::api::Problem;
use crate::engine::kubernetes::yaml;

/// A text that cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the manifest is no YAML: {0}")]
pub struct LintError(pub String);

/// Whether a text holds a resource of Tekton.
pub fn is_tekton(text: &str) -> bool {
    yaml::read_all::<Value>(text).is_ok_and(|documents| documents.iter().any(is_resource))
}

fn is_resource(document: &Value) -> bool {
    string(document, "apiVersion").starts_with("tekton.dev/")
}

/// Checks every Tekton resource of a text, which may hold several documents.
///
/// # Errors
/// [`LintError`] if the text is no YAML.
pub fn lint_tekton(text: &str) -> Result<Vec<Problem>, LintError> {
    let documents: Vec<Value> = yaml::read_all(text).map_err(LintError)?;
    let several = documents.len() > 1;
    let known: Vec<&Value> = documents.iter().filter(|document| string(document, "kind") == "Task").collect();
    let mut problems = Vec::new();
    for (position, document) in documents.iter().enumerate().filter(|(_, document)| is_resource(document)) {
        let mut findings = Findings::default();
        check(document, &known, &mut findings);
        problems.extend(findings.0.into_iter().map(|mut problem| {
            if several {
                problem.path = format!("document {}: {}", position + 1, problem.path);
            }
            problem
        }));
    }
    if !documents.iter().any(is_resource) {
        problems.push(Problem::new(
            "",
            "there is no Tekton resource in the text",
            "add a document of tekton.dev/v1, for example of kind Pipeline",
        ));
    }
    Ok(problems)
}

fn check(document: &Value, known: &[&Value], findings: &mut Findings) {
    let metadata = document.get("metadata").unwrap_or(&Value::Null);
    let kind = string(document, "kind");
    let is_run = kind.ends_with("Run");
    if string(metadata, "name").is_empty() && (!is_run || string(metadata, "generateName").is_empty()) {
        let also = if is_run { " or generateName" } else { "" };
        findings.add("/metadata", format!("a {kind} needs a name"), format!("add name{also}"));
    }
    let spec = document.get("spec").unwrap_or(&Value::Null);
    match kind {
        "Pipeline" => pipeline::check("/spec", spec, known, findings),
        "Task" => task::check("/spec", spec, true, findings),
        "PipelineRun" => {
            if let Some(inner) = spec.get("pipelineSpec") {
                pipeline::check("/spec/pipelineSpec", inner, known, findings);
            }
            for (name, value) in spec.get("timeouts").and_then(Value::as_object).into_iter().flatten() {
                check_duration(&format!("/spec/timeouts/{name}"), value, findings);
            }
        }
        "TaskRun" => {
            if let Some(inner) = spec.get("taskSpec") {
                task::check("/spec/taskSpec", inner, false, findings);
            }
            check_duration("/spec/timeout", spec.get("timeout").unwrap_or(&Value::Null), findings);
        }
        _ => {}
    }
}

/// The faults found.
#[derive(Default)]
struct Findings(Vec<Problem>);

impl Findings {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        let problem = Problem::new(path, message, hint);
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }
}

/// A duration of Go: numbers with units, without days.
fn check_duration(path: &str, value: &Value, findings: &mut Findings) {
    let Some(text) = value.as_str().filter(|text| !text.contains("$(")) else { return };
    let mut number = false;
    let mut fine = !text.is_empty();
    let mut rest = text;
    while fine && !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let after = &rest[digits..];
        let unit = ["ms", "us", "ns", "h", "m", "s"].into_iter().find(|unit| after.starts_with(unit));
        fine = digits > 0 && (unit.is_some() || (after.is_empty() && rest == "0"));
        number |= fine;
        rest = unit.map_or("", |unit| &after[unit.len()..]);
    }
    if !fine || !number {
        findings.add(
            path,
            format!("{text:?} is no duration"),
            "write for example 1h30m or 90s; there are no days",
        );
    }
}

/// The text of a field; empty if it is missing or no text.
fn string<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a field; none if it is missing or no list.
fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The names of the items of a field.
fn names<'a>(value: &'a Value, field: &str) -> Vec<&'a str> {
    list(value, field).iter().map(|item| string(item, "name")).collect()
}

/// The contents of every `$(…)` of a value that begins with `prefix`, without it.
fn references<'a>(value: &'a Value, prefix: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => {
            for (at, _) in text.match_indices("$(") {
                let inner = text[at + 2..].split_once(')').map(|(inner, _)| inner);
                found.extend(inner.and_then(|inner| inner.strip_prefix(prefix)));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, prefix, found)),
        Value::Object(fields) => fields.values().for_each(|item| references(item, prefix, found)),
        _ => {}
    }
}

/// The name in `NAME`, `NAME[*]`, `NAME[0]` and `NAME.key`.
fn base(reference: &str) -> &str {
    reference.split(['[', '.']).next().unwrap_or(reference)
}

#[cfg(test)]
mod tests;
