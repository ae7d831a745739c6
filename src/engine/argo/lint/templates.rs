//! Each template by itself: its name, its type, and what its type needs.

use std::collections::HashSet;

use serde_json::Value;

use super::super::read::{list, list_at, string, without_tags};
use super::durations::{is_duration, is_go_duration, is_reference};
use super::model::{Findings, Spec, is_name, is_port_name, names};
use super::references;
use crate::api::choices;

const TYPES: [&str; 10] =
    ["container", "containerSet", "script", "resource", "dag", "steps", "suspend", "http", "data", "plugin"];

/// Checks all templates.
pub(super) fn check(spec: &Spec<'_>, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for (path, template) in spec.all_templates() {
        let name = string(template, "name");
        if name.is_empty() {
            findings.add(&path, "the template has no name", "add one");
        } else if !is_name(name) {
            let hint = "use letters, digits and dashes, at most 128 characters";
            findings.add(format!("{path}/name"), format!("{name:?} is no valid template name"), hint);
        }
        if !seen.insert(name) {
            let message = format!("the template {name:?} is defined twice");
            findings.add(format!("{path}/name"), message, "rename or remove one");
        }
        check_type(&path, template, findings);
        check_ports(&path, template, findings);
        check_leaf(spec, &path, template, findings);
        check_times(&path, template, findings);
        if template.get("dag").is_none() && template.get("steps").is_none() {
            references::check_leaf(spec, &path, template, findings);
        }
    }
}

fn check_type(path: &str, template: &Value, findings: &mut Findings) {
    let found: Vec<&str> = TYPES.into_iter().filter(|field| template.get(field).is_some()).collect();
    match found.len() {
        0 => findings.add(path, "the template does nothing", format!("add one of {}", TYPES.join(", "))),
        1 => {}
        _ => findings.add(
            path,
            format!("the template has several types: {}", found.join(", ")),
            "keep one of them",
        ),
    }
}

fn check_ports(path: &str, template: &Value, findings: &mut Findings) {
    for pointer in ["/inputs/parameters", "/inputs/artifacts", "/outputs/parameters", "/outputs/artifacts"] {
        let mut seen = HashSet::new();
        for (index, name) in names(template, pointer).into_iter().enumerate() {
            let here = format!("{path}{pointer}/{index}");
            if !is_port_name(name) {
                findings.add(
                    &here,
                    format!("{name:?} is no valid name"),
                    "use letters, digits, dashes and underscores",
                );
            } else if !seen.insert(name) {
                findings.add(&here, format!("{name:?} is declared twice"), "rename or remove one");
            }
        }
    }
}

fn check_leaf(spec: &Spec<'_>, path: &str, template: &Value, findings: &mut Findings) {
    for field in ["container", "script"] {
        let Some(body) = template.get(field) else { continue };
        let by_default = spec.value.pointer(&format!("/templateDefaults/{field}/image")).is_some();
        if string(body, "image").is_empty() && !by_default {
            findings.add(format!("{path}/{field}"), format!("the {field} has no image"), "add `image`");
        }
        if field == "script" && string(body, "source").is_empty() {
            findings.add(format!("{path}/script"), "the script has no source", "add `source`");
        }
        check_mounts(spec, &format!("{path}/{field}"), template, body, findings);
    }
    if let Some(resource) = template.get("resource") {
        check_resource(&format!("{path}/resource"), resource, findings);
    }
}

fn check_mounts(spec: &Spec<'_>, path: &str, template: &Value, body: &Value, findings: &mut Findings) {
    let claims = list(spec.value, "volumeClaimTemplates").iter();
    let claims = claims.filter_map(|claim| claim.pointer("/metadata/name").and_then(Value::as_str));
    let known: Vec<&str> = names(template, "/volumes")
        .into_iter()
        .chain(names(spec.value, "/volumes"))
        .chain(names(spec.value, "/templateDefaults/volumes"))
        .chain(claims)
        .collect();
    for (index, mount) in list(body, "volumeMounts").iter().enumerate() {
        let name = string(mount, "name");
        if !known.contains(&name) && !is_reference(name) && !spec.uses_reference() {
            let message = format!("there is no volume {name:?}");
            findings.add(
                format!("{path}/volumeMounts/{index}"),
                message,
                choices(name, known.iter().copied()),
            );
        }
    }
}

fn check_resource(path: &str, resource: &Value, findings: &mut Findings) {
    const ACTIONS: [&str; 6] = ["get", "create", "apply", "delete", "replace", "patch"];
    let action = string(resource, "action");
    if !ACTIONS.contains(&action) && !is_reference(action) {
        let message = format!("unknown action {action:?}");
        findings.add(format!("{path}/action"), message, choices(action, ACTIONS.into_iter()));
    }
    let manifest = string(resource, "manifest");
    if manifest.is_empty() {
        if resource.get("manifestFrom").is_none() && !matches!(action, "get" | "delete") {
            findings.add(path, "the resource has no manifest", "add `manifest`");
        }
    } else if let Err(reason) =
        super::super::super::kubernetes::yaml::read_all::<Value>(&without_tags(manifest))
    {
        findings.add(
            format!("{path}/manifest"),
            format!("the manifest is no YAML: {reason}"),
            "correct the manifest",
        );
    }
}

fn check_times(path: &str, template: &Value, findings: &mut Findings) {
    let wrong = "write seconds, or a duration of hours, minutes and seconds such as 1h30m";
    let mut duration = |pointer: &str| {
        if let Some(value) = template.pointer(pointer).filter(|value| !is_duration(value)) {
            findings.add(format!("{path}{pointer}"), format!("{value} is no duration"), wrong);
        }
    };
    for pointer in
        ["/suspend/duration", "/retryStrategy/backoff/duration", "/retryStrategy/backoff/maxDuration"]
    {
        duration(pointer);
    }
    for pointer in ["/timeout", "/memoize/maxAge"] {
        let value = template.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if !value.is_empty() && !is_reference(value) && !is_go_duration(value) {
            let message = format!("{value:?} is no duration");
            findings.add(
                format!("{path}{pointer}"),
                message,
                "write hours, minutes and seconds such as 1h30m",
            );
        }
    }
    if let Some(deadline) = template.get("activeDeadlineSeconds") {
        if !is_count(deadline, 1) {
            let message = format!("{deadline} is no number of seconds");
            findings.add(format!("{path}/activeDeadlineSeconds"), message, "write a positive whole number");
        } else if template.get("dag").is_some() || template.get("steps").is_some() {
            let hint = "set it on the templates of the steps, or on the workflow";
            findings.add(
                format!("{path}/activeDeadlineSeconds"),
                "a dag or steps template takes no deadline",
                hint,
            );
        }
    }
    check_retry(path, template, findings);
}

fn check_retry(path: &str, template: &Value, findings: &mut Findings) {
    const POLICIES: [&str; 4] = ["Always", "OnFailure", "OnError", "OnTransientError"];
    let Some(retry) = template.get("retryStrategy") else { return };
    if let Some(limit) = retry.get("limit").filter(|limit| !is_count(limit, 0)) {
        let message = format!("{limit} is no number of retries");
        findings.add(format!("{path}/retryStrategy/limit"), message, "write a whole number");
    }
    let policy = string(retry, "retryPolicy");
    if !policy.is_empty() && !POLICIES.contains(&policy) {
        let message = format!("unknown retry policy {policy:?}");
        findings.add(
            format!("{path}/retryStrategy/retryPolicy"),
            message,
            choices(policy, POLICIES.into_iter()),
        );
    }
}

/// Whether a value is a whole number, as number or text, or a reference.
fn is_count(value: &Value, least: u64) -> bool {
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|count| count >= least),
        Value::String(text) => is_reference(text) || text.parse::<u64>().is_ok_and(|count| count >= least),
        _ => false,
    }
}

/// Whether a template prints a result that others can read.
pub(super) fn has_result(template: &Value) -> bool {
    ["container", "script", "containerSet", "http", "plugin", "data"]
        .iter()
        .any(|field| template.get(field).is_some())
}

/// Whether a template declares an output.
pub(super) fn has_output(template: &Value, kind: &str, name: &str) -> bool {
    list_at(template, &format!("/outputs/{kind}")).iter().any(|output| string(output, "name") == name)
}
