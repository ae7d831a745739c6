//! What a text states of the arguments of a component with certainty.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::replace::wanted;
use crate::api::Component;
use crate::nl::base::amounts::owned_numbers;
use crate::nl::base::evidence::{speaks_of, stems};
use crate::nl::base::literals::{Literal, LiteralKind, literals};
use crate::nl::base::slots::{StepContext, slots};
use crate::nl::pattern::regex;

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
pub(super) fn out_of_range(component: &Component, step: &str, text: &str) -> Option<String> {
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
                crate::nl::base::amounts::as_value(number),
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
            number.parse::<f64>().map(crate::nl::base::amounts::as_value).ok()
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
        let Some(number) = found[2].parse::<f64>().ok().map(crate::nl::base::amounts::as_value) else {
            continue;
        };
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
