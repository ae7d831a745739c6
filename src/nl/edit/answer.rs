//! What a model answers to a remark.

use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::operation::Edit;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a model makes of a remark: edits, an answer, both, or a question back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemarkAnswer {
    /// The operations that carry the remark out, in their order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub edits: Vec<Edit>,
    /// The answer to a question that the remark asks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answer: String,
    /// A question back, where the remark can mean several steps; nothing changes then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ask: Option<Ask>,
    /// Whether the last change is taken back.
    #[serde(default, skip_serializing_if = "is_default")]
    pub undo: bool,
    /// Why nothing is to be done: small talk, or it is so already.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nothing: String,
    /// Wishes that a workflow has no place for, in words for the person.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cannot: String,
}

/// A question back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The question.
    pub question: String,
    /// Names of the steps that can be meant.
    pub choices: Vec<String>,
}

/// The JSON schema of [`RemarkAnswer`].
pub fn remark_schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let mut schema = RemarkAnswer::json_schema(&mut generator).to_value();
    schema["$defs"] = json!(generator.take_definitions(true));
    schema
}
