//! From a program to the graph.

use std::borrow::Cow;
use std::collections::HashMap;

use indexmap::IndexMap;
use petgraph::graph::{DiGraph, NodeIndex};

use super::invariants::missing_output;
use super::resolve::{Components, Resolved, resolve};
use super::wire::wire;
use super::{Action, Carry, Edge, Node, Workflow, check};
use crate::api::{
    Condition, Function, Input, MapItems, Problem, Problems, Program, References, STATUS, Step, Template,
    WORKFLOW, direct_dependencies, value_dependencies,
};

/// Makes the graph of a valid program: groups are flattened, components resolved, open ports wired.
///
/// # Errors
/// Unknown components, wrong arguments, ports that nothing feeds, references to outputs that do not exist.
pub fn lower(program: &Program, components: &dyn Components) -> Result<Workflow, Problems> {
    let mut lowering = Lowering::default();
    let steps = flattened(&program.steps, "/steps", &[], None, &mut lowering.groups);
    let nodes = lowering.resolve_all(&steps, components);
    if !lowering.problems.is_empty() {
        return Err(Problems(lowering.problems));
    }
    let nodes = lowering.wire_all(&steps, nodes)?;
    let on_exit = lowering.exit_nodes(program, components)?;
    let graph = lowering.build(&steps, nodes)?;
    let workflow = Workflow {
        name: program.name.clone(),
        description: program.description.clone(),
        parameters: program.parameters.clone(),
        schedule: program.schedule.clone(),
        settings: program.settings.clone(),
        graph,
        on_exit,
        notes: lowering.notes,
    };
    check(&workflow)?;
    Ok(workflow)
}

/// A leaf step with everything its groups add.
struct Leaf<'a> {
    path: String,
    step: Cow<'a, Step>,
}

#[derive(Default)]
struct Lowering {
    /// Members of each `concurrent` group, leaves only.
    groups: HashMap<String, Vec<String>>,
    /// Ports, inherited requirements per step.
    ports: HashMap<String, (Vec<crate::api::InputPort>, Vec<String>)>,
    problems: Vec<Problem>,
    notes: Vec<String>,
}

fn flattened<'a>(
    steps: &'a [Step],
    path: &str,
    after: &[String],
    when: Option<&Condition>,
    groups: &mut HashMap<String, Vec<String>>,
) -> Vec<Leaf<'a>> {
    let mut leaves = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{path}/{index}");
        let outer_after = || step.after.iter().chain(after).cloned().collect();
        let both = || match (&step.when, when) {
            (Some(own), Some(group)) => Some(Condition::And(vec![group.clone(), own.clone()])),
            (own, group) => own.as_ref().or(group).cloned(),
        };
        if let Function::Concurrent(group) = &step.run {
            let (after, when): (Vec<String>, _) = (outer_after(), both());
            let members =
                flattened(&group.steps, &format!("{path}/run/steps"), &after, when.as_ref(), groups);
            groups.insert(step.name.clone(), members.iter().map(|leaf| leaf.step.name.clone()).collect());
            leaves.extend(members);
        } else if after.is_empty() && when.is_none() {
            leaves.push(Leaf { path, step: Cow::Borrowed(step) });
        } else {
            let step = Step { after: outer_after(), when: both(), ..step.clone() };
            leaves.push(Leaf { path, step: Cow::Owned(step) });
        }
    }
    leaves
}

impl Lowering {
    fn resolve_all(&mut self, leaves: &[Leaf<'_>], components: &dyn Components) -> IndexMap<String, Node> {
        let mut nodes = IndexMap::with_capacity(leaves.len());
        for leaf in leaves {
            match resolve(&leaf.path, &leaf.step, components) {
                Ok(resolved) => {
                    nodes.insert(leaf.step.name.clone(), self.node(&leaf.step, resolved));
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        nodes
    }

    fn node(&mut self, step: &Step, resolved: Resolved) -> Node {
        self.ports.insert(step.name.clone(), (resolved.ports, resolved.inherit_requirements));
        Node {
            name: step.name.clone(),
            description: step.description.clone(),
            component: resolved.component,
            action: resolved.action,
            condition: step.when.clone(),
            map: step.map.clone(),
            exec_while: step.exec_while.clone(),
            inputs: resolved.inputs,
            outputs: resolved.outputs,
            settings: step.settings.clone(),
            estimate: resolved.estimate,
        }
    }

    /// Names a step waits for, with groups replaced by their members.
    fn dependencies(&self, step: &Step) -> Vec<String> {
        let mut names = Vec::new();
        for name in direct_dependencies(step) {
            match self.groups.get(&name) {
                Some(members) => names.extend(members.iter().cloned()),
                None => names.push(name),
            }
        }
        names
    }

    fn wire_all(
        &mut self,
        leaves: &[Leaf<'_>],
        mut nodes: IndexMap<String, Node>,
    ) -> Result<IndexMap<String, Node>, Problems> {
        if self.ports.values().all(|(ports, inherited)| ports.is_empty() && inherited.is_empty()) {
            return Ok(nodes);
        }
        let mut depends: HashMap<String, Vec<String>> =
            leaves.iter().map(|leaf| (leaf.step.name.clone(), self.dependencies(&leaf.step))).collect();
        let order: HashMap<String, usize> =
            leaves.iter().enumerate().map(|(index, leaf)| (leaf.step.name.clone(), index)).collect();
        for name in producers_first(&depends, &order) {
            let (ports, inherit) = self.ports.get(&name).cloned().unwrap_or_default();
            match wire(&name, &ports, &nodes, &depends, &order, &mut self.notes) {
                Ok(wired) => {
                    let known = depends.entry(name.clone()).or_default();
                    for input in &wired {
                        if let Input::Artifact { step, .. } = input
                            && !known.contains(step)
                        {
                            known.push(step.clone());
                        }
                    }
                    nodes.entry(name.clone()).and_modify(|node| node.inputs.extend(wired));
                    inherit_requirements(&name, &inherit, &mut nodes);
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        if self.problems.is_empty() { Ok(nodes) } else { Err(Problems(std::mem::take(&mut self.problems))) }
    }

    fn exit_nodes(&mut self, program: &Program, components: &dyn Components) -> Result<Vec<Node>, Problems> {
        let mut nodes = Vec::new();
        for (index, step) in program.on_exit.iter().enumerate() {
            match resolve(&format!("/on_exit/{index}"), step, components) {
                Ok(resolved) => {
                    let node = self.node(step, resolved);
                    for (name, carry) in carried(step, &node) {
                        let from = nodes.iter().find(|earlier: &&Node| earlier.name == name);
                        self.problems.extend(from.and_then(|from| missing_output(from, &node, &carry)));
                    }
                    nodes.push(node);
                }
                Err(problems) => self.problems.extend(problems),
            }
            let earlier = |name: &str| program.on_exit.iter().take(index).any(|earlier| earlier.name == name);
            let later = |name: &str| program.on_exit.iter().skip(index).any(|later| later.name == name);
            let values = value_dependencies(step);
            let refused = direct_dependencies(step).into_iter();
            for name in refused.filter(|name| later(name) || (values.contains(name) && !earlier(name))) {
                self.problems.push(Problem::new(
                    format!("/on_exit/{index}"),
                    format!("a step that runs at the end cannot read from {name:?}"),
                    "it can read the outputs of earlier exit steps, `workflow.status`, and the status of steps",
                ));
            }
        }
        if self.problems.is_empty() { Ok(nodes) } else { Err(Problems(std::mem::take(&mut self.problems))) }
    }

    fn build(
        &self,
        leaves: &[Leaf<'_>],
        nodes: IndexMap<String, Node>,
    ) -> Result<DiGraph<Node, Edge>, Problems> {
        let mut graph = DiGraph::with_capacity(leaves.len(), leaves.len() * 2);
        let index_of: HashMap<String, NodeIndex> =
            nodes.into_iter().map(|(name, node)| (name, graph.add_node(node))).collect();
        for leaf in leaves {
            let to = index_of[leaf.step.name.as_str()];
            let mut carries: IndexMap<String, Edge> =
                self.dependencies(&leaf.step).into_iter().map(|name| (name, Edge::default())).collect();
            for (name, carry) in carried(&leaf.step, &graph[to]) {
                let edge = carries.entry(name).or_default();
                if !edge.carries.contains(&carry) {
                    edge.carries.push(carry);
                }
            }
            for (name, edge) in carries {
                let Some(from) = index_of.get(name.as_str()) else {
                    let hint = crate::api::choices(&name, index_of.keys().map(String::as_str));
                    return Err(Problems(vec![Problem::new(
                        &leaf.path,
                        format!("there is no step {name:?}"),
                        hint,
                    )]));
                };
                graph.add_edge(*from, to, edge);
            }
        }
        Ok(graph)
    }
}

/// Everything a node reads from other nodes.
fn carried(step: &Step, node: &Node) -> Vec<(String, Carry)> {
    let mut found = Vec::new();
    for input in &node.inputs {
        if let Input::Artifact { name, step, output, .. } = input {
            found.push((step.clone(), Carry::Artifact { output: output.clone(), port: name.clone() }));
        }
    }
    let mut parameter = |step: &str, output: &str| {
        let carry =
            if output == STATUS { Carry::Status } else { Carry::Parameter { output: output.to_owned() } };
        if step != WORKFLOW && step != node.name {
            found.push((step.to_owned(), carry));
        }
    };
    for condition in
        [node.condition.as_ref(), node.exec_while.as_ref().map(|l| &l.condition)].into_iter().flatten()
    {
        condition.outputs().into_iter().for_each(|(step, output)| parameter(step, output));
    }
    if let Some(MapItems::Output { step, output }) = node.map.as_ref().map(|map| &map.over) {
        parameter(step, output);
    }
    for text in crate::api::texts_with_references(step) {
        Template::parse(&text, References::Values)
            .outputs()
            .for_each(|(step, output)| parameter(step, output));
    }
    found
}

/// Names ordered so that each comes after what it depends on; ties in program order.
fn producers_first(depends: &HashMap<String, Vec<String>>, order: &HashMap<String, usize>) -> Vec<String> {
    let mut names: Vec<&String> = depends.keys().collect();
    names.sort_by_key(|name| order.get(*name));
    let mut done: HashMap<&str, bool> = HashMap::new();
    let mut sorted = Vec::with_capacity(names.len());
    for start in names {
        let mut stack: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = stack.pop() {
            if next == 0 && done.insert(name, false).is_some() {
                continue;
            }
            match depends.get(name).and_then(|children| children.get(next)) {
                Some(child) => {
                    stack.push((name, next + 1));
                    if !done.contains_key(child.as_str()) && depends.contains_key(child) {
                        stack.push((child, 0));
                    }
                }
                None => {
                    done.insert(name, true);
                    sorted.push(name.to_owned());
                }
            }
        }
    }
    sorted
}

/// A node that loads another's artifact may need the packages that made it.
fn inherit_requirements(name: &str, ports: &[String], nodes: &mut IndexMap<String, Node>) {
    let mut extra: Vec<String> = Vec::new();
    for input in &nodes[name].inputs {
        if let Input::Artifact { name: port, step, .. } = input
            && ports.contains(port)
            && let Some(Action::Script { requirements, .. }) = nodes.get(step).map(|node| &node.action)
        {
            extra.extend(requirements.iter().cloned());
        }
    }
    if let Some(Action::Script { requirements, .. }) = nodes.get_mut(name).map(|node| &mut node.action) {
        requirements.extend(extra);
        requirements.sort();
        requirements.dedup();
    }
}
