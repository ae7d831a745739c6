//! The graph that a manifest must give back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::{Condition, Job, Literal, MapItems};
use crate::engine::{RecoveredGraph, RecoveredStep};
use crate::ir::{Action, Node, Workflow};

/// Turns some scripts into components, which programs cannot hold without a code lake.
pub(crate) fn with_components(mut workflow: Workflow) -> Workflow {
    for node in workflow.graph.node_weights_mut().filter(|node| node.name.len() % 2 == 0) {
        if let Action::Script { arguments, source, .. } = &mut node.action {
            let words = source.replace("{{steps.", "{ {steps.");
            *arguments = Some(
                serde_json::json!({"text": words, "day": "{{parameters.free}}", "n": [1, {"a": {"b": {}}}]}),
            );
            node.component = Some("data.split".into());
        }
    }
    workflow
}

/// What the manifest must give back of a condition: `in` with one value is `==`, and a list with any text is text.
fn normalized(condition: &Condition) -> Condition {
    match condition {
        Condition::In { left, values } => {
            let numbers = values.iter().all(|value| matches!(value, Literal::Number(_)));
            let as_read =
                |value: &Literal| if numbers { value.clone() } else { Literal::Text(value.text().into()) };
            match &values[..] {
                [only] => Condition::Compare {
                    left: left.clone(),
                    comparison: crate::api::Comparison::Equal,
                    right: crate::api::Operand::Literal(as_read(only)),
                },
                _ => Condition::In { left: left.clone(), values: values.iter().map(as_read).collect() },
            }
        }
        Condition::And(parts) => Condition::And(parts.iter().map(normalized).collect()),
        Condition::Or(parts) => Condition::Or(parts.iter().map(normalized).collect()),
        Condition::Compare { .. } => condition.clone(),
    }
}

fn words(condition: &Condition) -> String {
    normalized(condition).to_string().parse::<Condition>().unwrap().to_string()
}

/// What a manifest must say about a step.
pub(crate) fn expected_step(node: &Node, after: BTreeSet<String>) -> RecoveredStep {
    let (kind, image) = match &node.action {
        Action::Container { image, .. } => ("container", Some(image.clone())),
        Action::Script { image, .. } => ("script", Some(image.clone())),
        Action::Job { job } => {
            let image = match job {
                Job::PyTorchJob(job) | Job::TFJob(job) | Job::MPIJob(job) | Job::XGBoostJob(job) => {
                    job.image.clone()
                }
                Job::Katib(search) => search.image.clone(),
                Job::Manifest(_) => "a:1".to_owned(),
            };
            ("job", Some(image))
        }
    };
    let items = node.map.as_ref().map(|map| match &map.over {
        MapItems::Output { step, output } => vec![format!("steps.{step}.{output}")],
        MapItems::Parameter { name } => vec![format!("parameters.{name}")],
        over => match over.interval() {
            Some((start, end)) => vec![format!("{start}..{end}")],
            None => over.fixed().unwrap().iter().map(Value::to_string).collect(),
        },
    });
    RecoveredStep {
        component: node.component.clone(),
        kind: kind.to_owned(),
        image,
        after,
        when: node.condition.as_ref().map(words),
        items,
        map_parallelism: node.map.as_ref().and_then(|map| map.parallelism),
        exec_while: node.exec_while.as_ref().map(|repeat| (words(&repeat.condition), repeat.limit)),
        retries: node.settings.retry.as_ref().map(|retry| retry.limit),
        timeout: node.settings.timeout.map(crate::api::Duration::seconds),
        cache: node
            .settings
            .cache
            .as_ref()
            .map(|cache| cache.max_age.map_or(0, crate::api::Duration::seconds)),
        resources: BTreeMap::new(),
        texts: Vec::new(),
    }
}

fn without_details(mut step: RecoveredStep) -> RecoveredStep {
    step.resources.clear();
    step.texts.clear();
    step
}

/// Asserts that what was recovered from a manifest is the graph, with every condition, item and setting.
pub(crate) fn assert_isomorphic(workflow: &Workflow, recovered: RecoveredGraph) {
    let steps = workflow.graph.node_indices().map(|index| {
        let node = &workflow.graph[index];
        let after = workflow.dependencies(index).into_iter().map(str::to_owned).collect();
        (node.name.clone(), expected_step(node, after))
    });
    let steps: BTreeMap<String, RecoveredStep> = steps.collect();
    let found: BTreeMap<String, RecoveredStep> =
        recovered.steps.into_iter().map(|(name, step)| (name, without_details(step))).collect();
    assert_eq!(found, steps);
    let exit: BTreeMap<String, RecoveredStep> = workflow
        .on_exit
        .iter()
        .map(|node| (node.name.clone(), expected_step(node, BTreeSet::new())))
        .collect();
    let found: BTreeMap<String, RecoveredStep> =
        recovered.exit_steps.into_iter().map(|(name, step)| (name, without_details(step))).collect();
    assert_eq!(found, exit);
    assert_eq!(recovered.on_exit, workflow.on_exit.iter().map(|node| node.name.clone()).collect::<Vec<_>>());
    assert_eq!(recovered.name, workflow.name);
    assert_eq!(recovered.schedule, workflow.schedule.as_ref().map(|s| (s.cron.clone(), s.timezone.clone())));
    let parameters = workflow.parameters.iter().map(|(name, p)| (name.clone(), p.default.clone())).collect();
    assert_eq!(recovered.parameters, parameters);
    assert_eq!(recovered.parallelism, workflow.settings.parallelism);
    assert_eq!(recovered.time_limit, workflow.settings.time_limit.map(crate::api::Duration::seconds));
}
