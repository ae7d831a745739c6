//! Optimizing a workflow before an engine writes it: splitting, caching, resources, and a simulator to judge by.

mod estimates;
mod model;
mod number;
pub mod passes;
pub mod simulate;
pub mod split;
#[cfg(test)]
mod testing;

pub use estimates::{ESTIMATES_VERSION, EstimateFile, Estimates, StepEstimate};
pub use model::{BYTES_PER_STEP, Model};
