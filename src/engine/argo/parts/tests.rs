//! Tests of parts: small ones by their order, random ones by what comes back.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::super::testing::{
    Reach, assert_isomorphic, parts_of, random_program_within, with_components,
};
use super::super::super::{Admission, Engine, GenerateOptions, PartFiles, PartPlan};
use super::super::{Argo, lint_argo, recover_parts};
use crate::api::parse_program;
use crate::ir::{NoComponents, Workflow, lower};

fn files(workflow: &Workflow, parts: Vec<Vec<String>>, admission: Admission) -> PartFiles {
    Argo.generate_parts(
        workflow,
        &PartPlan { parts, admission, ends: HashMap::new() },
        &GenerateOptions::default(),
    )
    .unwrap()
}

fn joined(files: &PartFiles) -> String {
    files.files.iter().map(|file| file.content.as_str()).collect::<Vec<_>>().join("---\n")
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_comes_back_from_its_parts(
        program in random_program_within(Reach::ARGO.in_parts()),
        cuts in any::<[bool; 8]>(),
        barrier in prop::option::of(1..4usize),
    ) {
        let workflow = with_components(lower(&program, &NoComponents).unwrap());
        let admission = barrier.map_or(Admission::Barrier, |gates| Admission::Gated { gates });
        let files = files(&workflow, parts_of(&workflow, &cuts), admission);
        let text = joined(&files);
        prop_assert_eq!(lint_argo(&text).unwrap(), []);
        assert_isomorphic(&workflow, recover_parts(&text).unwrap());
    }
}

/// Three parts: values, files and plain order from one to another.
fn example() -> (Workflow, Vec<Vec<String>>) {
    let program = r#"
version: couler/v1
name: big
parameters: {day: {default: monday}}
settings: {parallelism: 4, volume_claims: [{name: shared, size: 1Gi}]}
steps:
- name: load
  run: {function: run_container, image: "acme/load:1"}
  outputs:
  - {name: rows, source: {kind: parameter, path: /tmp/rows}}
  - {name: table, source: {kind: artifact, path: /tmp/table}}
  settings: {retry: {limit: 2}, volumes: [{kind: shared, name: shared, path: /s}]}
- name: check
  run: {function: run_container, image: "acme/check:1"}
  after: [load]
- name: train
  run: {function: run_container, image: "acme/train:1", args: ["{{steps.load.rows}}", "{{parameters.day}}"]}
  when: load.rows > 10
  after: [check]
  inputs: [{kind: artifact, name: table, step: load, output: table}]
  outputs: [{name: model, source: {kind: artifact, path: /tmp/model, store: {kind: uri, uri: "s3://models/m"}}}]
- name: deploy
  run: {function: run_container, image: "acme/deploy:1"}
  inputs: [{kind: artifact, name: model, step: train, output: model}]
on_exit:
- name: tell
  run: {function: run_container, image: "acme/tell:1"}
"#;
    let workflow = lower(&parse_program(program).unwrap(), &NoComponents).unwrap();
    let parts = [vec!["load", "check"], vec!["train"], vec!["deploy"]];
    (workflow, parts.map(|part| part.into_iter().map(str::to_owned).collect()).to_vec())
}

#[test]
fn a_part_waits_at_gates_and_marks_what_it_did() {
    let (workflow, parts) = example();
    insta::assert_snapshot!(joined(&files(&workflow, parts, Admission::GATED)));
}

#[test]
fn behind_a_barrier_only_values_are_fetched() {
    let (workflow, parts) = example();
    let text = joined(&files(&workflow, parts, Admission::Barrier));
    assert_isomorphic(&workflow, recover_parts(&text).unwrap());
    assert!(text.contains("data.load == done") && !text.contains("data.check == done"), "{text}");
    let parent = text.rsplit("---\n").next().unwrap();
    assert!(
        parent.contains("name: part-2\n        template: part\n        dependencies:\n        - part-1\n"),
        "{parent}"
    );
}

#[test]
fn what_may_come_from_an_earlier_run_is_passed_on() {
    let (mut workflow, parts) = example();
    for node in workflow.graph.node_weights_mut() {
        node.settings.cache = Some(crate::api::Cache::default());
    }
    let text = joined(&files(&workflow, parts, Admission::GATED));
    assert!(text.contains("name: pass-on-load\n") && !text.contains("}}/load/table\"\n    retry"), "{text}");
    assert_isomorphic(&workflow, recover_parts(&text).unwrap());
}

#[test]
fn a_lost_part_or_mark_is_found() {
    let (workflow, parts) = example();
    let text = joined(&files(&workflow, parts, Admission::GATED));
    for (from, to) in
        [("data.check == done", "data.chick == done"), ("couler.dev/part: \"3\"", "couler.dev/part: \"4\"")]
    {
        assert!(text.contains(from), "{from}: {text}");
        assert!(recover_parts(&text.replace(from, to)).is_err(), "{from}");
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let (workflow, parts) = example();
    let refused = |parts: Vec<Vec<String>>| {
        let plan = PartPlan { parts, admission: Admission::GATED, ends: HashMap::new() };
        Argo.generate_parts(&workflow, &plan, &GenerateOptions::default()).unwrap_err().to_string()
    };
    assert!(refused(parts[..2].to_vec()).contains("step \"deploy\" is in no part"));
    let mut twice = parts.clone();
    twice[2].push("load".into());
    assert!(refused(twice).contains("step \"load\" is in two parts"));
    let mut stranger = parts.clone();
    stranger[0].push("x".into());
    assert!(refused(stranger).contains("there is no step \"x\""));
    let turned = parts.into_iter().rev().collect();
    assert!(refused(turned).contains("waits for the later part"));
}

#[test]
fn a_thousand_steps_fit_and_come_back() {
    let steps: Vec<String> = (0..1000)
        .map(|n: usize| {
            let after: Vec<String> = [n.checked_sub(1), n.checked_sub(37)]
                .into_iter()
                .flatten()
                .map(|p| format!("s{p}"))
                .collect();
            let args =
                n.checked_sub(50).map_or(String::new(), |p| format!(", args: ['{{{{steps.s{p}.result}}}}']"));
            format!(
                "- {{name: s{n}, run: {{function: run_container, image: 'alpine:3'{args}}}, after: [{}]}}\n",
                after.join(", ")
            )
        })
        .collect();
    let program = format!("version: couler/v1\nname: long\nsteps:\n{}", steps.concat());
    let workflow = lower(&parse_program(&program).unwrap(), &NoComponents).unwrap();
    let order: Vec<String> =
        workflow.topological().into_iter().map(|index| workflow.graph[index].name.clone()).collect();
    let parts: Vec<Vec<String>> = order.chunks(200).map(<[String]>::to_vec).collect();
    for admission in [Admission::GATED, Admission::Barrier] {
        let files = files(&workflow, parts.clone(), admission);
        assert_eq!(files.bytes.len(), 6);
        assert!(files.bytes.iter().all(|bytes| *bytes <= 1 << 20), "{:?}", files.bytes);
        let text = joined(&files);
        assert_eq!(lint_argo(&text).unwrap(), []);
        assert_isomorphic(&workflow, recover_parts(&text).unwrap());
    }
}
