//! What a caller decides about a server: where it is, the key, and what it is known to support.

use std::fmt;

use crate::llm::Price;

/// Base URL of OpenAI's own service.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// How a server can be told the shape of an answer, from the strongest to none.
///
/// A server that refuses one level is asked with the next weaker one, and the model remembers it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SchemaSupport {
    /// `response_format` is not sent; the schema is written into the prompt.
    None,
    /// `response_format: json_object`; the schema is written into the prompt.
    JsonObject,
    /// `response_format: json_schema` with the schema as it is (vLLM, llama.cpp, Ollama).
    JsonSchema,
    /// `response_format: json_schema` with `strict: true` and the schema changed by
    /// [`strict_schema`](super::strict_schema) (OpenAI). Schemas that strict mode cannot express are sent as
    /// with [`SchemaSupport::JsonSchema`].
    #[default]
    Strict,
}

impl SchemaSupport {
    /// The next weaker level.
    pub(super) fn weaker(self) -> Option<Self> {
        match self {
            Self::Strict => Some(Self::JsonSchema),
            Self::JsonSchema => Some(Self::JsonObject),
            Self::JsonObject => Some(Self::None),
            Self::None => None,
        }
    }
}

/// Settings of an [`OpenAiModel`](super::OpenAiModel).
#[derive(Clone)]
pub struct OpenAiSettings {
    /// Everything before `/chat/completions`, for example [`OPENAI_BASE_URL`] or `http://localhost:8000/v1`.
    pub base_url: String,
    /// The key; servers on one's own machine usually need none.
    pub key: Option<String>,
    /// The model's name as the server knows it.
    pub model: String,
    /// Most seconds for one attempt, from connecting to the last token.
    pub timeout_seconds: u64,
    /// How often a failed attempt is repeated; 0 means one attempt.
    pub max_retries: u32,
    /// The price, where it is known. Without it OpenAI's own service is looked up with
    /// [`price_of`](super::price_of).
    pub price: Option<Price>,
    /// The strongest way of asking for JSON to begin with.
    pub structured: SchemaSupport,
}

impl OpenAiSettings {
    /// Settings with the usual limits: 120 s an attempt, 4 retries, strict schemas for OpenAI and plain ones
    /// elsewhere.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        let base_url = base_url.into();
        let structured = match base_url.trim_end_matches('/') {
            OPENAI_BASE_URL => SchemaSupport::Strict,
            _ => SchemaSupport::JsonSchema,
        };
        Self {
            base_url,
            key: None,
            model: model.into(),
            timeout_seconds: 120,
            max_retries: 4,
            price: None,
            structured,
        }
    }
}

/// Shows everything but the key.
impl fmt::Debug for OpenAiSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenAiSettings")
            .field("base_url", &super::transport::without_credentials(&self.base_url))
            .field("key", &self.key.as_ref().map(|_| "(hidden)"))
            .field("model", &self.model)
            .field("timeout_seconds", &self.timeout_seconds)
            .field("max_retries", &self.max_retries)
            .field("price", &self.price)
            .field("structured", &self.structured)
            .finish()
    }
}
