//! Narrowing a component's argument schema to what the text offers.
//!
//! Arguments marked `x-literal` may only take values that stand in the description, and optional arguments are offered
//! only if the text gives reason to. A model that can only copy cannot misspell, and one that is not asked does not
//! invent.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::amounts::{has_free_number, number_offer};
use super::columns::{only_name, stated_columns};
use super::evidence::{mentioned_choices, speaks_of, stems};
use super::literals::{Literal, LiteralKind};
use super::offered_words::command_offer;
use super::targets::{ALL_COLUMNS, column_candidates, speaks_of_columns, stated_targets};
use crate::api::{Component, PortType, Task};

/// What is known about a step when its arguments are generated.
#[derive(Clone, Copy)]
pub(in crate::nl) struct StepContext<'a> {
    /// The step's own words, with the clauses assigned to it.
    pub(in crate::nl) text: &'a str,
    /// The whole description.
    pub(in crate::nl) description: &'a str,
    /// All literals of the description.
    pub(in crate::nl) literals: &'a [Literal],
    /// The words of the other steps.
    pub(in crate::nl) other_texts: &'a [&'a str],
    /// The words of the other steps that can read an address themselves.
    pub(in crate::nl) reader_texts: &'a [&'a str],
    /// Items, if the step is mapped over a fixed list.
    pub(in crate::nl) items: &'a [String],
    /// Whether the step is mapped at all.
    pub(in crate::nl) mapped: bool,
    /// Names of workflow parameters.
    pub(in crate::nl) parameters: &'a [String],
    /// Numbers that the text gives in words; they are less certain than others.
    pub(in crate::nl) spelled: &'a [String],
    /// Offer everything, because a narrower choice lost something.
    pub(in crate::nl) relaxed: bool,
}

impl<'a> StepContext<'a> {
    /// A step that is all that a text speaks of.
    pub(in crate::nl) fn alone(text: &'a str, literals: &'a [Literal], spelled: &'a [String]) -> Self {
        Self {
            text,
            description: text,
            literals,
            other_texts: &[],
            reader_texts: &[],
            items: &[],
            mapped: false,
            parameters: &[],
            spelled,
            relaxed: false,
        }
    }
}

/// The schema to generate with, and the workflow parameters that stand for addresses nobody gave.
pub(in crate::nl) struct Slots {
    pub(in crate::nl) schema: Value,
    pub(in crate::nl) parameters: Vec<String>,
}

const LONGEST_TEXT: u32 = 240;
const LONGEST_SOURCE: u32 = 1_500;

/// Narrows the arguments of `component` for a step.
pub(in crate::nl) fn slots(component: &Component, context: &StepContext<'_>, step: &str) -> Slots {
    let empty = Map::new();
    let properties = component.arguments["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> =
        component.arguments["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut narrowed = Map::new();
    let mut needed = Vec::new();
    let mut parameters = Vec::new();
    let stated = stated_columns(component, context.text);
    for (name, property) in properties {
        let must = required.contains(&name.as_str());
        let offer = match stated.get(name) {
            Some(value) if !context.mapped => Offer::Forced(json!({"const": value})),
            _ => offer(name, property, must, component, context),
        };
        match offer {
            Offer::Skip if must => {
                // An address that the text does not give becomes a parameter of the workflow.
                let parameter = format!("{step}-{name}");
                narrowed.insert(name.clone(), json!({"const": format!("{{{{parameters.{parameter}}}}}")}));
                parameters.push(parameter);
                needed.push(name.clone());
            }
            Offer::Skip => {}
            Offer::Optional(schema) => {
                narrowed.insert(name.clone(), schema);
                if must {
                    needed.push(name.clone());
                }
            }
            Offer::Forced(schema) => {
                narrowed.insert(name.clone(), schema);
                needed.push(name.clone());
            }
        }
    }
    if let Some((port, addresses)) = open_port(component, context) {
        narrowed.insert(port.clone(), json!({"enum": addresses}));
        needed.push(port);
    }
    let schema =
        json!({"type": "object", "properties": narrowed, "required": needed, "additionalProperties": false});
    Slots { schema, parameters }
}

pub(in crate::nl) enum Offer {
    Skip,
    Optional(Value),
    Forced(Value),
}

fn offer(
    name: &str,
    property: &Value,
    must: bool,
    component: &Component,
    context: &StepContext<'_>,
) -> Offer {
    let literal_kind = property["x-literal"].as_str().or_else(|| property["items"]["x-literal"].as_str());
    if let Some(kind) = literal_kind {
        return literal_offer(name, kind, property, must, component, context);
    }
    let about = property["description"].as_str().unwrap_or_default();
    let stems = stems(name, about);
    let spoken_of = must || context.relaxed || speaks_of(&stems, context.text);
    if let Some(choices) = choices(property) {
        let longer = longer_choices(component, name, context);
        // What a training measures beside its loss is for those who ask.
        let optional_metrics = name == "metrics" && matches!(component.task, Task::Train | Task::Tune);
        return choice_offer(property, &choices, &longer, must || context.relaxed, optional_metrics, context);
    }
    match property["type"].as_str() {
        Some("integer" | "number") => number_offer(property, name, must, &stems, component, context),
        Some("object") if must || context.relaxed || has_free_number(context, component) => {
            Offer::Optional(bounded(property))
        }
        Some("string") if name == "source" => {
            Offer::Optional(json!({"type": "string", "minLength": 1, "maxLength": LONGEST_SOURCE}))
        }
        Some("array") if name == "command" || name == "args" => command_offer(context),
        Some("array") => Offer::Optional(bounded(property)),
        Some("boolean" | "string") if spoken_of => Offer::Optional(bounded(property)),
        _ => Offer::Skip,
    }
}

/// The choices of an enumeration, or of the items of a list.
fn choices(property: &Value) -> Option<Vec<&str>> {
    let list = property.get("enum").or_else(|| property["items"].get("enum"))?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).collect())
}

/// Choices of the other arguments that the text mentions.
fn longer_choices(component: &Component, name: &str, context: &StepContext<'_>) -> Vec<String> {
    component.arguments["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(other, _)| other.as_str() != name)
        .filter_map(|(_, property)| choices(property))
        .flat_map(|choices| mentioned_choices(&choices, context.text))
        .collect()
}

/// What the text mentions is taken; nothing else is offered unless it must be.
fn choice_offer(
    property: &Value,
    choices: &[&str],
    longer: &[String],
    must: bool,
    optional_metrics: bool,
    context: &StepContext<'_>,
) -> Offer {
    let mut found = mentioned_choices(choices, context.text);
    // "logistic regression" names an estimator; its second word is not the choice "regression" of another argument.
    found.retain(|choice| {
        !longer.iter().any(|other| other != choice && other.split('_').any(|part| part == choice))
    });
    let array = property["type"] == "array";
    match (found.is_empty(), array) {
        (false, true) => Offer::Forced(json!({"const": found})),
        (false, false) => Offer::Forced(json!({"enum": found})),
        (true, true) if must || !optional_metrics => Offer::Optional(bounded(property)),
        (true, false) if must => Offer::Optional(property.clone()),
        (true, _) => Offer::Skip,
    }
}

/// The property with limits on every string and list, so that nothing runs away.
fn bounded(property: &Value) -> Value {
    let mut property = property.clone();
    let Some(map) = property.as_object_mut() else { return property };
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind == "string" && !map.contains_key("enum") && !map.contains_key("pattern") {
        map.entry("maxLength").or_insert(json!(LONGEST_TEXT));
    }
    if kind == "array" {
        map.entry("maxItems").or_insert(json!(12));
        if let Some(items) = map.get("items").cloned() {
            map.insert("items".into(), bounded(&items));
        }
    }
    if kind == "object" {
        if let Some(fields) = map.get_mut("properties").and_then(Value::as_object_mut) {
            fields.values_mut().for_each(|field| *field = bounded(field));
        } else {
            map.entry("maxProperties").or_insert(json!(8));
        }
    }
    property
}

fn literal_offer(
    name: &str,
    kind: &str,
    property: &Value,
    must: bool,
    component: &Component,
    context: &StepContext<'_>,
) -> Offer {
    let array = property["type"] == "array";
    let wrap = |candidates: Vec<String>| {
        let item = json!({"enum": candidates});
        if array { json!({"type": "array", "items": item, "minItems": 1, "maxItems": 8}) } else { item }
    };
    match kind {
        "column" => {
            let named = if name == "target" { stated_targets(context) } else { Vec::new() };
            let target = !named.is_empty();
            let all = !must && array && ALL_COLUMNS.is_match(context.text);
            // A target that nobody named would be made up: clustering has none.
            let unnamed = name == "target" && !must && !target;
            if all || unnamed || (!must && !target && !context.relaxed && !speaks_of_columns(name, context)) {
                return Offer::Skip;
            }
            let named = if named.is_empty() && name == "target" {
                only_name(context.text).into_iter().collect()
            } else {
                named
            };
            match named {
                named if named.is_empty() => Offer::Optional(wrap(column_candidates(
                    context,
                    must || target || context.relaxed || name == "target",
                ))),
                named => Offer::Forced(wrap(named)),
            }
        }
        "uri" | "image" | "email" | "url" => {
            let mut candidates = candidates(kind, context);
            if let Some(source) = source_of_two(component, context) {
                candidates.retain(|candidate| *candidate != source);
            }
            let rivals = component.arguments["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(_, other)| other["x-literal"] == *kind || other["items"]["x-literal"] == *kind)
                .count();
            if candidates.is_empty() {
                return match (kind, must) {
                    ("image", true) => {
                        Offer::Optional(json!({"type": "string", "minLength": 1, "maxLength": 80}))
                    }
                    _ => Offer::Skip,
                };
            }
            if rivals == 1 || must {
                Offer::Forced(wrap(candidates))
            } else {
                Offer::Optional(wrap(candidates))
            }
        }
        _ => {
            let bases = pretrained(context.text);
            if (name == "base_model" || name == "model") && component.task == Task::Train && !bases.is_empty()
            {
                return Offer::Forced(wrap(bases));
            }
            let stems = stems(name, property["description"].as_str().unwrap_or_default());
            let given = context.literals.iter().any(|literal| {
                use LiteralKind::{Channel, Image, Name, Quoted};
                matches!(literal.kind, Channel | Image | Name | Quoted)
                    && context.text.contains(&literal.text)
            });
            if must || context.relaxed || given || speaks_of(&stems, context.text) {
                Offer::Optional(bounded(property))
            } else {
                Offer::Skip
            }
        }
    }
}

/// Literals of a kind in the step's own words; else those of the description that no other step has.
fn candidates(kind: &str, context: &StepContext<'_>) -> Vec<String> {
    let fits = |literal: &Literal| match (kind, literal.kind) {
        ("image", LiteralKind::Image) | ("email", LiteralKind::Email) | ("uri", LiteralKind::Uri) => true,
        ("uri", LiteralKind::Image) => !literal.text.contains(':'),
        ("uri", LiteralKind::Quoted) => literal.text.contains(['/', '.']) && !literal.text.contains(' '),
        ("url", LiteralKind::Uri) => literal.text.contains("://"),
        _ => false,
    };
    let unique = |found: Vec<&Literal>| {
        let mut texts: Vec<String> = Vec::new();
        for literal in found {
            let text = if context.items.contains(&literal.text) {
                "{{item}}".to_owned()
            } else {
                literal.text.clone()
            };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    };
    let own: Vec<&Literal> =
        context.literals.iter().filter(|l| fits(l) && context.text.contains(&l.text)).collect();
    let mut texts = unique(own);
    if texts.is_empty() {
        let free = |literal: &&Literal| !context.other_texts.iter().any(|text| text.contains(&literal.text));
        texts = unique(context.literals.iter().filter(|l| fits(l)).filter(free).collect());
    }
    if texts.is_empty() && context.mapped {
        texts.push("{{item}}".to_owned());
    }
    if texts.is_empty() && kind == "email" {
        texts = unique(context.literals.iter().filter(|l| fits(l)).collect());
    }
    texts
}

/// Names of pretrained models: `roberta-base`, `meta-llama/Llama-3.1-8B`.
fn pretrained(text: &str) -> Vec<String> {
    static FAMILIES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)(?:^|[\s("'`:])((?:[\w-]+/)?[\w-]*(?:bert|gpt-?\d|gpt2|llama|mistral|mixtral|qwen|flan|t5|phi-?\d|gemma|falcon|bloom|electra|xlnet|bart-|opt-\d|pythia|deepseek|smollm|zephyr|vicuna|stablelm|yi-\d|olmo|granite|starcoder|codegen|whisper|vit-)[\w.-]*\w)"#)
            .expect("the pattern is valid")
    });
    let mut found: Vec<String> = Vec::new();
    for captures in FAMILIES.captures_iter(text) {
        let name = captures[1].to_owned();
        // "BERT" alone is a family, "bert-base-uncased" a model.
        let whole = name.contains(['/', '-']) || name.chars().any(|c| c.is_ascii_digit());
        if whole && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Whether a component has an argument for an address.
pub(in crate::nl) fn takes_address(component: &Component) -> bool {
    component.arguments["properties"]
        .as_object()
        .is_some_and(|properties| properties.values().any(|property| property["x-literal"] == "uri"))
}

/// A table port that the step's own words give an address for, which no other step reads.
fn open_port(component: &Component, context: &StepContext<'_>) -> Option<(String, Vec<String>)> {
    let port = component.inputs.iter().find(|port| port.port_type == PortType::Table && !port.many)?;
    if takes_address(component) {
        // "Predict the rows of A, writing to B": one is read, the other written.
        return source_of_two(component, context).map(|source| (port.name.clone(), vec![source]));
    }
    let addresses: Vec<String> = context
        .literals
        .iter()
        .filter(|l| l.kind == LiteralKind::Uri && context.text.contains(&l.text))
        .filter(|l| !context.reader_texts.iter().any(|text| text.contains(&l.text)))
        .map(|l| l.text.clone())
        .collect();
    (!addresses.is_empty()).then(|| (port.name.clone(), addresses))
}

/// Of two addresses in the words of a step that predicts, the one that is read.
fn source_of_two(component: &Component, context: &StepContext<'_>) -> Option<String> {
    let own: Vec<&Literal> = context
        .literals
        .iter()
        .filter(|l| l.kind == LiteralKind::Uri && context.text.contains(&l.text))
        .collect();
    if component.task != Task::Predict || own.len() != 2 {
        return None;
    }
    let goes_to = |literal: &&&Literal| {
        let at = context.text.find(&literal.text).unwrap_or(0);
        let before = context.text[..at].to_lowercase();
        let word = before.split_whitespace().next_back().unwrap_or_default();
        ["to", "into", "as", "under", "in", "nach", "vers", "dans", "a", "en", "para"].contains(&word)
    };
    own.iter().find(|literal| !goes_to(literal)).map(|literal| literal.text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Components;
    use crate::lake::Lake;
    use crate::nl::base::literals::literals;

    fn narrowed(component: &str, text: &str) -> Slots {
        let lake = Lake::built_in();
        let literals = literals(text);
        let context = StepContext::alone(text, &literals, &[]);
        slots(lake.component(component).unwrap(), &context, "step")
    }

    #[test]
    fn addresses_can_only_be_copied() {
        let slots = narrowed("data.load", "read s3://shop/sales.csv");
        assert_eq!(slots.schema["properties"]["source"], json!({"enum": ["s3://shop/sales.csv"]}));
        assert!(slots.schema["properties"].get("columns").is_none());
    }

    #[test]
    fn a_missing_address_becomes_a_parameter() {
        let slots = narrowed("data.load", "load my data");
        assert_eq!(slots.parameters, ["step-source"]);
        assert_eq!(slots.schema["properties"]["source"]["const"], "{{parameters.step-source}}");
    }

    #[test]
    fn columns_and_targets_that_nobody_named_are_not_asked_for() {
        for text in
            ["standardize the numeric columns", "standardize all columns", "scale the continuous features"]
        {
            let slots = narrowed("features.scale", text);
            assert!(slots.schema["properties"].get("target").is_none(), "{text}");
            assert!(slots.schema["properties"].get("columns").is_none(), "{text}");
        }
        let slots = narrowed("features.scale", "standardize the columns except the target column churn");
        assert_eq!(slots.schema["properties"]["target"], json!({"enum": ["churn"]}));
    }

    #[test]
    fn numbers_come_from_the_text_only() {
        let slots = narrowed("xgboost.train", "train xgboost with 300 trees to predict churn, retry 3 times");
        assert_eq!(slots.schema["properties"]["n_estimators"], json!({"enum": [300]}));
        let slots = narrowed("xgboost.train", "train xgboost to predict churn");
        assert!(slots.schema["properties"].get("n_estimators").is_none());
    }
}
