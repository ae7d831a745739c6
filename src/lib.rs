//! couler: plain-language descriptions of machine-learning workflows, turned into validated workflows.
#![forbid(unsafe_code)]

pub mod api;
pub mod cards;
pub mod chat;
pub mod cli;
pub mod engine;
pub mod eval;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod ir;
pub mod lake;
pub mod llm;
pub mod nl;
pub mod optimize;
pub mod run;
pub mod tune;
