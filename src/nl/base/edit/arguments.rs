//! Arguments of steps: what a text states of them with certainty, and what is left to the model.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::address::{loads, same_kind, writes_somewhere};
use super::certain::{certain, out_of_range};
use super::read::{Context, Wish};
use super::steps::Meant;
use crate::api::{Function, Step, Task};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

/// Words that add to a list instead of replacing it.
static APPENDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:also|too|as well|add|additionally|in addition|plus|include|besides|on top|and|another)\b")
});
static ONLY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:only|just|nothing but|instead|rather|no longer|not|solely|exclusively)\b"));
/// Flags with their values; what follows as an ordinary word of the sentence is none.
fn flags(context: &Context<'_>, text: &str) -> Vec<String> {
    static FLAG: LazyLock<Regex> = LazyLock::new(|| {
        regex(r#"(?:^|\s)["'`]?(--?[a-z][\w-]*)["'`]?(?:(?: |=)["'`]?([^\s,;"'`]+)["'`]?)?"#)
    });
    const ORDINARY: [&str; 14] = [
        "to", "for", "as", "in", "and", "on", "of", "when", "with", "too", "from", "please", "instead",
        "again",
    ];
    let mut found = Vec::new();
    for captures in FLAG.captures_iter(text) {
        found.push(captures[1].to_owned());
        let value = captures.get(2).map(|value| value.as_str().trim_end_matches(['.', '!', ')']));
        let ordinary = |value: &&str| {
            ORDINARY.contains(&value.to_lowercase().as_str()) || context.steps.get(value).is_some()
        };
        found.extend(value.filter(|value| !value.starts_with('-') && !ordinary(value)).map(str::to_owned));
    }
    found
}

/// Whether a wish gives a value to a step that is there and that it names.
pub(super) fn fits_step(context: &Context<'_>) -> bool {
    let Meant::Steps(names) = context.steps.meant(context.clause) else { return false };
    // "Write a report after evaluate" names a place, not what gets the value.
    names.iter().filter_map(|name| context.steps.get(name)).any(|step| {
        let Some(component) = context.steps.component(step) else { return false };
        if matches!(step.run, Function::RunContainer(_)) && super::place::wanted_images(context).is_empty() {
            return !flags(context, context.clause).is_empty();
        }
        let named = context.steps.named(context.clause);
        let place = named.iter().find(|place| place.steps.contains(&step.name));
        let behind = place.is_some_and(|place| {
            static PLACE: LazyLock<Regex> = LazyLock::new(|| {
                regex(r"\b(?:after|before|behind|once|when|between|following|until|next to|beside|with) (?:the |a |any |all |each |every |both )?(?:\w+ )?$")
            });
            PLACE.is_match(&context.clause[..place.start])
        });
        !behind && !certain(component, context.clause, &step.name, context.spelled).values.is_empty()
    })
}

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause;
    let target = context.target();
    if let Meant::Unclear(steps) = &target {
        let any = steps.iter().filter_map(|name| context.steps.get(name)).any(|step| {
            context.steps.component(step).is_some_and(|component| {
                !certain(component, text, &step.name, context.spelled).values.is_empty()
            })
        });
        return any.then(|| Wish::Which { steps: steps.clone() });
    }
    let named = !context.steps.named(text).is_empty() || context.chosen.is_some();
    let steps: Vec<&Step> = context.target_steps();
    if let Some(wish) = impossible(context, &steps, text) {
        return Some(wish);
    }
    let mut edits = Vec::new();
    let mut open = None;
    let mut spoken = false;
    // A value that only another step has already is meant for that one, whatever was spoken of before.
    let mut steps = if named { steps } else { having(context, text).map_or(steps, |step| vec![step]) };
    if !named && writes_somewhere(text) {
        // Nor does a step that was spoken of before read from where something goes.
        steps.retain(|step| !loads(context, step));
    }
    for step in &steps {
        let (found, more, known) = of_step(context, step, text);
        spoken |= known;
        edits.extend(found);
        if more && open.is_none() {
            open = Some(step.name.clone());
        }
    }
    if !edits.is_empty() {
        return Some(Wish::Edits(edits));
    }
    if let Some(wish) = same_kind(context, text) {
        return Some(wish);
    }
    if spoken {
        return Some(Wish::Already("it is so already".into()));
    }
    if !named {
        // No step is named: the only one that such a value fits.
        let all = context.steps.program.steps.iter().chain(&context.steps.program.on_exit);
        let mut fitting: Vec<(String, Vec<Edit>)> = Vec::new();
        for step in all {
            let (found, _, _) = of_step(context, step, text);
            if !found.is_empty() {
                fitting.push((step.name.clone(), found));
            }
        }
        // Where several could take it, those that have such a value already are meant.
        let has = |(name, edits): &(String, Vec<Edit>)| {
            let json = context.steps.get(name).and_then(|step| serde_json::to_value(step).ok());
            edits.iter().any(|edit| {
                matches!(edit, Edit::Set { field, .. } if json.as_ref().is_some_and(|json| json.pointer(field).is_some()))
            })
        };
        if fitting.iter().any(has) {
            fitting.retain(has);
        }
        match &fitting[..] {
            [] => {}
            [(_, edits)] => return Some(Wish::Edits(edits.clone())),
            several => {
                return Some(Wish::Which { steps: several.iter().map(|(name, _)| name.clone()).collect() });
            }
        }
    }
    // Only a wish about a step that the text names is worth asking the model for a value of.
    open.filter(|_| named && super::clause::is_wish(text)).map(|step| Wish::Fill { step })
}

/// A number outside of what its argument takes, for the steps meant or, where none has the argument, for any.
fn impossible(context: &Context<'_>, steps: &[&Step], text: &str) -> Option<Wish> {
    let program = context.steps.program;
    let all = steps.iter().copied().chain(program.steps.iter().chain(&program.on_exit));
    all.filter(|step| matches!(step.run, Function::Component(_)))
        .find_map(|step| out_of_range(context.steps.component(step)?, &step.name, text))
        .map(Wish::Impossible)
}

/// The only step that has such a value already.
fn having<'a>(context: &Context<'a>, text: &str) -> Option<&'a Step> {
    let program = context.steps.program;
    let has = |step: &&Step| {
        let (edits, ..) = of_step(context, step, text);
        let json = serde_json::to_value(step).unwrap_or_default();
        edits.iter().any(|edit| matches!(edit, Edit::Set { field, .. } if json.pointer(field).is_some()))
    };
    let mut found = program.steps.iter().chain(&program.on_exit).filter(has);
    let first = found.next()?;
    (found.next().is_none() && !context.focus.contains(&first.name)).then_some(first)
}

/// The edits of one step, whether the text speaks of more, and whether it states anything at all.
fn of_step(context: &Context<'_>, step: &Step, text: &str) -> (Vec<Edit>, bool, bool) {
    if let Function::RunContainer(call) = &step.run {
        let given = flags(context, text);
        let args = merged_arguments(&call.args, &given);
        let edits = if given.is_empty() || args == call.args {
            Vec::new()
        } else {
            vec![Edit::set(&step.name, "/run/args", args)]
        };
        return (edits, false, !given.is_empty());
    }
    let Function::Component(call) = &step.run else { return (Vec::new(), false, false) };
    let Some(component) = context.steps.component(step) else { return (Vec::new(), false, false) };
    let stated = certain(component, text, &step.name, context.spelled);
    let mut edits = Vec::new();
    let splits =
        |other: &Step| context.steps.component(other).is_some_and(|component| component.task == Task::Split);
    let elsewhere = component.task != Task::Split && context.steps.program.steps.iter().any(splits);
    for (name, value) in &stated.values {
        // Where a step splits the rows, it decides how many are held out.
        if name == "test_size" && elsewhere {
            continue;
        }
        let known = call.with.get(name);
        let value = joined(name, known, value, text);
        if known != Some(&value) {
            edits.push(Edit::set(&step.name, format!("/run/with/{name}"), value));
        }
    }
    (edits, !stated.open.is_empty(), !stated.values.is_empty())
}

/// Lists grow where the text says so; metrics do unless it says that they do not.
fn joined(name: &str, known: Option<&Value>, new: &Value, text: &str) -> Value {
    match (known, new) {
        (Some(Value::Array(known)), Value::Array(new)) => {
            let grows = APPENDS.is_match(text) || name == "metrics" || name == "operations";
            if !grows || (ONLY.is_match(text) && !text.to_lowercase().contains("not only")) {
                return Value::Array(new.clone());
            }
            let more: Vec<Value> = new.iter().filter(|item| !known.contains(item)).cloned().collect();
            Value::Array([known.clone(), more].concat())
        }
        (Some(Value::Object(known)), Value::Object(new)) => {
            let mut joined = known.clone();
            joined.extend(new.clone());
            Value::Object(joined)
        }
        _ => new.clone(),
    }
}

/// Arguments of a command with some of its flags given another value.
fn merged_arguments(known: &[String], given: &[String]) -> Vec<String> {
    let mut args = known.to_vec();
    let mut index = 0;
    while index < given.len() {
        let flag = &given[index];
        let value = given.get(index + 1).filter(|value| !value.starts_with('-'));
        match (args.iter().position(|arg| arg == flag), value) {
            (Some(at), Some(value)) if flag.starts_with('-') => {
                if args.get(at + 1).is_some_and(|old| !old.starts_with('-')) {
                    args[at + 1].clone_from(value);
                } else {
                    args.insert(at + 1, value.clone());
                }
                index += 1;
            }
            (Some(_), _) => {}
            (None, _) => args.push(flag.clone()),
        }
        index += 1;
    }
    args
}
