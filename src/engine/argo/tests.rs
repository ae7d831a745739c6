//! Tests of whole manifests: small ones word by word, random ones by their properties.

use proptest::prelude::*;
use serde_json::Value;

use super::super::kubernetes::yaml;
use super::super::testing::{
    Reach, Reached, arguments, assert_isomorphic, hard_text, kubernetes, random_program_within, sample,
    with_components, workflow_with,
};
use super::super::{Engine, GenerateOptions};
use super::{Argo, lint_argo, recover, workflow};
use crate::api::{ArtifactLocation, Input, PortType, check_program, parse_program, program_from_value};
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
    fn every_program_comes_back(program in random_program_within(Reach::ARGO)) {
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

/// Writes manifests for checks by other tools.
#[test]
fn sample_for_other_validators() {
    sample("argo", Reach::ARGO, |workflow| {
        let typed = workflow::document(workflow, &GenerateOptions::default()).unwrap();
        vec![("yaml", generate(workflow)), ("json", serde_json::to_string(&typed).unwrap())]
    });
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
            {"name": "COULER_ARGS", "value": r#"{"test_size":0.2,"target":"@COULER_ARG_1@"}"#},
            {"name": "COULER_INPUTS", "value": r#"{"many":["/tmp/couler/inputs/many-0","/tmp/couler/inputs/many-1"],"data":"ftp://x/y"}"#},
            {"name": "COULER_OUTPUTS", "value": r#"{"train":"/tmp/couler/outputs/train"}"#},
            {"name": "COULER_VALUES", "value": "/tmp/couler/values"},
            {"name": "COULER_ARG_1", "value": "{{workflow.parameters.t}}"},
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
    for (steps, expected) in [
        (
            "[{name: a, run: {function: run_job, job: {kind: Manifest, action: delete, manifest: {apiVersion: v1, kind: Pod, metadata: {name: x}}}}}, \
             {name: b, run: {function: run_container, image: i, args: ['{{steps.a.result}}']}}]"
                .to_owned(),
            "cannot express result of a job of step \"b\"",
        ),
        (
            "[{name: a, run: {function: run_container, image: i}, map: {over: {kind: range, start: 1, end: 2}}, \
             outputs: [{name: m, source: {kind: artifact, path: /m, store: {kind: uri, uri: 's3://b/{{item}}'}}}]}, \
             {name: b, run: {function: run_container, image: i}, inputs: [{kind: artifact, name: m, step: a, output: m}]}]"
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

/// What Argo and then Kubernetes make of a text: Argo's own tags are replaced, and the one reference becomes `value`.
fn through_argo(text: &str, value: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("{{") {
        result.push_str(before);
        let Some((tag, after)) = inner.split_once("}}") else {
            return result + "{{" + inner;
        };
        match tag {
            "workflow.parameters.free" => result.push_str(value),
            _ if super::text::is_argo_tag(tag) => result.push_str("REPLACED"),
            _ => result.push_str(&format!("{{{{{tag}}}}}")),
        }
        rest = after;
    }
    result + rest
}

proptest! {
    #[test]
    fn every_text_reaches_the_process_unchanged(text in hard_text(), value in "[a-z]{0,5}") {
        let workflow = workflow_with(&text);
        let manifest: Value = yaml::read_all(&generate(&workflow)).unwrap().remove(0);
        let template = |name: &str| {
            let all = manifest["spec"]["templates"].as_array().unwrap();
            all.iter().find(|template| template["name"] == name).unwrap().clone()
        };
        let process = |text: &Value| {
            kubernetes(&through_argo(text.as_str().unwrap(), &value), &[(super::text::BRACE_VARIABLE, "{")])
        };
        let variable = |container: &Value, name: &str| {
            let found = container["env"].as_array().unwrap().iter().find(|one| one["name"] == name)?;
            Some(process(&found["value"]))
        };
        let (words, script, component) = (template("words"), template("script"), template("component"));
        let all = |field: &str| words["container"][field].as_array().unwrap().iter().map(process).collect::<Vec<_>>();
        let reached = Reached {
            words: [all("command"), all("args")].concat(),
            variable: variable(&words["container"], "TEXT").unwrap(),
            source: through_argo(script["script"]["source"].as_str().unwrap(), &value)
                .replace(super::text::BRACE_MARKER, "{"),
            script_variable: variable(&script["script"], "TEXT").unwrap(),
            arguments: arguments(&|name| variable(&component["script"], name)),
        };
        prop_assert_eq!(reached, Reached::expected(&text, &value));
    }
}

#[test]
fn the_artifacts_of_a_map_are_one_folder() {
    let workflow = graph(
        "version: couler/v1\nname: w\nsteps: [{name: a, run: {function: run_container, image: i}, \
         map: {over: {kind: range, start: 1, end: 2}}, outputs: [{name: m, source: {kind: artifact, path: /m}}]}, \
         {name: b, run: {function: run_container, image: i}, inputs: [{kind: artifact, name: m, step: a, output: m}]}]\n",
    );
    let manifest = generate(&workflow);
    assert_eq!(lint_argo(&manifest).unwrap(), []);
    assert_isomorphic(&workflow, recover(&manifest).unwrap());
    let document: Value = yaml::read_all(&manifest).unwrap().remove(0);
    let of = |number: usize, side: &str| document["spec"]["templates"][number][side]["artifacts"][0].clone();
    let (written, read) = (of(1, "outputs"), of(2, "inputs"));
    assert_eq!(written["s3"]["key"], "{{workflow.uid}}/a/m/{{pod.name}}");
    assert_eq!(written["archive"], serde_json::json!({"none": {}}));
    assert_eq!(read["s3"]["key"], "{{workflow.uid}}/a/m");
}

#[test]
fn a_step_reads_how_another_ended() {
    let workflow = graph(
        "version: couler/v1\nname: w\nsteps: [{name: a, run: {function: run_container, image: i}}, \
         {name: b, run: {function: run_container, image: i}, when: a.status == failed}, \
         {name: c, run: {function: run_container, image: i, args: ['{{steps.a.status}}']}, after: [a]}]\n",
    );
    let manifest = generate(&workflow);
    assert_eq!(lint_argo(&manifest).unwrap(), []);
    assert_isomorphic(&workflow, recover(&manifest).unwrap());
    let document: Value = yaml::read_all(&manifest).unwrap().remove(0);
    let tasks = &document["spec"]["templates"][0]["dag"]["tasks"];
    let any = "(a.Succeeded || a.Skipped || a.Daemoned || a.Failed || a.Errored || a.Omitted)";
    assert_eq!((tasks[1]["depends"].as_str(), tasks[2]["depends"].as_str()), (Some(any), Some("a")));
    assert_eq!(tasks[1]["when"], "'{{tasks.a.status}}' in ('Failed', 'Error')");
    assert_eq!(
        tasks[3]["depends"],
        "(a.Succeeded || a.Skipped || a.Daemoned || a.Omitted || b.Succeeded || b.Failed || b.Errored) && \
         (b.Succeeded || b.Skipped || b.Daemoned || b.Omitted) && (c.Succeeded || c.Skipped || c.Daemoned || c.Omitted)"
    );
}

#[test]
fn facts_of_the_run_are_argos_own() {
    let with = |schedule: &str| {
        let program = "steps: [{name: a, run: {function: run_container, image: i, \
                       args: ['{{workflow.name}} {{run.id}} {{run.date}} {{workflow.uid}}']}, settings: {literal_braces: LITERAL}}]";
        let text = |literal: &str| {
            format!("version: couler/v1\nname: w\n{schedule}{}\n", program.replace("LITERAL", literal))
        };
        assert!(parse_program(&text("false")).is_err());
        let literal = generate(&graph(&text("true")));
        assert!(literal.contains("{$(COULER_BRACE)workflow.name}}"), "{literal}");
        generate(&graph(&text("false").replace(" {{workflow.uid}}", "")))
    };
    let manifest = with("");
    for expected in [
        "value: \"{{workflow.uid}}\"",
        "value: \"{{workflow.creationTimestamp.Y}}-{{workflow.creationTimestamp.m}}-{{workflow.creationTimestamp.d}}\"",
        "value: w\n",
    ] {
        assert!(manifest.contains(expected), "{manifest}");
    }
    let manifest = with("schedule: {cron: ['0 3 * * *'], timezone: Europe/Berlin}\n");
    assert!(manifest.contains("workflow.scheduledTime), 'Europe/Berlin')}}"), "{manifest}");
    assert_eq!(lint_argo(&manifest).unwrap(), []);
}

#[test]
fn a_step_that_only_waits_needs_no_pod() {
    let mut workflow = graph(
        "version: couler/v1\nname: w\nsteps: [{name: wait, run: {function: run_script, source: x}}, \
         {name: next, run: {function: run_container, image: i}, after: [wait]}]\n",
    );
    let node = workflow.graph.node_weights_mut().find(|node| node.name == "wait").unwrap();
    node.component = Some("wait.time".into());
    let mut waits = |arguments: Value| {
        let node = workflow.graph.node_weights_mut().find(|node| node.name == "wait").unwrap();
        let Action::Script { arguments: given, .. } = &mut node.action else { panic!("it is a script") };
        *given = Some(arguments);
        let manifest = generate(&workflow);
        assert_eq!(lint_argo(&manifest).unwrap(), []);
        let recovered = recover(&manifest).unwrap();
        assert_eq!(recovered.steps["wait"].component.as_deref(), Some("wait.time"));
        yaml::read_all::<Value>(&manifest).unwrap().remove(0)["spec"]["templates"][1].clone()
    };
    let template = waits(serde_json::json!({"duration": "90m"}));
    assert_eq!(template["suspend"], serde_json::json!({"duration": "1h30m"}));
    assert!(template.get("script").is_none());
    for other in [serde_json::json!({"until": "06:00"}), serde_json::json!({"duration": "{{run.id}}"})] {
        assert!(waits(other).get("suspend").is_none());
    }
}

#[test]
fn a_background_step_has_an_address_and_pauses_have_a_cap() {
    let workflow = graph(
        r#"
version: couler/v1
name: w
steps:
- name: redis
  run: {function: run_container, image: "redis:7"}
  settings: {daemon: true}
- name: feed
  run: {function: run_container, image: "acme/feed:1", args: ["--host={{steps.redis.ip}}"]}
  settings: {retry: {limit: 5, backoff: {duration: 30s, factor: 2, max_pause: 5m}}}
"#,
    );
    let manifest = generate(&workflow);
    for expected in ["value: \"{{tasks.redis.ip}}\"", "duration: 30s\n        factor: 2\n        cap: 5m\n"] {
        assert!(manifest.contains(expected), "{expected}\n{manifest}");
    }
    assert_isomorphic(&workflow, recover(&manifest).unwrap());
    let asked = "version: couler/v1\nname: w\nsteps:\n- {name: a, run: {function: run_container, image: i}}\n- {name: b, run: {function: run_container, image: i, args: ['{{steps.a.ip}}']}}\n";
    assert!(parse_program(asked).unwrap_err().to_string().contains("no output \"ip\""));
}
