//! What stands side by side and what waits, as the text says it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::literals::{LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use crate::api::Task;
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::pattern::regex;

pub(in crate::nl) static PARALLEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"parallel|same time|simultan|side by side|independen|meanwhile|concurrent|in the meantime|at once|alongside|gleichzeitig|nebeneinander|unabhängig|en même temps|a la vez|al mismo tiempo|ao mesmo tempo|contempora|insieme|jednocze|równolegl|tegelijk|同时|並列|並行|并行|separate",
    )
});

/// "Fine-tune it. Data: a.parquet": what loads the data comes before what needs it, wherever the text names it.
pub(in crate::nl) fn loads_come_first(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    let loads = |step: &PlannedStep| {
        step.after.is_empty()
            && step.when.is_none()
            && lake.component(&step.task).is_some_and(|component| component.task == Task::Load)
    };
    let needs = |step: &PlannedStep| {
        let component = lake.component(&step.task);
        component.is_some_and(|component| {
            component.task != Task::Load
                && component
                    .inputs
                    .iter()
                    .any(|port| port.port_type == crate::api::PortType::Table && !port.optional)
        }) && step.after.is_empty()
            && !literals(&step.text).iter().any(|literal| literal.kind == LiteralKind::Uri)
    };
    let Some(first) = plan.steps.iter().position(needs) else { return };
    let Some(load) = plan.steps.iter().skip(first + 1).position(loads).map(|at| at + first + 1) else {
        return;
    };
    if plan.steps[..first].iter().any(loads) {
        return;
    }
    let step = plan.steps.remove(load);
    changes.push(format!("{} comes first, because {} needs its data", step.name, plan.steps[first].name));
    plan.steps[first].after = vec![step.name.clone()];
    plan.steps.insert(first, step);
}

pub(in crate::nl) static BESIDE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:and |while |then )?(?:(?:in|at) (?:parallel|the same time|the meantime)|meanwhile|simultaneously|concurrently|parallel to (?:that|it|this)|alongside|side by side|at the same time|gleichzeitig|parallel dazu|en même temps|en parallèle|al mismo tiempo|ao mesmo tempo|contemporaneamente)\b",
    )
});

pub(in crate::nl) static BOTH: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:when|once|after|as soon as|wait(?:s|ing)? for|needs?|requires?|uses?|combines?|takes?|merges?|braucht|attend|sobald|wenn|nach|quand|après|cuando|quando)\b(?: that)? (?:the last of|both|all|everything|the (?:two|three|four|\d+)|these|those|beide|alle|les deux|ambos|entrambi|tutti|todos)\b",
    )
});

/// The words of the sentence before a step's own words.
pub(in crate::nl) fn lead<'a>(text: &str, description: &'a str) -> &'a str {
    let before = description.find(text).map_or("", |at| &description[..at]);
    let start = before.rfind(['.', ';', '\n', '!']).map_or(0, |at| at + 1);
    let words = &before[start..];
    if words.split_whitespace().count() > 6 { "" } else { words }
}

/// "In parallel fetch …" does not wait for the step before it, and "when both are there" waits for all that is open.
pub(in crate::nl) fn stand_beside(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        let (before, rest) = plan.steps.split_at_mut(index);
        let step = &mut rest[0];
        let previous = &before[index - 1];
        let reads = step.when.is_some() || matches!(step.each, Some(Value::String(_)));
        if (BESIDE.is_match(&step.text) || BESIDE.is_match(lead(&step.text, description)))
            && !reads
            && step.after == [previous.name.clone()]
        {
            changes.push(format!("{} runs beside {}, as its words say", step.name, previous.name));
            step.after.clone_from(&previous.after);
        } else if BOTH.is_match(&step.text) && !reads {
            let open: Vec<String> = before
                .iter()
                .filter(|other| before.iter().all(|later| !later.after.contains(&other.name)))
                .map(|other| other.name.clone())
                .collect();
            if open.len() > 1 && open.iter().any(|name| !step.after.contains(name)) {
                changes.push(format!("{} waits for {}", step.name, open.join(" and ")));
                step.after = open;
            }
        }
    }
}

/// Steps that read nothing run in the order of the text, unless it lets them run at the same time.
pub(in crate::nl) fn order_by_text(
    plan: &mut Plan,
    description: &str,
    lake: &Lake,
    changes: &mut Vec<String>,
) {
    if PARALLEL.is_match(description) {
        return;
    }
    for index in 1..plan.steps.len() {
        let (before, rest) = plan.steps.split_at_mut(index);
        let step = &mut rest[0];
        let reads_nothing = lake
            .component(&step.task)
            .is_some_and(|component| component.inputs.is_empty() && component.task != Task::Load);
        let depends =
            !step.after.is_empty() || step.when.is_some() || matches!(step.each, Some(Value::String(_)));
        if reads_nothing && !depends {
            // Both ends of a branch come before what follows it.
            let previous = &before[index - 1];
            changes.push(format!("{} waits for {}, which comes before it", step.name, previous.name));
            step.after = vec![previous.name.clone()];
        }
    }
}
