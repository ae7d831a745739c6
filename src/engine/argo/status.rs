//! How steps ended: `depends` instead of `dependencies`, and a task that decides how the workflow went.
//!
//! Argo calls a DAG failed if a step without dependents failed, or did not run behind one that failed. A failure that a
//! step handles would count there, because of the other steps that did not run. So the last task of such a DAG waits
//! for all others: it runs if every failure was tolerated or handled, else the DAG has failed with it.

use indexmap::IndexMap;

use super::context::Context;
use super::leaf::ROLE;
use super::manifest::{Call, Metadata, Suspend, Template};
use crate::ir::Node;

/// Value of [`ROLE`] of the task that decides how the workflow went.
pub(crate) const VERDICT: &str = "verdict";

/// How steps may end, in the words of `depends`. Argo tells an error of the infrastructure from a failure, and a step
/// whose condition did not hold from one that was left out behind a failure.
const THROUGH: [&str; 3] = ["Succeeded", "Skipped", "Daemoned"];
const FAILED: [&str; 2] = ["Failed", "Errored"];
const LEFT_OUT: [&str; 1] = ["Omitted"];

/// The phases of Argo's nodes that are this status.
pub(crate) fn phases(status: &str) -> &'static [&'static str] {
    match status {
        "Failed" => &["Failed", "Error"],
        "Skipped" => &["Skipped", "Omitted"],
        _ => &["Succeeded"],
    }
}

/// The status of a step as a text, in the words of the unified API.
pub(crate) fn text(step: &str) -> String {
    let phase = format!("tasks['{step}'].status");
    format!(
        "{{{{={phase} == 'Succeeded' ? 'Succeeded' : ({phase} in ['Failed', 'Error'] ? 'Failed' : 'Skipped')}}}}"
    )
}

/// The step whose status a tag of [`text`] is.
pub(crate) fn step_of(tag: &str) -> Option<&str> {
    tag.strip_prefix("=tasks['")?.split_once("'].status ").map(|(step, _)| step)
}

/// Puts an expression in the place of the dependencies of a task.
pub(crate) fn depend(context: &Context<'_>, node: &Node, task: &mut Call) {
    let awaited = node.awaited();
    let tolerated = |name: &str| context.node(name).is_some_and(|node| node.settings.continue_on_failure);
    let parts: Vec<String> = std::mem::take(&mut task.dependencies)
        .into_iter()
        .map(|name| match (awaited.contains(&name.as_str()), tolerated(&name)) {
            (true, _) => any(&name, &[&THROUGH, &FAILED, &LEFT_OUT]),
            (false, true) => any(&name, &[&THROUGH, &FAILED]),
            (false, false) => name,
        })
        .collect();
    task.depends = (!parts.is_empty()).then(|| parts.join(" && "));
}

/// The task that decides how the workflow went, with its template.
pub(crate) fn verdict(context: &Context<'_>) -> (Call, Template) {
    let name = context.template_name(VERDICT);
    let graph = &context.workflow.graph;
    let parts: Vec<String> = context
        .workflow
        .topological()
        .into_iter()
        .map(|index| {
            let node = &graph[index];
            let readers = graph.neighbors(index).map(|reader| &graph[reader]);
            let handled = readers.filter(|reader| reader.awaited().contains(&node.name.as_str()));
            let handled: Vec<String> =
                handled.flat_map(|reader| ends(&reader.name, &["Succeeded", "Failed", "Errored"])).collect();
            let through = [&THROUGH[..], &LEFT_OUT].concat();
            let mut good = ends(&node.name, &through);
            if node.settings.continue_on_failure {
                good.extend(ends(&node.name, &FAILED));
            }
            good.extend(handled);
            format!("({})", good.join(" || "))
        })
        .collect();
    let annotations = IndexMap::from([(ROLE.to_owned(), VERDICT.to_owned())]);
    let template = Template {
        name: name.clone(),
        metadata: Metadata { annotations, ..Metadata::default() },
        suspend: Some(Suspend { duration: "1s".to_owned() }),
        ..Template::default()
    };
    let depends = Some(parts.join(" && "));
    (Call { template: name.clone(), name, depends, ..Call::default() }, template)
}

fn ends(name: &str, words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("{name}.{word}")).collect()
}

fn any(name: &str, words: &[&[&str]]) -> String {
    format!("({})", ends(name, &words.concat()).join(" || "))
}
