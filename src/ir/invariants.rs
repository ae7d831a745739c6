//! What always holds for a workflow graph, checked in one place.

use std::collections::HashMap;

use petgraph::algo::toposort;

use super::{Carry, Node, NodeOutput, NodeOutputKind, Workflow};
use crate::api::{ADDRESS, Input, MapItems, Problem, Problems};

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
    if toposort(&workflow.graph, None).is_err() {
        problems.push(Problem::new(
            "/steps",
            "steps wait for each other in a cycle",
            "remove one of the dependencies",
        ));
    }
    problems.extend(workflow.nodes().filter(|node| reads_itself(node)).map(|node| {
        let hint =
            "read the output of an earlier step; only the condition of exec_while may read its own step";
        Problem::new(&node.name, "it waits for an output of its own", hint)
    }));
    for edge in workflow.graph.edge_indices() {
        let Some((from, to)) = workflow.graph.edge_endpoints(edge) else { continue };
        let (from, to) = (&workflow.graph[from], &workflow.graph[to]);
        let carries = &workflow.graph[edge].carries;
        problems.extend(carries.iter().filter_map(|carry| missing_output(from, to, carry)));
    }
    problems.extend(workflow.nodes().flat_map(missing_in_loop));
    problems.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

/// Whether a step waits for itself: over its own list, or with its own file. Conditions are checked with the program.
fn reads_itself(node: &Node) -> bool {
    let over = node.map.as_ref().map(|map| &map.over);
    let file = |input: &Input| matches!(input, Input::Artifact { step, .. } if *step == node.name);
    matches!(over, Some(MapItems::Output { step, .. }) if *step == node.name) || node.inputs.iter().any(file)
}

/// What the condition of a loop reads of its own step and is not there.
fn missing_in_loop(node: &Node) -> Vec<Problem> {
    let outputs = node.exec_while.iter().flat_map(|repeat| repeat.condition.outputs());
    let own = outputs.filter(|(step, _)| *step == node.name);
    own.filter_map(|(_, output)| missing_output(node, node, &Carry::Parameter { output: output.to_owned() }))
        .collect()
}

/// The problem that a step reads what another does not write, if that is so.
pub(super) fn missing_output(from: &Node, to: &Node, carry: &Carry) -> Option<Problem> {
    let (kind, output) = match carry {
        Carry::Artifact { output, .. } => ("artifact", output),
        Carry::Parameter { output } => ("value", output),
        Carry::Status => return None,
    };
    let of_kind =
        |out: &&NodeOutput| matches!(out.kind, NodeOutputKind::Artifact { .. }) == (kind == "artifact");
    let declared = from.outputs.iter().filter(of_kind).map(|out| out.name.as_str());
    let known: Vec<&str> = declared
        .chain((kind == "value").then_some("result"))
        .chain((kind == "value" && from.settings.daemon).then_some(ADDRESS))
        .collect();
    (!known.contains(&output.as_str())).then(|| {
        Problem::new(
            &to.name,
            format!("it reads the {kind} {output:?} of step {:?}, which does not write it", from.name),
            crate::api::choices(output, known.into_iter()),
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::api::parse_program;
    use crate::ir::{NoComponents, lower};

    #[test]
    fn a_step_that_waits_for_itself_is_refused() {
        let artifact = "outputs: [{name: m, source: {kind: artifact, path: /o/m}}], inputs: [{kind: artifact, name: m, step: a, output: m}]";
        for wrong in ["map: {over: {kind: output, step: a, output: result}}", artifact] {
            let program = format!(
                "version: couler/v1\nname: w\nsteps: [{{name: a, run: {{function: run_container, image: i}}, {wrong}}}]\n"
            );
            let problems = match parse_program(&program) {
                Ok(program) => lower(&program, &NoComponents).unwrap_err().to_string(),
                Err(error) => error.to_string(),
            };
            assert!(problems.contains("it waits for an output of its own"), "{problems}");
        }
    }
}
