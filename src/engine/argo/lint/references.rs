//! References: `{{inputs.…}}`, `{{workflow.…}}`, `{{tasks.…}}`, `{{steps.…}}`, `{{item}}`, and those in expressions.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use super::super::read::{string, strings, tags, without_tags};
use super::calls::Calls;
use super::model::{Findings, Spec, names};
use super::templates::{has_output, has_result};
use crate::api::choices;

/// Fields of a call that have their own scope.
const OWN_SCOPE: [&str; 2] = ["inline", "hooks"];

/// Where a reference to another call stands.
pub(super) struct Place<'a> {
    /// `tasks` or `steps`.
    pub(super) word: &'static str,
    pub(super) calls: &'a Calls<'a>,
}

/// Who reads: the template, and inside it the call.
struct Reader<'a> {
    spec: &'a Spec<'a>,
    path: &'a str,
    template: &'a Value,
    place: Option<&'a Place<'a>>,
    call: Option<&'a Value>,
}

/// Checks the references of a template that runs something itself.
pub(super) fn check_leaf(spec: &Spec<'_>, path: &str, template: &Value, findings: &mut Findings) {
    let reader = Reader { spec, path, template, place: None, call: None };
    reader.check(template, &[], findings);
}

/// Checks the references of a task or step.
pub(super) fn check_call(
    spec: &Spec<'_>,
    path: &str,
    template: &Value,
    call: &Value,
    place: &Place<'_>,
    findings: &mut Findings,
) {
    let reader = Reader { spec, path, template, place: Some(place), call: Some(call) };
    reader.check(call, &OWN_SCOPE, findings);
}

/// Checks the outputs of a dag or steps template, which read any of its calls.
pub(super) fn check_outputs(
    spec: &Spec<'_>,
    path: &str,
    template: &Value,
    place: &Place<'_>,
    findings: &mut Findings,
) {
    let outputs = template.get("outputs").unwrap_or(&Value::Null);
    let path = format!("{path}/outputs");
    let reader = Reader { spec, path: &path, template, place: Some(place), call: None };
    reader.check(outputs, &[], findings);
}

impl Reader<'_> {
    fn check(&self, value: &Value, skip: &[&str], findings: &mut Findings) {
        let mut texts = Vec::new();
        strings(value, skip, &mut texts);
        for tag in texts.into_iter().flat_map(tags) {
            match tag.strip_prefix('=') {
                Some(expression) => self.check_expression(expression, findings),
                None => self.check_tag(tag.trim(), findings),
            }
        }
        self.check_bare_expressions(value, findings);
    }

    /// `valueFrom.expression` and `fromExpression` hold expressions without braces.
    fn check_bare_expressions(&self, value: &Value, findings: &mut Findings) {
        match value {
            Value::Object(map) => {
                for (key, item) in map {
                    match item.as_str() {
                        Some(text) if matches!(key.as_str(), "expression" | "fromExpression") => {
                            self.check_expression(&without_tags(text), findings);
                        }
                        _ if OWN_SCOPE.contains(&key.as_str()) => {}
                        _ => self.check_bare_expressions(item, findings),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.check_bare_expressions(item, findings)),
            _ => {}
        }
    }

    fn check_tag(&self, tag: &str, findings: &mut Findings) {
        let (root, rest) = tag.split_once('.').unwrap_or((tag, ""));
        match root {
            "item" => self.check_item(tag, findings),
            "inputs" if !rest.is_empty() => self.check_input(rest, findings),
            "workflow" if !rest.is_empty() => self.check_workflow(rest, findings),
            "tasks" | "steps" if !rest.is_empty() => self.check_other_call(root, rest, findings),
            _ if root.starts_with("item[") => self.check_item(tag, findings),
            _ => {}
        }
    }

    fn check_item(&self, tag: &str, findings: &mut Findings) {
        let mapped = self.call.is_some_and(|call| {
            ["withItems", "withParam", "withSequence"].iter().any(|field| call.get(field).is_some())
        });
        if !mapped {
            let hint =
                "add withItems, withParam or withSequence to the task, and hand the item over as an argument";
            findings.add(self.path, format!("{{{{{tag}}}}} is used without a loop"), hint);
        }
    }

    fn check_input(&self, rest: &str, findings: &mut Findings) {
        let (kind, name) = rest.split_once('.').unwrap_or((rest, ""));
        let word = match kind {
            "parameters" => "parameter",
            "artifacts" => "artifact",
            _ => return,
        };
        let name = if kind == "artifacts" { name.strip_suffix(".path").unwrap_or(name) } else { name };
        let known = names(self.template, &format!("/inputs/{kind}"));
        if !name.is_empty() && !known.contains(&name) {
            let message =
                format!("the template {:?} has no input {word} {name:?}", string(self.template, "name"));
            findings.add(self.path, message, choices(name, known.into_iter()));
        }
    }

    fn check_workflow(&self, rest: &str, findings: &mut Findings) {
        const KNOWN: [&str; 16] = [
            "name",
            "namespace",
            "mainEntrypoint",
            "serviceAccountName",
            "uid",
            "parameters",
            "outputs",
            "annotations",
            "labels",
            "creationTimestamp",
            "duration",
            "priority",
            "scheduledTime",
            "status",
            "failures",
            "template",
        ];
        let (field, name) = rest.split_once('.').unwrap_or((rest, ""));
        if !KNOWN.contains(&field) {
            let message = format!("the workflow has no variable {field:?}");
            findings.add(self.path, message, choices(field, KNOWN.into_iter()));
        }
        let is_parameter = field == "parameters" && !matches!(name, "" | "json");
        if is_parameter && !self.spec.is_open() && !self.spec.parameters.contains(name) {
            let message = format!("the workflow has no parameter {name:?}");
            let hint = choices(name, self.spec.parameters.iter().copied());
            findings.add(self.path, message, format!("{hint}; declare it in arguments.parameters"));
        }
    }

    /// `rest` is what follows `tasks.` or `steps.`.
    fn check_other_call(&self, word: &str, rest: &str, findings: &mut Findings) {
        if rest == "name" {
            return;
        }
        let Some(place) = self.place.filter(|place| place.word == word) else {
            let message = format!("{{{{{word}.{rest}}}}} is not known here");
            findings.add(self.path, message, "hand it over as an argument of the template");
            return;
        };
        let (name, field) = rest.split_once('.').unwrap_or((rest, ""));
        let Some(other) = place.calls.get(name) else {
            let message = format!("it reads {name:?}, which is not defined");
            findings.add(self.path, message, choices(name, place.calls.names()));
            return;
        };
        if let Some(reader) = self.call.map(|call| string(call, "name"))
            && !place.calls.is_before(name, reader)
        {
            let message = format!("it reads {name:?}, which may not be finished before it");
            let hint =
                if word == "tasks" { "add it to the dependencies" } else { "move it to an earlier group" };
            findings.add(self.path, message, hint);
        }
        if let Some(template) = self.spec.called(other)
            && let Some(output) = field.strip_prefix("outputs.")
        {
            self.check_output(name, template, output, findings);
        }
    }

    fn check_output(&self, call: &str, template: &Value, output: &str, findings: &mut Findings) {
        let (kind, name) = output.split_once('.').unwrap_or((output, ""));
        let missing = match kind {
            "result" => !has_result(template),
            "parameters" | "artifacts" => !name.is_empty() && !has_output(template, kind, name),
            "exitCode" => false,
            _ => true,
        };
        if missing {
            let message = format!("it reads outputs.{output} of {call:?}, which does not write it");
            let known = names(template, &format!("/outputs/{kind}"));
            findings.add(self.path, message, choices(name, known.into_iter()));
        }
    }

    /// Expressions are not parsed; the references in them are recognised by their form.
    fn check_expression(&self, expression: &str, findings: &mut Findings) {
        static REFERENCE: OnceLock<Regex> = OnceLock::new();
        let pattern = REFERENCE.get_or_init(|| {
            let key = r#"(?:\.(\w+)|\[\s*['"]([^'"]+)['"]\s*\])"#;
            Regex::new(&format!(r"(?:^|[^\w.'\]])(inputs\.parameters|workflow\.parameters|tasks|steps){key}"))
                .expect("the pattern is a valid regular expression")
        });
        for found in pattern.captures_iter(expression) {
            let name = found.get(2).or_else(|| found.get(3)).map_or("", |name| name.as_str());
            match found.get(1).map_or("", |root| root.as_str()) {
                "inputs.parameters" => self.check_input(&format!("parameters.{name}"), findings),
                "workflow.parameters" => self.check_workflow(&format!("parameters.{name}"), findings),
                word => self.check_other_call(word, name, findings),
            }
        }
    }
}
