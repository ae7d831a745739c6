//! Tests of whole manifests: small ones word by word, random ones by their properties.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::super::testing::random_program;
use super::super::{Engine, GenerateOptions, RecoveredStep};
use super::{Argo, lint_argo, recover, workflow, yaml};
use crate::api::{Condition, Job, Literal, MapItems, Program, check_program, parse_program, program_from_value};
use crate::ir::{Action, NoComponents, Node, Workflow, lower};

fn generate(workflow: &Workflow) -> String {
    Argo.generate(workflow, &GenerateOptions::default()).unwrap().remove(0).content
}

fn graph(program: &str) -> Workflow {
    lower(&parse_program(program).unwrap(), &NoComponents).unwrap()
}

/// What the manifest must give back of a condition: `in` with one value is `==`, and a list with any text is text.
fn normalized(condition: &Condition) -> Condition {
    match condition {
        Condition::In { left, values } => {
            let numbers = values.iter().all(|value| matches!(value, Literal::Number(_)));
            let as_read = |value: &Literal| if numbers { value.clone() } else { Literal::Text(value.text().into()) };
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
        other => other.clone(),
    }
}

fn words(condition: &Condition) -> String {
    normalized(condition).to_string().parse::<Condition>().unwrap().to_string()
}

fn expected_step(node: &Node, after: BTreeSet<String>) -> RecoveredStep {
    let (kind, image) = match &node.action {
        Action::Container { image, .. } => ("container", Some(image.clone())),
        Action::Script { image, .. } => ("script", Some(image.clone())),
        Action::Job { job } => {
            let image = match job {
                Job::PyTorchJob(job) | Job::TFJob(job) | Job::MPIJob(job) | Job::XGBoostJob(job) => job.image.clone(),
                Job::Katib(search) => search.image.clone(),
                Job::Manifest(_) => "a:1".to_owned(),
            };
            ("job", Some(image))
        }
    };
    let items = node.map.as_ref().map(|map| match &map.over {
        MapItems::List { items } => items.iter().map(Value::to_string).collect(),
        MapItems::Range { start, end } => vec![format!("{start}..{end}")],
        MapItems::Output { step, output } => vec![format!("steps.{step}.{output}")],
        MapItems::Parameter { name } => vec![format!("parameters.{name}")],
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
        cache: node.settings.cache.as_ref().map(|cache| cache.max_age.map_or(0, crate::api::Duration::seconds)),
        resources: BTreeMap::new(),
        texts: Vec::new(),
    }
}

fn without_details(mut step: RecoveredStep) -> RecoveredStep {
    step.resources.clear();
    step.texts.clear();
    step
}

fn assert_isomorphic(workflow: &Workflow, manifest: &str) {
    let recovered = recover(manifest).unwrap();
    let steps = workflow.graph.node_indices().map(|index| {
        let node = &workflow.graph[index];
        let after = workflow.dependencies(index).into_iter().map(str::to_owned).collect();
        (node.name.clone(), expected_step(node, after))
    });
    let steps: BTreeMap<String, RecoveredStep> = steps.collect();
    let found: BTreeMap<String, RecoveredStep> =
        recovered.steps.into_iter().map(|(name, step)| (name, without_details(step))).collect();
    assert_eq!(found, steps);
    let exit: BTreeMap<String, RecoveredStep> =
        workflow.on_exit.iter().map(|node| (node.name.clone(), expected_step(node, BTreeSet::new()))).collect();
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

/// The YAML text says exactly what the typed manifest says.
fn assert_faithful(workflow: &Workflow, manifest: &str) {
    let typed = serde_json::to_value(workflow::document(workflow, &GenerateOptions::default()).unwrap()).unwrap();
    let read: Vec<Value> = yaml::read_all(manifest).unwrap();
    assert_eq!(read, [typed]);
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_comes_back(program in random_program()) {
        check_program(&program).unwrap();
        let value = serde_json::to_value(&program).unwrap();
        prop_assert_eq!(&serde_json::to_value(program_from_value(value.clone()).unwrap()).unwrap(), &value);
        let workflow = lower(&program, &NoComponents).unwrap();
        let manifest = generate(&workflow);
        assert_faithful(&workflow, &manifest);
        prop_assert_eq!(lint_argo(&manifest).unwrap(), []);
        assert_isomorphic(&workflow, &manifest);
    }
}

/// Writes a sample for checks by other tools (`argo_schema.py`, PyYAML) into the folder `COULER_SAMPLE_DIR`.
#[test]
fn sample_for_other_validators() {
    use proptest::strategy::ValueTree;
    let Ok(folder) = std::env::var("COULER_SAMPLE_DIR") else { return };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for number in 0..500 {
        let program: Program = random_program().new_tree(&mut runner).unwrap().current();
        let workflow = lower(&program, &NoComponents).unwrap();
        let typed = workflow::document(&workflow, &GenerateOptions::default()).unwrap();
        std::fs::write(format!("{folder}/{number}.yaml"), generate(&workflow)).unwrap();
        std::fs::write(format!("{folder}/{number}.json"), serde_json::to_string(&typed).unwrap()).unwrap();
    }
}

#[test]
fn a_thousand_steps_take_milliseconds() {
    let steps: Vec<String> = (0..1000)
        .map(|n| {
            let after = if n == 0 { String::new() } else { format!(", after: [s{}]", n - 1) };
            format!("- {{name: s{n}, run: {{function: run_container, image: 'alpine:3', args: ['{n}']}}{after}}}\n")
        })
        .collect();
    let workflow = graph(&format!("version: couler/v1\nname: long\nsteps:\n{}", steps.concat()));
    let start = std::time::Instant::now();
    let manifest = generate(&workflow);
    let elapsed = start.elapsed();
    eprintln!("1,000 steps: {elapsed:?}, {} bytes", manifest.len());
    assert!(elapsed.as_millis() < 2000, "{elapsed:?}");
    assert_eq!(recover(&manifest).unwrap().steps.len(), 1000);
}

#[test]
fn show() {
    let Ok(path) = std::env::var("SHOW") else { return };
    println!("{}", generate(&graph(&std::fs::read_to_string(path).unwrap())));
}
