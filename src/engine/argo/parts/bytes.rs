//! How much of a manifest each step takes up.

use std::collections::HashMap;

use super::super::super::EngineError;
use super::super::super::kubernetes::yaml;
use super::super::call::call;
use super::super::context::{Context, Scope};
use crate::ir::Workflow;

/// Columns by which templates and tasks are indented in a manifest.
const TEMPLATE_INDENTATION: usize = 2;
const TASK_INDENTATION: usize = 6;
/// A schedule puts the whole workflow one level deeper.
const SCHEDULE_INDENTATION: usize = 2;

/// Bytes that each step of the graph adds to the manifest that is really written: its task and its templates.
///
/// # Errors
/// What Argo cannot express, with the step and the feature.
pub fn step_bytes(workflow: &Workflow) -> Result<HashMap<String, usize>, EngineError> {
    let context = Context::new(workflow);
    let deeper = if workflow.schedule.is_some() { SCHEDULE_INDENTATION } else { 0 };
    let mut bytes = HashMap::with_capacity(workflow.graph.node_count());
    for index in workflow.topological() {
        let node = &workflow.graph[index];
        let dependencies = workflow.dependencies(index).into_iter().map(str::to_owned).collect();
        let (task, templates) = call(&context, node, dependencies, Scope::Dag)?;
        let written = indented(&yaml::write(&[task])?, deeper + TASK_INDENTATION)
            + indented(&yaml::write(&templates)?, deeper + TEMPLATE_INDENTATION);
        bytes.insert(node.name.clone(), written);
    }
    Ok(bytes)
}

fn indented(text: &str, columns: usize) -> usize {
    text.len() + columns * text.lines().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::argo::Argo;
    use crate::engine::testing::{Reach, random_program_within};
    use crate::engine::{Engine, GenerateOptions};
    use crate::ir::{NoComponents, lower};

    proptest! {
        #[test]
        fn the_bytes_of_the_steps_are_those_that_the_manifest_grows_by(
            program in random_program_within(Reach::ARGO.in_parts()),
        ) {
            let mut workflow = lower(&program, &NoComponents).unwrap();
            let of_steps: usize = step_bytes(&workflow).unwrap().values().sum();
            let whole = Argo.generate(&workflow, &GenerateOptions::default()).unwrap().remove(0).content;
            workflow.graph.clear();
            let empty = Argo.generate(&workflow, &GenerateOptions::default()).unwrap().remove(0).content;
            let grown = whole.len() - empty.len();
            let difference = of_steps.abs_diff(grown);
            prop_assert!(difference * 20 <= grown + 2000, "{} of steps, {} in the manifest", of_steps, grown);
        }
    }
}
