//! From messages to tokens, with the template that the model file carries.

use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaModel};
use llama_cpp_2::token::LlamaToken;

use crate::llm::{LlmError, Message, Request, Role};

/// A prompt as tokens.
pub(super) struct Prompt {
    pub(super) tokens: Vec<LlamaToken>,
    /// How many of them come from the static messages; 0 if they are no prefix of the whole.
    pub(super) static_tokens: usize,
}

/// Renders a request with the model's own chat template, or ChatML where it has none.
pub(super) fn prompt(model: &LlamaModel, request: &Request) -> Result<Prompt, LlmError> {
    let whole = render(model, &request.messages, true)?;
    let vocab = model.vocab();
    let split = if request.static_messages == 0 {
        String::new()
    } else {
        render(model, &request.messages[..request.static_messages.min(request.messages.len())], false)?
    };
    let tokenize = |text: &str, special: bool| vocab.tokenize(text.as_bytes(), special, true);
    // The prefix is tokenized by itself, so that its tokens are the same whatever follows.
    let Some(rest) = whole.strip_prefix(&split).filter(|_| !split.is_empty()) else {
        return Ok(Prompt { tokens: tokenize(&whole, true), static_tokens: 0 });
    };
    let mut tokens = tokenize(&split, true);
    let static_tokens = tokens.len();
    tokens.extend(tokenize(rest, false));
    Ok(Prompt { tokens, static_tokens })
}

fn render(model: &LlamaModel, messages: &[Message], open_answer: bool) -> Result<String, LlmError> {
    let failed = |error: String| LlmError::Engine(format!("the chat template failed: {error}"));
    let template = model
        .chat_template(None)
        .or_else(|_| {
            LlamaChatTemplate::new("chatml").map_err(|_| llama_cpp_2::ChatTemplateError::MissingTemplate)
        })
        .map_err(|error| failed(error.to_string()))?;
    let chat = messages
        .iter()
        .map(|message| {
            let role = match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            LlamaChatMessage::new(role.into(), harmless(&message.content))
                .map_err(|error| failed(error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    model.apply_chat_template(&template, &chat, open_answer).map_err(|error| failed(error.to_string()))
}

/// Content is data: text that looks like a control token must not become one, and NUL cannot be passed on.
fn harmless(content: &str) -> String {
    content.replace("<|", "< |").replace('\0', " ")
}
