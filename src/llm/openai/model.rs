//! The model itself: one call, with its retries.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_openai::Client;
use futures::StreamExt;

use super::answer::{Answer, to_original_schema};
use super::dialect::{Dialect, SentSchema};
use super::failure::{CallContext, Failure};
use super::prices::price_of;
use super::retry::Backoff;
use super::settings::{OPENAI_BASE_URL, OpenAiSettings};
use super::transport::{Endpoint, Reply, connect, offered_models, without_credentials};
use super::wire::{ChatRequest, Chunk};
use crate::llm::{
    Capabilities, CompletionFuture, Finish, LanguageModel, LlmError, Price, Request, Response, TokenSink,
    Usage,
};

/// Wait before the first retry, doubled each time.
const BACKOFF_BASE: Duration = Duration::from_millis(500);

/// A model behind an OpenAI-compatible server.
///
/// What the server refuses (a response format, a parameter) is left out from then on. Answers are not
/// guaranteed to match the schema, since not every server enforces it; they are JSON, though, without fences
/// or prose around it. When a broken stream is tried again, the sink gets only what goes beyond the text it
/// already has; [`Response::text`] is what counts.
pub struct OpenAiModel {
    id: String,
    /// Base URL for messages.
    url: String,
    settings: OpenAiSettings,
    price: Option<Price>,
    client: Client<Endpoint>,
    http: reqwest::Client,
    dialect: Mutex<Dialect>,
    backoff: Backoff,
}

impl OpenAiModel {
    /// Prepares the connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`LlmError::Key`] for a key that cannot be sent in a header, [`LlmError::Unreachable`] when there is no
    /// TLS.
    pub fn new(settings: OpenAiSettings) -> Result<Self, LlmError> {
        let (client, http) = connect(&settings)?;
        let is_openai = settings.base_url.trim_end_matches('/') == OPENAI_BASE_URL;
        let listed = if is_openai { price_of(&settings.model) } else { None };
        Ok(Self {
            id: format!("openai:{}", settings.model),
            url: without_credentials(&settings.base_url),
            price: settings.price.or(listed),
            client,
            http,
            dialect: Mutex::new(Dialect::new(settings.structured)),
            backoff: Backoff { base: BACKOFF_BASE },
            settings,
        })
    }

    /// Makes tests quick.
    #[cfg(test)]
    pub(super) fn with_backoff(mut self, base: Duration) -> Self {
        self.backoff = Backoff { base };
        self
    }

    async fn answer(&self, request: &Request, sink: TokenSink<'_>) -> Result<Response, LlmError> {
        let started = Instant::now();
        let mut dialect = self.dialect();
        let mut retries = 0;
        let mut delivered = 0;
        loop {
            let (body, sent) = dialect.phrase(request, &self.settings.model);
            let failure = match self.attempt(&body, sink, &mut delivered).await {
                Ok(answer) => return self.response(request, sent, answer, started),
                Err(failure) => failure,
            };
            if let Some(smaller) = dialect.learn(&failure, request, &body) {
                dialect = self.remember(smaller);
                continue;
            }
            let wait = self.backoff.wait(retries, failure.retry_after());
            match wait.filter(|_| failure.is_transient() && retries < self.settings.max_retries) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(self.error(failure, retries + 1).await),
            }
            retries += 1;
        }
    }

    async fn attempt(
        &self,
        body: &ChatRequest,
        sink: TokenSink<'_>,
        delivered: &mut usize,
    ) -> Result<Answer, Failure> {
        let limit = Duration::from_secs(self.settings.timeout_seconds);
        match tokio::time::timeout(limit, self.stream(body, sink, delivered)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Failure::Timeout),
        }
    }

    async fn stream(
        &self,
        body: &ChatRequest,
        sink: TokenSink<'_>,
        delivered: &mut usize,
    ) -> Result<Answer, Failure> {
        let mut answer = Answer::default();
        let mut events = match self.client.chat().create_stream_byot::<_, Chunk>(body).await {
            Ok(events) => events,
            Err(error) => {
                answer.take(whole_answer(error)?)?;
                deliver(&answer.text, sink, delivered);
                return Ok(answer);
            }
        };
        while let Some(event) = events.next().await {
            match event {
                Ok(chunk) => answer.take(chunk)?,
                // Only the usage or the end mark is missing.
                Err(_) if answer.finish.is_some() => break,
                Err(error) => return Err(error.into()),
            }
            deliver(&answer.text, sink, delivered);
        }
        match answer.finish {
            Some(_) => Ok(answer),
            None => Err(Failure::Truncated("the answer ended without a finish reason".into())),
        }
    }

    fn response(
        &self,
        request: &Request,
        sent: SentSchema,
        answer: Answer,
        started: Instant,
    ) -> Result<Response, LlmError> {
        let finish = answer.finish.unwrap_or(Finish::Stop);
        let usage = self.usage(request, &answer, started);
        let broken = |reason: String| LlmError::BrokenOutput { model: self.id.clone(), reason };
        let complete = finish == Finish::Stop;
        if complete && answer.text.trim().is_empty() {
            let refused = !answer.refusal.is_empty();
            return Err(broken(if refused {
                format!("it refused: {}", answer.refusal)
            } else {
                "the answer is empty".into()
            }));
        }
        let text = match &request.schema {
            None => answer.text,
            Some(schema) => match to_original_schema(&answer.text, schema, sent) {
                Some(json) => json,
                None if complete => return Err(broken("the answer is not JSON".into())),
                None => answer.text,
            },
        };
        Ok(Response { text, finish, usage, first_token: answer.first_token })
    }

    /// Usage as the server counted it, or estimated where it did not.
    fn usage(&self, request: &Request, answer: &Answer, started: Instant) -> Usage {
        let count = |text: &str| u32::try_from(self.count_tokens(text)).unwrap_or(u32::MAX);
        let told = answer.usage.as_ref();
        let prompt = told.and_then(|usage| usage.prompt_tokens);
        let details = told.and_then(|usage| usage.prompt_tokens_details.as_ref());
        let mut usage = Usage {
            prompt_tokens: prompt
                .unwrap_or_else(|| request.messages.iter().map(|message| count(&message.content)).sum()),
            cached_tokens: details.and_then(|details| details.cached_tokens).unwrap_or(0),
            completion_tokens: told
                .and_then(|usage| usage.completion_tokens)
                .unwrap_or_else(|| count(&answer.text)),
            seconds: started.elapsed().as_secs_f64(),
            dollars: None,
        };
        usage.dollars = self.price.map(|price| price.dollars(&usage));
        usage
    }

    async fn error(&self, failure: Failure, attempts: u32) -> LlmError {
        let offered = if failure.is_unknown_model() {
            offered_models(&self.http, self.client.config()).await
        } else {
            Vec::new()
        };
        let call = CallContext {
            url: &self.url,
            model: &self.settings.model,
            id: &self.id,
            attempts,
            timeout_seconds: self.settings.timeout_seconds,
            key: self.settings.key.as_deref().map(str::trim),
        };
        failure.into_error(&call, offered)
    }

    fn dialect(&self) -> Dialect {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shrinks the dialect of all later calls and returns it; other calls may have shrunk it meanwhile.
    fn remember(&self, smaller: Dialect) -> Dialect {
        let mut dialect = self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
        *dialect = dialect.and(smaller);
        *dialect
    }
}

/// The completion of a server that answers in one piece though a stream was asked for.
fn whole_answer(error: async_openai::error::OpenAIError) -> Result<Chunk, Failure> {
    let failure = match error {
        async_openai::error::OpenAIError::Boxed(boxed) => match boxed.downcast::<Reply>() {
            Ok(reply) if reply.status == 200 => match serde_json::from_str::<Chunk>(&reply.body) {
                Ok(chunk) if chunk.choices.is_some() || chunk.error.is_some() => return Ok(chunk),
                _ => (*reply).into(),
            },
            Ok(reply) => (*reply).into(),
            Err(other) => Failure::Connection(other.to_string()),
        },
        other => other.into(),
    };
    Err(failure)
}

/// Hands the sink what it does not have yet.
fn deliver(text: &str, sink: TokenSink<'_>, delivered: &mut usize) {
    if let Some(fresh) = text.get(*delivered..)
        && !fresh.is_empty()
    {
        sink(fresh);
        *delivered = text.len();
    }
}

impl fmt::Debug for OpenAiModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpenAiModel").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl LanguageModel for OpenAiModel {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            enforces_schema: false,
            logprobs: self.dialect().logprobs,
            concurrent: true,
            needs_passes: false,
        }
    }

    /// Exact for OpenAI's models; others are taken to have four characters a token.
    fn count_tokens(&self, text: &str) -> usize {
        match tiktoken_rs::bpe_for_model(&self.settings.model) {
            Ok(tokenizer) => tokenizer.count_ordinary(text),
            Err(_) => text.chars().count().div_ceil(4),
        }
    }

    fn complete<'a>(&'a self, request: &'a Request, sink: TokenSink<'a>) -> CompletionFuture<'a> {
        Box::pin(self.answer(request, sink))
    }
}
