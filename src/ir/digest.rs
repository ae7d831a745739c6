//! The canonical form of a workflow and its digest.

use serde_json::{Value, json};

use super::Workflow;

/// The canonical JSON form: keys sorted, nodes and edges sorted by name, notes left out.
pub fn canonical_json(workflow: &Workflow) -> Value {
    let graph = &workflow.graph;
    let mut nodes: Vec<Value> = graph.node_weights().map(|node| json!(node)).collect();
    nodes.sort_by_key(|node| node["name"].as_str().map(str::to_owned));
    let mut edges: Vec<(String, String, Value)> = graph
        .edge_indices()
        .filter_map(|edge| {
            let (from, to) = graph.edge_endpoints(edge)?;
            let mut carries = graph[edge].carries.clone();
            carries.sort();
            Some((graph[from].name.clone(), graph[to].name.clone(), json!(carries)))
        })
        .collect();
    edges.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    sorted(json!({
        "name": workflow.name,
        "description": workflow.description,
        "parameters": workflow.parameters,
        "schedule": workflow.schedule,
        "settings": workflow.settings,
        "nodes": nodes,
        "edges": edges.into_iter().map(|(from, to, carries)| json!({"from": from, "to": to, "carries": carries})).collect::<Vec<_>>(),
        "on_exit": workflow.on_exit,
    }))
}

/// The blake3 digest of the canonical form, as 64 hexadecimal digits.
pub fn digest(workflow: &Workflow) -> String {
    blake3::hash(canonical_json(workflow).to_string().as_bytes()).to_hex().to_string()
}

fn sorted(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}
