//! What the text spells out takes the place of what the model chose.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::commands::{stated_arguments, stated_command, stated_table};
use super::fragment::Fragment;
use super::search::{KATIB, SEARCH, asks_for_search};
use super::search_values::{read_experiment, read_search};
use super::slots::StepContext;

/// What the text spells out takes the place of what the model chose.
pub(in crate::nl) fn with_stated(
    mut fragment: Fragment,
    component: &crate::api::Component,
    context: &StepContext<'_>,
    declared: &[String],
) -> Fragment {
    fragment.with.values_mut().for_each(|value| keep_declared(value, declared));
    for name in ["command", "args"] {
        // A word twice in a row is a model that does not find its end.
        if let Some(words) = fragment.with.get_mut(name).and_then(Value::as_array_mut) {
            words.dedup();
        }
    }
    let own_resources = component.arguments.pointer("/properties/gpus_per_replica").is_some();
    fragment.settings.read_from(context.text, own_resources);
    if component.name == "data.download"
        && let Some(sum) = SHA256.find(context.text)
    {
        fragment.with.insert("sha256".into(), json!(sum.as_str().to_lowercase()));
    }
    if component.name == SEARCH && !context.mapped {
        read_search(&mut fragment.with, context.text);
    }
    if component.name == KATIB && !context.mapped {
        let only = !context.other_texts.iter().any(|text| asks_for_search(text));
        read_experiment(&mut fragment.with, context.text, if only { context.description } else { "" });
    }
    if component.name == "data.load_sql"
        && let Some(query) = stated_table(context.text)
    {
        fragment.with.insert("query".into(), json!(query));
    }
    if component.name == "container.run"
        && let Some(arguments) = stated_arguments(context.text, context.mapped, context.parameters)
    {
        fragment.with.shift_remove("command");
        fragment.with.insert("args".into(), json!(arguments));
    } else if (component.name.starts_with("job.")
        || ["container.run", KATIB].contains(&component.name.as_str()))
        && !context.mapped
        && context.parameters.is_empty()
        && let Some(command) = stated_command(context.text)
    {
        fragment.with.shift_remove("args");
        fragment.with.insert("command".into(), json!(command));
    }
    fragment
}

/// A reference to a parameter that nobody declared is a word that the model put into braces.
pub(in crate::nl) fn keep_declared(value: &mut Value, declared: &[String]) {
    match value {
        Value::String(text) => {
            let mut mended = text.clone();
            for piece in crate::api::Template::parse(text, crate::api::References::Values).0 {
                if let crate::api::Piece::Parameter(name) = piece
                    && !declared.contains(&name)
                {
                    mended = mended.replace(&format!("{{{{parameters.{name}}}}}"), &name);
                }
            }
            *text = mended;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| keep_declared(item, declared)),
        Value::Object(map) => map.values_mut().for_each(|item| keep_declared(item, declared)),
        _ => {}
    }
}

pub(in crate::nl) static SHA256: LazyLock<Regex> =
    LazyLock::new(|| crate::nl::pattern::regex(r"\b[0-9a-f]{64}\b"));
