//! What the text leaves open is asked of the model: which kind of change on which step, and single values.

use serde_json::{Map, Value, json};

use super::steps::{Steps, component_name, image_of};
use crate::api::{Function, Step};
use crate::llm::{Message, OutputSchema, Request};
use crate::nl::base::evidence::{speaks_of, stems};
use crate::nl::base::fragment::{Sampling, fragment_task, read_fragment};
use crate::nl::base::literals::literals;
use crate::nl::base::plan::PlannedStep;
use crate::nl::base::slots::StepContext;
use crate::nl::edit::Edit;
use crate::nl::pipeline::{Pipeline, PipelineError};
use crate::nl::{Event, Stage};

/// Most tokens of the answer.
const MAX_TOKENS: u32 = 60;

/// What the model took a remark for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Change(String),
    Remove(String),
    Replace(String, String),
    Add,
    None,
}

/// The steps with what they run, one a line.
fn listed(steps: &Steps<'_>) -> String {
    let line = |step: &Step| {
        let what = match &step.run {
            Function::Component(call) => {
                let with: Vec<String> = call
                    .with
                    .iter()
                    .map(|(name, value)| {
                        format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    })
                    .collect();
                format!("{} {}", call.component, with.join(" "))
            }
            Function::RunContainer(call) => format!("{} {}", call.image, call.args.join(" ")),
            other => image_of(other).or(component_name(other)).unwrap_or(other.name()).to_owned(),
        };
        let line = format!("{}: {what}", step.name);
        line.chars().take(160).collect::<String>().trim().to_owned()
    };
    steps.program.steps.iter().chain(&steps.program.on_exit).map(line).collect::<Vec<_>>().join("\n")
}

/// The request that asks what kind of change a remark is; it can only name steps and components that exist.
pub(super) fn action_request(
    pipeline: &Pipeline<'_>,
    steps: &Steps<'_>,
    remark: &str,
) -> Result<Request, PipelineError> {
    let asked = |steps: &str, remark: &str| format!("{steps}\nRemark: {remark}");
    let mut messages = vec![Message::system(pipeline.prompts.render("edit", &json!({}))?)];
    for example in &pipeline.prompts.edits {
        messages.push(Message::user(asked(&example.steps, &example.remark)));
        messages.push(Message::assistant(example.answer.to_string()));
    }
    let static_messages = messages.len();
    messages.push(Message::user(asked(&listed(steps), remark)));
    let hits: Vec<String> =
        pipeline.lake.search(remark, 8).into_iter().map(|hit| hit.component.name.clone()).collect();
    let object = |action: &str, fields: &[(&str, Value)]| {
        let mut properties = Map::from_iter([("action".to_owned(), json!({"const": action}))]);
        properties.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let required: Vec<&String> = properties.keys().collect();
        json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
    };
    let step = ("step", json!({"enum": steps.names()}));
    let mut choices = vec![
        object("change", std::slice::from_ref(&step)),
        object("remove", std::slice::from_ref(&step)),
        object("add", &[]),
        object("none", &[]),
    ];
    if !hits.is_empty() {
        choices.push(object("replace", &[step, ("component", json!({"enum": hits}))]));
    }
    Ok(Request {
        messages,
        static_messages,
        schema: Some(OutputSchema { name: "edit".into(), schema: json!({"anyOf": choices}) }),
        max_tokens: MAX_TOKENS,
        temperature: pipeline.options.temperature,
        seed: pipeline.options.seed,
        first_token_logprobs: false,
    })
}

/// Reads the model's answer; whatever it is not sure to mean is no change.
pub(super) fn read_action(answer: &str, steps: &Steps<'_>) -> Action {
    let Ok(value) = serde_json::from_str::<Value>(answer) else { return Action::None };
    let step = value["step"].as_str().filter(|name| steps.get(name).is_some()).map(str::to_owned);
    match (value["action"].as_str(), step) {
        (Some("change"), Some(step)) => Action::Change(step),
        (Some("remove"), Some(step)) => Action::Remove(step),
        (Some("replace"), Some(step)) => match value["component"].as_str() {
            Some(component) => Action::Replace(step, component.to_owned()),
            None => Action::None,
        },
        (Some("add"), _) => Action::Add,
        _ => Action::None,
    }
}

/// Asks the model for the values that a remark gives to the arguments of a step, narrowed to the text.
pub(super) async fn fill(
    pipeline: &Pipeline<'_>,
    steps: &Steps<'_>,
    name: &str,
    text: &str,
    spelled: &[String],
) -> Result<Vec<Edit>, PipelineError> {
    let Some((step, component)) = steps.get(name).and_then(|step| Some((step, steps.component(step)?)))
    else {
        return Ok(Vec::new());
    };
    let mut bare = component.clone();
    bare.arguments["required"] = json!([]);
    let known = literals(text);
    let context = StepContext::alone(text, &known, spelled);
    let planned = PlannedStep {
        text: text.to_owned(),
        task: component.name.clone(),
        name: name.to_owned(),
        ..PlannedStep::default()
    };
    let sampling = Sampling { temperature: pipeline.options.temperature, seed: pipeline.options.seed };
    let task = fragment_task(&planned, &bare, &context, None, pipeline.prompts, sampling)?;
    let nothing = task
        .schema
        .pointer("/properties/with/properties")
        .and_then(Value::as_object)
        .is_none_or(Map::is_empty);
    if nothing {
        return Ok(Vec::new());
    }
    pipeline.observer.observe(&Event::Started { stage: Stage::Generate, step: Some(name) });
    let response = pipeline.call(Stage::Generate, Some(name), &task.request).await?;
    let Ok(fragment) = read_fragment(&response.text, &task.schema) else { return Ok(Vec::new()) };
    let current: Map<String, Value> = match &step.run {
        Function::Component(call) => call.with.clone().into_iter().collect(),
        _ => Map::new(),
    };
    let component_step = matches!(step.run, Function::Component(_));
    Ok(fragment
        .with
        .into_iter()
        .filter(|(argument, value)| component_step && current.get(argument) != Some(value))
        .filter(|(argument, value)| {
            let schema = component.arguments["properties"].get(argument);
            schema.is_some_and(|schema| grounded(argument, schema, value, text))
        })
        .map(|(argument, value)| Edit::set(name, format!("/run/with/{argument}"), value))
        .collect())
}

/// Whether a value comes from the text: the text speaks of the argument, or holds the words of the value. What the model
/// makes up beyond that is no wish of the user.
fn grounded(argument: &str, schema: &Value, value: &Value, text: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let about = schema["description"].as_str().unwrap_or_default();
    match value {
        Value::Number(_) => {
            let stated = literals(text).iter().any(|literal| literal.appears_in(value));
            // A word of the name or of the description, in the words around the number.
            stated && speaks_of(&stems(argument, about), text)
        }
        Value::String(value) => {
            let said = words(text);
            let own = words(value);
            let held = own.iter().filter(|word| said.iter().any(|other| other.contains(word.as_str())));
            let enough = !own.is_empty() && held.count() * 2 >= own.len();
            enough || speaks_of(&stems(argument, ""), text)
        }
        Value::Array(items) => items.iter().all(|item| grounded(argument, schema, item, text)),
        Value::Object(fields) => fields.iter().all(|(name, field)| grounded(name, &Value::Null, field, text)),
        Value::Bool(_) | Value::Null => speaks_of(&stems(argument, about), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_text_does_not_say_is_made_up() {
        let trees = json!({"type": "integer", "description": "number of trees (default 200)"});
        let seed = json!({"type": "integer", "description": "random seed (default 0)"});
        let text = "make 5 copies of train";
        assert!(
            !grounded("seed", &seed, &json!(5), text) && !grounded("n_estimators", &trees, &json!(5), text)
        );
        assert!(grounded("seed", &seed, &json!(5), "take the random seed 5 for train"));
        let message = json!({"type": "string", "description": "text of the message"});
        assert!(!grounded("channel", &message, &json!("#general"), text));
        assert!(grounded("message", &message, &json!("train is done"), "tell them that train is done"));
    }
}
