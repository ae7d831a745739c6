//! JSON schemas, generated from the Rust types.

use serde_json::Value;

use super::{Program, Step};

/// The JSON schema of a whole program.
pub fn program_schema() -> Value {
    schemars::schema_for!(Program).to_value()
}

/// The JSON schema of one step (a fragment).
pub fn step_schema() -> Value {
    schemars::schema_for!(Step).to_value()
}
