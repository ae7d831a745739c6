//! Planted faults: right answers with one thing made wrong, to measure what the checks find.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde::Serialize;
use serde_json::{Value, json};

use super::fidelity::answers;
use super::gold::GoldCase;
use crate::api::{Comparison, Condition, MapItems};
use crate::lake::Lake;
use crate::nl::answer::{StepAnswer, WorkflowAnswer};
use crate::nl::checks::{Finding, Severity};
use crate::nl::document::Document;
use crate::nl::judge_answer;

/// What can be made wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An argument or a word of a command is lost.
    ValueLost,
    /// A value is another one.
    ValueChanged,
    /// Two steps have each other's value.
    ValuesSwapped,
    /// A step is missing.
    StepDropped,
    /// There is a step that nobody asked for.
    StepInvented,
    /// A step is there twice.
    StepDoubled,
    /// A step does not wait for another.
    EdgeMissing,
    /// A step waits for one that runs beside it.
    EdgeExtra,
    /// A condition is lost, turned around or compares with something else.
    Condition,
    /// A loop or map is lost, has another bound or lacks an item.
    Loop,
    /// The schedule is lost or another one.
    Schedule,
    /// A setting is lost, changed or at another step.
    Setting,
}

const KINDS: [FaultKind; 12] = [
    FaultKind::ValueLost,
    FaultKind::ValueChanged,
    FaultKind::ValuesSwapped,
    FaultKind::StepDropped,
    FaultKind::StepInvented,
    FaultKind::StepDoubled,
    FaultKind::EdgeMissing,
    FaultKind::EdgeExtra,
    FaultKind::Condition,
    FaultKind::Loop,
    FaultKind::Schedule,
    FaultKind::Setting,
];

/// A planted fault and what the checks said.
#[derive(Debug, Clone, Serialize)]
pub struct Planted {
    /// The gold case.
    pub id: String,
    /// The kind.
    pub kind: FaultKind,
    /// What was made wrong.
    pub fault: String,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// The answer with the fault.
    #[serde(skip)]
    pub answer: WorkflowAnswer,
}

impl Planted {
    /// Whether a check found an error.
    pub fn found(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Plants about `count` faults, all kinds in turn over all cases, and judges each.
pub fn plant(cases: &[GoldCase], lake: &Lake, count: usize, seed: u64, without: &[String]) -> Vec<Planted> {
    let mut random = Rng::with_seed(seed);
    let right: Vec<(&GoldCase, Document, WorkflowAnswer)> = cases
        .iter()
        .filter_map(|case| {
            let answer = answers(case, &case.program().ok()?, lake).ok()?;
            Some((case, Document::parse(&case.description), answer))
        })
        .collect();
    let mut planted = Vec::new();
    if right.is_empty() {
        return planted;
    }
    for attempt in 0..count * 6 {
        if planted.len() >= count {
            break;
        }
        let kind = KINDS[planted.len() % KINDS.len()];
        let (case, document, answer) = &right[(attempt * 7919 + random.usize(..right.len())) % right.len()];
        let mut wrong = answer.clone();
        let Some(fault) = make_wrong(&mut wrong, kind, document, &mut random) else { continue };
        if wrong == *answer {
            continue;
        }
        let findings = judge_answer(&wrong, document, lake, without);
        planted.push(Planted { id: case.id.clone(), kind, fault, findings, answer: wrong });
    }
    planted
}

/// Found and planted faults by kind.
pub fn by_kind(planted: &[Planted]) -> BTreeMap<FaultKind, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for fault in planted {
        let (found, all) = counts.entry(fault.kind).or_insert((0, 0));
        *found += usize::from(fault.found());
        *all += 1;
    }
    counts
}

fn make_wrong(
    answer: &mut WorkflowAnswer,
    kind: FaultKind,
    document: &Document,
    random: &mut Rng,
) -> Option<String> {
    match kind {
        FaultKind::ValueLost => value_lost(answer, random),
        FaultKind::ValueChanged => value_changed(answer, document, random),
        FaultKind::ValuesSwapped => values_swapped(answer, random),
        FaultKind::StepDropped => step_dropped(answer, random),
        FaultKind::StepInvented => step_invented(answer, random),
        FaultKind::StepDoubled => step_doubled(answer, random),
        FaultKind::EdgeMissing => edge_missing(answer, random),
        FaultKind::EdgeExtra => edge_extra(answer, random),
        FaultKind::Condition => condition(answer, random),
        FaultKind::Loop => repetition(answer, random),
        FaultKind::Schedule => schedule(answer, random),
        FaultKind::Setting => setting(answer, random),
    }
}

/// Pointers to all strings and numbers below a value.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) | Value::Number(_) => found.push(path.to_owned()),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| leaves(item, &format!("{path}/{index}"), found));
        }
        Value::Object(map) => {
            for (key, item) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(item, &format!("{path}/{key}"), found);
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

fn pick<'a, T>(items: &'a [T], random: &mut Rng) -> Option<&'a T> {
    (!items.is_empty()).then(|| &items[random.usize(..items.len())])
}

/// A step that fulfils a condition, chosen by chance.
fn some_step<'a>(
    answer: &'a mut WorkflowAnswer,
    random: &mut Rng,
    fits: impl Fn(&StepAnswer) -> bool,
) -> Option<&'a mut StepAnswer> {
    let mut fitting: Vec<&mut StepAnswer> =
        answer.steps.iter_mut().chain(&mut answer.on_exit).filter(|step| fits(step)).collect();
    if fitting.is_empty() {
        return None;
    }
    let index = random.usize(..fitting.len());
    Some(fitting.swap_remove(index))
}

fn is_script(step: &StepAnswer) -> bool {
    step.with.contains_key("source")
}

fn value_lost(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let step = some_step(answer, random, |step| !is_script(step) && !step.with.is_empty())?;
    let names: Vec<String> = step.with.keys().cloned().collect();
    let name = pick(&names, random)?.clone();
    if let Some(items) =
        step.with.get_mut(&name).and_then(Value::as_array_mut).filter(|items| items.len() > 1)
    {
        let gone = items.remove(random.usize(..items.len()));
        return Some(format!("{}: {gone} is gone from {name}", step.name));
    }
    let gone = step.with.remove(&name)?;
    Some(format!("{}: {name} ({gone}) is gone", step.name))
}

fn value_changed(answer: &mut WorkflowAnswer, document: &Document, random: &mut Rng) -> Option<String> {
    let step = some_step(answer, random, |step| !is_script(step) && !step.with.is_empty())?;
    let mut with = Value::Object(step.with.clone());
    let mut paths = Vec::new();
    leaves(&with, "", &mut paths);
    let path = pick(&paths, random)?;
    let value = with.pointer_mut(path)?;
    let old = value.clone();
    *value = match &old {
        Value::Number(number) => {
            let old = number.as_f64()?;
            let others: Vec<f64> =
                document.numbers.iter().map(|n| n.values[0]).filter(|n| (n - old).abs() > 1e-9).collect();
            let other = pick(&others, random).copied().unwrap_or(old + 7.0);
            // Whole numbers are written as such.
            serde_json::from_str(&other.to_string()).unwrap_or_else(|_| json!(other))
        }
        Value::String(text) => {
            let others: Vec<&String> = document
                .literals
                .iter()
                .map(|literal| &literal.text)
                .filter(|other| *other != text)
                .collect();
            match pick(&others, random).filter(|_| random.bool()) {
                Some(other) => json!(other),
                None => json!(misspelt(text, random)?),
            }
        }
        _ => return None,
    };
    let fault = format!("{}: {path} is {value} instead of {old}", step.name);
    step.with = with.as_object().cloned()?;
    Some(fault)
}

fn misspelt(text: &str, random: &mut Rng) -> Option<String> {
    let mut characters: Vec<char> = text.chars().collect();
    let places: Vec<usize> = (0..characters.len()).filter(|at| characters[*at].is_alphanumeric()).collect();
    let at = *pick(&places, random)?;
    if characters.len() > 3 && random.bool() {
        characters.remove(at);
    } else {
        characters[at] = if characters[at] == 'x' { 'y' } else { 'x' };
    }
    Some(characters.into_iter().collect())
}

fn values_swapped(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let mut pairs = Vec::new();
    for first in 0..answer.steps.len() {
        for second in first + 1..answer.steps.len() {
            for key in answer.steps[first].with.keys() {
                let (a, b) = (&answer.steps[first].with[key], answer.steps[second].with.get(key));
                if key != "source" && b.is_some_and(|b| a != b) {
                    pairs.push((first, second, key.clone()));
                }
            }
        }
    }
    let (first, second, key) = pick(&pairs, random)?.clone();
    let (left, right) = answer.steps.split_at_mut(second);
    std::mem::swap(left[first].with.get_mut(&key)?, right[0].with.get_mut(&key)?);
    Some(format!("{} and {} have each other's {key}", left[first].name, right[0].name))
}

fn step_dropped(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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

fn step_invented(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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

fn step_doubled(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
    let mut again = pick(&answer.steps, random)?.clone();
    let name = std::mem::replace(&mut again.name, "once-more".into());
    if random.bool() {
        again.after = vec![name.clone()];
    }
    answer.steps.push(again);
    Some(format!("{name} is there twice"))
}

fn edge_missing(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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

fn edge_extra(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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
            if beside && first.name != second.name {
                pairs.push((first.name.clone(), second.name.clone()));
            }
        }
    }
    let (first, second) = pick(&pairs, random)?.clone();
    let step = answer.steps.iter_mut().find(|step| step.name == second)?;
    step.after.push(first.clone());
    Some(format!("{second} waits for {first}"))
}

fn condition(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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

fn repetition(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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

fn schedule(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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

fn setting(answer: &mut WorkflowAnswer, random: &mut Rng) -> Option<String> {
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
