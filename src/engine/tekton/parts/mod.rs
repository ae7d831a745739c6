//! A workflow in parts: a `Pipeline` for each, and one whose tasks create their runs.

mod files;
mod gate;
mod join;
mod parent;
#[cfg(test)]
mod tests;

pub(super) use files::files;
pub(super) use gate::{GATE, PartView, WRITTEN};
pub use join::recover_parts;
