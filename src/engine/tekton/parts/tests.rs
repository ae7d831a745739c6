//! Tests of parts.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::{Tekton, lint_tekton, recover_parts};
use crate::api::parse_program;
use crate::engine::testing::{Reach, assert_isomorphic, parts_of, random_program_within, with_components};
use crate::engine::{Admission, Engine, GenerateOptions, PartFiles, PartPlan};
use crate::ir::{NoComponents, Workflow, lower};

fn files(workflow: &Workflow, parts: Vec<Vec<String>>, admission: Admission) -> PartFiles {
    Tekton
        .generate_parts(
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
        program in random_program_within(Reach::TEKTON.in_parts()),
        cuts in any::<[bool; 8]>(),
        barrier in prop::option::of(1..4usize),
    ) {
        let mut workflow = with_components(lower(&program, &NoComponents).unwrap());
        workflow.settings.parallelism = None;
        let admission = barrier.map_or(Admission::Barrier, |gates| Admission::Gated { gates });
        let plan = PartPlan { parts: parts_of(&workflow, &cuts), admission, ends: HashMap::new() };
        // Some programs are refused whole as well.
        let Ok(made) = Tekton.generate_parts(&workflow, &plan, &GenerateOptions::default()) else {
            prop_assert!(Tekton.generate(&workflow, &GenerateOptions::default()).is_err());
            return Ok(());
        };
        let text = joined(&made);
        prop_assert_eq!(lint_tekton(&text).unwrap(), []);
        assert_isomorphic(&workflow, recover_parts(&text).unwrap());
    }
}

fn example() -> (Workflow, Vec<Vec<String>>) {
    let program = r#"
version: couler/v1
name: big
parameters: {day: {default: monday}}
steps:
- name: load
  run: {function: run_container, image: "acme/load:1", command: [load]}
  outputs:
  - {name: rows, source: {kind: parameter, path: /tmp/rows/n}}
  - {name: table, source: {kind: artifact, path: /tmp/table/t}}
- name: check
  run: {function: run_container, image: "acme/check:1", command: [check]}
  after: [load]
- name: train
  run: {function: run_container, image: "acme/train:1", args: ["{{steps.load.rows}}", "{{parameters.day}}"]}
  when: load.rows == many
  after: [check]
  inputs: [{kind: artifact, name: table, step: load, output: table}]
on_exit:
- name: tell
  run: {function: run_container, image: "acme/tell:1"}
"#;
    let workflow = lower(&parse_program(program).unwrap(), &NoComponents).unwrap();
    let parts = [vec!["load", "check"], vec!["train"]];
    (workflow, parts.map(|part| part.into_iter().map(str::to_owned).collect()).to_vec())
}

#[test]
fn a_part_waits_at_gates() {
    let (workflow, parts) = example();
    insta::assert_snapshot!(joined(&files(&workflow, parts, Admission::GATED)));
}

#[test]
fn a_lost_part_or_task_is_found() {
    let (workflow, parts) = example();
    let text = joined(&files(&workflow, parts, Admission::GATED));
    assert_isomorphic(&workflow, recover_parts(&text).unwrap());
    for (from, to) in
        [("couler.dev/part: \"2\"", "couler.dev/part: \"3\""), ("[\\\"check\\\",", "[\\\"chick\\\",")]
    {
        let changed = text.replace(from, to).replace("[\"check\",", "[\"chick\",");
        assert_ne!(changed, text, "{from}: {text}");
        assert!(recover_parts(&changed).is_err(), "{from}");
    }
}

#[test]
fn a_limit_over_several_runs_is_refused() {
    let (mut workflow, parts) = example();
    workflow.settings.parallelism = Some(3);
    let plan = PartPlan { parts, admission: Admission::Barrier, ends: HashMap::new() };
    let error = Tekton.generate_parts(&workflow, &plan, &GenerateOptions::default()).unwrap_err();
    assert!(error.to_string().contains("parallelism of a workflow in parts"), "{error}");
}
