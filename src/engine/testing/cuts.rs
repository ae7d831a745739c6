//! Random parts of random workflows.

use crate::ir::Workflow;

/// The steps in their order, cut where the bits say so.
pub(crate) fn parts_of(workflow: &Workflow, cuts: &[bool]) -> Vec<Vec<String>> {
    let mut parts: Vec<Vec<String>> = vec![Vec::new()];
    for (number, index) in workflow.topological().into_iter().enumerate() {
        if number > 0 && cuts[number % cuts.len()] {
            parts.push(Vec::new());
        }
        if let Some(last) = parts.last_mut() {
            last.push(workflow.graph[index].name.clone());
        }
    }
    parts
}
