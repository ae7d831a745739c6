//! A workflow in parts: a DAG for each, and one that starts them.

mod files;
mod join;
#[cfg(test)]
mod tests;

pub(super) use files::{files, gate, trigger};
pub use join::recover_parts;
