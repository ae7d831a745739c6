//! Remarks on a description that was sent before: the description is rewritten, and the pipeline starts again.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::literals::{Literal, LiteralKind, literals};
use super::pattern::{regex, stems};
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
    let lost = |literal: &Literal| {
        literal.kind != LiteralKind::Number && !text.to_lowercase().contains(&literal.text.to_lowercase())
    };
    let dropped = literals(&wanted(remark)).iter().any(lost)
        || (!REMOVES.is_match(remark) && literals(description).iter().any(lost));
    if dropped || literals(text).iter().any(made_up) || !takes_up(text, description, remark) {
        added()
    } else {
        text.to_owned()
    }
}

/// The remark without what it replaces.
fn wanted(remark: &str) -> String {
    REPLACED.replace_all(remark, " ").into_owned()
}

/// Whether enough of the remark's new words stand in the text.
fn takes_up(text: &str, description: &str, remark: &str) -> bool {
    let (now, before) = (stems(text, 3, 5), stems(description, 3, 5));
    let new: Vec<String> = stems(remark, 3, 5).into_iter().filter(|stem| !before.contains(stem)).collect();
    REMOVES.is_match(remark)
        || text.trim() != description.trim()
            && new.iter().filter(|stem| now.contains(stem)).count() * 5 >= new.len()
}

static REPLACED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:instead of|rather than|in place of|not|no longer|anstatt|statt|au lieu de|en lugar de|invece di)\s+\S+",
    )
});
static REMOVES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:instead|replac\w*|swap\w*|chang\w*|remov\w*|delet\w*|drop\w*|without|no longer|leave out|skip|forget|not|don.?t|cancel|rename|switch\w*|use|make it|statt\w*|entfern\w*|ohne|sans|remplac\w*|sin|quita\w*|senza|sem)\b",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    fn revised(answer: &str, description: &str, remark: &str) -> String {
        read_revision(&json!({"description": answer}).to_string(), description, remark)
    }

    #[test]
    fn a_rewriting_that_loses_something_is_not_taken() {
        let (old, remark) = ("Run a:1 and b:1.", "mail x@y.example with the subject \"all done\"");
        let kept = "Run a:1 and b:1, then mail x@y.example with the subject \"all done\".";
        assert_eq!(revised(kept, old, remark), kept);
        let added = format!("Run a:1 and b:1. {remark}");
        assert_eq!(revised("Run a:1 and b:1, then mail x@y.example with the subject.", old, remark), added);
        assert_eq!(revised("Run b:1, then mail x@y.example: \"all done\".", old, remark), added);
        assert_eq!(revised(old, old, "let them run at once"), "Run a:1 and b:1. let them run at once");
    }

    #[test]
    fn what_is_replaced_may_go() {
        assert_eq!(revised("Run a:2.", "Run a:1.", "use a:2 instead of a:1"), "Run a:2.");
    }
}
