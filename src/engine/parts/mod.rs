//! Parts of a workflow that an engine runs as workflows of their own: what crosses from one to another, and what waits.
//!
//! The same for every engine. Between parts the order of the graph holds, step by step: a **gate** of a part is where
//! steps of it wait for steps of other parts, and a **mark** is what a step leaves behind for gates elsewhere.

mod graph;
mod join;
mod plan;

pub(crate) use graph::{Gate, Parts};
pub(crate) use join::{Joints, Reference, joined, noted, over};
pub use plan::{Admission, PartFiles, PartPlan};
