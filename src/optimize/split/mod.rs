//! Splitting a big workflow into parts that a cluster accepts and that never wait for each other in a cycle.

mod budget;
mod dag;
mod error;
mod groups;
mod merge;
mod partition;
mod peers;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(super) mod testing;
mod windowed;

pub use budget::Budget;
pub use dag::{Dag, Task, Weight};
pub use error::SplitError;
pub(super) use error::excess;
pub use partition::{Gate, Partition};

/// How a workflow is split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// Windows of earliest start times: never cyclic, close to the critical path.
    #[default]
    Windowed,
    /// The paper's Algorithm 3, refused when its parts form a cycle.
    Paper,
    /// Chunks of Kahn's topological order.
    Kahn,
}

impl Method {
    /// The methods by their names on the command line.
    pub const ALL: [(&'static str, Self); 3] =
        [("windowed", Self::Windowed), ("paper", Self::Paper), ("kahn", Self::Kahn)];
}

/// Splits a graph.
///
/// # Errors
/// A budget of 0, a step that is over the budget by itself, and parts of [`Method::Paper`] that form a cycle.
pub fn split(dag: &Dag, budget: &Budget, method: Method) -> Result<Partition, SplitError> {
    budget.check(dag)?;
    match method {
        Method::Windowed => Ok(windowed::windowed(dag, budget)),
        Method::Paper => peers::paper(dag, budget),
        Method::Kahn => Ok(peers::kahn(dag, budget)),
    }
}
