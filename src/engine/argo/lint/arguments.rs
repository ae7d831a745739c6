//! Whether every called template gets what it needs.

use serde_json::Value;

use super::super::read::{list_at, string};
use super::model::{Findings, Spec, names};

/// What a template needs from its caller: inputs without a value of their own.
fn needed<'a>(template: &'a Value, kind: &str) -> Vec<&'a str> {
    const PLACES: [&str; 11] =
        ["s3", "gcs", "git", "http", "raw", "hdfs", "oss", "artifactory", "azure", "plugin", "from"];
    let has_own_value = |input: &Value| match kind {
        "parameters" => ["value", "default", "valueFrom"].iter().any(|field| input.get(field).is_some()),
        _ => {
            input.get("optional").and_then(Value::as_bool).unwrap_or(false)
                || PLACES.iter().any(|field| input.get(field).is_some())
        }
    };
    let inputs = list_at(template, &format!("/inputs/{kind}")).iter();
    inputs.filter(|input| !has_own_value(input)).map(|input| string(input, "name")).collect()
}

/// Checks the arguments of a task or step.
pub(super) fn check_call(spec: &Spec<'_>, path: &str, call: &Value, findings: &mut Findings) {
    let Some(template) = spec.called(call) else { return };
    for (kind, word) in [("parameters", "parameter"), ("artifacts", "artifact")] {
        let given = names(call, &format!("/arguments/{kind}"));
        for name in needed(template, kind) {
            if !given.contains(&name) {
                let message =
                    format!("the template {:?} needs the {word} {name:?}", string(call, "template"));
                findings.add(
                    path,
                    message,
                    format!("add it to arguments.{kind}, or give it a default in the template"),
                );
            }
        }
    }
}

/// The first template and the exit handler get the arguments of the workflow.
pub(super) fn check_starts(spec: &Spec<'_>, findings: &mut Findings) {
    if spec.is_open() {
        return;
    }
    for field in ["entrypoint", "onExit"] {
        let Some(template) = spec.templates.get(string(spec.value, field)) else { continue };
        for (kind, word) in [("parameters", "parameter"), ("artifacts", "artifact")] {
            let given = names(spec.value, &format!("/arguments/{kind}"));
            for name in needed(template, kind) {
                if !given.contains(&name) {
                    let message =
                        format!("the template {:?} needs the {word} {name:?}", string(template, "name"));
                    let hint = format!("add it to the arguments.{kind} of the workflow");
                    findings.add(format!("{}/{field}", spec.pointer), message, hint);
                }
            }
        }
    }
}
