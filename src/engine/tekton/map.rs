//! Maps: the matrix of a task.

use serde_json::Value;

use super::context::{Params, Source, unsupported};
use super::manifest::{Include, Matrix, Param};
use super::text::is_misread;
use crate::api::MapItems;
use crate::engine::EngineError;
use crate::ir::Node;

/// Annotation that says what the texts of a matrix were: a `range`, `texts`, or `json`.
pub(crate) const ITEMS: &str = "couler.dev/items";

/// The value of [`ITEMS`] for a step whose items are written in the manifest.
pub(crate) fn kind_of_items(node: &Node) -> Option<&'static str> {
    match &node.map.as_ref()?.over {
        over if over.interval().is_some() => Some("range"),
        MapItems::Range { pad: Some(_), .. } => Some("texts"),
        MapItems::List { items } if items.iter().all(Value::is_string) => Some("texts"),
        MapItems::List { .. } | MapItems::Range { .. } | MapItems::Product { .. } => Some("json"),
        MapItems::Output { .. } | MapItems::Parameter { .. } => None,
    }
}

/// The matrix of a mapped step. A list of plain values is one parameter; objects, and items of which keys are read, are
/// one combination each. `list` is the reference to a list that is known only at run time.
///
/// # Errors
/// Keys that an item does not have, and text that Tekton would replace.
pub(crate) fn matrix(
    node: &Node,
    params: &Params,
    list: Option<String>,
) -> Result<Option<Matrix>, EngineError> {
    let Some(map) = &node.map else { return Ok(None) };
    let keys: Vec<(&String, &String)> = params
        .0
        .iter()
        .filter_map(|(name, source)| match source {
            Source::Item(Some(key)) => Some((name, key)),
            _ => None,
        })
        .collect();
    let whole = params.0.iter().find(|(_, source)| **source == Source::Item(None));
    let name = whole.map_or("item", |(name, _)| name.as_str()).to_owned();
    let items: Vec<Value> = match map.over.fixed() {
        Some(items) => items,
        None => {
            if let Some((_, key)) = keys.first() {
                let reason = format!(
                    "the keys of items are not known before the run, so item.{key} cannot be handed over; read the \
                     whole item, a JSON object, in the step"
                );
                return Err(unsupported(&node.name, "key of an item of a list made at run time", reason));
            }
            let value = Value::from(list.unwrap_or_default());
            return Ok(Some(Matrix { params: vec![Param { name, value }], include: Vec::new() }));
        }
    };
    for item in &items {
        if is_misread(&text(item)) {
            let reason = format!("Tekton would replace a part of the item {item}; write it in another way");
            return Err(unsupported(&node.name, "dollar sign and bracket in an item", reason));
        }
    }
    if keys.is_empty() {
        let value = items.iter().map(|item| Value::from(text(item))).collect();
        return Ok(Some(Matrix { params: vec![Param { name, value }], include: Vec::new() }));
    }
    let mut include = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        let mut values = vec![Param { name: name.clone(), value: Value::from(text(item)) }];
        for (param, key) in &keys {
            let Some(value) = item.get(key) else {
                let reason = format!("the item {item} has no {key:?}");
                return Err(unsupported(&node.name, "key of an item", reason));
            };
            values.push(Param { name: (*param).clone(), value: Value::from(text(value)) });
        }
        include.push(Include { name: format!("item-{number}"), params: values });
    }
    Ok(Some(Matrix { params: Vec::new(), include }))
}

/// Tekton's items are texts: objects are written as JSON.
fn text(item: &Value) -> String {
    item.as_str().map_or_else(|| item.to_string(), str::to_owned)
}
