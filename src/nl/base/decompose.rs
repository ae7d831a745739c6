//! Stage 1: the model writes a plan.

use serde_json::json;

use super::plan::{Offered, Plan, plan_schema};
use crate::ir::Components;
use crate::lake::Lake;
use crate::llm::{Message, OutputSchema, Request};
use crate::nl::prompts::{PromptError, Prompts};

/// Most tokens of a plan.
pub(in crate::nl) const MAX_TOKENS: u32 = 1_400;

/// How many worked examples are retrieved for a description.
const RETRIEVED: usize = 2;

/// The request for a plan. Everything up to the retrieved examples is the same for every description.
pub(in crate::nl) fn plan_request(
    description: &str,
    lake: &Lake,
    prompts: &Prompts,
    temperature: f32,
    seed: u64,
) -> Result<Request, PromptError> {
    let components: Vec<_> = lake
        .components()
        .map(|c| json!({"name": c.name, "summary": c.summary.trim_end_matches('.')}))
        .collect();
    let mut messages = vec![Message::system(prompts.render("plan", &json!({"components": components}))?)];
    for example in &prompts.examples {
        messages.push(Message::user(example.description.clone()));
        messages.push(Message::assistant(example.plan.to_string()));
    }
    let static_messages = messages.len();
    for example in prompts.bank.nearest(description, lake, RETRIEVED) {
        messages.push(Message::user(example.description.clone()));
        messages.push(Message::assistant(example.plan.to_string()));
    }
    messages.push(Message::user(description));
    let names: Vec<&str> = lake.components().map(|component| component.name.as_str()).collect();
    Ok(Request {
        messages,
        static_messages,
        schema: Some(OutputSchema {
            name: "plan".into(),
            schema: plan_schema(&names, Offered::by(description)),
        }),
        max_tokens: MAX_TOKENS,
        temperature,
        seed,
        first_token_logprobs: false,
    })
}

/// Most steps of a plan that is read: some more than the schema allows.
const MOST_STEPS: usize = 50;

/// Reads the model's answer. Not every server keeps to the schema, so a plan may name tasks that are not there.
pub(in crate::nl) fn read_plan(text: &str, lake: &Lake) -> Result<Plan, String> {
    let plan: Plan = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let steps = plan.all_steps().count();
    if steps > MOST_STEPS {
        return Err(format!("the plan has {steps} steps, and {MOST_STEPS} are the most"));
    }
    if let Some(step) = plan.all_steps().find(|step| lake.component(&step.task).is_none()) {
        return Err(format!("the plan names a task that is not there: {:?}", step.task));
    }
    Ok(plan)
}
