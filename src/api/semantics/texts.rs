//! The strings of a step that may hold references.

use std::borrow::Cow;

use serde_json::Value;

use crate::api::{Function, Input, OutputSource, Step};

/// The strings of a step that hold references, or look so: those with `{{`. None if its braces are text.
pub(crate) fn texts_with_references(step: &Step) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    if step.settings.literal_braces {
        return found;
    }
    match &step.run {
        Function::RunContainer(call) => {
            let texts = call.command.iter().chain(&call.args).chain(&call.working_dir);
            texts.chain([&call.image]).for_each(|text| keep_reference(text, &mut found));
        }
        Function::RunScript(call) => keep_reference(&call.source, &mut found),
        Function::RunJob(job) => keep_references_of(job, &mut found),
        Function::Component(call) => call.with.values().for_each(|value| keep_references(value, &mut found)),
        Function::Concurrent(_) => {}
    }
    let cache_key = step.settings.cache.as_ref().and_then(|cache| cache.key.as_ref());
    step.settings.env.values().chain(cache_key).for_each(|text| keep_reference(text, &mut found));
    for output in &step.outputs {
        if let OutputSource::Artifact { store: Some(location), .. } = &output.source {
            keep_references_of(location, &mut found);
        }
    }
    for input in &step.inputs {
        match input {
            Input::External { location, .. } => keep_references_of(location, &mut found),
            Input::Parameter { value, .. } => keep_reference(value, &mut found),
            Input::Artifact { .. } => {}
        }
    }
    found
}

fn keep_reference<'a>(text: &'a str, found: &mut Vec<Cow<'a, str>>) {
    if text.contains("{{") {
        found.push(Cow::Borrowed(text));
    }
}

fn keep_references<'a>(value: &'a Value, found: &mut Vec<Cow<'a, str>>) {
    match value {
        Value::String(text) => keep_reference(text, found),
        Value::Array(items) => items.iter().for_each(|item| keep_references(item, found)),
        Value::Object(map) => map.values().for_each(|item| keep_references(item, found)),
        _ => {}
    }
}

fn keep_references_of(part: &impl serde::Serialize, found: &mut Vec<Cow<'_, str>>) {
    let value = serde_json::to_value(part).unwrap_or_default();
    let mut inside = Vec::new();
    keep_references(&value, &mut inside);
    found.extend(inside.into_iter().map(|text| Cow::Owned(text.into_owned())));
}
