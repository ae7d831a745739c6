//! Apache Airflow 3: one DAG file in Python, a linter for such files, and the way back to the graph.
//!
//! The DAG comes first, then the sources of its scripts, then the fixed classes that its steps use (`runtime/`).

mod capabilities;
mod condition;
mod context;
mod files;
mod generator;
mod imports;
mod job;
mod lint;
mod local;
mod modules;
mod names;
mod parts;
mod place;
mod placement;
mod pod;
mod python;
mod recover;
mod script;
mod task;
#[cfg(test)]
mod tests;
mod text;
mod workflow;

pub use generator::Airflow;
pub use lint::lint_airflow;
pub use parts::recover_parts;
pub use recover::{RecoverError, recover};
pub use script::ScriptError;
