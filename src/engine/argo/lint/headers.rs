//! The resource around the templates: names, schedule, entrypoint, exit handler.

use serde_json::Value;

use super::super::manifest::API_VERSION;
use super::super::read::{list, string};
use super::durations::is_go_duration;
use super::model::{Findings, Spec, names};
use crate::api::choices;

/// Checks everything outside the specification of the workflow.
pub(super) fn check(resource: &Value, findings: &mut Findings) {
    let version = string(resource, "apiVersion");
    if version != API_VERSION {
        findings.add("/apiVersion", format!("unknown version {version:?}"), format!("write {API_VERSION}"));
    }
    check_name(resource, findings);
    if string(resource, "kind") == "CronWorkflow" {
        check_schedule(resource.get("spec").unwrap_or(&Value::Null), findings);
    }
}

fn check_name(resource: &Value, findings: &mut Findings) {
    let metadata = resource.get("metadata").unwrap_or(&Value::Null);
    let (name, generated) = (string(metadata, "name"), string(metadata, "generateName"));
    // The controller adds a number of eleven characters to the name of a CronWorkflow.
    let longest = if string(resource, "kind") == "CronWorkflow" { 52 } else { 63 };
    let hint = "use lower-case letters, digits, dashes and dots, beginning and ending with a letter or digit";
    if name.is_empty() && generated.is_empty() {
        findings.add("/metadata", "the resource has no name", "add metadata.name or metadata.generateName");
    } else if name.is_empty() {
        if !is_dns_name(&format!("{generated}x")) {
            findings.add("/metadata/generateName", format!("{generated:?} is no valid name prefix"), hint);
        }
    } else if !is_dns_name(name) {
        findings.add("/metadata/name", format!("{name:?} is no valid name"), hint);
    } else if name.len() > longest {
        let message = format!("the name {name:?} has {} characters", name.len());
        findings.add("/metadata/name", message, format!("use at most {longest}"));
    }
}

fn is_dns_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.split('.').all(|part| {
        edge(part.chars().next())
            && edge(part.chars().last())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    })
}

fn check_schedule(spec: &Value, findings: &mut Findings) {
    if spec.get("schedule").is_some() {
        findings.add(
            "/spec/schedule",
            "Argo 4 knows no `schedule`",
            "write `schedules` with a list of cron expressions",
        );
    } else if list(spec, "schedules").is_empty() {
        findings.add(
            "/spec/schedules",
            "there is no schedule",
            "add a cron expression, for example 0 16 * * 0",
        );
    }
    for (index, cron) in list(spec, "schedules").iter().enumerate() {
        if let Some(reason) = cron.as_str().and_then(wrong_cron) {
            let path = format!("/spec/schedules/{index}");
            let message = format!("the cron expression {cron} is wrong: {reason}");
            findings.add(
                path,
                message,
                "write minute, hour, day of month, month, day of week, for example 0 16 * * 0",
            );
        }
    }
    let policy = string(spec, "concurrencyPolicy");
    if !matches!(policy, "" | "Allow" | "Forbid" | "Replace") {
        let hint = choices(policy, ["Allow", "Forbid", "Replace"].into_iter());
        findings.add("/spec/concurrencyPolicy", format!("unknown policy {policy:?}"), hint);
    }
    let zone = string(spec, "timezone");
    if !zone.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c)) {
        findings.add(
            "/spec/timezone",
            format!("{zone:?} is no time zone"),
            "use an IANA name such as Europe/Berlin",
        );
    }
}

fn wrong_cron(cron: &str) -> Option<String> {
    if let Some(word) = cron.strip_prefix('@') {
        let every = word.strip_prefix("every ").is_some_and(is_go_duration);
        let known =
            ["yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"].contains(&word);
        return (!every && !known).then(|| "this word is unknown".to_owned());
    }
    let plain = cron.split_once(' ').filter(|(zone, _)| zone.contains("TZ=")).map_or(cron, |(_, rest)| rest);
    let fields = plain.split_whitespace().count();
    if fields != 5 {
        return Some(format!("it has {fields} fields instead of 5"));
    }
    let parser = croner::parser::CronParser::builder().seconds(croner::parser::Seconds::Disallowed).build();
    parser.parse(plain).err().map(|error| error.to_string())
}

/// Checks what the specification says outside its templates.
pub(super) fn check_spec(spec: &Spec<'_>, findings: &mut Findings) {
    let known = || names(spec.value, "/templates").into_iter();
    let entrypoint = string(spec.value, "entrypoint");
    if entrypoint.is_empty() {
        if !spec.is_open() {
            findings.add(
                format!("{}/entrypoint", spec.pointer),
                "there is no entrypoint",
                choices("main", known()),
            );
        }
    } else if !spec.uses_reference() && !spec.templates.contains_key(entrypoint) {
        let message = format!("the entrypoint {entrypoint:?} is not defined");
        findings.add(format!("{}/entrypoint", spec.pointer), message, choices(entrypoint, known()));
    }
    let on_exit = string(spec.value, "onExit");
    if !on_exit.is_empty() && !spec.uses_reference() && !spec.templates.contains_key(on_exit) {
        let message = format!("the exit handler {on_exit:?} is not defined");
        findings.add(format!("{}/onExit", spec.pointer), message, choices(on_exit, known()));
    }
    if list(spec.value, "templates").is_empty() && !spec.uses_reference() {
        findings.add(
            format!("{}/templates", spec.pointer),
            "there are no templates",
            "add at least the entrypoint",
        );
    }
    check_defaults(spec, findings);
}

/// A default outside the choices stops the workflow at once.
fn check_defaults(spec: &Spec<'_>, findings: &mut Findings) {
    let parameters = super::super::read::list_at(spec.value, "/arguments/parameters");
    for (index, parameter) in parameters.iter().enumerate() {
        let (choices, value) = (list(parameter, "enum"), parameter.get("value"));
        if let Some(value) = value.filter(|value| !choices.is_empty() && !choices.contains(value)) {
            let path = format!("{}/arguments/parameters/{index}", spec.pointer);
            findings.add(
                path,
                format!("the value {value} is none of the choices"),
                "add it to `enum`, or choose another",
            );
        }
    }
}
