//! Language models: one small trait, three implementations.
//!
//! * [`openai`] talks to every OpenAI-compatible server,
//! * [`local`] runs a GGUF model in this process (feature `local`),
//! * [`replay`] answers from recordings and never calls anything.

mod error;
mod message;
mod model;
pub mod openai;
pub mod replay;
#[cfg(any(feature = "local", test))]
mod sealed;
pub mod store;
mod usage;

#[cfg(feature = "local")]
pub mod local;

pub use error::LlmError;
pub use message::{Message, Role};
pub use model::{
    Capabilities, CompletionFuture, Finish, LanguageModel, OutputSchema, Request, Response, TokenSink,
};
pub use usage::{Budget, CallRecord, Ledger, Price, Usage};
