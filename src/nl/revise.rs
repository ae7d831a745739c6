//! Remarks on a description that was sent before: the description is rewritten, and the pipeline starts again.

use serde_json::json;

use super::literals::{Literal, literals};
use super::prompts::{PromptError, Prompts};
use crate::llm::{Message, OutputSchema, Request};

/// Most tokens of a rewritten description.
const MAX_TOKENS: u32 = 700;

/// The request for the description with a remark worked in.
pub(super) fn revise_request(
    description: &str,
    remark: &str,
    prompts: &Prompts,
    temperature: f32,
    seed: u64,
) -> Result<Request, PromptError> {
    let mut messages = vec![Message::system(prompts.render("revise", &json!({}))?)];
    for example in &prompts.revisions {
        messages.push(Message::user(asked(&example.description, &example.change)));
        messages.push(Message::assistant(json!({"description": example.result}).to_string()));
    }
    let static_messages = messages.len();
    messages.push(Message::user(asked(description, remark)));
    let longest = description.chars().count() + remark.chars().count() + 200;
    Ok(Request {
        messages,
        static_messages,
        schema: Some(OutputSchema {
            name: "description".into(),
            schema: json!({
                "type": "object",
                "properties": {"description": {"type": "string", "minLength": 1, "maxLength": longest}},
                "required": ["description"],
                "additionalProperties": false,
            }),
        }),
        max_tokens: MAX_TOKENS,
        temperature,
        seed,
        first_token_logprobs: false,
    })
}

fn asked(description: &str, change: &str) -> String {
    format!("Description: {description}\nChange: {change}")
}

/// Reads the model's answer. Where the rewriting lost a value of the remark or made one up, the remark is added to the
/// description word for word instead.
pub(super) fn read_revision(answer: &str, description: &str, remark: &str) -> String {
    let added = || format!("{}. {remark}", description.trim_end().trim_end_matches('.'));
    let Ok(value) = serde_json::from_str::<serde_json::Value>(answer) else { return added() };
    let Some(text) = value["description"].as_str().filter(|text| !text.trim().is_empty()) else {
        return added();
    };
    let known = format!("{description}\n{remark}");
    let made_up = |literal: &Literal| !known.contains(literal.text.as_str());
    if literals(text).iter().any(made_up) { added() } else { text.to_owned() }
}
