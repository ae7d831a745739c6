//! A model whose answers are known before.

use std::time::Instant;

use crate::llm::{
    Capabilities, CompletionFuture, Finish, LanguageModel, LlmError, Request, Response, TokenSink, Usage,
};

/// What the model says to a request; `None` if it cannot be asked.
type Says<'a> = dyn Fn(&Request) -> Option<String> + Sync + 'a;

/// A model that says what it is told to, and counts the tokens of both sides as a large model does.
pub(super) struct Scripted<'a> {
    pub(super) says: &'a Says<'a>,
    /// Whether tokens are counted.
    pub(super) counts: bool,
}

impl LanguageModel for Scripted<'_> {
    fn id(&self) -> &'static str {
        "gold"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { enforces_schema: true, logprobs: false, concurrent: true, needs_passes: false }
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len() / 4
    }

    fn complete<'a>(&'a self, request: &'a Request, _: TokenSink<'a>) -> CompletionFuture<'a> {
        let started = Instant::now();
        let text = (self.says)(request);
        let mut usage = Usage::default();
        if self.counts {
            let count = |text: &str| -> u32 {
                let tokens = tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len();
                u32::try_from(tokens).unwrap_or(u32::MAX)
            };
            let counted = request.messages.iter().map(|message| count(&message.content));
            for (index, tokens) in counted.enumerate() {
                usage.prompt_tokens += tokens;
                // A server has what every request begins with.
                usage.cached_tokens += if index < request.static_messages { tokens } else { 0 };
            }
            usage.completion_tokens = text.as_deref().map_or(0, count);
        }
        // What the model takes is no time of the pipeline.
        usage.seconds = started.elapsed().as_secs_f64();
        Box::pin(async move {
            let text = text.ok_or_else(|| LlmError::Engine("the model was asked".into()))?;
            Ok(Response { text, finish: Finish::Stop, usage, first_token: Vec::new() })
        })
    }
}
