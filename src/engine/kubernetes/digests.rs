//! Digests of steps, for keys of caches.

use std::collections::HashMap;

use crate::api::Input;
use crate::ir::Workflow;

/// Short digests of all steps, each with everything that the step's artifacts come from.
pub(crate) fn digests(workflow: &Workflow) -> HashMap<&str, String> {
    let mut digests: HashMap<&str, String> = HashMap::new();
    let ordered = workflow.topological().into_iter().map(|index| &workflow.graph[index]);
    for node in ordered.chain(&workflow.on_exit) {
        let what = (&node.action, &node.inputs, &node.outputs, &node.map, &node.exec_while);
        let mut hasher = blake3::Hasher::new();
        hasher.update(serde_json::to_string(&what).unwrap_or_default().as_bytes());
        for input in &node.inputs {
            if let Input::Artifact { step, .. } = input {
                hasher.update(digests.get(step.as_str()).map_or("", String::as_str).as_bytes());
            }
        }
        digests.insert(&node.name, hasher.finalize().to_hex()[..12].to_owned());
    }
    digests
}
