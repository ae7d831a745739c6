//! The plan: what the model writes first.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::literals::literals;
use super::schedule::{explicit_schedule, speaks_of_schedule, stated_schedule, timezone};
use crate::api::{Condition, Operand, Task};
use crate::ir::Components;
use crate::lake::Lake;

/// A workflow as a list of tasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether the description asks for a workflow at all.
    pub workflow: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Name of the workflow.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Cron expression.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Time zone of the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Workflow parameters with their defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<PlannedParameter>,
    /// Most steps at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Most time for the whole workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// The steps.
    #[serde(default)]
    pub steps: Vec<PlannedStep>,
    /// Steps that run at the end whatever happens.
    #[serde(default)]
    pub finally: Vec<PlannedStep>,
}

/// A workflow parameter of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedParameter {
    /// Its name.
    pub name: String,
    /// Its default.
    pub default: String,
}

/// A step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The words of the description that ask for it.
    pub text: String,
    /// The component that does it.
    pub task: String,
    /// Its name.
    pub name: String,
    /// Steps whose results it needs.
    #[serde(default)]
    pub after: Vec<String>,
    /// Its condition, `STEP.VALUE OP CONSTANT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Items, if it runs once per item: a list, or `STEP.OUTPUT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Value>,
    /// The condition at which a repetition ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

const NAME: &str = "^[a-z][a-z0-9]{0,14}(-[a-z0-9]{1,12}){0,3}$";
const CONDITION: &str = r#"^[a-z][a-z0-9-]{0,40}\.[a-z][a-z0-9_]{0,30} (==|!=|<=|>=|<|>) [^"\\]{1,40}$"#;
const CRON: &str = r"^[0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/A-Z-]{1,12}$";

/// The JSON schema of a plan that may use the given components.
pub(super) fn plan_schema(components: &[&str]) -> Value {
    let name = json!({"type": "string", "pattern": NAME});
    let text = |most: u32| json!({"type": "string", "minLength": 1, "maxLength": most});
    let names = json!({"type": "array", "items": name, "maxItems": 8});
    let condition = json!({"type": "string", "pattern": CONDITION});
    let nullable = |schema: Value| json!({"anyOf": [{"type": "null"}, schema]});
    let output = r"^[a-z][a-z0-9-]{0,40}\.[a-z][a-z0-9_]{0,30}$";
    let step = json!({
        "type": "object",
        "properties": {
            "text": text(260),
            "task": {"enum": components},
            "name": name,
            "after": names,
            "when": nullable(condition.clone()),
            "each": {"anyOf": [
                {"type": "array", "items": {"anyOf": [text(80), {"type": "number"}]}, "minItems": 1, "maxItems": 16},
                {"type": "string", "pattern": output},
            ]},
            "until": condition,
        },
        "required": ["text", "task", "name", "after", "when"],
        "additionalProperties": false,
    });
    let parameter = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,24}$"}, "default": {"type": "string", "maxLength": 80}},
        "required": ["name", "default"],
        "additionalProperties": false,
    });
    let accepted = json!({
        "type": "object",
        "properties": {
            "workflow": {"const": true},
            "name": name,
            "schedule": nullable(json!({"type": "string", "pattern": CRON})),
            "timezone": {"type": "string", "pattern": "^[A-Z][A-Za-z]{1,10}(/[A-Z][A-Za-z_]{1,20})?$"},
            "parameters": {"type": "array", "items": parameter, "minItems": 1, "maxItems": 6},
            "parallelism": {"type": "integer", "minimum": 1, "maximum": 100},
            "time_limit": {"type": "string", "pattern": "^[0-9]{1,4}[smhd]$"},
            "steps": {"type": "array", "items": step, "minItems": 1, "maxItems": 14},
            "finally": {"type": "array", "items": step, "maxItems": 3},
        },
        "required": ["workflow", "name", "schedule", "steps", "finally"],
        "additionalProperties": false,
    });
    let refused = json!({
        "type": "object",
        "properties": {"workflow": {"const": false}, "reason": text(120)},
        "required": ["workflow", "reason"],
        "additionalProperties": false,
    });
    json!({"anyOf": [accepted, refused]})
}

impl Plan {
    /// All steps, those at the end included.
    pub fn all_steps(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().chain(&self.finally)
    }

    /// Mends what can be mended without asking: unknown or forward names, duplicate names, self-references, loops over
    /// values that the description does not give.
    ///
    /// Returns what was changed, for the report.
    pub(super) fn tidy(&mut self, description: &str, lake: &Lake) -> Vec<String> {
        let mut changes = Vec::new();
        let known = description.to_lowercase();
        self.read_schedule(description, &mut changes);
        self.split_images(&mut changes);
        self.drop_invented_conditions(&known, &mut changes);
        for step in self.steps.iter_mut().chain(&mut self.finally) {
            if let Some(Value::Array(items)) = &step.each {
                let given = |item: &Value| {
                    let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned).to_lowercase();
                    known.contains(&text)
                };
                if items.len() < 2 || !items.iter().all(given) {
                    changes.push(format!("{}: runs once, because the description lists no values for it", step.name));
                    step.each = None;
                }
            }
        }
        make_unique(&mut self.steps, &mut self.finally, &mut changes);
        let names: Vec<String> = self.steps.iter().map(|step| step.name.clone()).collect();
        for (index, step) in self.steps.iter_mut().enumerate() {
            let own = step.name.clone();
            step.after.retain(|name| name != &own);
            for name in &mut step.after {
                if !names.contains(name)
                    && let Some(nearest) = nearest(name, &names[..index])
                {
                    changes.push(format!("{own}: {name:?} was read as {nearest:?}"));
                    *name = nearest;
                }
            }
            // A plan lists a step after those it needs; a forward reference would be a cycle in the making.
            step.after.retain(|name| names[..index].contains(name));
            let mut seen = std::collections::HashSet::new();
            step.after.retain(|name| seen.insert(name.clone()));
        }
        self.separate_siblings(lake, &mut changes);
        changes
    }

    /// The text decides about the schedule where it can be read with certainty.
    fn read_schedule(&mut self, description: &str, changes: &mut Vec<String>) {
        let stated = stated_schedule(description).filter(|_| self.schedule.is_some() || explicit_schedule(description));
        if let Some(stated) = stated {
            if self.schedule.as_ref() != Some(&stated.cron) {
                changes.push(format!("the schedule is {}, as the description says", stated.cron));
            }
            self.schedule = Some(stated.cron);
        } else if self.schedule.is_some() && !speaks_of_schedule(description) {
            changes.push("the schedule was left out, the description does not speak of one".to_owned());
            self.schedule = None;
        }
        self.timezone = timezone(description).filter(|_| self.schedule.is_some());
    }

    /// A step that names several images is several steps: side by side, or in a row if the text says "then".
    fn split_images(&mut self, changes: &mut Vec<String>) {
        let mut replaced: Vec<(String, Vec<String>)> = Vec::new();
        let mut steps = Vec::new();
        for mut step in std::mem::take(&mut self.steps) {
            for (old, new) in &replaced {
                if let Some(at) = step.after.iter().position(|name| name == old) {
                    step.after.splice(at..=at, new.iter().cloned());
                }
            }
            let parts = if step.task == "container.run" && step.each.is_none() { image_parts(&step.text) } else { Vec::new() };
            if parts.len() < 2 {
                steps.push(step);
                continue;
            }
            changes.push(format!("{}: it names {} images and became as many steps", step.name, parts.len()));
            let in_a_row = sequence_inside(&step.text);
            let mut names: Vec<String> = Vec::new();
            for (image, text) in parts {
                let after = match names.last() {
                    Some(last) if in_a_row => vec![last.clone()],
                    _ => step.after.clone(),
                };
                let name = name_of_image(&image);
                names.push(name.clone());
                steps.push(PlannedStep { text, name, after, ..step.clone() });
            }
            let ends = if in_a_row { names.split_off(names.len() - 1) } else { names };
            replaced.push((step.name, ends));
        }
        self.steps = steps;
    }

    /// A condition whose constant stands nowhere in the description was invented.
    fn drop_invented_conditions(&mut self, description: &str, changes: &mut Vec<String>) {
        let numbers: Vec<f64> = literals(description).iter().filter_map(super::literals::Literal::number).collect();
        let given = |constant: &str| {
            let number = constant.parse::<f64>().ok();
            description.contains(&constant.to_lowercase())
                || number.is_some_and(|n| numbers.iter().any(|known| same(*known, n) || same(*known / 100.0, n)))
        };
        for step in self.steps.iter_mut().chain(&mut self.finally) {
            let Some(when) = &step.when else { continue };
            let Ok(condition) = when.parse::<Condition>() else { continue };
            let invented = condition.operands().iter().any(|operand| match operand {
                Operand::Literal(constant) => !given(constant.text()),
                _ => false,
            });
            // Outcomes have words of their own in every description: "fails", "true", "succeeded".
            let outcome = condition.outputs().iter().any(|(name, _)| *name == crate::api::WORKFLOW)
                || ["true", "false", "success", "failed", "failure"].iter().any(|word| when.to_lowercase().ends_with(word));
            if invented && !outcome {
                changes.push(format!("{}: the condition {when:?} was left out, the description does not give it", step.name));
                step.when = None;
            }
        }
    }

    /// Steps of the same kind that feed nothing to each other (three trainings, two loads) need not wait for each other,
    /// unless the text says "then".
    fn separate_siblings(&mut self, lake: &Lake, changes: &mut Vec<String>) {
        for index in 1..self.steps.len() {
            let (before, rest) = self.steps.split_at_mut(index);
            let step = &mut rest[0];
            let Some(component) = lake.component(&step.task) else { continue };
            if !matches!(component.task, Task::Train | Task::Tune | Task::Load | Task::Evaluate) || sequenced(&step.text) {
                continue;
            }
            let mut after: Vec<String> = Vec::new();
            for name in &step.after {
                let sibling = before.iter().find(|other| &other.name == name).filter(|other| {
                    lake.component(&other.task).is_some_and(|other| other.task == component.task)
                });
                match sibling {
                    Some(sibling) => {
                        changes.push(format!("{} and {} run side by side: neither needs the other", sibling.name, step.name));
                        after.extend(sibling.after.iter().cloned());
                    }
                    None => after.push(name.clone()),
                }
            }
            let mut seen = std::collections::HashSet::new();
            after.retain(|name| seen.insert(name.clone()));
            step.after = after;
        }
    }
}

/// The images of a text, each with the words that belong to it; words behind the last one that say "each" belong to all.
fn image_parts(text: &str) -> Vec<(String, String)> {
    let mut images: Vec<super::literals::Literal> = Vec::new();
    for literal in literals(text) {
        let new = literal.kind == super::literals::LiteralKind::Image && literal.text.contains(':');
        if new && images.iter().all(|other| other.text != literal.text) {
            images.push(literal);
        }
    }
    let Some(last) = images.last() else { return Vec::new() };
    let tail = &text[last.end..];
    let shared = tail.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| ["each", "both", "all", "jeweils", "chacun"].contains(&word));
    images
        .iter()
        .enumerate()
        .map(|(index, image)| {
            let end = images.get(index + 1).map_or(text.len(), |next| next.start);
            let mut words = text[image.start..end].trim().trim_end_matches(" and").trim_end_matches(',').to_owned();
            if shared && index + 1 < images.len() {
                words.push_str(tail);
            }
            (image.text.clone(), words)
        })
        .collect()
}

fn sequence_inside(text: &str) -> bool {
    let lower = text.to_lowercase();
    let parallel = ["parallel", "same time", "simultaneous", "at once", "concurrent", "side by side", "gleichzeitig"];
    !parallel.iter().any(|word| lower.contains(word))
        && [" then ", " followed by ", " and after that ", " dann "].iter().any(|word| lower.contains(word))
}

fn name_of_image(image: &str) -> String {
    let base = image.rsplit('/').next().unwrap_or(image).split(':').next().unwrap_or(image);
    let clean: String = base.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    if clean.starts_with(|c: char| c.is_ascii_alphabetic()) { clean.to_owned() } else { format!("run-{clean}") }
}

fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

/// Whether a text begins with a word that orders it after what came before.
fn sequenced(text: &str) -> bool {
    let first = text.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    ["then", "after", "afterwards", "next", "finally", "subsequently", "danach", "dann", "puis", "ensuite", "luego", "después"]
        .contains(&first.as_str())
}

fn make_unique(steps: &mut [PlannedStep], finally: &mut [PlannedStep], changes: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    for step in steps.iter_mut().chain(finally) {
        let base = if step.name == crate::api::WORKFLOW { "step".to_owned() } else { step.name.clone() };
        let mut name = base.clone();
        let mut number = 2;
        while !seen.insert(name.clone()) {
            name = format!("{base}-{number}");
            number += 1;
        }
        if name != step.name {
            changes.push(format!("the second {:?} is called {name:?}", step.name));
            step.name = name;
        }
    }
}

/// The name that shares most with `wanted`, if any does.
fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let parts: Vec<&str> = wanted.split('-').collect();
    names
        .iter()
        .map(|name| (name.split('-').filter(|part| parts.contains(part)).count(), name))
        .filter(|(shared, _)| *shared > 0)
        .max_by_key(|(shared, _)| *shared)
        .map(|(_, name)| name.clone())
}
