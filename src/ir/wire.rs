//! Wiring: each open input port gets the output of the ancestor that fits best.

use std::collections::{HashMap, HashSet, VecDeque};

use indexmap::IndexMap;

use super::{Node, NodeOutputKind};
use crate::api::{Input, InputPort, PortType, Problem};

/// An output that could feed a port.
struct Candidate<'a> {
    step: &'a str,
    output: &'a str,
    preference: usize,
    distance: usize,
}

/// Wires the open ports of one node.
///
/// `depends` holds the direct dependencies of every node (explicit ones first, wired ones added as we go), `nodes` the
/// nodes by name, `order` their position in the program. A port that takes one input gets the output whose name it
/// prefers, else the nearest; among equals the one of a step that feeds this node already, else the first in the
/// program, and a note says so. A port that may stay open and names what it prefers takes nothing else: what it is for
/// is not known from the type alone.
pub(super) fn wire(
    node: &str,
    ports: &[InputPort],
    nodes: &IndexMap<String, Node>,
    depends: &HashMap<String, Vec<String>>,
    order: &HashMap<String, usize>,
    notes: &mut Vec<String>,
) -> Result<Vec<Input>, Vec<Problem>> {
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let distances = distances(node, depends);
    let mut wired: Vec<Input> = Vec::new();
    let mut problems = Vec::new();
    for port in ports {
        let bound = nodes[node].inputs.iter().any(|input| input.name() == port.name);
        if bound {
            continue;
        }
        let mut candidates = candidates(port, nodes, &distances);
        if port.many {
            candidates.sort_by_key(|candidate| order.get(candidate.step).copied());
            let best = frontier(best_of_each_step(candidates), depends);
            if best.is_empty() && !port.optional {
                problems.push(missing(node, port, nodes, &distances));
            }
            wired.extend(best.iter().map(|candidate| artifact(port, candidate)));
            continue;
        }
        let feeding: HashSet<&str> = wired
            .iter()
            .chain(&nodes[node].inputs)
            .filter_map(|input| match input {
                Input::Artifact { step, .. } => Some(step.as_str()),
                _ => None,
            })
            .collect();
        candidates.sort_by_key(|c| {
            (c.preference, c.distance, !feeding.contains(c.step), order.get(c.step).copied())
        });
        if port.optional && !port.prefer.is_empty() {
            candidates.retain(|candidate| candidate.preference < port.prefer.len());
        }
        let Some(best) = candidates.first() else {
            if !port.optional {
                problems.push(missing(node, port, nodes, &distances));
            }
            continue;
        };
        let rivals: Vec<&str> = candidates[1..]
            .iter()
            .filter(|c| {
                (c.preference, c.distance) == (best.preference, best.distance) && !feeding.contains(best.step)
            })
            .map(|c| c.step)
            .collect();
        if !rivals.is_empty() {
            notes.push(format!(
                "{node}: its {} comes from {}; {} would fit as well",
                port.name,
                best.step,
                rivals.join(", ")
            ));
        }
        wired.push(artifact(port, best));
    }
    if problems.is_empty() { Ok(wired) } else { Err(problems) }
}

fn artifact(port: &InputPort, candidate: &Candidate<'_>) -> Input {
    Input::Artifact {
        name: port.name.clone(),
        step: candidate.step.to_owned(),
        output: candidate.output.to_owned(),
        path: None,
    }
}

/// Number of hops from `node` to each of its ancestors.
fn distances(node: &str, depends: &HashMap<String, Vec<String>>) -> HashMap<String, usize> {
    let mut found: HashMap<String, usize> = HashMap::new();
    let mut queue = VecDeque::from([(node.to_owned(), 0)]);
    while let Some((name, distance)) = queue.pop_front() {
        for next in depends.get(&name).into_iter().flatten() {
            if next != node && !found.contains_key(next) {
                found.insert(next.clone(), distance + 1);
                queue.push_back((next.clone(), distance + 1));
            }
        }
    }
    found
}

fn fits(wanted: PortType, offered: PortType) -> bool {
    wanted == offered
        || wanted == PortType::Any
        || (wanted == PortType::File
            && matches!(offered, PortType::Table | PortType::Metrics | PortType::Text))
        || (wanted == PortType::Directory && offered == PortType::Model)
}

fn candidates<'a>(
    port: &InputPort,
    nodes: &'a IndexMap<String, Node>,
    distances: &HashMap<String, usize>,
) -> Vec<Candidate<'a>> {
    let mut found = Vec::new();
    for (name, node) in nodes {
        let Some(distance) = distances.get(name) else { continue };
        for output in &node.outputs {
            let NodeOutputKind::Artifact { port_type, .. } = output.kind else { continue };
            if fits(port.port_type, port_type) {
                let preference =
                    port.prefer.iter().position(|name| name == &output.name).unwrap_or(port.prefer.len());
                found.push(Candidate {
                    step: &node.name,
                    output: &output.name,
                    preference,
                    distance: *distance,
                });
            }
        }
    }
    found.sort_by(|a, b| (a.step, a.preference, a.output).cmp(&(b.step, b.preference, b.output)));
    found
}

fn best_of_each_step(candidates: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    let nearest = candidates.iter().map(|c| (c.preference, c.distance)).min();
    let mut seen = HashSet::new();
    candidates
        .into_iter()
        .filter(|candidate| nearest.is_some_and(|best| candidate.preference == best.0))
        .filter(|candidate| seen.insert(candidate.step))
        .collect()
}

/// Without outputs that another candidate was made from: a cleaned table stands for the one it was loaded from.
fn frontier<'a>(
    candidates: Vec<Candidate<'a>>,
    depends: &HashMap<String, Vec<String>>,
) -> Vec<Candidate<'a>> {
    let behind: HashSet<String> =
        candidates.iter().flat_map(|candidate| distances(candidate.step, depends).into_keys()).collect();
    candidates.into_iter().filter(|candidate| !behind.contains(candidate.step)).collect()
}

fn missing(
    node: &str,
    port: &InputPort,
    nodes: &IndexMap<String, Node>,
    distances: &HashMap<String, usize>,
) -> Problem {
    let wanted = serde_json::to_value(port.port_type)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default();
    let providers: Vec<&str> = nodes
        .values()
        .filter(|other| {
            other.name != node
                && !distances.contains_key(&other.name)
                && other.outputs.iter().any(
                    |out| matches!(out.kind, NodeOutputKind::Artifact { port_type, .. } if fits(port.port_type, port_type)),
                )
        })
        .map(|other| other.name.as_str())
        .collect();
    let hint = if providers.is_empty() {
        format!(
            "add a step that provides one before {node}, or give its address as the argument {:?}",
            port.name
        )
    } else {
        format!("run {node} after {}", providers.join(" or "))
    };
    Problem::new(
        node,
        format!("its input {:?} needs a {wanted}, but no earlier step provides one", port.name),
        hint,
    )
}
