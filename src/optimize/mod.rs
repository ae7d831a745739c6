//! Optimizing a workflow before an engine writes it: splitting, caching, resources, and a simulator to judge by.

mod number;
pub mod simulate;
pub mod split;
