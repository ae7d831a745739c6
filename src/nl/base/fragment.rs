//! Stage 2: the model fills in one step, constrained to the narrowed schema of its function.

use serde_json::{Map, Value, json};

use super::answer::SettingsAnswer;
use super::plan::PlannedStep;
use super::settings::{about, mentioned, settings_schema};
use super::slots::{StepContext, slots};
use crate::api::Component;
use crate::llm::{Message, OutputSchema, Request};
use crate::nl::prompts::{PromptError, Prompts};

/// Most tokens of a fragment.
pub(in crate::nl) const MAX_TOKENS: u32 = 700;

/// What a step becomes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::nl) struct Fragment {
    /// Arguments of the component.
    pub(in crate::nl) with: Map<String, Value>,
    /// Settings in plain words.
    pub(in crate::nl) settings: SettingsAnswer,
    /// The model's answer.
    pub(in crate::nl) raw: Value,
}

/// A fragment that was rejected, with what is wrong.
pub(in crate::nl) struct Rejected {
    pub(in crate::nl) answer: String,
    pub(in crate::nl) critique: String,
}

/// Everything needed to ask for one fragment.
pub(in crate::nl) struct FragmentTask {
    pub(in crate::nl) request: Request,
    pub(in crate::nl) schema: Value,
    /// Workflow parameters that stand for addresses the description does not give.
    pub(in crate::nl) parameters: Vec<String>,
}

/// Options of the generation that are the same for all steps.
#[derive(Debug, Clone, Copy)]
pub(in crate::nl) struct Sampling {
    pub(in crate::nl) temperature: f32,
    pub(in crate::nl) seed: u64,
}

/// Builds the request for one step.
pub(in crate::nl) fn fragment_task(
    step: &PlannedStep,
    component: &Component,
    context: &StepContext<'_>,
    rejected: Option<&Rejected>,
    prompts: &Prompts,
    sampling: Sampling,
) -> Result<FragmentTask, PromptError> {
    let slots = slots(component, context, &step.name);
    let own_resources = component.arguments.pointer("/properties/gpus_per_replica").is_some();
    let names = mentioned(context.text, step.each.is_some(), step.until.is_some(), own_resources);
    let mut properties = Map::new();
    let mut required = Vec::new();
    // Settings first: a number that was used there is not used again as an argument.
    if !names.is_empty() {
        properties.insert("settings".into(), settings_schema(&names, context.text, context.literals));
        required.push("settings");
    }
    properties.insert("with".into(), slots.schema);
    required.push("with");
    let schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});

    let mut messages = vec![Message::system(prompts.render("fragment", &component_data(component))?)];
    for example in &component.examples {
        let text = prompts.render("step", &step_data(None, &example.text, &[], None))?;
        messages.push(Message::user(text));
        messages.push(Message::assistant(json!({"with": example.arguments}).to_string()));
    }
    let static_messages = messages.len();
    let text = instruction(step, context);
    let data = step_data(Some(context.description), &text, &names, rejected);
    messages.push(Message::user(prompts.render("step", &data)?));
    let request = Request {
        messages,
        static_messages,
        schema: Some(OutputSchema { name: "fragment".into(), schema: schema.clone() }),
        max_tokens: MAX_TOKENS,
        temperature: sampling.temperature,
        seed: sampling.seed,
        first_token_logprobs: false,
    };
    Ok(FragmentTask { request, schema, parameters: slots.parameters })
}

fn instruction(step: &PlannedStep, context: &StepContext<'_>) -> String {
    let mut text = context.text.to_owned();
    if context.mapped {
        let items =
            if context.items.is_empty() { String::new() } else { format!(" ({})", context.items.join(", ")) };
        text.push_str(&format!(
            "\nIt runs once for each item{items}: write {{{{item}}}} where the value goes."
        ));
    }
    if !context.parameters.is_empty() {
        let names: Vec<String> =
            context.parameters.iter().map(|name| format!("{{{{parameters.{name}}}}}")).collect();
        text.push_str(&format!("\nWrite {} where the parameter goes.", names.join(", ")));
    }
    if let Some(until) = &step.until {
        text.push_str(&format!("\nThe repetition until {until} is taken care of."));
    }
    text
}

fn component_data(component: &Component) -> Value {
    let required: Vec<&str> =
        component.arguments["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let arguments: Vec<Value> = component.arguments["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let about = property["description"].as_str().unwrap_or("").to_owned();
            let choices: Vec<String> = property["enum"]
                .as_array()
                .or_else(|| property["items"]["enum"].as_array())
                .into_iter()
                .flatten()
                .filter_map(|choice| choice.as_str().map(str::to_owned))
                .collect();
            let about = if choices.is_empty() { about } else { format!("{about} ({})", choices.join("|")) };
            json!({"name": name, "required": required.contains(&name.as_str()), "about": about})
        })
        .collect();
    json!({"name": component.name, "summary": component.summary, "arguments": arguments})
}

fn step_data(workflow: Option<&str>, text: &str, settings: &[&str], rejected: Option<&Rejected>) -> Value {
    let settings: Vec<String> = settings.iter().map(|name| format!("{name} ({})", about(name))).collect();
    json!({
        "workflow": workflow,
        "text": text,
        "settings": (!settings.is_empty()).then(|| settings.join(", ")),
        "critique": rejected.map(|rejected| &rejected.critique),
        "answer": rejected.map(|rejected| &rejected.answer),
    })
}

/// Reads the model's answer.
pub(in crate::nl) fn read_fragment(text: &str, schema: &Value) -> Result<Fragment, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    crate::api::validate_against(schema, &value).map_err(|problems| problems.to_string())?;
    let settings = match value.get("settings") {
        Some(settings) => serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?,
        None => SettingsAnswer::default(),
    };
    let with = value.get("with").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(Fragment { with, settings, raw: value })
}
