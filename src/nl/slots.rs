//! Narrowing a component's argument schema to what the text offers.
//!
//! Arguments marked `x-literal` may only take values that stand in the description, and optional arguments are offered
//! only if the text gives reason to. A model that can only copy cannot misspell, and one that is not asked does not
//! invent.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::columns::{only_name, stated_columns};
use super::evidence::{mentioned_choices, numbers_near, ratio, speaks_of, stems};
use super::literals::{Literal, LiteralKind};
use super::settings::whole_numbers;
use crate::api::{Component, PortType, Task};

/// What is known about a step when its arguments are generated.
#[derive(Clone, Copy)]
pub(super) struct StepContext<'a> {
    /// The step's own words, with the clauses assigned to it.
    pub(super) text: &'a str,
    /// The whole description.
    pub(super) description: &'a str,
    /// All literals of the description.
    pub(super) literals: &'a [Literal],
    /// The words of the other steps.
    pub(super) other_texts: &'a [&'a str],
    /// The words of the other steps that can read an address themselves.
    pub(super) reader_texts: &'a [&'a str],
    /// Items, if the step is mapped over a fixed list.
    pub(super) items: &'a [String],
    /// Whether the step is mapped at all.
    pub(super) mapped: bool,
    /// Names of workflow parameters.
    pub(super) parameters: &'a [String],
    /// Numbers that the text gives in words; they are less certain than others.
    pub(super) spelled: &'a [String],
    /// Offer everything, because a narrower choice lost something.
    pub(super) relaxed: bool,
}

/// The schema to generate with, and the workflow parameters that stand for addresses nobody gave.
pub(super) struct Slots {
    pub(super) schema: Value,
    pub(super) parameters: Vec<String>,
}

const LONGEST_TEXT: u32 = 240;
const LONGEST_SOURCE: u32 = 1_500;

/// Narrows the arguments of `component` for a step.
pub(super) fn slots(component: &Component, context: &StepContext<'_>, step: &str) -> Slots {
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

enum Offer {
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
        let optional_metrics = name == "metrics" && component.task == Task::Train;
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

static COMMAND_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(^|\s)--?[a-z]|\b(arguments?|args?|commands?|cmd|options?|flags?|executes?|called? with|python3? \S|sh -c|bash|script)\b")
        .expect("the pattern is valid")
});

/// The words of a command are words of the step: the model chooses and orders them, it does not write new ones.
fn command_offer(context: &StepContext<'_>) -> Offer {
    let quoted =
        context.literals.iter().filter(|l| l.kind == LiteralKind::Quoted && context.text.contains(&l.text));
    let own_uris =
        context.literals.iter().any(|l| l.kind == LiteralKind::Uri && context.text.contains(&l.text));
    let quoted: Vec<String> = quoted.map(|literal| literal.text.clone()).collect();
    let assignments = context.literals.iter().filter(|literal| literal.kind == LiteralKind::Assignment);
    let without = assignments.fold(context.text.to_owned(), |text, literal| text.replace(&literal.text, " "));
    let spoken_of = COMMAND_WORDS.is_match(&without) || !quoted.is_empty() || own_uris || context.mapped;
    if !spoken_of {
        return Offer::Skip;
    }
    let images: Vec<&Literal> = context
        .literals
        .iter()
        .filter(|literal| literal.kind == LiteralKind::Image && literal.text.contains(':'))
        .collect();
    let mut words = quoted;
    for word in context.text.split_whitespace() {
        if context.literals.iter().any(|l| l.kind == LiteralKind::Assignment && word.contains(&l.text)) {
            continue;
        }
        let word = word.trim_matches(|c: char| "\"'`“”„,;()".contains(c)).trim_end_matches(['.', ':']);
        let image = images.iter().any(|image| image.text == word);
        if !word.is_empty() && !image && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    if context.mapped {
        let flags: Vec<String> = words
            .iter()
            .filter(|word| word.starts_with('-'))
            .map(|flag| format!("{flag}={{{{item}}}}"))
            .collect();
        words.retain(|word| !context.items.contains(word));
        words.extend(flags);
        words.push("{{item}}".to_owned());
    }
    words.extend(context.parameters.iter().map(|name| format!("{{{{parameters.{name}}}}}")));
    Offer::Optional(json!({"type": "array", "items": {"enum": words}, "maxItems": 12}))
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
            let target = name == "target" && !stated_targets(context).is_empty();
            let all = !must && array && ALL_COLUMNS.is_match(context.text);
            if all || (!must && !target && !context.relaxed && !speaks_of_columns(name, context)) {
                return Offer::Skip;
            }
            let named = if name == "target" { stated_targets(context) } else { Vec::new() };
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

static COLUMN_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(columns?|features?|fields?|on|by|per|using|keys?|spalten?|colonnes?|columnas?|nach|par|por)\b")
        .expect("the pattern is valid")
});

static ALL_COLUMNS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(all|every|alle|toutes|todas|tutte|wszystkie)\b(?: \p{L}+){0,3} (columns?|features?|variables?|spalten|colonnes|columnas|colunas|colonne|kolumny)\b")
        .expect("the pattern is valid")
});

fn speaks_of_columns(name: &str, context: &StepContext<'_>) -> bool {
    let stem: String = name.chars().take(5).collect();
    let named = context.literals.iter().any(|literal| {
        matches!(literal.kind, LiteralKind::Name | LiteralKind::Quoted)
            && context.text.contains(&literal.text)
    });
    named || COLUMN_WORDS.is_match(context.text) || context.text.to_lowercase().contains(&stem)
}

static TARGET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)\b(?:predict(?:s|ing|ed)?|predcit|forecast(?:s|ing)?|guess(?:es|ing)?|estimat(?:e|es|ing)|classif(?:y|ies|ying)|target(?:\s+column)?(?:\s+is)?|label(?:\s+column)?(?:\s+is)?|vorhers\w+|prognostizier\w+|prédi\w+|prever|predecir|predice)
        \s+(?:on\s+|as\s+|by\s+|is\s+|for\s+|if\s+|whether\s+|von\s+|der\s+|die\s+|das\s+|den\s+|le\s+|la\s+|el\s+|the\s+|a\s+|an\s+|their\s+|its\s+|column\s+|future\s+)*
        ["'`“„]?([\p{L}_][\p{L}\p{N}_]*)"#,
    )
    .expect("the pattern is valid")
});

/// `for the column ph_value`, `-> queue`, `target: converted`, `should learn delay_hours`.
static TARGET_COLUMN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)(?:\bfor\s+(?:the\s+)?(?:column|field|target|label)\s+|(?:->|→|=>)\s*|\by\s*=\s*|\b(?:spalte|colonne|columna|coluna|colonna)\s+|\b(?:target|label|zielspalte|ziel|cible|objetivo|alvo)(?:\s+(?:column|variable|is|ist|est|es|field))*\s*[:=]?\s*|\blearns?\s+(?:to\s+predict\s+)?)
        ["'`“„]?([\p{L}_][\p{L}\p{N}]*(?:_[\p{L}\p{N}]+)*)"#,
    )
    .expect("the pattern is valid")
});

/// Words behind such a verb that name no column.
/// "A gradient boosting regressor (sklearn) for `charge_minutes`", "decision tree (edible)".
static TARGET_OF_MODEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)\b(?:regression|classifier|regressor|model|forests?|trees?|boosting|xg-?boost|light-?gbm|cat-?boost|svm|network|net|lasso|ridge|bayes|machine|mlp|k-?nn|perceptron|neighbou?rs|regressor)s?
        (?:\s+\([^)]{1,30}\))? (?:,?\s+with\s+[^,.;]{1,40}?)? (?:\s+(?:for|on\s+the\s+target|on\s+target|of)\s+(?:the\s+)? | \s*\(\s*(?:target:?\s+|label:?\s+)?)
        ["'`“„]?([\p{L}_][\p{L}\p{N}_]*)"#,
    )
    .expect("the pattern is valid")
});
const NO_TARGETS: [&str; 64] = [
    "sklearn",
    "scikit",
    "regression",
    "classification",
    "classifier",
    "regressor",
    "training",
    "binary",
    "default",
    "defaults",
    "up",
    "that",
    "our",
    "my",
    "me",
    "us",
    "rows",
    "row",
    "it",
    "them",
    "this",
    "that",
    "these",
    "those",
    "new",
    "on",
    "values",
    "value",
    "labels",
    "label",
    "which",
    "whether",
    "if",
    "how",
    "what",
    "who",
    "when",
    "with",
    "from",
    "in",
    "for",
    "and",
    "using",
    "by",
    "at",
    "as",
    "the",
    "a",
    "an",
    "of",
    "to",
    "is",
    "column",
    "target",
    "every",
    "each",
    "all",
    "some",
    "data",
    "records",
    "examples",
    "test",
    "model",
    "rate",
];

/// The column that the text says is predicted: in the step's words, else anywhere in the description.
fn stated_targets(context: &StepContext<'_>) -> Vec<String> {
    for text in [context.text, context.description].map(without_addresses) {
        let stated = |patterns: &[&Regex]| -> Vec<String> {
            patterns
                .iter()
                .flat_map(|pattern| pattern.captures_iter(&text))
                .map(|captures| captures[1].to_owned())
                .filter(|word| !NO_TARGETS.contains(&word.to_lowercase().as_str()))
                .collect()
        };
        let mut found = stated(&[&*TARGET, &*TARGET_COLUMN]);
        if found.is_empty() {
            found = stated(&[&*TARGET_OF_MODEL]);
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|word| seen.insert(word.clone()));
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Every word of the step and of the description that could name a column.
/// The text without its addresses and images: their words are no columns.
fn without_addresses(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for literal in super::literals::literals(text) {
        use LiteralKind::{Channel, Email, Image, Uri};
        if matches!(literal.kind, Channel | Email | Image | Uri) {
            result.push_str(&text[done..literal.start]);
            done = literal.end;
        }
    }
    result.push_str(&text[done..]);
    result
}

fn column_candidates(context: &StepContext<'_>, anywhere: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let quoted = context.literals.iter().filter(|literal| literal.kind == LiteralKind::Quoted);
    for literal in quoted {
        found.push(literal.text.clone());
    }
    // A target is often named elsewhere; other columns stand in the step's own words.
    let texts: &[&str] = if anywhere { &[context.text, context.description] } else { &[context.text] };
    for text in texts {
        let outside = without_addresses(text);
        for word in outside.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            let known = found.iter().any(|other| other == word);
            let general = super::columns::is_no_column(word);
            if word.chars().count() > 1
                && !word.starts_with(|c: char| c.is_ascii_digit())
                && !known
                && !general
            {
                found.push(word.to_owned());
            }
        }
    }
    if context.mapped {
        found.push("{{item}}".to_owned());
    }
    found.truncate(90);
    found
}

static UNITS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s*-?(times?|x|gpus?|cpus?|v?cores?|min(ute)?s?|h(ours?)?|s(ec(ond)?s?)?|days?|d|weeks?|gi?b?|mi?b?|ti?b?|retries|attempts|am|pm|o'clock|stunden?|minuten?)\b",
    )
    .expect("the pattern is valid")
});

/// Numbers of the step that are not obviously a setting (`3 times`, `2 GPUs`, `30 minutes`).
fn argument_numbers(context: &StepContext<'_>, component: &Component) -> Vec<f64> {
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
fn has_free_number(context: &StepContext<'_>, component: &Component) -> bool {
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
fn owned_numbers(name: &str, text: &str) -> Vec<f64> {
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

static AT_ONCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(\d+)(?: \w+)? (?:at the same time|at once|at a time|in parallel|parallel|concurrently|simultaneously|side by side)|\b(?:parallel\w*|concurren\w+)(?: \w+)?\s*[:=]?\s*(\d+)")
        .expect("the pattern is valid")
});

/// "36 trials, 6 at the same time": the number that says how many run at once.
fn number_at_once(text: &str) -> Option<f64> {
    let found = AT_ONCE.captures(text)?;
    found.get(1).or(found.get(2))?.as_str().parse().ok()
}

fn number_offer(
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

fn as_value(number: f64) -> Value {
    let rounded = (number * 1e9).round() / 1e9;
    if rounded.fract() == 0.0 {
        format!("{rounded:.0}").parse::<i64>().map_or(json!(rounded), Value::from)
    } else {
        json!(rounded)
    }
}

/// Whether a component has an argument for an address.
pub(super) fn takes_address(component: &Component) -> bool {
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
    use crate::nl::literals;

    fn narrowed(component: &str, text: &str) -> Slots {
        let lake = Lake::built_in();
        let literals = literals(text);
        let context = StepContext {
            text,
            description: text,
            literals: &literals,
            other_texts: &[],
            reader_texts: &[],
            items: &[],
            mapped: false,
            parameters: &[],
            spelled: &[],
            relaxed: false,
        };
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
    fn numbers_come_from_the_text_only() {
        let slots = narrowed("xgboost.train", "train xgboost with 300 trees to predict churn, retry 3 times");
        assert_eq!(slots.schema["properties"]["n_estimators"], json!({"enum": [300]}));
        let slots = narrowed("xgboost.train", "train xgboost to predict churn");
        assert!(slots.schema["properties"].get("n_estimators").is_none());
    }
}
