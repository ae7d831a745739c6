//! Workflows that are too big for one manifest: how big each step is, and parts that run as workflows of their own.
//!
//! A parent creates one `Workflow` for each part from a `WorkflowTemplate`, so that it stays small itself. Between the
//! parts a `ConfigMap` keeps the books (see `ledger`).

mod bytes;
mod files;
mod join;
mod ledger;
mod parent;
mod part;
#[cfg(test)]
mod tests;
mod view;

pub use bytes::step_bytes;
pub(super) use files::files;
pub use join::recover_parts;
pub(super) use view::PartView;
