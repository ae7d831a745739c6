//! Writing a choice into a step, with its origin. What the user gave stays.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Origin;
use super::origin::ORIGIN;
use super::target::{PARAMS, Target};
use crate::api::{Component, Function, Program, Step};

/// Values for a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Hyperparameters by the library's names.
    pub params: Map<String, Value>,
    /// Where they come from.
    pub origin: Origin,
    /// How that is known: "trial: …" or "prior, not measured: …".
    pub evidence: String,
}

/// Writes a choice into the target's step. Arguments that the component has get the value, others go into `params`.
/// Every hyperparameter, given or chosen, gets its origin. Returns what was written.
pub fn apply(
    program: &mut Program,
    target: &Target,
    component: &Component,
    choice: &Choice,
) -> Map<String, Value> {
    let mut written = Map::new();
    let Some(step) = find(&mut program.steps, &target.step) else { return written };
    let Function::Component(call) = &mut step.run else { return written };
    let arguments = component.arguments.get("properties").and_then(Value::as_object);
    let own = |name: &str| arguments.is_some_and(|arguments| arguments.contains_key(name));
    for (name, value) in &choice.params {
        if target.given.contains_key(name) || value.is_null() {
            continue;
        }
        if own(name) {
            call.with.insert(name.clone(), value.clone());
        } else if own(PARAMS) {
            let params = call.with.entry(PARAMS.into()).or_insert_with(|| json!({}));
            let Some(params) = params.as_object_mut() else { continue };
            params.insert(name.clone(), value.clone());
        } else {
            continue;
        }
        written.insert(name.clone(), value.clone());
    }
    let annotations = &mut step.settings.annotations;
    for name in target.given.keys().filter(|name| is_key(name)) {
        // What was chosen earlier is given now, and keeps its origin.
        annotations.entry(format!("{ORIGIN}{name}")).or_insert_with(|| Origin::User.name().to_owned());
    }
    for name in written.keys().filter(|name| is_key(name)) {
        annotations
            .insert(format!("{ORIGIN}{name}"), format!("{}, {}", choice.origin.name(), choice.evidence));
    }
    written
}

/// Whether the component takes a choice beside what the user gave: `params` holds so many hyperparameters and no more.
pub fn fits(params: &Map<String, Value>, target: &Target, component: &Component) -> bool {
    let arguments = component.arguments.get("properties");
    let most = arguments.and_then(|all| all.get(PARAMS)?.get("maxProperties")?.as_u64());
    let own = |name: &str| arguments.is_some_and(|all| all.get(name).is_some());
    let names: BTreeSet<&String> =
        params.keys().chain(target.given.keys()).filter(|name| !own(name)).collect();
    most.is_none_or(|most| names.len() as u64 <= most)
}

/// Whether a name may be part of a Kubernetes annotation: at most 63 characters with `origin.`.
fn is_key(name: &str) -> bool {
    name.len() <= 50
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !name.ends_with(['-', '_', '.'])
}

pub(super) fn find<'a>(steps: &'a mut [Step], name: &str) -> Option<&'a mut Step> {
    for step in steps {
        if step.name == name {
            return Some(step);
        }
        if let Function::Concurrent(group) = &mut step.run
            && let Some(found) = find(&mut group.steps, name)
        {
            return Some(found);
        }
    }
    None
}
