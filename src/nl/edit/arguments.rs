//! Arguments of steps: what a text states of them with certainty, and what is left to the model.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::operation::Edit;
use super::read::{Context, Wish};
use super::replace::{kind, places, wanted};
use super::steps::Meant;
use crate::api::{Component, Function, Step, Task};
use crate::nl::amounts::owned_numbers;
use crate::nl::evidence::{speaks_of, stems};
use crate::nl::literals::{Literal, LiteralKind, literals};
use crate::nl::pattern::regex;
use crate::nl::slots::{StepContext, slots};

/// Words that add to a list instead of replacing it.
static APPENDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:also|too|as well|add|additionally|in addition|plus|include|besides|on top|and|another)\b")
});
static ONLY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:only|just|nothing but|instead|rather|no longer|not|solely|exclusively)\b"));
/// "The subject should be Weekly numbers".
static SAYS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b([a-z_]+)\b[^.;"]{0,24}?\b(?:should|must|shall|to) (?:be|read|say|become)\b:?\s+(.+)$|\b(?:set|change|make) (?:the |its )?([a-z_]+)(?: of [^.;"]{1,40}?)?(?: to| =|:)\s+(.+)$|\b([a-z_]+)\s*[:=]\s*(.+)$"#,
    )
});
/// "`min_samples_leaf` 4", "C=0.5".
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b([a-z]+(?:_[a-z0-9]+)+|(?-i:C)|alpha|gamma|subsample)\s*(?:=|:|of|to|is|should be|at)?\s*(-?\d+(?:\.\d+)?)\b",
    )
});
/// Hyperparameters by the words that people use for them.
static HYPER: LazyLock<Vec<(Regex, &'static str, bool)>> = LazyLock::new(|| {
    // A sign belongs to the number; the digits behind a dot are no number of their own.
    let number = r"(-?\d+(?:\.\d+)?)";
    let whole = r"(?:^|[^\w.-])(-?\d+)";
    vec![
        (
            regex(&format!(r"{whole} (?:\w+ )?(?:trees|estimators|boosting rounds|rounds|iterations)\b")),
            "n_estimators",
            true,
        ),
        (
            regex(&format!(r"\b(?:trees|estimators|rounds|iterations)\b[^.;\d-]{{0,16}}?{whole}\b")),
            "n_estimators",
            true,
        ),
        (regex(&format!(r"\b(?:depth)\b[^.;\d-]{{0,16}}?{whole}\b")), "max_depth", true),
        (regex(&format!(r"{whole} (?:levels|deep)\b")), "max_depth", true),
        (
            regex(&format!(
                r"\b(?:learning[ -]rate|shrinkage|step size)\b[^.;\d-]{{0,16}}?(?:^|[^\w.-]){number}"
            )),
            "learning_rate",
            false,
        ),
        (regex(&format!(r"{whole} neighbou?rs\b|\bk ?= ?(-?\d+)\b")), "n_neighbors", true),
    ]
});
/// Words by which a text speaks of what is predicted.
static PREDICTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:predict\w*|targets?|labels?|columns?|forecast\w*|estimat\w*|classif\w*|regress\w*|outcome|goal|learn (?:to|about))\b",
    )
});
/// A share in words.
static SHARE: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:a |one )?(third|quarter|half|fifth|tenth)\b"));

/// What a text says of the arguments of a component.
pub(super) struct Stated {
    /// Values that are certain.
    pub(super) values: Map<String, Value>,
    /// Arguments that the text speaks of without giving a value so plainly.
    pub(super) open: Vec<String>,
}

/// What a text states of the arguments of a component with certainty.
pub(super) fn certain(component: &Component, text: &str, step: &str, spelled: &[String]) -> Stated {
    let wanted = wanted(text);
    let known = literals(&wanted);
    // Nothing must be given: what is not spoken of stays as it is.
    let mut bare = component.clone();
    bare.arguments["required"] = json!([]);
    let context = StepContext::alone(&wanted, &known, spelled);
    let narrowed = slots(&bare, &context, step).schema;
    let empty = Map::new();
    let mut stated = Stated { values: Map::new(), open: Vec::new() };
    for (name, schema) in narrowed["properties"].as_object().unwrap_or(&empty) {
        if component.arguments["properties"].get(name).is_none() {
            continue;
        }
        // "The number of trees of LightGBM" names no column.
        if name == "target" && !PREDICTS.is_match(&wanted) {
            continue;
        }
        let certain = |value: &Value| {
            let Some(number) = value.as_f64() else { return true };
            let beside = narrowed["required"].as_array().is_some_and(|forced| forced.contains(&json!(name)));
            let words = wanted.to_lowercase().replace(['_', '-'], " ");
            // "5 copies of train" gives no seed, "a test size of 0.3" no validation size.
            beside
                || (words.contains(&name.replace('_', " "))
                    && !of_others(component, name, &wanted).iter().any(|other| same_share(*other, number)))
        };
        match only_value(schema).filter(certain) {
            Some(value) => {
                stated.values.insert(name.clone(), value);
            }
            None => stated.open.push(name.clone()),
        }
    }
    read_hyperparameters(component, &wanted, &mut stated);
    read_texts(component, &wanted, &known, &mut stated);
    let named: Vec<String> = stated.values.keys().cloned().collect();
    stated.open.retain(|name| !named.contains(name));
    stated
}

/// Numbers that stand beside the full name of another argument.
fn of_others(component: &Component, name: &str, text: &str) -> Vec<f64> {
    properties(component)
        .filter(|(other, _)| other.as_str() != name)
        .flat_map(|(other, _)| owned_numbers(other, text))
        .collect()
}

fn same_share(number: f64, other: f64) -> bool {
    (number - other).abs() < 1e-9 || (1.0 - number - other).abs() < 1e-9
}

fn properties(component: &Component) -> impl Iterator<Item = (&String, &Value)> {
    component.arguments["properties"].as_object().into_iter().flatten()
}

/// The reason why a number that the text gives an argument is none of the values it can take.
fn out_of_range(component: &Component, step: &str, text: &str) -> Option<String> {
    static OF_STEP: LazyLock<Regex> = LazyLock::new(|| {
        regex(r" of (?:the )?[a-z][a-z0-9-]*(?: step)? (?:to|=|is|should be|must be|shall be) ")
    });
    // "The test size of train to 0.3" gives the number to the test size.
    let wanted = OF_STEP.replace_all(&wanted(text), " to ").into_owned();
    let mut stated = Stated { values: Map::new(), open: Vec::new() };
    read_hyperparameters(component, &wanted, &mut stated);
    let by_name = properties(component)
        .filter(|(_, schema)| schema["type"] == "integer" || schema["type"] == "number")
        .flat_map(|(name, schema)| {
            owned_numbers(name, &wanted).into_iter().map(move |number| (name.clone(), schema, number))
        });
    let by_word = stated.values.iter().filter_map(|(name, value)| {
        Some((name.clone(), &component.arguments["properties"][name], value.as_f64()?))
    });
    by_name.chain(by_word).find(|(_, schema, number)| !in_range(schema, *number)).map(
        |(name, schema, number)| {
            format!(
                "{name} of {step} cannot be {}: it takes {}",
                crate::nl::amounts::as_value(number),
                range(schema)
            )
        },
    )
}

fn in_range(schema: &Value, number: f64) -> bool {
    schema["minimum"].as_f64().is_none_or(|low| number >= low)
        && schema["maximum"].as_f64().is_none_or(|high| number <= high)
        && schema["exclusiveMinimum"].as_f64().is_none_or(|low| number > low)
        && schema["exclusiveMaximum"].as_f64().is_none_or(|high| number < high)
        && (schema["type"] != "integer" || number.fract() == 0.0)
}

/// The values that a schema allows, in words.
pub(super) fn range(schema: &Value) -> String {
    let limits: Vec<String> = [
        ("minimum", "of at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "of at most"),
        ("exclusiveMaximum", "below"),
    ]
    .into_iter()
    .filter_map(|(key, words)| schema.get(key).map(|limit| format!("{words} {limit}")))
    .collect();
    let kind = if schema["type"] == "integer" { "a whole number" } else { "a number" };
    format!("{kind} {}", limits.join(" and ")).trim_end().to_owned()
}

fn only_value(schema: &Value) -> Option<Value> {
    if let Some(value) = schema.get("const") {
        return Some(value.clone());
    }
    let single =
        |schema: &Value| schema["enum"].as_array().filter(|list| list.len() == 1).map(|list| list[0].clone());
    if schema["type"] == "array" {
        return single(&schema["items"]).map(|value| json!([value]));
    }
    single(schema)
}

static STRATIFY: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\bstratif\w+\b[^.;]{0,24}?\b(?:by|on|for) (?:the )?["'`]?(\w+)"#));

fn read_hyperparameters(component: &Component, text: &str, stated: &mut Stated) {
    let has = |name: &str| component.arguments["properties"].get(name).is_some();
    let mut further = Map::new();
    let mut seen = std::collections::HashSet::new();
    for (pattern, name, integer) in HYPER.iter() {
        let Some(found) = pattern.captures(text) else { continue };
        let Some(number) = found.iter().skip(1).flatten().next().map(|found| found.as_str()) else {
            continue;
        };
        // "150 trees with depth 4": the number in front of the word is its own.
        if !seen.insert(*name) {
            continue;
        }
        let value = if *integer {
            number.parse::<i64>().map(Value::from).ok()
        } else {
            number.parse::<f64>().map(crate::nl::amounts::as_value).ok()
        };
        let Some(value) = value else { continue };
        // CatBoost calls the number of trees otherwise.
        let name = if *name == "n_estimators" && has("iterations") { &"iterations" } else { name };
        if has(name) {
            stated.values.insert((*name).to_owned(), value);
        } else if has("params") {
            further.insert((*name).to_owned(), value);
        }
    }
    for found in NAMED.captures_iter(text) {
        let name = found[1].to_owned();
        let Some(number) = found[2].parse::<f64>().ok().map(crate::nl::amounts::as_value) else { continue };
        if has(&name) {
            stated.values.insert(name, number);
        } else if has("params") {
            further.insert(name, number);
        }
    }
    if let Some(found) = SHARE.captures(text)
        && has("test_size")
        && regex_holds(text)
    {
        let share = match found[1].to_lowercase().as_str() {
            "half" => 0.5,
            "third" => 0.333,
            "quarter" => 0.25,
            "fifth" => 0.2,
            _ => 0.1,
        };
        stated.values.entry("test_size").or_insert(json!(share));
    }
    if let Some(found) = STRATIFY.captures(text).filter(|_| has("stratify")) {
        stated.values.insert("stratify".into(), json!(found[1]));
    }
    if !further.is_empty() {
        stated.values.insert("params".into(), Value::Object(further));
        stated.open.retain(|name| name != "params");
    }
}

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

fn regex_holds(text: &str) -> bool {
    static HOLDS: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\b(?:hold\w*|keep|test|split|set aside|reserve|validat\w*)\b"));
    HOLDS.is_match(text)
}

/// Texts between quotes, or behind the name of the argument.
fn read_texts(component: &Component, text: &str, known: &[Literal], stated: &mut Stated) {
    let empty = Map::new();
    let properties = component.arguments["properties"].as_object().unwrap_or(&empty);
    let free = |name: &String| {
        properties[name]["type"] == "string"
            && properties[name].get("enum").is_none()
            && !stated.values.contains_key(name)
    };
    let mut texts: Vec<String> = properties.keys().filter(|name| free(name)).cloned().collect();
    // Addresses and the like are read by their form.
    texts.retain(|name| {
        !matches!(properties[name]["x-literal"].as_str(), Some("uri" | "url" | "image" | "email" | "column"))
    });
    let channels: Vec<&Literal> =
        known.iter().filter(|literal| literal.kind == LiteralKind::Channel).collect();
    if let ([channel], true) = (&channels[..], properties.contains_key("channel")) {
        stated.values.insert("channel".into(), json!(channel.text));
        texts.retain(|name| name != "channel");
    }
    let quoted: Vec<&Literal> = known.iter().filter(|literal| literal.kind == LiteralKind::Quoted).collect();
    let spoken = |name: &String| {
        let own = name.split('_').next_back().unwrap_or(name).to_owned();
        if text.to_lowercase().contains(&own) {
            return 2;
        }
        u8::from(speaks_of(&stems(name, properties[name]["description"].as_str().unwrap_or_default()), text))
    };
    if let [only] = &quoted[..] {
        let best = texts.iter().max_by_key(|name| {
            (spoken(name), std::cmp::Reverse(texts.iter().position(|other| other == *name)))
        });
        if let Some(name) = best {
            stated.values.insert(name.clone(), json!(only.text));
            return;
        }
    }
    if quoted.is_empty()
        && let Some(found) = SAYS.captures(text)
    {
        let groups = [(1, 2), (3, 4), (5, 6)];
        let pair = groups
            .iter()
            .find_map(|(name, value)| Some((found.get(*name)?.as_str(), found.get(*value)?.as_str())));
        if let Some((word, value)) = pair
            && let Some(name) =
                texts.iter().find(|name| name.split('_').any(|part| part.eq_ignore_ascii_case(word)))
        {
            let value = value.trim().trim_end_matches(['.', '!']);
            stated.values.insert(name.clone(), json!(value));
        }
    }
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
    let steps = if named { steps } else { having(context, text).map_or(steps, |step| vec![step]) };
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

/// A literal of the text takes the place of the only one of its kind: another address, channel or recipient.
pub(super) fn same_kind(context: &Context<'_>, text: &str) -> Option<Wish> {
    let wanted = wanted(text);
    let program = serde_json::to_string(context.steps.program).ok()?;
    let new: Vec<Literal> = literals(&wanted)
        .into_iter()
        .filter(|literal| {
            matches!(
                literal.kind,
                LiteralKind::Uri | LiteralKind::Channel | LiteralKind::Email | LiteralKind::Image
            )
        })
        .filter(|literal| !program.contains(&json!(literal.text).to_string()))
        .collect();
    let [literal] = &new[..] else { return None };
    let named = match context.chosen {
        Some(chosen) => vec![chosen.to_owned()],
        None => match context.steps.meant(&wanted.replace(&literal.text, " ")) {
            Meant::Steps(names) | Meant::Unclear(names) => names,
            Meant::Nothing => Vec::new(),
        },
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for step in context.steps.program.steps.iter().chain(&context.steps.program.on_exit) {
        let run = serde_json::to_value(&step.run).ok()?;
        places(&run, "/run", &mut |field, value| {
            let Some(known) = value.as_str() else { return };
            if alike(literal.kind, &literal.text, kind(known), known)
                && !field.ends_with("/source") | step_loads(context, step)
            {
                found.push((step.name.clone(), field.to_owned()));
            }
        });
    }
    let of = |names: &[String]| -> Vec<(String, String)> {
        found.iter().filter(|(step, _)| names.contains(step)).cloned().collect()
    };
    // "From" names what is read, "to" what is written.
    let before = wanted[..literal.start].to_lowercase();
    let reads =
        ["from", "read", "load", "source", "input", "take", "fetch"].iter().any(|word| before.contains(word));
    let loads = |name: &str| {
        let component = context.steps.get(name).and_then(|step| context.steps.component(step));
        component.is_some_and(|component| component.task == Task::Load)
    };
    let by_direction: Vec<(String, String)> =
        found.iter().filter(|(step, _)| loads(step) == reads).cloned().collect();
    let candidates = [of(&named), of(context.focus), by_direction, found.clone()]
        .into_iter()
        .find(|list| !list.is_empty())?;
    match &candidates[..] {
        [(step, field)] => Some(Wish::Edits(vec![Edit::set(step, field.clone(), literal.text.clone())])),
        several => {
            let mut steps: Vec<String> = several.iter().map(|(step, _)| step.clone()).collect();
            steps.dedup();
            (steps.len() > 1).then_some(Wish::Which { steps })
        }
    }
}

/// The source of a script is no address.
fn step_loads(context: &Context<'_>, step: &Step) -> bool {
    context.steps.component(step).is_some_and(|component| !component.name.starts_with("script."))
}

/// Whether two literals are of one kind: addresses and paths with and without an ending are.
pub(super) fn alike(kind: LiteralKind, text: &str, known: Option<LiteralKind>, other: &str) -> bool {
    use LiteralKind::{Channel, Email, Image, Uri};
    let address = |kind: LiteralKind, text: &str| kind == Uri || (kind == Image && !text.contains(':'));
    match known {
        Some(known) if known == kind && matches!(kind, Channel | Email | Image) => true,
        Some(known) => address(kind, text) && address(known, other),
        None => false,
    }
}
