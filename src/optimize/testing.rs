//! Workflows for tests.

use crate::api::parse_program;
use crate::ir::{NoComponents, Workflow, lower};

/// The graph of a program without components.
pub(super) fn lowered(program: &str) -> Workflow {
    lower(&parse_program(program).unwrap(), &NoComponents).unwrap()
}

/// Containers that wait for each other.
pub(super) fn workflow(names: &[&str], edges: &[(&str, &str)]) -> Workflow {
    let steps: Vec<_> = names
        .iter()
        .map(|name| {
            let after: Vec<&str> =
                edges.iter().filter(|(_, to)| to == name).map(|(from, _)| *from).collect();
            serde_json::json!({"name": name, "after": after, "run": {"function": "run_container", "image": "i"}})
        })
        .collect();
    lowered(&serde_json::json!({"version": "couler/v1", "name": "w", "steps": steps}).to_string())
}
