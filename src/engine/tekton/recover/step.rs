//! What a task says about one step.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::super::map::ITEMS;
use super::super::parts::{GATE, WRITTEN};
use super::super::rounds::LIMIT;
use super::super::task::MAIN;
use super::super::{helpers, job};
use super::expression;
use super::words::{
    Names, annotation, list, plain, references, result, seconds, string, texts, unified, variable,
    with_statuses,
};
use crate::api::{Condition, Literal};
use crate::engine::RecoveredStep;
use crate::engine::kubernetes::component::{COMPONENT, VALUE, unmarked};
use crate::engine::kubernetes::yaml;

/// The step that a task runs.
pub(super) fn recovered(task: &Value, names: &Names<'_>) -> RecoveredStep {
    let bindings = names.bindings(task);
    let steps = list(&task["taskSpec"], "steps");
    let main =
        steps.iter().find(|step| string(step, "name") == MAIN).or(steps.first()).unwrap_or(&Value::Null);
    let script = string(main, "script");
    let manifest = variable(main, job::MANIFEST)
        .and_then(|text| yaml::read_all::<Value>(&plain(text)).ok()?.into_iter().next());
    let kind = match (&manifest, script.is_empty() || script.contains("\"$@\"") && main.get("args").is_some())
    {
        (Some(_), _) => "job",
        (None, true) => "container",
        (None, false) => "script",
    };
    let container = manifest.as_ref().map_or(Some(main), |manifest| first_container(manifest));
    let container = container.unwrap_or(&Value::Null);
    let values = values(main, &bindings);
    let header = script.split_once("\nexit \"$status\"").map_or("", |(header, _)| header);
    let own = |ending: &str| {
        header.lines().find_map(|line| expression::condition(line.strip_suffix(ending)?, &values))
    };
    let cached = steps.iter().find(|step| string(step, "name") == "cached");
    let mut all = Vec::new();
    texts(task, &mut all);
    let mut all: Vec<String> = all.iter().map(|text| unified(text, &bindings)).collect();
    let marks: Vec<(String, String)> = list(main, "env")
        .iter()
        .filter(|variable| string(variable, "name").starts_with(VALUE))
        .map(|one| (string(one, "name").to_owned(), unified(string(one, "value"), &bindings)))
        .collect();
    unmarked(&mut all, &marks);
    RecoveredStep {
        component: annotation(task, COMPONENT).map(str::to_owned),
        kind: kind.to_owned(),
        image: Some(unified(string(container, "image"), &bindings)).filter(|image| !image.is_empty()),
        after: after(task, names),
        when: condition(task, names).or_else(|| own(" || exit 0")),
        items: items(task, names),
        map_parallelism: annotation(task, LIMIT).and_then(|limit| limit.parse().ok()),
        exec_while: own(" || break").map(|condition| (condition, bound(header))),
        retries: task.get("retries").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()),
        timeout: seconds(string(task, "timeout")),
        cache: cached
            .map(|step| variable(step, "CACHE_MAX_AGE").and_then(|age| age.parse().ok()).unwrap_or(0)),
        resources: resources(container),
        texts: all,
    }
}

/// What the variables of a container stand for, as operands.
fn values(container: &Value, bindings: &HashMap<String, String>) -> HashMap<String, String> {
    let variables = list(container, "env").iter().filter(|variable| {
        let name = string(variable, "name");
        name.starts_with(helpers::IF) || name.starts_with(helpers::WHILE)
    });
    let operand = |variable: &Value| {
        let name = string(variable, "value").strip_prefix("$(params.")?.strip_suffix(')')?;
        Some((string(variable, "name").to_owned(), bindings.get(name)?.clone()))
    };
    variables.filter_map(operand).collect()
}

/// The first container with an image in a manifest; one with limits before others.
fn first_container(manifest: &Value) -> Option<&Value> {
    let mut found = Vec::new();
    containers(manifest, &mut found);
    let limited = |container: &&&Value| container.pointer("/resources/limits").is_some();
    found.iter().find(limited).or_else(|| found.first()).copied()
}

fn containers<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(list(value, "containers").iter().filter(|item| item.get("image").is_some()));
            fields.values().for_each(|item| containers(item, found));
        }
        Value::Array(items) => items.iter().for_each(|item| containers(item, found)),
        _ => {}
    }
}

/// The steps that a task waits for, through the tasks that serve it.
fn after(task: &Value, names: &Names<'_>) -> BTreeSet<String> {
    let own = names.step(string(task, "name"));
    let mut after: BTreeSet<String> =
        list(task, "runAfter").iter().filter_map(Value::as_str).map(|name| names.step(name)).collect();
    let mut found = Vec::new();
    for field in ["when", "params", "matrix"] {
        references(&task[field], &mut found);
    }
    for (producer, _) in found.into_iter().filter_map(result) {
        match names.helper(producer, "when").or_else(|| names.helper(producer, "items")) {
            Some(helper) => after.extend(self::after(helper, names)),
            None if names.helper(producer, helpers::DATE).is_some() => {}
            None => {
                after.insert(names.step(producer));
            }
        }
    }
    after.remove(&own);
    after
}

fn condition(task: &Value, names: &Names<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for when in list(task, "when") {
        let reference = string(when, "input").strip_prefix("$(")?.strip_suffix(')')?;
        if result(reference)
            .is_some_and(|(name, of)| of.starts_with(WRITTEN) && names.helper(name, GATE).is_some())
        {
            continue; // whether there is something to read is no condition of the user
        }
        if let Some(guard) = result(reference).and_then(|(name, _)| names.helper(name, "when")) {
            let step = list(&guard["taskSpec"], "steps").first()?;
            let values = values(step, &names.bindings(guard));
            let command = string(step, "script").lines().find_map(|line| line.strip_prefix("if "))?;
            parts.push(format!("({})", expression::condition(command.split_once("; then")?.0, &values)?));
            continue;
        }
        let left = names.operand(reference)?;
        let mut values: Vec<&str> = list(when, "values").iter().filter_map(Value::as_str).collect();
        if left == "workflow.status" && values.contains(&"Succeeded") {
            values.retain(|value| *value != "Completed");
        }
        let written: Vec<String> =
            values.iter().map(|value| Literal::Text((*value).to_owned()).to_string()).collect();
        parts.push(match (string(when, "operator"), &written[..]) {
            ("in", [only]) => format!("{left} == {only}"),
            (_, [only]) => format!("{left} != {only}"),
            _ => format!("{left} in [{}]", written.join(", ")),
        });
    }
    let text = parts.join(" and ");
    (!text.is_empty())
        .then(|| text.parse::<Condition>().map_or(text, |condition| with_statuses(condition).to_string()))
}

fn items(task: &Value, names: &Names<'_>) -> Option<Vec<String>> {
    let matrix = task.get("matrix")?;
    let first = list(matrix, "params").first().map(|param| &param["value"]);
    if let Some(Value::String(reference)) = first {
        let (name, _) = result(reference.strip_prefix("$(")?.strip_suffix(')')?)?;
        let spread = names.helper(name, "items")?;
        let operand = names.bindings(spread).into_values().next()?;
        let prefix = if operand.starts_with("parameters.") { "" } else { "steps." };
        return Some(vec![format!("{prefix}{operand}")]);
    }
    let mut items: Vec<&str> = items_of(matrix);
    for round in names.rounds(string(task, "name")) {
        items.extend(items_of(&round["matrix"]));
    }
    let text = |item: &&str| Value::from(*item).to_string();
    Some(match annotation(task, ITEMS) {
        Some("range") => vec![format!("{}..{}", items.first()?, items.last()?)],
        Some("json") => items
            .iter()
            .map(|item| {
                serde_json::from_str::<Value>(item).map_or_else(|_| text(item), |value| value.to_string())
            })
            .collect(),
        _ => items.iter().map(text).collect(),
    })
}

/// The texts that a matrix goes through.
fn items_of(matrix: &Value) -> Vec<&str> {
    match list(matrix, "params").first().map(|param| &param["value"]) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => list(matrix, "include").iter().map(|one| string(&one["params"][0], "value")).collect(),
    }
}

/// The most runs of a loop.
fn bound(header: &str) -> u32 {
    let number = header.split_once("[ \"$count\" -lt ").and_then(|(_, rest)| rest.split_once(' '));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}

fn resources(container: &Value) -> BTreeMap<String, String> {
    let amounts = container.get("computeResources").or_else(|| container.get("resources"));
    let mut found = BTreeMap::new();
    for group in ["limits", "requests"] {
        let entries = amounts.and_then(|all| all.get(group)).and_then(Value::as_object);
        for (name, amount) in entries.into_iter().flatten() {
            let known = match name.as_str() {
                "cpu" | "memory" if group == "limits" => continue,
                "cpu" | "memory" => name.as_str(),
                "ephemeral-storage" => "disk",
                _ => "gpu",
            };
            let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
            found.entry(known.to_owned()).or_insert(text);
        }
    }
    found
}
