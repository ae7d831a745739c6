//! Tests of whole manifests: small ones word by word, random ones by their properties.

use proptest::prelude::*;
use serde_json::Value;

use super::{Tekton, lint_tekton, pipeline, recover};
use crate::api::{Program, parse_program};
use crate::engine::kubernetes::yaml;
use crate::engine::testing::{
    Reach, Reached, arguments, assert_isomorphic, hard_text, kubernetes, random_program_within, sample,
    tekton, with_components, workflow_with,
};
use crate::engine::{Engine, EngineError, GenerateOptions};
use crate::ir::{NoComponents, Workflow, lower};

fn generate(workflow: &Workflow) -> Result<String, EngineError> {
    Ok(Tekton.generate(workflow, &GenerateOptions::default())?.remove(0).content)
}

fn graph(program: &str) -> Workflow {
    lower(&parse_program(program).unwrap(), &NoComponents).unwrap()
}

/// The graph of a random program and its manifest, or the feature that is refused.
fn generated(program: Program) -> Result<(Workflow, String), &'static str> {
    let workflow = with_components(lower(&program, &NoComponents).unwrap());
    match generate(&workflow) {
        Ok(manifest) => Ok((workflow, manifest)),
        Err(EngineError::Unsupported { step, feature, reason, .. }) => {
            assert!(workflow.nodes().any(|node| node.name == step) || step == workflow.name, "{step}");
            assert!(!feature.is_empty() && !reason.is_empty());
            Err(feature)
        }
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 2000,
        failure_persistence: None,
        // What is refused does not count as a case; nearly nothing may be.
        max_global_rejects: 16 + ProptestConfig::default().cases / 20,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_program_comes_back(program in random_program_within(Reach::TEKTON)) {
        let Ok((workflow, manifest)) = generated(program) else { return Err(TestCaseError::reject("refused")) };
        let read: Vec<Value> = yaml::read_all(&manifest).unwrap();
        prop_assert_eq!(read, pipeline::values(&workflow).unwrap());
        prop_assert_eq!(lint_tekton(&manifest).unwrap(), []);
        assert_isomorphic(&workflow, recover(&manifest).unwrap());
    }

    #[test]
    fn what_is_out_of_reach_is_refused_by_name(program in random_program_within(Reach::ALL)) {
        // The names are checked where the refusal is turned into its feature.
        if let Ok((_, manifest)) = generated(program) {
            prop_assert_eq!(lint_tekton(&manifest).unwrap(), []);
        }
    }
}

/// Writes manifests for checks by other tools.
#[test]
fn sample_for_other_validators() {
    sample("tekton", Reach::TEKTON, |workflow| match generate(workflow) {
        Ok(manifest) => vec![("yaml", manifest)],
        Err(_) => vec![],
    });
}

#[test]
fn a_scheduled_workflow_with_data_and_conditions() {
    let workflow = graph(
        r#"
version: couler/v1
name: nightly
parameters: {day: {default: "2024-01-01"}}
steps:
- name: evaluate
  run: {function: run_container, image: "acme/evaluate:1", args: ["--day={{parameters.day}}", "$(params.x)"]}
  outputs:
  - {name: auc, source: {kind: parameter, path: /tmp/auc}}
  settings: {retry: {limit: 2}, timeout: 2h}
- name: deploy
  run: {function: run_script, source: "print('{{steps.evaluate.auc}}')\n"}
  when: evaluate.auc >= 0.9
"#,
    );
    let manifest = generate(&workflow).unwrap();
    for expected in [
        "  - name: evaluate\n    params:\n    - name: day\n      value: $(params.day)\n    retries: 2\n    timeout: 2h\n",
        "        - --day=$(params.day)\n        - $(COULER_DOLLAR)(params.x)\n",
        "    when:\n    - input: $(tasks.deploy-when.results.holds)\n      operator: in\n      values:\n      - \"true\"\n",
        "          #!/usr/bin/env python\n          print('$(params.evaluate-auc)')\n",
        "timeouts:\n    pipeline: 0s\n",
    ] {
        assert!(manifest.contains(expected), "{expected}");
    }
}

#[test]
fn a_loop_and_a_map_are_lowered() {
    let workflow = graph(
        r#"
version: couler/v1
name: w
steps:
- name: flip
  run: {function: run_script, source: "print('tails')"}
  exec_while: {condition: flip.result == tails, limit: 5, pause: 1m}
- name: each
  run: {function: run_container, image: i, args: ["{{item}}"]}
  map: {over: {kind: list, items: [a, b]}}
  after: [flip]
"#,
    );
    let manifest = generate(&workflow).unwrap();
    for expected in [
        r#"          #!/bin/sh
          sed '1,13d; s/@COULER_DOLLAR@/$/g' "$0" > /couler/source
          count=0
          while :; do
            { python /couler/source; echo $? > /couler/status; } | tee /couler/stdout
            status=`cat /couler/status`
            [ "$status" = 0 ] || break
            count=`expr "$count" + 1`
            [ "$count" -lt 5 ] || break
            env "flip.result=`cat /couler/stdout`" awk 'function number(name) { return ENVIRON[name] + 0 } function text(name) { return ENVIRON[name] "" } BEGIN { exit !(text("flip.result") == "tails") }' || break
            sleep 60
          done
          exit "$status"
          print('tails')"#,
        "  - name: each\n    runAfter:\n    - flip\n    matrix:\n      params:\n      - name: item\n        value:\n        - a\n        - b\n",
    ] {
        assert!(manifest.contains(expected), "{expected}\n{manifest}");
    }
    let step = &recover(&manifest).unwrap().steps["flip"];
    assert_eq!(step.exec_while, Some(("flip.result == 'tails'".into(), 5)));
}

#[test]
fn what_tekton_lacks_is_refused_by_name() {
    let run = "run: {function: run_container, image: i}";
    for (steps, expected) in [
        (format!("[{{name: a, {run}, settings: {{daemon: true}}}}]"), "cannot express daemon of step \"a\""),
        (
            format!(
                "[{{name: l, {run}}}, {{name: a, {run}, map: {{over: {{kind: output, step: l, output: result}}, parallelism: 1}}}}]"
            ),
            "cannot express parallelism of a map of step \"a\"",
        ),
        (
            format!("[{{name: a, {run}, exec_while: {{condition: a.result == x, limit: 2}}}}]"),
            "cannot express loop of a container without a command of step \"a\"",
        ),
        (
            format!("[{{name: a, {run}, settings: {{continue_on_failure: true, retry: {{limit: 1}}}}}}]"),
            "cannot express retry of a step that may fail of step \"a\"",
        ),
    ] {
        let workflow = graph(&format!("version: couler/v1\nname: w\nsteps: {steps}\n"));
        let error = generate(&workflow).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

proptest! {
    #[test]
    fn every_text_reaches_the_process_unchanged(text in hard_text(), value in "[a-z]{0,5}") {
        let workflow = workflow_with(&text);
        let documents = pipeline::values(&workflow).unwrap();
        prop_assert_eq!(&yaml::read_all::<Value>(&generate(&workflow).unwrap()).unwrap(), &documents);
        let step = |name: &str| {
            let tasks = documents[0]["spec"]["tasks"].as_array().unwrap();
            let task = tasks.iter().find(|task| task["name"] == name).unwrap();
            let steps = task["taskSpec"]["steps"].as_array().unwrap();
            steps.iter().find(|step| step["name"] == "main").unwrap().clone()
        };
        // Tekton also knows names that no step of this pipeline declares.
        let known = [("params.free", value.as_str()), ("params.x", "REPLACED"), ("context.pipelineRun.name", "REPLACED"),
                     ("tasks.a.results.b", "REPLACED"), ("params['x']", "REPLACED")];
        let process = |text: &Value| {
            kubernetes(&tekton(text.as_str().unwrap(), &known), &[(super::text::DOLLAR_VARIABLE, "$")])
        };
        let variable = |container: &Value, name: &str| {
            let found = container["env"].as_array().unwrap().iter().find(|one| one["name"] == name)?;
            Some(process(&found["value"]))
        };
        let (words, script, component) = (step("words"), step("script"), step("component"));
        let all = |field: &str| words[field].as_array().unwrap().iter().map(process).collect::<Vec<_>>();
        let reached = Reached {
            words: [all("command"), all("args")].concat(),
            variable: variable(&words, "TEXT").unwrap(),
            source: source(&tekton(script["script"].as_str().unwrap(), &known)),
            script_variable: variable(&script, "TEXT").unwrap(),
            arguments: arguments(&|name| variable(&component, name)),
        };
        prop_assert_eq!(reached, Reached::expected(&text, &value));
    }
}

/// What the interpreter gets of a script: all behind the first line, or what `sed` takes from behind the last of the
/// lines in front, with its marks replaced.
fn source(script: &str) -> String {
    let Some((_, after)) = script.split_once("sed '1,") else {
        return script.split_once('\n').unwrap().1.to_owned();
    };
    let last: usize = after.split_once('d').unwrap().0.parse().unwrap();
    let lines: Vec<&str> = script.split('\n').collect();
    lines[last..].join("\n").replace(super::text::DOLLAR_MARKER, "$")
}

#[test]
fn limited_maps_run_in_rounds_and_hand_all_their_results_on() {
    let workflow = graph(
        r#"
version: couler/v1
name: w
steps:
- name: each
  run: {function: run_script, source: "print({{item}})"}
  map: {over: {kind: range, start: 1, end: 5}, parallelism: 2}
  outputs: [{name: model, source: {kind: artifact, path: /tmp/out/model}}]
- name: all
  run: {function: run_script, source: "print({{steps.each.result}})"}
  inputs: [{kind: artifact, name: models, step: each, output: model}]
- name: job
  run: {function: run_job, job: {kind: PyTorchJob, image: t}}
- name: read
  run: {function: run_script, source: "print({{steps.job.result}})"}
settings: {keep_finished: 1d}
"#,
    );
    let manifest = generate(&workflow).unwrap();
    let documents: Vec<Value> = yaml::read_all(&manifest).unwrap();
    let tasks = documents[0]["spec"]["tasks"].as_array().unwrap();
    let task = |name: &str| tasks.iter().find(|task| task["name"] == name).unwrap();
    let rounds = ["each", "each-round-2", "each-round-3"].map(|name| {
        let task = task(name);
        (task["matrix"]["params"][0]["value"].clone(), task["runAfter"][0].clone())
    });
    let expected = [
        (serde_json::json!(["1", "2"]), Value::Null),
        (serde_json::json!(["3", "4"]), "each".into()),
        (serde_json::json!(["5"]), "each-round-2".into()),
    ];
    assert_eq!(rounds, expected);
    assert_eq!(task("all")["runAfter"], serde_json::json!(["each-round-3"]));
    for expected in [
        "value: $(tasks.each-round-3.results.result[*])",
        "\"$(workspaces.artifacts.path)/each/model/$(context.taskRun.name)\"",
        "cp -R \"$(workspaces.artifacts.path)/each/model\" '/tmp/couler/inputs/models'",
        "then jq --compact-output .status /tmp/state.json; exit 0; fi",
        "name: w-clean-up",
        "value: \"86400\"",
    ] {
        assert!(manifest.contains(expected), "{expected}\n{manifest}");
    }
    assert_isomorphic(&workflow, recover(&manifest).unwrap());
}
