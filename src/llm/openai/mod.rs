//! OpenAI-compatible servers: OpenAI itself, vLLM, the llama.cpp server, Ollama and others.
//!
//! `async-openai` builds the requests and reads the event stream; the types on the wire are our own lenient
//! ones, because servers leave fields out, add others, and phrase their errors differently. Retries are ours
//! as well: the crate's own are switched off by giving it a transport without them.

mod answer;
mod dialect;
mod failure;
mod model;
mod prices;
mod retry;
mod settings;
mod strict;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

pub use answer::find_json;
pub(super) use failure::root_cause;
pub use model::OpenAiModel;
pub use prices::price_of;
pub use settings::{OPENAI_BASE_URL, OpenAiSettings, SchemaSupport};
pub use strict::{drop_nulls, is_strictly_expressible, strict_schema};
pub use transport::install_tls_provider;
