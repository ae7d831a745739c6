//! Why a workflow is not split.

use super::{Budget, Weight};

/// Why a workflow is not split. Steps have the numbers that the caller gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The steps wait for each other.
    #[error("{} steps wait for each other in a cycle, so no order can run them", .0.len())]
    CyclicInput(Vec<usize>),
    /// A limit is 0.
    #[error("a budget of 0 holds no step")]
    EmptyBudget,
    /// One step alone is too large.
    #[error("step {step} alone is over the budget: {}", excess(weight, budget))]
    StepOverBudget {
        /// The step.
        step: usize,
        /// What it asks for.
        weight: Weight,
        /// What is allowed.
        budget: Budget,
    },
    /// The parts wait for each other; each would wait forever.
    #[error("{} parts wait for each other in a cycle: run one after the other, none would ever start", parts.len())]
    CyclicParts {
        /// Numbers of these parts.
        parts: Vec<usize>,
    },
    /// A partition from elsewhere does not fit the graph.
    #[error("the partition names {given} steps, the workflow has {expected}")]
    WrongLength {
        /// Steps of the partition.
        given: usize,
        /// Steps of the workflow.
        expected: usize,
    },
}

/// The limit that a step exceeds, in words.
pub(in crate::optimize) fn excess(weight: &Weight, budget: &Budget) -> String {
    if weight.pods > budget.pods {
        format!("{} pods, at most {} are allowed", weight.pods, budget.pods)
    } else if weight.steps > budget.steps {
        format!("{} steps, at most {} are allowed", weight.steps, budget.steps)
    } else {
        let rendered = weight.bytes.saturating_add(budget.part_bytes);
        format!("{rendered} rendered bytes, at most {} are allowed", budget.bytes)
    }
}
