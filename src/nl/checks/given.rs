//! No value is invented: words and numbers of arguments and settings come from the description.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::content::near;
use super::{Check, Finding, Judged};
use crate::api::{Condition, Duration, Literal, MapItems, Operand};
use crate::lake::Lake;
use crate::nl::answer::StepAnswer;
use crate::nl::document::{Concept, Document, Number};

/// What people leave out when they name a command.
static SHELL: LazyLock<HashSet<String>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("../../../prompts/vocabulary/shell.yaml"))
        .expect("the built-in vocabulary is tested")
});

/// See the module.
pub(super) struct Given;

impl Check for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn about(&self) -> &'static str {
        "every word and number of arguments and settings comes from the description"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let mut known = Known::of(judged.document);
        let mut found = Vec::new();
        for step in judged.answer.all_steps() {
            let mut strange = Vec::new();
            known.choices = choices(step, judged.lake);
            for (field, value) in values(step, judged.lake) {
                known.strange(&value, &field, &mut strange);
            }
            // Settings come from the step's own words, or from those about the whole.
            let mut own = Known::of_text(&judged.own_words(step));
            own.choices.clone_from(&known.choices);
            for (name, value) in json!(step.settings).as_object().into_iter().flatten() {
                let named = ["secrets", "volumes", "env", "service_account", "node_selector"]
                    .contains(&name.as_str());
                // "With the same secret" speaks of what was said before.
                let refers = judged.says(step, Concept::Same);
                let words = if named && !refers { &own } else { &known };
                let numbers = if refers { &known } else { &own };
                numbers.strange_numbers(value, words, &format!("settings/{name}"), &mut strange);
            }
            for condition in [step.when.as_ref(), step.exec_while.as_ref().map(|repeat| &repeat.condition)]
                .into_iter()
                .flatten()
            {
                for constant in constants(condition) {
                    known.strange(&constant, "condition", &mut strange);
                }
            }
            let bound =
                step.exec_while.as_ref().map(|repeat| repeat.limit).filter(|limit| *limit != DEFAULT_LIMIT);
            let limit = step.map.as_ref().and_then(|map| map.parallelism);
            for (field, number) in [("exec_while/limit", bound), ("map/parallelism", limit)] {
                if let Some(number) = number.filter(|number| !own.says_number(f64::from(*number))) {
                    strange.push((field.to_owned(), number.to_string()));
                }
            }
            for (field, text) in strange {
                let message = format!("{text:?} does not come from the description");
                found.push(Finding::error(self.name(), Some(&step.name), message).at(field));
            }
        }
        found
    }
}

/// Fields whose values are words of the unified API.
const CHOSEN: [&str; 4] = ["kind", "operator", "effect", "policy"];

/// Bound of a loop whose description gives none.
const DEFAULT_LIMIT: u32 = 20;

/// Arguments that a model has to write itself: scripts and what they need, conversions of words.
const WRITTEN: [&str; 8] =
    ["source", "requirements", "timezone", "until", "query", "working_dir", "context", "expression"];

/// Arguments and settings whose values a description gives; scripts are written by the model.
fn values(step: &StepAnswer, lake: &Lake) -> Vec<(String, Value)> {
    let properties = lake
        .components()
        .find(|component| component.name == step.task)
        .map(|component| component.arguments["properties"].clone())
        .unwrap_or_default();
    let mut found = Vec::new();
    for (name, value) in &step.with {
        let chosen = !properties[name]["enum"].is_null() || !properties[name]["items"]["enum"].is_null();
        if !WRITTEN.contains(&name.as_str()) && !chosen {
            found.push((format!("with/{name}"), value.clone()));
        }
    }
    if let Some(map) = &step.map {
        match &map.over {
            MapItems::List { items } => found.push(("map/over/items".into(), json!(items))),
            MapItems::Range { start, end, .. } => found.push(("map/over".into(), json!([start, end]))),
            MapItems::Product { of } => found.push(("map/over/of".into(), json!(of))),
            MapItems::Output { .. } | MapItems::Parameter { .. } => {}
        }
    }
    found
}

/// The words and numbers of a description.
struct Known {
    text: String,
    parts: HashSet<String>,
    numbers: Vec<f64>,
    /// Words that the task offers.
    choices: HashSet<String>,
}

impl Known {
    fn of(document: &Document) -> Self {
        Self::new(&document.text, &document.numbers)
    }

    /// What commands and messages hold are no numbers of settings.
    fn of_text(text: &str) -> Self {
        let document = Document::parse(text);
        let quoted =
            |number: &Number| {
                document.literals.iter().filter(|literal| literal.quoted).any(|literal| {
                    literal.span.start <= number.span.start && number.span.end <= literal.span.end
                })
            };
        let numbers: Vec<Number> =
            document.numbers.iter().filter(|number| !quoted(number)).cloned().collect();
        Self::new(text, &numbers)
    }

    fn new(text: &str, numbers: &[Number]) -> Self {
        let text = text.to_lowercase();
        let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        let numbers = numbers.iter().flat_map(|number| number.values.iter().copied()).collect();
        Self { text, parts, numbers, choices: HashSet::new() }
    }

    fn strange(&self, value: &Value, field: &str, strange: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) => {
                // 500m of a CPU are no minutes.
                let duration =
                    text.parse::<Duration>().ok().filter(|_| !field.starts_with("settings/resources"));
                if let Some(duration) = duration {
                    #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^52 seconds")]
                    let seconds = duration.seconds() as f64;
                    let units = [1.0, 60.0, 3_600.0, 86_400.0, 604_800.0, 2_592_000.0, 31_536_000.0];
                    // "A day", "half an hour": one of a unit needs no number.
                    let said = units.iter().any(|unit| {
                        near(seconds, *unit) || self.numbers.iter().any(|number| near(seconds, number * unit))
                    }) || self.adds_up(seconds);
                    if !said {
                        strange.push((field.to_owned(), text.clone()));
                    }
                } else {
                    let words = without_references(text);
                    let unknown = words.split_whitespace().filter(|word| !self.knows(word));
                    strange.extend(unknown.map(|word| (field.to_owned(), word.to_owned())));
                }
            }
            Value::Number(number) => {
                if number.as_f64().is_some_and(|number| !self.knows_number(number)) {
                    strange.push((field.to_owned(), number.to_string()));
                }
            }
            Value::Array(items) => {
                // "From A to F": what stands between the ends need not be said.
                let known = |item: &Value| {
                    let mut unknown = Vec::new();
                    self.strange(item, field, &mut unknown);
                    unknown.is_empty()
                };
                let series =
                    items.len() > 2 && items.first().is_some_and(known) && items.last().is_some_and(known);
                if !series {
                    for item in items {
                        self.strange(item, field, strange);
                    }
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    if !CHOSEN.contains(&key.as_str()) && key != "key" {
                        self.strange(item, &format!("{field}/{key}"), strange);
                    }
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// Numbers and durations that the step's own words do not give, and other words that no words give.
    fn strange_numbers(&self, value: &Value, all: &Self, field: &str, strange: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) => {
                // A pause that grows need not say by how much.
                for (key, item) in
                    map.iter().filter(|(key, _)| *key != "factor" && !CHOSEN.contains(&key.as_str()))
                {
                    self.strange_numbers(item, all, &format!("{field}/{key}"), strange);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.strange_numbers(item, all, field, strange);
                }
            }
            Value::String(text) if !text.starts_with(|c: char| c.is_ascii_digit()) => {
                all.strange(value, field, strange);
            }
            other => self.strange(other, field, strange),
        }
    }

    /// "1 hour 30 minutes".
    fn adds_up(&self, seconds: f64) -> bool {
        let units = [1.0, 60.0, 3_600.0, 86_400.0];
        let parts: Vec<f64> =
            self.numbers.iter().flat_map(|number| units.map(|unit| number * unit)).chain(units).collect();
        parts.iter().any(|first| parts.iter().any(|second| near(seconds, first + second)))
    }

    fn knows(&self, word: &str) -> bool {
        let lower = word.to_lowercase();
        let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
        if bare.is_empty()
            || self.choices.contains(bare)
            || self.has(bare)
            || SHELL.contains(&lower)
            || SHELL.contains(bare)
        {
            return true;
        }
        // The parts of an address or name stand there as a whole; those of words may have other endings.
        let strict = bare.is_ascii() && bare.contains(['/', '_']);
        // 8Gi is 8 GB, --shard=07 is shard 7: part by part.
        bare.split(|c: char| !c.is_alphanumeric()).all(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            let number = digits.parse::<f64>();
            part.len() < 3
                || self.parts.contains(part)
                || (!strict && self.text.contains(part))
                || SHELL.contains(part)
                || number.is_ok_and(|number| self.knows_number(number))
        })
    }

    /// Whether the text has it, with nothing of another word before or behind.
    fn has(&self, bare: &str) -> bool {
        let strict = bare.contains(['/', '_', ':', '.', '-']);
        self.text.match_indices(bare).any(|(at, _)| {
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
            !strict
                || (edge(self.text[..at].chars().next_back())
                    && edge(self.text[at + bare.len()..].chars().next()))
        })
    }

    /// A count: as it is said, or one more or less ("3 attempts").
    fn says_number(&self, number: f64) -> bool {
        self.numbers
            .iter()
            .any(|known| near(number, *known) || near(number, known - 1.0) || near(number, known + 1.0))
    }

    /// A number may stand in another unit, as a share or its counterpart, or count attempts instead of repetitions.
    fn knows_number(&self, number: f64) -> bool {
        let number = number.abs();
        number.abs() <= 1.0 + f64::EPSILON && number.fract() == 0.0
            || self.numbers.iter().any(|known| {
                let scaled = [1.0, 60.0, 3_600.0, 24.0, 1_000.0, 1_000_000.0]
                    .iter()
                    .any(|unit| near(number, known * unit));
                let shares = near(number, known / 100.0)
                    || near(number, 1.0 - known / 100.0)
                    || near(number, 1.0 - known)
                    || near(number, known / 10.0)
                    || near(number, 1.0 / known);
                scaled || shares || near(number, known - 1.0)
            })
    }
}

/// Words that the arguments of a task offer to choose from.
fn choices(step: &StepAnswer, lake: &Lake) -> HashSet<String> {
    fn collect(schema: &Value, found: &mut HashSet<String>) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    // "Mean, median or a value".
                    if key == "description"
                        && let Some(about) = value.as_str()
                    {
                        found.extend(about.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase));
                    }
                    if key == "enum" {
                        found.extend(
                            value
                                .as_array()
                                .into_iter()
                                .flatten()
                                .filter_map(Value::as_str)
                                .map(str::to_lowercase),
                        );
                    }
                    collect(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = HashSet::new();
    if let Some(component) = lake.components().find(|component| component.name == step.task) {
        collect(&component.arguments, &mut found);
        collect(&crate::nl::answer::fragment_schema(component)["$defs"], &mut found);
    }
    found
}

/// The constants of a condition; how a step or the workflow ended is no constant of the description.
fn constants(condition: &Condition) -> Vec<Value> {
    let of = |literal: &Literal| match literal {
        Literal::Number(number) => {
            number.parse::<f64>().map_or_else(|_| json!(number), |number| json!(number))
        }
        Literal::Text(text) => json!(text),
    };
    let is_status =
        |operand: &Operand| matches!(operand, Operand::Output { output, .. } if output == "status");
    match condition {
        Condition::Compare { left, right: Operand::Literal(literal), .. } if !is_status(left) => {
            vec![of(literal)]
        }
        Condition::In { left, values } if !is_status(left) => values.iter().map(of).collect(),
        Condition::And(parts) | Condition::Or(parts) => parts.iter().flat_map(constants).collect(),
        _ => Vec::new(),
    }
}

fn without_references(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        plain.push_str(before);
        plain.push(' ');
        rest = behind.split_once("}}").map_or("", |(_, rest)| rest);
    }
    plain + rest
}
