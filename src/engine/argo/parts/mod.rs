//! Workflows that are too big for one manifest.

mod bytes;

pub use bytes::step_bytes;
