//! What always holds for a workflow graph, checked in one place.

use std::collections::HashMap;

use petgraph::algo::is_cyclic_directed;

use super::{Carry, NodeOutputKind, Workflow};
use crate::api::{Problem, Problems};

/// Checks that names are unique, the graph has no cycle, and every edge carries what its ends declare.
///
/// # Errors
/// Every violation.
pub fn check(workflow: &Workflow) -> Result<(), Problems> {
    let mut problems = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for node in workflow.nodes() {
        *seen.entry(&node.name).or_default() += 1;
    }
    for (name, count) in seen.into_iter().filter(|(_, count)| *count > 1) {
        problems.push(Problem::new(name, format!("{count} nodes have this name"), "rename all but one"));
    }
    if is_cyclic_directed(&workflow.graph) {
        problems.push(Problem::new(
            "/steps",
            "steps wait for each other in a cycle",
            "remove one of the dependencies",
        ));
    }
    for edge in workflow.graph.edge_indices() {
        let Some((from, to)) = workflow.graph.edge_endpoints(edge) else { continue };
        let (from, to) = (&workflow.graph[from], &workflow.graph[to]);
        for carry in &workflow.graph[edge].carries {
            let found = match carry {
                Carry::Artifact { output, .. } => from
                    .outputs
                    .iter()
                    .any(|out| &out.name == output && matches!(out.kind, NodeOutputKind::Artifact { .. })),
                Carry::Parameter { output } => {
                    output == "result"
                        || from.outputs.iter().any(|out| {
                            &out.name == output && matches!(out.kind, NodeOutputKind::Parameter { .. })
                        })
                }
            };
            if !found {
                problems.push(missing_output(from, to, carry));
            }
        }
    }
    problems.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

fn missing_output(from: &super::Node, to: &super::Node, carry: &Carry) -> Problem {
    let (kind, output) = match carry {
        Carry::Artifact { output, .. } => ("artifact", output),
        Carry::Parameter { output } => ("value", output),
    };
    let known: Vec<&str> = from
        .outputs
        .iter()
        .filter(|out| matches!(out.kind, NodeOutputKind::Artifact { .. }) == (kind == "artifact"))
        .map(|out| out.name.as_str())
        .chain((kind == "value").then_some("result"))
        .collect();
    Problem::new(
        &to.name,
        format!("it reads the {kind} {output:?} of step {:?}, which does not write it", from.name),
        crate::api::choices(output, known.into_iter()),
    )
}
