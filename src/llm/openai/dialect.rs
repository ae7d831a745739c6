//! What one server understands, learnt from its refusals, and the request in that dialect.

use serde_json::{Value, json};

use super::failure::Failure;
use super::settings::SchemaSupport;
use super::strict::{is_strictly_expressible, strict_schema};
use super::wire::{ChatRequest, NamedSchema, ResponseFormat, StreamOptions};
use crate::llm::{Message, OutputSchema, Request};

/// How many alternatives are asked for the first token; OpenAI allows up to 20, some servers only 5.
const TOP_LOGPROBS: u8 = 5;

/// Which optional parts of the API a server takes. Starts hopeful and only ever shrinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent yes-or-no facts about a server")]
pub(super) struct Dialect {
    pub structured: SchemaSupport,
    /// `max_tokens`; newer OpenAI models only take `max_completion_tokens`.
    pub max_tokens: bool,
    pub temperature: bool,
    pub seed: bool,
    pub logprobs: bool,
    pub stream_options: bool,
}

/// How the schema of a request was changed on the way, to be undone in the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SentSchema {
    /// Through [`strict_schema`].
    pub strict: bool,
    /// Put into an object as its property `answer`, because servers want an object at the root.
    pub wrapped: bool,
}

impl Dialect {
    pub(super) fn new(structured: SchemaSupport) -> Self {
        Self {
            structured,
            max_tokens: true,
            temperature: true,
            seed: true,
            logprobs: true,
            stream_options: true,
        }
    }

    /// What both understand.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            structured: self.structured.min(other.structured),
            max_tokens: self.max_tokens && other.max_tokens,
            temperature: self.temperature && other.temperature,
            seed: self.seed && other.seed,
            logprobs: self.logprobs && other.logprobs,
            stream_options: self.stream_options && other.stream_options,
        }
    }

    /// The request as this server understands it.
    pub(super) fn phrase(self, request: &Request, model: &str) -> (ChatRequest, SentSchema) {
        let level = request.schema.as_ref().map(|schema| self.level_for(schema));
        let (response_format, sent) = match (&request.schema, level) {
            (Some(schema), Some(level)) => response_format(schema, level),
            _ => (None, SentSchema::default()),
        };
        let logprobs = request.first_token_logprobs && self.logprobs;
        let body = ChatRequest {
            model: model.to_owned(),
            messages: messages(request, level),
            max_tokens: self.max_tokens.then_some(request.max_tokens),
            max_completion_tokens: (!self.max_tokens).then_some(request.max_tokens),
            temperature: self.temperature.then_some(request.temperature),
            seed: (self.seed && request.temperature > 0.0).then_some(request.seed),
            stream: true,
            stream_options: self.stream_options.then_some(StreamOptions { include_usage: true }),
            response_format,
            logprobs: logprobs.then_some(true),
            top_logprobs: logprobs.then_some(TOP_LOGPROBS),
        };
        (body, sent)
    }

    fn level_for(self, schema: &OutputSchema) -> SchemaSupport {
        if self.structured == SchemaSupport::Strict && !is_strictly_expressible(&schema.schema) {
            return SchemaSupport::JsonSchema;
        }
        self.structured
    }

    /// A smaller dialect after a refusal that names something we sent, or `None` when the refusal is about
    /// something else.
    pub(super) fn learn(mut self, failure: &Failure, request: &Request, sent: &ChatRequest) -> Option<Self> {
        let Failure::Status { status: 400 | 422, body, .. } = failure else { return None };
        let body = body.to_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| body.contains(word));
        if let (Some(schema), Some(_)) = (&request.schema, &sent.response_format)
            && names(&["response_format", "json_schema", "json_object", "structured output"])
        {
            self.structured = self.level_for(schema).weaker()?;
        } else if !names(&[
            "support",
            "unknown",
            "unrecognized",
            "unexpected",
            "not permitted",
            "not allowed",
            "instead",
        ]) {
            return None;
        } else if sent.max_tokens.is_some() && names(&["max_completion_tokens"]) {
            self.max_tokens = false;
        } else if sent.stream_options.is_some() && names(&["stream_options"]) {
            self.stream_options = false;
        } else if sent.logprobs.is_some() && names(&["logprobs"]) {
            self.logprobs = false;
        } else if sent.temperature.is_some() && names(&["temperature"]) {
            self.temperature = false;
        } else if sent.seed.is_some() && names(&["seed"]) {
            self.seed = false;
        } else {
            return None;
        }
        Some(self)
    }
}

fn response_format(schema: &OutputSchema, level: SchemaSupport) -> (Option<ResponseFormat>, SentSchema) {
    let strict = match level {
        SchemaSupport::None => return (None, SentSchema::default()),
        SchemaSupport::JsonObject => return (Some(ResponseFormat::JsonObject), SentSchema::default()),
        SchemaSupport::JsonSchema => false,
        SchemaSupport::Strict => true,
    };
    let wrapped = schema.schema.get("type").is_none_or(|kind| kind != "object");
    let original = if wrapped { wrap(&schema.schema) } else { schema.schema.clone() };
    let sent = if strict { strict_schema(&original) } else { original };
    let json_schema = NamedSchema { name: identifier(&schema.name), strict, schema: sent };
    (Some(ResponseFormat::JsonSchema { json_schema }), SentSchema { strict, wrapped })
}

/// An object with the schema as its only property; definitions stay at the root, where references look for
/// them.
fn wrap(schema: &Value) -> Value {
    let mut inner = schema.clone();
    let mut outer =
        json!({"type": "object", "properties": {}, "required": ["answer"], "additionalProperties": false});
    for key in ["$defs", "definitions"] {
        if let Some(definitions) = inner.as_object_mut().and_then(|map| map.shift_remove(key)) {
            outer[key] = definitions;
        }
    }
    outer["properties"]["answer"] = inner;
    outer
}

/// A schema's name as servers want it: letters, digits, `_` and `-`, at most 64.
fn identifier(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = name.chars().map(allowed).take(64).collect();
    if name.is_empty() { "answer".into() } else { name }
}

/// The conversation; where the server cannot be given the schema, one system message more tells it.
fn messages(request: &Request, level: Option<SchemaSupport>) -> Vec<Message> {
    let mut messages = request.messages.clone();
    if let (Some(schema), Some(SchemaSupport::None | SchemaSupport::JsonObject)) = (&request.schema, level) {
        let shape = &schema.schema;
        let text =
            format!("Answer with one JSON value that matches this JSON schema, and nothing else:\n{shape}");
        messages.insert(request.static_messages.min(messages.len()), Message::system(text));
    }
    messages
}
