//! The canonical form of a workflow and its digest.

use std::io::Write;

use serde_json::{Value, json};

use super::Workflow;

/// The canonical JSON form: keys sorted, nodes and edges sorted by name, notes left out.
pub fn canonical_json(workflow: &Workflow) -> Value {
    let fields = fields(workflow).into_iter().map(|(key, field)| {
        let value = match field {
            Field::One(value) => value,
            Field::List(items) => Value::Array(items.collect()),
        };
        (key.to_owned(), value)
    });
    let mut value = Value::Object(fields.collect());
    value.sort_all_objects();
    value
}

/// The blake3 digest of the canonical form, as 64 hexadecimal digits. The text of the form is hashed piece by piece:
/// that of a big workflow is never whole in memory.
pub fn digest(workflow: &Workflow) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut text = Vec::new();
    for (index, (key, field)) in fields(workflow).into_iter().enumerate() {
        text.push(if index == 0 { b'{' } else { b',' });
        write_scalar(&Value::String(key.to_owned()), &mut text);
        text.push(b':');
        match field {
            Field::One(value) => write_canonical(&value, &mut text),
            Field::List(items) => {
                text.push(b'[');
                for (index, item) in items.enumerate() {
                    if index > 0 {
                        text.push(b',');
                    }
                    write_canonical(&item, &mut text);
                    hasher.update(&text);
                    text.clear();
                }
                text.push(b']');
            }
        }
    }
    text.push(b'}');
    hasher.update(&text);
    hasher.finalize().to_hex().to_string()
}

enum Field<'a> {
    One(Value),
    List(Box<dyn Iterator<Item = Value> + 'a>),
}

/// The fields of the canonical form, sorted by key.
fn fields(workflow: &Workflow) -> [(&'static str, Field<'_>); 8] {
    let graph = &workflow.graph;
    let mut nodes: Vec<_> = graph.node_weights().collect();
    nodes.sort_by_key(|node| node.name.as_str());
    let mut edges: Vec<_> = graph
        .edge_indices()
        .filter_map(|edge| {
            let (from, to) = graph.edge_endpoints(edge)?;
            Some((&graph[from].name, &graph[to].name, &graph[edge].carries))
        })
        .collect();
    edges.sort_by_key(|(from, to, _)| (*from, *to));
    let edges = edges.into_iter().map(|(from, to, carries)| {
        let mut carries: Vec<_> = carries.iter().collect();
        carries.sort();
        json!({"carries": carries, "from": from, "to": to})
    });
    [
        ("description", Field::One(json!(workflow.description))),
        ("edges", Field::List(Box::new(edges))),
        ("name", Field::One(json!(workflow.name))),
        ("nodes", Field::List(Box::new(nodes.into_iter().map(|node| json!(node))))),
        ("on_exit", Field::One(json!(workflow.on_exit))),
        ("parameters", Field::One(json!(workflow.parameters))),
        ("schedule", Field::One(json!(workflow.schedule))),
        ("settings", Field::One(json!(workflow.settings))),
    ]
}

/// Writes compact JSON with the keys of all objects sorted.
fn write_canonical(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                text.push(if index == 0 { b'[' } else { b',' });
                write_canonical(item, text);
            }
            text.extend_from_slice(if items.is_empty() { b"[]" } else { b"]" });
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            for (index, (key, item)) in entries.into_iter().enumerate() {
                text.push(if index == 0 { b'{' } else { b',' });
                write_scalar(key, text);
                text.push(b':');
                write_canonical(item, text);
            }
            text.extend_from_slice(if map.is_empty() { b"{}" } else { b"}" });
        }
        scalar => write_scalar(scalar, text),
    }
}

fn write_scalar(value: &impl serde::Serialize, text: &mut Vec<u8>) {
    serde_json::to_writer(text.by_ref(), value)
        .expect("a text has a form in JSON, and memory can be written to");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{Program, program_from_value};
    use crate::engine::testing::random_program;
    use crate::ir::{NoComponents, lower};

    fn reversed(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                Value::Object(map.into_iter().rev().map(|(key, item)| (key, reversed(item))).collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(reversed).collect()),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn the_digest_is_that_of_the_canonical_text_whatever_the_order_of_keys(program in random_program()) {
            let workflow = lower(&program, &NoComponents).unwrap();
            let text = canonical_json(&workflow).to_string();
            prop_assert_eq!(digest(&workflow), blake3::hash(text.as_bytes()).to_hex().to_string());
            let turned: Program = program_from_value(&reversed(json!(program))).unwrap();
            prop_assert_eq!(digest(&lower(&turned, &NoComponents).unwrap()), digest(&workflow));
        }
    }
}
