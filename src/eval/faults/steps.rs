//! Faults of steps and their order.

use fastrand::Rng;
use serde_json::json;

use super::choice::{pick, some_step};
use super::fair::excludes;
use crate::nl::answer::{StepAnswer, WorkflowAnswer};

pub(super) fn step_dropped(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    if answer.steps.len() < 2 {
        return None;
    }
    let text = json!(answer).to_string();
    let free: Vec<usize> = (0..answer.steps.len())
        .filter(|index| {
            let name = &answer.steps[*index].name;
            !text.contains(&format!("{{{{steps.{name}."))
                && !text.contains(&format!("\"{name}."))
                && !text.contains(&format!("\"step\":\"{name}\""))
        })
        .collect();
    let gone = answer.steps.remove(*pick(&free, random)?);
    for step in &mut answer.steps {
        if let Some(at) = step.after.iter().position(|name| *name == gone.name) {
            step.after.splice(at..=at, gone.after.iter().cloned());
            step.after.dedup();
        }
    }
    Some(format!("{} is gone", gone.name))
}

pub(super) fn step_invented(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let near = pick(&answer.steps, random)?.clone();
    let (task, with) = pick(
        &[
            ("data.clean", json!({"drop_duplicates": true})),
            ("model.evaluate", json!({"metrics": ["accuracy"]})),
            ("report.write", json!({"title": "Report"})),
            ("notify.slack", json!({"channel": "#general", "message": "done"})),
            ("data.validate", json!({"min_rows": 1})),
        ],
        random,
    )?
    .clone();
    let step = StepAnswer {
        text: near.text.clone(),
        name: "another-one".into(),
        task: task.into(),
        after: vec![near.name.clone()],
        with: with.as_object().cloned()?,
        ..StepAnswer::default()
    };
    answer.steps.push(step);
    Some(format!("{task} was invented after {}", near.name))
}

pub(super) fn step_doubled(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let mut again = pick(&answer.steps, random)?.clone();
    let name = std::mem::replace(&mut again.name, "once-more".into());
    if random.bool() {
        again.after = vec![name.clone()];
    }
    answer.steps.push(again);
    Some(format!("{name} is there twice"))
}

pub(super) fn edge_missing(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let step = some_step(answer, random, |step| {
        step.after.iter().any(|name| {
            !json!(step.with).to_string().contains(name.as_str())
                && step.inputs.is_empty()
                && step.when.is_none()
        })
    })?;
    let gone = step.after.remove(random.usize(..step.after.len()));
    Some(format!("{} does not wait for {gone}", step.name))
}

pub(super) fn edge_extra(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let before = |answer: &WorkflowAnswer, name: &str| -> Vec<String> {
        let mut seen = vec![name.to_owned()];
        let mut at = 0;
        while at < seen.len() {
            let step = answer.steps.iter().find(|step| step.name == seen[at]);
            for name in step.map(|step| step.after.clone()).unwrap_or_default() {
                if !seen.contains(&name) {
                    seen.push(name);
                }
            }
            at += 1;
        }
        seen
    };
    let mut pairs = Vec::new();
    for first in &answer.steps {
        for second in &answer.steps {
            let beside = !before(answer, &first.name).contains(&second.name)
                && !before(answer, &second.name).contains(&first.name);
            if beside && first.name != second.name && !excludes(first, second) {
                pairs.push((first.name.clone(), second.name.clone()));
            }
        }
    }
    let (first, second) = pick(&pairs, random)?.clone();
    let step = answer.steps.iter_mut().find(|step| step.name == second)?;
    step.after.push(first.clone());
    Some(format!("{second} waits for {first}"))
}
