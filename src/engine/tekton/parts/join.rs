//! From the pipelines of parts back to the graph. What waits for what is read from what the gates look at.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::super::recover::words::{Names, annotation, list, string, variable};
use super::super::recover::{RecoverError, names_of, recovered, steps};
use super::files::{AFTER, PART};
use super::gate::{GATE, VALUES, WAIT};
use crate::engine::RecoveredGraph;
use crate::engine::kubernetes::yaml;
use crate::engine::parts::{Joints, Reference, joined, noted, over};

/// Recovers the graph of a workflow in parts from a text with all its documents.
///
/// # Errors
/// [`RecoverError`] if there is no parent, a part is missing, or a gate waits for what is nowhere.
pub fn recover_parts(text: &str) -> Result<RecoveredGraph, RecoverError> {
    let documents: Vec<Value> = yaml::read_all(text).map_err(RecoverError::Syntax)?;
    let number = |document: &Value| -> Option<usize> {
        document.pointer("/metadata/labels")?.get(PART)?.as_str()?.parse().ok()
    };
    let parts: BTreeMap<usize, &Value> = documents
        .iter()
        .filter(|document| string(document, "kind") == "Pipeline")
        .filter_map(|document| Some((number(document)?, document)))
        .collect();
    let rest: Vec<Value> = documents.iter().filter(|document| number(document).is_none()).cloned().collect();
    let whole = recovered(&rest)?;
    let over = order(&rest);
    if over.keys().ne(parts.keys()) {
        let (created, given): (Vec<_>, Vec<_>) = (over.keys().collect(), parts.keys().collect());
        return Err(RecoverError::Parts(format!("created are the parts {created:?}, given are {given:?}")));
    }
    let names: BTreeMap<usize, Names<'_>> =
        parts.iter().map(|(number, document)| (*number, names_of(document))).collect();
    let (mut gates, mut references, mut exact) = (HashMap::new(), Vec::new(), BTreeMap::new());
    for document in parts.values() {
        let annotations = document.pointer("/metadata/annotations").unwrap_or(&Value::Null);
        exact.extend(noted(string(annotations, AFTER)));
        let tasks = list(&document["spec"], "tasks").iter();
        for gate in tasks.filter(|task| annotation(task, super::super::helpers::ROLE) == Some(GATE)) {
            let (waits, values) = read_gate(gate, &names)?;
            gates.insert(string(gate, "name").to_owned(), waits);
            references.extend(values);
        }
    }
    let found = parts.iter().map(|(number, document)| (*number, steps(document, &names[number]))).collect();
    let helpers = gates.keys().cloned().collect();
    joined(whole, found, &Joints { gates, references, helpers, exact, over }).map_err(RecoverError::Parts)
}

/// The steps that a gate waits for, and what it hands on.
fn read_gate(
    gate: &Value,
    names: &BTreeMap<usize, Names<'_>>,
) -> Result<(BTreeSet<String>, Vec<Reference>), RecoverError> {
    let wrong = |what: &str| RecoverError::Parts(format!("{what} of the gate {:?}", string(gate, "name")));
    let step = list(&gate["taskSpec"], "steps").first().ok_or_else(|| wrong("the step"))?;
    let wait: BTreeMap<String, Vec<String>> = variable(step, WAIT)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| wrong("what is waited for"))?;
    let values: Vec<[String; 4]> = variable(step, VALUES)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| wrong("the values"))?;
    let of_part = |part: &str| part.parse().ok().and_then(|part: usize| names.get(&part));
    let mut steps = BTreeSet::new();
    for (part, tasks) in &wait {
        let names = of_part(part).ok_or_else(|| wrong("an unknown part"))?;
        for task in tasks {
            if !names.has_task(task) {
                return Err(RecoverError::Parts(format!("part {part} has no task {task:?}")));
            }
            steps.insert(names.step(task));
        }
    }
    let mut references = Vec::new();
    for [output, part, task, result] in values {
        let names = of_part(&part).ok_or_else(|| wrong("an unknown part"))?;
        let operand = names.operand(&format!("tasks.{task}.results.{result}"));
        let (step, of_step) = operand
            .as_deref()
            .and_then(|operand| operand.split_once('.'))
            .map(|(step, output)| (step.to_owned(), output.to_owned()))
            .ok_or_else(|| wrong("a value"))?;
        references.push(Reference { gate: string(gate, "name").to_owned(), output, step, of_step });
    }
    Ok((steps, references))
}

/// Each part that the parent creates, with all parts that are over by then.
fn order(documents: &[Value]) -> BTreeMap<usize, BTreeSet<usize>> {
    let number = |name: &str| name.strip_prefix("part-").and_then(|number| number.parse::<usize>().ok());
    let pipeline = documents.iter().find(|document| string(document, "kind") == "Pipeline");
    let tasks = pipeline.into_iter().flat_map(|pipeline| list(&pipeline["spec"], "tasks"));
    let direct =
        |task: &Value| list(task, "runAfter").iter().filter_map(Value::as_str).filter_map(number).collect();
    over(tasks.filter_map(|task| Some((number(string(task, "name"))?, direct(task)))))
}
