//! What a template says about one step.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::super::RecoveredStep;
use super::super::super::kubernetes::component;
use super::super::leaf::{COMPONENT, DESCRIPTION};
use super::super::read::string;
use super::super::workflow;
use super::words::{Bindings, unified};
use crate::api::{MOST_ITEMS, MapItems};

/// A scalar as text.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The step that a template describes.
pub(super) fn recovered(template: &Value, defaults: &Value, bindings: &Bindings) -> RecoveredStep {
    let manifest = job_manifest(template);
    let (kind, body) = kind(template, defaults);
    let container =
        manifest.as_ref().map_or(body, |manifest| job_container(manifest).unwrap_or(&Value::Null));
    let image = string(container, "image");
    let mut texts = Vec::new();
    collect(&said(template), bindings, &mut texts);
    if let Some(manifest) = &manifest {
        collect(manifest, bindings, &mut texts);
    }
    let variables = body.get("env").and_then(Value::as_array).into_iter().flatten();
    let marks: Vec<(String, String)> = variables
        .filter(|variable| string(variable, "name").starts_with(component::VALUE))
        .map(|variable| (string(variable, "name").to_owned(), unified(string(variable, "value"), bindings)))
        .collect();
    component::unmarked(&mut texts, &marks);
    let annotations = template.pointer("/metadata/annotations").unwrap_or(&Value::Null);
    RecoveredStep {
        component: Some(string(annotations, COMPONENT)).filter(|name| !name.is_empty()).map(str::to_owned),
        kind: kind.to_owned(),
        image: Some(unified(image, bindings)).filter(|image| !image.is_empty()),
        retries: template.pointer("/retryStrategy/limit").and_then(|limit| scalar(limit).parse().ok()),
        timeout: timeout(template),
        cache: template.get("memoize").map(|memoize| seconds(string(memoize, "maxAge")).unwrap_or(0)),
        resources: resources(container),
        texts,
        ..RecoveredStep::default()
    }
}

/// What a value says of its own: without descriptions, and without the fixed sources of components.
pub(super) fn said(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return match value {
            Value::Array(items) => Value::Array(items.iter().map(said).collect()),
            other => other.clone(),
        };
    };
    let component = value.pointer("/metadata/annotations").is_some_and(|own| own.get(COMPONENT).is_some());
    let kept = map.iter().filter(|(key, _)| ![DESCRIPTION, workflow::DESCRIPTION].contains(&key.as_str()));
    let mut said: serde_json::Map<String, Value> =
        kept.map(|(key, item)| (key.clone(), said(item))).collect();
    if component && let Some(Value::Object(script)) = said.get_mut("script") {
        script.remove("source");
    }
    Value::Object(said)
}

fn kind<'a>(template: &'a Value, defaults: &'a Value) -> (&'static str, &'a Value) {
    for (field, kind) in [("container", "container"), ("script", "script"), ("resource", "job")] {
        if let Some(body) = template.get(field) {
            return (kind, body);
        }
    }
    let annotations = template.pointer("/metadata/annotations").unwrap_or(&Value::Null);
    if template.get("suspend").is_some() && annotations.get(COMPONENT).is_some() {
        // What the component's script would do, Argo does itself.
        return ("script", &Value::Null);
    }
    let other = ["suspend", "http", "data", "containerSet", "plugin"]
        .into_iter()
        .find(|field| template.get(field).is_some());
    (other.unwrap_or("container"), defaults.get("container").unwrap_or(&Value::Null))
}

/// The resource that a job creates.
fn job_manifest(template: &Value) -> Option<Value> {
    let text = template.pointer("/resource/manifest")?.as_str()?;
    super::super::super::kubernetes::yaml::read_all::<Value>(text).ok()?.into_iter().next()
}

/// The container that says most about a job: the first with an image, one with limits before others.
fn job_container(manifest: &Value) -> Option<&Value> {
    let mut found = Vec::new();
    containers(manifest, &mut found);
    let has_limits = |container: &&&Value| container.pointer("/resources/limits").is_some();
    found.iter().find(has_limits).or_else(|| found.first()).copied()
}

fn containers<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(items)) = map.get("containers") {
                found.extend(items.iter().filter(|item| item.get("image").is_some()));
            }
            map.values().for_each(|item| containers(item, found));
        }
        Value::Array(items) => items.iter().for_each(|item| containers(item, found)),
        _ => {}
    }
}

fn resources(container: &Value) -> BTreeMap<String, String> {
    let mut amounts = BTreeMap::new();
    for group in ["/resources/limits", "/resources/requests"] {
        for (name, amount) in container.pointer(group).and_then(Value::as_object).into_iter().flatten() {
            let known = match name.as_str() {
                "cpu" | "memory" if group.ends_with("limits") => continue,
                "cpu" | "memory" => name.as_str(),
                "ephemeral-storage" => "disk",
                _ => "gpu",
            };
            amounts.entry(known.to_owned()).or_insert_with(|| scalar(amount));
        }
    }
    amounts
}

fn timeout(template: &Value) -> Option<u64> {
    let deadline = template.get("activeDeadlineSeconds").and_then(|value| scalar(value).parse().ok());
    deadline.or_else(|| seconds(string(template, "timeout")))
}

/// The seconds of a Go duration.
pub(in super::super) fn seconds(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| text.parse::<crate::api::Duration>().ok().map(crate::api::Duration::seconds))
}

/// What a call adds: its items and its arguments.
pub(super) fn add_call(step: &mut RecoveredStep, call: &Value, around: &Bindings) {
    step.items = items(call, around);
    if let Some(arguments) = call.get("arguments") {
        collect(arguments, around, &mut step.texts);
    }
}

fn items(call: &Value, around: &Bindings) -> Option<Vec<String>> {
    if let Some(Value::Array(items)) = call.get("withItems") {
        return Some(items.iter().map(ToString::to_string).collect());
    }
    if let Some(list) = call.get("withParam").and_then(Value::as_str) {
        let text = unified(list, around);
        let reference = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(str::to_owned);
        return Some(vec![reference.unwrap_or(text)]);
    }
    let sequence = call.get("withSequence")?;
    let number = |field: &str| sequence.get(field).map(scalar);
    let start = number("start").unwrap_or_else(|| "0".to_owned());
    let last = number("end").or_else(|| {
        let count: i64 = number("count")?.parse().ok()?;
        Some((start.parse::<i64>().ok()? + count - 1).to_string())
    });
    if let Some(padded) = padded(&start, last.as_deref(), string(sequence, "format")) {
        return Some(padded);
    }
    Some(vec![format!("{start}..{}", last.unwrap_or_default())])
}

/// The items of a sequence whose numbers are filled with zeros (`%02d`), as JSON texts.
fn padded(start: &str, last: Option<&str>, format: &str) -> Option<Vec<String>> {
    let pad = format.strip_prefix("%0")?.strip_suffix('d')?.parse().ok()?;
    let (start, end) = (start.parse().ok()?, last?.parse().ok()?);
    let items = MapItems::Range { start, end, step: 1, pad: Some(pad) };
    let few = items.count().is_some_and(|count| count <= MOST_ITEMS);
    items.fixed().filter(|_| few).map(|items| items.iter().map(Value::to_string).collect())
}

/// Every text of a value as it stands in the manifest, references and broken-up braces included.
pub(super) fn raw_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| raw_texts(item, texts)),
        Value::Object(map) => {
            for (key, item) in map {
                texts.push(key.clone());
                raw_texts(item, texts);
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

/// Every text and number of a value, and the keys of free maps.
fn collect(value: &Value, bindings: &Bindings, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            // Arguments of components are JSON inside a string.
            if text.starts_with(['{', '['])
                && let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
            {
                collect(&inner, bindings, texts);
            }
            texts.push(unified(text, bindings));
        }
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, bindings, texts)),
        Value::Object(map) => {
            for (key, item) in map {
                if matches!(key.as_str(), "nodeSelector" | "labels" | "annotations")
                    && let Value::Object(entries) = item
                {
                    texts.extend(entries.keys().cloned());
                }
                collect(item, bindings, texts);
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}
