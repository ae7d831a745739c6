//! Numbers of a text and the arguments that they belong to.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::evidence::{numbers_near, ratio, speaks_of, stems};
use super::literals::LiteralKind;
use super::settings::whole_numbers;
use super::slots::{Offer, StepContext};
use crate::api::Component;

pub(in crate::nl) static UNITS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s*-?(times?|x|gpus?|cpus?|v?cores?|min(ute)?s?|h(ours?)?|s(ec(ond)?s?)?|days?|d|weeks?|gi?b?|mi?b?|ti?b?|retries|attempts|am|pm|o'clock|stunden?|minuten?)\b",
    )
    .expect("the pattern is valid")
});

/// Numbers of the step that are not obviously a setting (`3 times`, `2 GPUs`, `30 minutes`).
pub(in crate::nl) fn argument_numbers(context: &StepContext<'_>, component: &Component) -> Vec<f64> {
    let own_gpus = component.arguments["properties"]
        .as_object()
        .is_some_and(|properties| properties.keys().any(|name| name.contains("gpu") || name == "memory"));
    let mut found = Vec::new();
    for literal in super::literals::literals(context.text) {
        let Some(number) = literal.number() else { continue };
        let unit = UNITS.is_match(&context.text[literal.start + literal.text.len()..])
            || literal.text.trim_end_matches(char::is_alphabetic).len() < literal.text.len();
        if unit && !own_gpus {
            continue;
        }
        found.push(number);
        if literal.text.contains('%') {
            found.push(number / 100.0);
            found.push(1.0 - number / 100.0);
        } else if number > 0.0 && number < 1.0 {
            found.push(1.0 - number);
        }
    }
    found.extend(whole_numbers(context.text, &[]).into_iter().map(f64::from));
    for number in &mut found {
        *number = (*number * 1e9).round() / 1e9;
    }
    found.sort_by(f64::total_cmp);
    found.dedup();
    found
}

/// Whether a number of the text belongs to no argument of its own: it may be a further hyperparameter.
pub(in crate::nl) fn has_free_number(context: &StepContext<'_>, component: &Component) -> bool {
    let empty = Map::new();
    let properties = component.arguments["properties"].as_object().unwrap_or(&empty);
    let claimed: Vec<f64> = properties
        .iter()
        .filter(|(_, property)| property["type"] == "integer" || property["type"] == "number")
        .flat_map(|(name, property)| {
            numbers_near(&stems(name, property["description"].as_str().unwrap_or_default()), context.text)
        })
        .collect();
    let free = argument_numbers(context, component).iter().any(|number| !claimed.contains(number));
    free || context.literals.iter().any(|l| l.kind == LiteralKind::Name && context.text.contains(&l.text))
}

/// The numbers right beside the full name of an argument: "batch size 2", "a learning rate of 0.1", "8 num leaves".
pub(in crate::nl) fn owned_numbers(name: &str, text: &str) -> Vec<f64> {
    let phrase = name.replace('_', " ");
    let lower = text.to_lowercase().replace(['_', '-'], " ");
    if !phrase.contains(' ') || lower.len() != text.len() {
        return Vec::new();
    }
    let spans: Vec<(usize, usize)> =
        lower.match_indices(&phrase).map(|(at, _)| (at, at + phrase.len())).collect();
    super::literals::literals(text)
        .iter()
        .filter_map(|literal| {
            let beside = spans.iter().any(|(start, end)| {
                let between = if literal.start >= *end {
                    lower.get(*end..literal.start)
                } else {
                    lower.get(literal.end..*start)
                };
                let words = between.map(|between| between.trim().trim_matches([':', '=', '(']).trim());
                words.is_some_and(|words| ["", "of", "is", "set to", "to", "at", "was"].contains(&words))
            });
            literal.number().filter(|_| beside)
        })
        .collect()
}

pub(in crate::nl) static AT_ONCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(\d+)(?: \w+| of (?:them|these|which))? (?:at the same time|at once|at a time|in parallel|parallel|concurrently|simultaneously|side by side)|\b(?:parallel\w*|concurren\w+)(?: \w+)?\s*[:=]?\s*(\d+)")
        .expect("the pattern is valid")
});

/// "36 trials, 6 at the same time": the number that says how many run at once.
pub(in crate::nl) fn number_at_once(text: &str) -> Option<f64> {
    let found = AT_ONCE.captures(text)?;
    found.get(1).or(found.get(2))?.as_str().parse().ok()
}

pub(in crate::nl) fn number_offer(
    property: &Value,
    name: &str,
    must: bool,
    stems: &[String],
    component: &Component,
    context: &StepContext<'_>,
) -> Offer {
    let integer = property["type"] == "integer";
    let share = property["exclusiveMaximum"]
        .as_f64()
        .or(property["maximum"].as_f64())
        .is_some_and(|most| most <= 1.0);
    // The part that is held out is the smaller one.
    let held_out = name.contains("test") || name.contains("valid");
    let within = |number: &f64| {
        property["minimum"].as_f64().is_none_or(|low| *number >= low)
            && property["maximum"].as_f64().is_none_or(|high| *number <= high)
            && property["exclusiveMinimum"].as_f64().is_none_or(|low| *number > low)
            && property["exclusiveMaximum"].as_f64().is_none_or(|high| *number < high)
            && (!held_out || *number <= 0.5)
            && (!integer || number.fract() == 0.0)
    };
    let values = |numbers: Vec<f64>| -> Vec<Value> {
        let mut numbers: Vec<f64> = numbers.into_iter().filter(within).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        numbers.into_iter().map(as_value).collect()
    };
    let ratio = ratio(context.text);
    let validates = context.text.to_lowercase().contains("valid") || ratio.len() > 2;
    if share && held_out && !ratio.is_empty() && (name.contains("test") || validates) {
        return Offer::Forced(json!({"enum": values(ratio)}));
    }
    let at_once = number_at_once(context.text);
    if name.contains("parallel")
        && let Some(number) = at_once
    {
        return Offer::Forced(json!({"enum": values(vec![number])}));
    }
    let owned = owned_numbers(name, context.text);
    if !values(owned.clone()).is_empty() {
        return Offer::Forced(json!({"enum": values(owned)}));
    }
    let others: Vec<f64> = component.arguments["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(other, _)| other.as_str() != name && other.contains('_'))
        .flat_map(|(other, _)| owned_numbers(other, context.text))
        .collect();
    let mut near = numbers_near(stems, context.text);
    near.retain(|number| !others.contains(number) && Some(*number) != at_once);
    let near = values(near);
    if !near.is_empty() {
        return Offer::Forced(json!({"enum": near}));
    }
    let any = values(argument_numbers(context, component));
    let spoken_of = must || context.relaxed || speaks_of(stems, context.text);
    match (any.is_empty(), must) {
        (false, _) if spoken_of => Offer::Optional(json!({"enum": any})),
        (_, true) => Offer::Optional(property.clone()),
        _ => Offer::Skip,
    }
}

pub(in crate::nl) fn as_value(number: f64) -> Value {
    let rounded = (number * 1e9).round() / 1e9;
    if rounded.fract() == 0.0 {
        format!("{rounded:.0}").parse::<i64>().map_or(json!(rounded), Value::from)
    } else {
        json!(rounded)
    }
}
