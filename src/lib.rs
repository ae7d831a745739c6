//! couler: plain-language descriptions of machine-learning workflows, turned into validated workflows.
#![forbid(unsafe_code)]

pub mod api;
pub mod ir;
pub mod llm;
pub mod lake;
pub mod nl;
pub mod engine;
pub mod cli;
pub mod eval;
pub mod run;
