//! How large a part may be.

use super::{Dag, SplitError, Weight};

/// The limits of one part; all of them hold at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Most steps.
    pub steps: usize,
    /// Most pods; `usize::MAX` for no limit.
    pub pods: usize,
    /// Most bytes of a rendered manifest.
    pub bytes: usize,
    /// Bytes of a manifest without any step.
    pub part_bytes: usize,
}

/// 200 steps as in the paper, and the size of a workflow that Argo's controller accepts (`MAX_WORKFLOW_SIZE`, 1 MiB).
impl Default for Budget {
    fn default() -> Self {
        Self { steps: 200, pods: usize::MAX, bytes: 1 << 20, part_bytes: 4096 }
    }
}

impl Budget {
    /// A limit on steps alone.
    pub fn of_steps(steps: usize) -> Self {
        Self { steps, pods: usize::MAX, bytes: usize::MAX, part_bytes: 0 }
    }

    /// Whether a part of this weight is within all limits.
    pub fn holds(&self, weight: Weight) -> bool {
        weight.steps <= self.steps
            && weight.pods <= self.pods
            && weight.bytes.saturating_add(self.part_bytes) <= self.bytes
    }

    /// Fewest parts that any splitting needs.
    pub fn lower_bound(&self, dag: &Dag) -> usize {
        let all = (0..dag.len()).fold(Weight::default(), |sum, task| sum.plus(dag.task(task).weight));
        let bytes = self.bytes.saturating_sub(self.part_bytes).max(1);
        let parts = |amount: usize, limit: usize| amount.div_ceil(limit.max(1));
        parts(all.steps, self.steps).max(parts(all.pods, self.pods)).max(parts(all.bytes, bytes))
    }

    /// Refuses limits of nothing and steps that are over a limit by themselves.
    ///
    /// # Errors
    /// [`SplitError::EmptyBudget`], or [`SplitError::StepOverBudget`] with the first such step.
    pub(super) fn check(&self, dag: &Dag) -> Result<(), SplitError> {
        if self.steps == 0 || self.pods == 0 || self.bytes == 0 {
            return Err(SplitError::EmptyBudget);
        }
        match (0..dag.len()).find(|task| !self.holds(dag.task(*task).weight)) {
            None => Ok(()),
            Some(task) => Err(SplitError::StepOverBudget {
                step: dag.original(task),
                weight: dag.task(task).weight,
                budget: *self,
            }),
        }
    }
}
