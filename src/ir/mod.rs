//! The intermediate representation: a directed acyclic graph bound to no engine.

mod digest;
mod graph;
mod invariants;
mod lower;
mod reads;
mod resolve;
mod wire;

pub use digest::{canonical_json, digest};
pub use graph::{Action, Carry, Edge, Node, NodeOutput, NodeOutputKind, Workflow};
pub use invariants::check;
pub use lower::lower;
pub use resolve::{Components, NoComponents};
