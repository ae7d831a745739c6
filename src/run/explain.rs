//! Why each step of a workflow would run, or would not.

use serde::Serialize;

use super::RunSettings;
use super::digest::StatCache;
use super::facts::Facts;
use super::prepare::Workshop;
use super::python::Environments;
use super::scheduler::Plan;
use super::store::{Store, now};
use super::task::{Results, Task};
use super::values::Values;
use crate::ir::Workflow;

/// What would happen to a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prospect {
    /// The step.
    pub step: String,
    /// Whether an earlier result stands for it.
    pub cached: bool,
    /// Why.
    pub reason: String,
}

/// What would happen to each step if the workflow ran now, in topological order.
pub fn prospects(workflow: &Workflow, settings: &RunSettings, store: &Store) -> Vec<Prospect> {
    let files = StatCache::open(&settings.folder.join("digests"));
    let environments =
        Environments::new(settings.python.clone(), settings.uv.clone(), settings.environments.clone());
    let workshop = Workshop { settings, files: &files, environments: &environments, masks: settings.masks() };
    let plan = Plan::new(workflow, settings.machine);
    let facts = Facts::of(workflow, &settings.folder, now());
    let mut values = Values { facts, ..Values::default() };
    for (name, parameter) in &workflow.parameters {
        if let Some(value) = settings.parameters.get(name).or(parameter.default.as_ref()) {
            values.parameters.insert(name.clone(), value.clone());
        }
    }
    let mut results = Results { values, ..Results::default() };
    let mut open = vec![false; plan.entries.len()];
    let mut found = Vec::new();
    for node in 0..plan.entries.len() {
        let step = plan.node(node);
        let waits = plan.entries[node].parents.iter().find(|parent| open[**parent]);
        let known = match waits {
            Some(parent) => {
                Err(format!("its inputs come from {}, which runs first", plan.node(*parent).name))
            }
            None if step.map.is_some() => Err("its items are looked up one by one when it runs".to_owned()),
            None => {
                let task = Task { node, instance: 0 };
                workshop.prepare(&plan, task, None, &results).map_err(|failure| failure.message).and_then(
                    |prepared| match (
                        prepared.uncached,
                        store.lookup(&prepared.key, oldest(step), &prepared.watched, &files),
                    ) {
                        (Some(reason), _) => Err(reason.to_owned()),
                        (None, Some(entry)) => Ok(entry.done.clone()),
                        (None, None) if store.knows(&prepared.key) => {
                            let names: Vec<String> = prepared
                                .watched
                                .inputs()
                                .map(|path| path.strip_prefix(&settings.working_dir).unwrap_or(path))
                                .map(|path| path.display().to_string())
                                .collect();
                            Err(format!("a file that it names has changed or is gone: {}", names.join(", ")))
                        }
                        (None, None) => Err("there is no result for this step with these inputs".to_owned()),
                    },
                )
            }
        };
        let (cached, reason) = match known {
            Ok(done) => {
                let reason = format!("a result is there; it took {:.1} s", done.seconds);
                let held =
                    step.condition.as_ref().is_none_or(|condition| results.values.holds(condition, None));
                results.keep(node, &step.name, false, vec![Some(done)]);
                (true, if held { reason } else { "its condition does not hold now".to_owned() })
            }
            Err(reason) => (false, reason),
        };
        open[node] = !cached;
        found.push(Prospect { step: step.name.clone(), cached, reason });
    }
    found
}

fn oldest(node: &crate::ir::Node) -> u64 {
    let age = node.settings.cache.as_ref().and_then(|cache| cache.max_age);
    age.map_or(0, |age| now().saturating_sub(age.seconds()))
}
