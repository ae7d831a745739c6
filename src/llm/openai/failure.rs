//! Why an attempt failed, whether another one is worthwhile, and what the caller is told.

use std::error::Error;
use std::time::Duration;

use async_openai::error::OpenAIError;
use serde_json::Value;

use super::transport::Reply;
use crate::llm::LlmError;

/// Longest text of a server that goes into an error message, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The failure of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered with an error.
    Status { status: u16, body: String, retry_after: Option<Duration> },
    /// No connection, or it broke before the answer began.
    Connection(String),
    /// The answer stopped in the middle.
    Truncated(String),
    /// The time for one attempt was over.
    Timeout,
    /// The answer is not what the API defines.
    Garbage(String),
}

/// What an error message needs to know about the call.
#[derive(Debug, Clone)]
pub(super) struct CallContext<'a> {
    /// Base URL without credentials.
    pub url: &'a str,
    /// Model name as the server knows it.
    pub model: &'a str,
    /// The model's identifier in logs.
    pub id: &'a str,
    pub attempts: u32,
    pub timeout_seconds: u64,
    /// Removed from all messages, should a server repeat it.
    pub key: Option<&'a str>,
}

impl Failure {
    /// An error event in the middle of a stream; without a status it counts as 500.
    pub(super) fn in_stream(error: &Value) -> Self {
        let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let status = status.filter(|code| (400..600).contains(code)).unwrap_or(500);
        Self::Status { status, body: error.to_string(), retry_after: None }
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Status { status: 429, body, .. } => !body.contains("insufficient_quota"),
            Self::Status { status, .. } => matches!(status, 500 | 502 | 503 | 504),
            Self::Connection(_) | Self::Truncated(_) => true,
            Self::Timeout | Self::Garbage(_) => false,
        }
    }

    /// How long the server asked to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the server says that it does not have the model.
    pub(super) fn is_unknown_model(&self) -> bool {
        match self {
            Self::Status { status: 404, body, .. } => body.to_lowercase().contains("model"),
            Self::Status { status: 400, body, .. } => body.contains("model_not_found"),
            _ => false,
        }
    }

    /// The error for the caller; `available` are the models that the server offers.
    pub(super) fn into_error(self, call: &CallContext<'_>, available: Vec<String>) -> LlmError {
        let url = call.url.to_owned();
        if self.is_unknown_model() {
            return LlmError::UnknownModel { name: call.model.to_owned(), available };
        }
        match self {
            Self::Status { status, .. } if matches!(status, 401 | 403) => LlmError::Key { url, status },
            Self::Status { status: 429, body, .. } if !body.contains("insufficient_quota") => {
                LlmError::RateLimited { url, attempts: call.attempts }
            }
            Self::Status { status, body, .. } => context_length(&body).unwrap_or_else(|| LlmError::Server {
                url,
                status,
                message: call.presentable(&server_message(&body)),
            }),
            Self::Connection(reason) => LlmError::Unreachable { url, reason: call.presentable(&reason) },
            Self::Timeout => LlmError::Timeout { url, seconds: call.timeout_seconds },
            Self::Truncated(reason) | Self::Garbage(reason) => {
                LlmError::BrokenOutput { model: call.id.to_owned(), reason: call.presentable(&reason) }
            }
        }
    }
}

impl CallContext<'_> {
    /// A foreign text without the key, on one line and short.
    fn presentable(&self, text: &str) -> String {
        let text = match self.key {
            Some(key) if !key.is_empty() => text.replace(key, "(key)"),
            _ => text.to_owned(),
        };
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST_MESSAGE) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

impl From<OpenAIError> for Failure {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(error) => match error.downcast::<Reply>() {
                Ok(reply) => (*reply).into(),
                Err(error) => Self::Connection(error.to_string()),
            },
            OpenAIError::Reqwest(error) if error.is_body() || error.is_decode() => {
                Self::Truncated(root_cause(&error))
            }
            OpenAIError::Reqwest(error) => Self::Connection(root_cause(&error)),
            OpenAIError::StreamError(error) => Self::Truncated(format!("the answer broke off: {error}")),
            OpenAIError::JSONDeserialize(error, content) => {
                Self::Garbage(format!("an event of the answer is not JSON of the API ({error}): {content}"))
            }
            other => Self::Garbage(other.to_string()),
        }
    }
}

impl From<Reply> for Failure {
    fn from(reply: Reply) -> Self {
        if (200..300).contains(&reply.status) {
            return Self::Garbage(format!("the answer is not a chat completion: {}", reply.body));
        }
        Self::Status { status: reply.status, body: reply.body, retry_after: reply.retry_after }
    }
}

/// The innermost cause, which says what happened (`connection refused`) rather than where.
pub(in crate::llm) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The human part of an error body: servers write `error.message`, `error`, `message` or `detail`.
fn server_message(body: &str) -> String {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let text = ["/error/message", "/error", "/message", "/detail"]
        .iter()
        .find_map(|path| parsed.pointer(path)?.as_str());
    text.unwrap_or(body).to_owned()
}

/// Recognizes the refusal of a prompt that is too long, and the numbers in it.
fn context_length(body: &str) -> Option<LlmError> {
    let lower = body.to_lowercase();
    let at = ["maximum context length", "context size", "context_length_exceeded"]
        .iter()
        .find_map(|mark| lower.find(mark));
    let numbers = |text: &str| -> Vec<usize> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .filter(|n| *n > 99)
            .collect()
    };
    match numbers(&lower[at?..]).as_slice() {
        [limit, tokens, ..] if tokens > limit => {
            Some(LlmError::ContextLength { tokens: *tokens, limit: *limit })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> CallContext<'static> {
        CallContext {
            url: "http://h/v1",
            model: "m",
            id: "openai:m",
            attempts: 3,
            timeout_seconds: 9,
            key: Some("s3cret"),
        }
    }

    fn status(status: u16, body: &str) -> Failure {
        Failure::Status { status, body: body.into(), retry_after: None }
    }

    #[test]
    fn only_passing_troubles_are_retried() {
        for code in [429, 500, 502, 503, 504] {
            assert!(status(code, "").is_transient(), "{code}");
        }
        for code in [400, 401, 403, 404, 422, 501] {
            assert!(!status(code, "").is_transient(), "{code}");
        }
        assert!(!status(429, r#"{"error":{"type":"insufficient_quota"}}"#).is_transient());
    }

    #[test]
    fn messages_are_found_shortened_and_free_of_the_key() {
        let bodies = [
            r#"{"error":{"message":"bad s3cret thing"}}"#,
            r#"{"error":"bad s3cret thing"}"#,
            r#"{"object":"error","message":"bad s3cret\n thing"}"#,
            r#"{"detail":"bad s3cret thing"}"#,
            "bad s3cret thing",
        ];
        for body in bodies {
            match status(418, body).into_error(&call(), vec![]) {
                LlmError::Server { message, status: 418, .. } => assert_eq!(message, "bad (key) thing"),
                other => panic!("{other:?}"),
            }
        }
        match status(418, &"é".repeat(900)).into_error(&call(), vec![]) {
            LlmError::Server { message, .. } => assert_eq!(message.chars().count(), LONGEST_MESSAGE + 1),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_prompt_that_is_too_long_is_told_with_its_numbers() {
        let body = r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, you requested 5100 tokens (5000 in the messages, 100 in the completion)."}}"#;
        let error = status(400, body).into_error(&call(), vec![]);
        assert!(matches!(error, LlmError::ContextLength { tokens: 5100, limit: 4096 }), "{error:?}");
    }

    #[test]
    fn a_404_is_about_the_model_only_if_it_says_so() {
        assert!(status(404, r#"{"error":{"code":"model_not_found"}}"#).is_unknown_model());
        assert!(!status(404, "Not Found").is_unknown_model());
    }
}
