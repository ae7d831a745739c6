//! Tests of whole manifests: small ones word by word, random ones by their properties.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::super::testing::random_program;
use super::super::{Engine, GenerateOptions, RecoveredStep};
use super::{Argo, lint_argo, recover, workflow, yaml};
use crate::api::{
    ArtifactLocation, Condition, Input, Job, Literal, MapItems, PortType, Program, check_program,
    parse_program, program_from_value,
};
use crate::ir::{Action, NoComponents, Node, NodeOutput, NodeOutputKind, Workflow, lower};

fn generate(workflow: &Workflow) -> String {
    Argo.generate(workflow, &GenerateOptions::default()).unwrap().remove(0).content
}

fn graph(program: &str) -> Workflow {
    lower(&parse_program(program).unwrap(), &NoComponents).unwrap()
}

/// Turns some scripts into components, which programs cannot hold without a code lake.
fn with_components(mut workflow: Workflow) -> Workflow {
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

fn expected_step(node: &Node, after: BTreeSet<String>) -> RecoveredStep {
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

/// The YAML text says exactly what the typed manifest says.
fn assert_faithful(workflow: &Workflow, manifest: &str) {
    let typed =
        serde_json::to_value(workflow::document(workflow, &GenerateOptions::default()).unwrap()).unwrap();
    let read: Vec<Value> = yaml::read_all(manifest).unwrap();
    assert_eq!(read, [typed]);
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_comes_back(program in random_program()) {
        check_program(&program).unwrap();
        let value = serde_json::to_value(&program).unwrap();
        prop_assert_eq!(&serde_json::to_value(program_from_value(&value).unwrap()).unwrap(), &value);
        let workflow = with_components(lower(&program, &NoComponents).unwrap());
        let manifest = generate(&workflow);
        assert_faithful(&workflow, &manifest);
        prop_assert_eq!(lint_argo(&manifest).unwrap(), []);
        assert_isomorphic(&workflow, &manifest);
    }
}

/// Writes a sample for checks by other tools (`argo_schema.py`, `PyYAML`) into the folder `COULER_SAMPLE_DIR`.
#[test]
fn sample_for_other_validators() {
    use proptest::strategy::ValueTree;
    let Ok(folder) = std::env::var("COULER_SAMPLE_DIR") else {
        eprintln!("skipped: set COULER_SAMPLE_DIR to a folder to get a sample of manifests");
        return;
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for number in 0..500 {
        let program: Program = random_program().new_tree(&mut runner).unwrap().current();
        let workflow = with_components(lower(&program, &NoComponents).unwrap());
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
fn a_scheduled_workflow_with_data_and_conditions() {
    let workflow = graph(
        r#"
version: couler/v1
name: nightly
parameters: {day: {default: "2024-01-01"}}
schedule: {cron: ["0 3 * * *"], timezone: Europe/Berlin, concurrency: forbid}
steps:
- name: evaluate
  run: {function: run_container, image: "acme/evaluate:1", args: ["--day={{parameters.day}}"]}
  outputs:
  - {name: auc, source: {kind: parameter, path: /tmp/auc}}
  - {name: report, source: {kind: artifact, path: /tmp/report}}
  settings: {retry: {limit: 2}, timeout: 2h}
- name: deploy
  run: {function: run_script, source: "print('{{steps.evaluate.auc}}')\nprint('yes')\n"}
  inputs: [{kind: artifact, name: report, step: evaluate, output: report}]
  when: evaluate.auc >= 0.9
on_exit:
- name: notify
  run: {function: run_container, image: "curlimages/curl:8", args: ["no"]}
"#,
    );
    let expected = r#"apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata:
  name: nightly
  annotations:
    couler.dev/digest: DIGEST
spec:
  schedules:
  - 0 3 * * *
  timezone: Europe/Berlin
  concurrencyPolicy: Forbid
  workflowMetadata:
    annotations:
      couler.dev/digest: DIGEST
  workflowSpec:
    entrypoint: main
    onExit: notify
    arguments:
      parameters:
      - name: day
        value: "2024-01-01"
    templates:
    - name: main
      dag:
        tasks:
        - name: evaluate
          template: evaluate
        - name: deploy
          template: deploy
          dependencies:
          - evaluate
          when: "{{tasks.evaluate.outputs.parameters.auc}} >= 0.9"
          arguments:
            parameters:
            - name: evaluate-auc
              value: "{{tasks.evaluate.outputs.parameters.auc}}"
            artifacts:
            - name: report
              from: "{{tasks.evaluate.outputs.artifacts.report}}"
    - name: evaluate
      outputs:
        parameters:
        - name: auc
          valueFrom:
            path: /tmp/auc
        artifacts:
        - name: report
          path: /tmp/report
      activeDeadlineSeconds: 7200
      retryStrategy:
        limit: 2
        retryPolicy: OnFailure
      container:
        image: acme/evaluate:1
        args:
        - --day={{workflow.parameters.day}}
    - name: deploy
      inputs:
        parameters:
        - name: evaluate-auc
        artifacts:
        - name: report
          path: /tmp/couler/inputs/report
      script:
        image: python:3.12-slim
        command:
        - python
        source: |
          print('{{inputs.parameters.evaluate-auc}}')
          print('yes')
    - name: notify
      container:
        image: curlimages/curl:8
        args:
        - "no"
"#;
    assert_eq!(generate(&workflow), expected.replace("DIGEST", &crate::ir::digest(&workflow)));
}

#[test]
fn components_read_their_environment() {
    let mut workflow = graph(
        "version: couler/v1\nname: w\nsteps: [{name: split, run: {function: run_script, source: x}}]\n",
    );
    let node = workflow.graph.node_weights_mut().next().unwrap();
    let Action::Script { arguments, .. } = &mut node.action else { panic!("it is a script") };
    *arguments = Some(serde_json::json!({"test_size": 0.2, "target": "{{parameters.t}}"}));
    let artifact = |name: &str, step: &str| Input::Artifact {
        name: name.into(),
        step: step.into(),
        output: "o".into(),
        path: None,
    };
    let uri = ArtifactLocation::Uri { uri: "ftp://x/y".into() };
    node.inputs = vec![
        artifact("many", "a"),
        artifact("many", "b"),
        Input::External { name: "data".into(), location: uri, path: None },
    ];
    node.outputs = vec![
        NodeOutput {
            name: "train".into(),
            kind: NodeOutputKind::Artifact {
                path: None,
                port_type: PortType::Table,
                store: None,
                optional: true,
            },
        },
        NodeOutput { name: "rows".into(), kind: NodeOutputKind::Parameter { path: None, default: None } },
    ];
    let document =
        serde_json::to_value(workflow::document(&workflow, &GenerateOptions::default()).unwrap()).unwrap();
    let template = &document["spec"]["templates"][1];
    assert_eq!(
        template["script"]["env"],
        serde_json::json!([
            {"name": "COULER_ARGS", "value": r#"{"test_size":0.2,"target":"{{workflow.parameters.t}}"}"#},
            {"name": "COULER_INPUTS", "value": r#"{"many":["/tmp/couler/inputs/many-0","/tmp/couler/inputs/many-1"],"data":"ftp://x/y"}"#},
            {"name": "COULER_OUTPUTS", "value": r#"{"train":"/tmp/couler/outputs/train"}"#},
            {"name": "COULER_VALUES", "value": "/tmp/couler/values"},
        ])
    );
    assert_eq!(
        template["outputs"],
        serde_json::json!({
            "parameters": [{"name": "rows", "valueFrom": {"path": "/tmp/couler/values/rows"}}],
            "artifacts": [{"name": "train", "path": "/tmp/couler/outputs/train", "optional": true}],
        })
    );
}

#[test]
fn what_argo_lacks_is_refused_by_name() {
    let job = "run: {function: run_job, job: {kind: TFJob, image: t}}";
    for (steps, expected) in [
        (
            format!("[{{name: a, {job}}}, {{name: b, run: {{function: run_container, image: i, args: ['{{{{steps.a.result}}}}']}}}}]"),
            "cannot express result of a job of step \"b\"",
        ),
        (
            format!("[{{name: a, {job}, outputs: [{{name: m, source: {{kind: artifact, path: /m}}}}]}}]"),
            "cannot express outputs of a job of step \"a\"",
        ),
        (
            "[{name: a, run: {function: run_container, image: i}, map: {over: {kind: range, start: 1, end: 2}}, \
             outputs: [{name: m, source: {kind: artifact, path: /m}}]}, {name: b, run: {function: run_container, image: i}, \
             inputs: [{kind: artifact, name: m, step: a, output: m}]}]"
                .to_owned(),
            "cannot express artifact of a mapped step of step \"b\"",
        ),
        (
            "[{name: a, run: {function: run_container, image: i}, inputs: [{kind: external, name: d, \
             location: {kind: uri, uri: /data/x.csv}}]}]"
                .to_owned(),
            "cannot express address of an artifact of step \"a\"",
        ),
    ] {
        let workflow = graph(&format!("version: couler/v1\nname: w\nsteps: {steps}\n"));
        let error = Argo.generate(&workflow, &GenerateOptions::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
