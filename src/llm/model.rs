//! The trait that every language-model backend implements.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LlmError, Message, Usage};

/// A JSON schema that the answer must satisfy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSchema {
    /// A short identifier; OpenAI-compatible servers require one.
    pub name: String,
    /// The JSON schema (draft 2020-12 subset).
    pub schema: Value,
}

/// One call to a language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The conversation, oldest message first.
    pub messages: Vec<Message>,
    /// How many leading messages are the same for many requests: their key/value state is worth keeping.
    pub static_messages: usize,
    /// Constrains the answer to JSON that matches this schema.
    pub schema: Option<OutputSchema>,
    /// Most tokens the answer may have.
    pub max_tokens: u32,
    /// Sampling temperature; 0 means greedy.
    pub temperature: f32,
    /// Seed of the sampler; only used when the temperature is above 0.
    pub seed: u64,
    /// Whether the log-probabilities of the first generated token are wanted (see [`Response::first_token`]).
    pub first_token_logprobs: bool,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The answer is complete.
    Stop,
    /// The token limit cut the answer.
    Length,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The whole answer.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it took.
    pub usage: Usage,
    /// Most likely first tokens with their natural log-probabilities, best first; empty when not asked for or not offered.
    pub first_token: Vec<(String, f32)>,
}

/// What a backend can do beyond plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a backend has each of them or not")]
pub struct Capabilities {
    /// The backend itself guarantees that answers match the schema.
    pub enforces_schema: bool,
    /// The backend gives log-probabilities.
    pub logprobs: bool,
    /// A small model that was not trained for workflows: its answers need narrowed schemas and rewriting passes.
    pub needs_passes: bool,
    /// Calls can usefully run at the same time.
    pub concurrent: bool,
}

/// Receives pieces of the answer while they are generated.
pub type TokenSink<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A boxed future, so that the trait can be used as an object.
pub type CompletionFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, LlmError>> + Send + 'a>>;

/// A language model. Dropping the future of [`LanguageModel::complete`] stops the generation.
pub trait LanguageModel: Send + Sync {
    /// What logs and recordings call this model, for example `local:qwen2.5-coder-1.5b`.
    fn id(&self) -> &str;

    /// What this backend can do.
    fn capabilities(&self) -> Capabilities;

    /// How many tokens `text` has for this model (exact or, where the tokenizer is unknown, a close estimate).
    fn count_tokens(&self, text: &str) -> usize;

    /// Answers one request, handing pieces to `sink` as they come.
    ///
    /// # Errors
    /// [`LlmError`] tells unreachable services, refused keys, time-outs and broken output apart.
    fn complete<'a>(&'a self, request: &'a Request, sink: TokenSink<'a>) -> CompletionFuture<'a>;
}
