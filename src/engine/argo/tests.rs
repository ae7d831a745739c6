//! Tests of whole manifests: small ones word by word, random ones by their properties.

use proptest::prelude::*;
use serde_json::Value;

use super::super::kubernetes::yaml;
use super::super::testing::{assert_isomorphic, random_program, with_components};
use super::super::{Engine, GenerateOptions};
use super::{Argo, lint_argo, recover, workflow};
use crate::api::{
    ArtifactLocation, Input, PortType, Program, check_program, parse_program, program_from_value,
};
use crate::ir::{Action, NoComponents, NodeOutput, NodeOutputKind, Workflow, lower};

fn generate(workflow: &Workflow) -> String {
    Argo.generate(workflow, &GenerateOptions::default()).unwrap().remove(0).content
}

fn graph(program: &str) -> Workflow {
    lower(&parse_program(program).unwrap(), &NoComponents).unwrap()
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
        assert_isomorphic(&workflow, recover(&manifest).unwrap());
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
