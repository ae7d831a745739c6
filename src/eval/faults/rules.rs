//! Faults of conditions, repetitions, schedules and settings.

use fastrand::Rng;
use serde_json::{Value, json};

use super::choice::{leaves, misspelt, pick, some_step};
use crate::api::{Comparison, Condition, MapItems};
use crate::nl::answer::{StepAnswer, WorkflowAnswer};

pub(super) fn condition(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let step = some_step(answer, random, |step| step.when.is_some())?;
    let old = step.when.clone()?;
    step.when = match random.u8(..3) {
        0 => None,
        1 => turned(&old),
        _ => other_constant(&old),
    };
    (step.when.as_ref() != Some(&old)).then(|| {
        format!("{}: condition {:?} instead of {old}", step.name, step.when.as_ref().map(ToString::to_string))
    })
}

fn turned(condition: &Condition) -> Option<Condition> {
    let Condition::Compare { left, comparison, right } = condition else { return None };
    let comparison = match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less | Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater | Comparison::GreaterOrEqual => Comparison::Less,
    };
    Some(Condition::Compare { left: left.clone(), comparison, right: right.clone() })
}

fn other_constant(condition: &Condition) -> Option<Condition> {
    let Condition::Compare { left, comparison, right: crate::api::Operand::Literal(literal) } = condition
    else {
        return None;
    };
    let other = match literal {
        crate::api::Literal::Number(number) => {
            crate::api::Literal::Number(format!("{}", number.parse::<f64>().ok()? * 2.0 + 1.0))
        }
        crate::api::Literal::Text(_) => crate::api::Literal::Text("other".into()),
    };
    Some(Condition::Compare {
        left: left.clone(),
        comparison: *comparison,
        right: crate::api::Operand::Literal(other),
    })
}

pub(super) fn repetition(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let step = some_step(answer, random, |step| step.exec_while.is_some() || step.map.is_some())?;
    let name = step.name.clone();
    if let Some(repeat) = &mut step.exec_while {
        match random.u8(..3) {
            0 => {
                step.exec_while = None;
                return Some(format!("{name}: the loop is gone"));
            }
            1 => {
                repeat.limit += 5;
                return Some(format!("{name}: another bound of the loop"));
            }
            _ => {
                repeat.condition = turned(&repeat.condition)?;
                return Some(format!("{name}: the loop's condition is turned around"));
            }
        }
    }
    let map = step.map.as_mut()?;
    match (random.u8(..3), &mut map.over) {
        (0, _) => {
            step.map = None;
            Some(format!("{name}: the map is gone"))
        }
        (1, _) if map.parallelism.is_some() => {
            map.parallelism = map.parallelism.map(|limit| limit + 3);
            Some(format!("{name}: another limit of the map"))
        }
        (_, MapItems::List { items }) if items.len() > 1 => {
            let gone = items.remove(random.usize(..items.len()));
            Some(format!("{name}: the item {gone} is gone"))
        }
        (_, MapItems::Range { end, .. }) => {
            *end += 2;
            Some(format!("{name}: another end of the range"))
        }
        _ => None,
    }
}

pub(super) fn schedule(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let schedule = answer.schedule.as_mut()?;
    match random.u8(..4) {
        0 => {
            answer.schedule = None;
            Some("the schedule is gone".into())
        }
        1 if schedule.timezone.is_some() => {
            schedule.timezone = None;
            Some("the time zone is gone".into())
        }
        _ => {
            let mut fields: Vec<String> = schedule.cron.first()?.split(' ').map(str::to_owned).collect();
            let at = [0, 1, 4][random.usize(..3)];
            let old = fields[at].clone();
            fields[at] = match old.parse::<u32>() {
                Ok(number) => ((number + 3) % 7).to_string(),
                Err(_) if old == "*" => "1".into(),
                Err(_) => "*".into(),
            };
            let cron = fields.join(" ");
            let fault = format!("cron {cron} instead of {}", schedule.cron[0]);
            schedule.cron[0] = cron;
            Some(fault)
        }
    }
}

pub(super) fn setting(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let has = |step: &StepAnswer| json!(step.settings).as_object().is_some_and(|map| !map.is_empty());
    let names: Vec<String> = answer.steps.iter().map(|step| step.name.clone()).collect();
    let step = some_step(answer, random, has)?;
    let name = step.name.clone();
    let mut settings = json!(step.settings);
    let map = settings.as_object_mut()?;
    let keys: Vec<String> = map.keys().cloned().collect();
    let key = pick(&keys, random)?.clone();
    match random.u8(..3) {
        0 => {
            map.remove(&key);
        }
        1 => {
            let mut paths = Vec::new();
            leaves(&map[&key], "", &mut paths);
            let path = pick(&paths, random)?.clone();
            let value = map[&key].pointer_mut(&path)?;
            *value = match &*value {
                Value::Number(number) => json!(number.as_u64()? + 3),
                Value::String(text) => match text.parse::<crate::api::Duration>() {
                    Ok(duration) => {
                        json!(crate::api::Duration::from_seconds(duration.seconds() * 3 + 7).to_string())
                    }
                    Err(_) => json!(misspelt(text, random)?),
                },
                _ => return None,
            };
        }
        _ => {
            let value = map.remove(&key)?;
            let others: Vec<&String> = names.iter().filter(|other| **other != name).collect();
            let other = (*pick(&others, random)?).clone();
            step.settings = serde_json::from_value(settings).ok()?;
            let target = answer.steps.iter_mut().find(|step| step.name == other)?;
            let mut there = json!(target.settings);
            if there.get(&key).is_some() {
                return None;
            }
            there[&key] = value;
            target.settings = serde_json::from_value(there).ok()?;
            return Some(format!("{key} of {name} stands at {other}"));
        }
    }
    let changed = serde_json::from_value(settings).ok()?;
    step.settings = changed;
    Some(format!("{name}: {key} is lost or changed"))
}
