//! Tests of parts. That they really run is tested by Airflow itself (`make conformance`).

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::super::super::testing::{
    Reach, assert_isomorphic, parts_of, random_program_within, with_components,
};
use super::super::super::{Admission, Engine, GenerateOptions, GeneratedFile, PartPlan};
use super::super::{Airflow, lint_airflow, recover_parts};
use crate::api::parse_program;
use crate::ir::{NoComponents, Workflow, lower};

fn texts(files: &[GeneratedFile]) -> Vec<String> {
    files.iter().map(|file| file.content.clone()).collect()
}

fn example() -> (Workflow, Vec<Vec<String>>) {
    let program = r#"
version: couler/v1
name: big
parameters: {day: {default: monday}}
settings: {parallelism: 4}
steps:
- name: load
  run: {function: run_container, image: "acme/load:1", command: [load]}
  outputs:
  - {name: rows, source: {kind: parameter, path: /tmp/rows}}
  - {name: table, source: {kind: artifact, path: /tmp/table}}
- name: check
  run: {function: run_container, image: "acme/check:1", command: [check]}
  after: [load]
- name: train
  run: {function: run_container, image: "acme/train:1", args: ["{{steps.load.rows}}", "{{parameters.day}}"]}
  when: load.rows > 10
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

fn files(workflow: &Workflow, parts: Vec<Vec<String>>, admission: Admission) -> Vec<GeneratedFile> {
    Airflow
        .generate_parts(
            workflow,
            &PartPlan { parts, admission, ends: HashMap::new() },
            &GenerateOptions::default(),
        )
        .unwrap()
        .files
}

#[test]
fn a_part_waits_at_gates() {
    let (workflow, parts) = example();
    let files = files(&workflow, parts, Admission::GATED);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["big_part_1.py", "big_part_2.py", "big.py"]);
    let dag = |file: &GeneratedFile| file.content.split("\n\n\nclass ").next().unwrap().to_owned();
    insta::assert_snapshot!(format!("{}\n-----\n{}", dag(&files[1]), dag(&files[2])));
}

#[test]
fn random_programs_come_back_from_their_parts() {
    let count = (Config::default().cases / 8).max(16) as usize;
    let mut runner = TestRunner::deterministic();
    let strategy =
        (random_program_within(Reach::AIRFLOW.in_parts()), any::<[bool; 8]>(), prop::option::of(1..4usize));
    let mut done = 0;
    while done < count {
        let (program, cuts, barrier) = strategy.new_tree(&mut runner).unwrap().current();
        let workflow = with_components(lower(&program, &NoComponents).unwrap());
        let admission = barrier.map_or(Admission::Barrier, |gates| Admission::Gated { gates });
        let plan = PartPlan { parts: parts_of(&workflow, &cuts), admission, ends: HashMap::new() };
        let Ok(made) = Airflow.generate_parts(&workflow, &plan, &GenerateOptions::default()) else {
            continue;
        };
        let texts = texts(&made.files);
        for (text, problems) in texts.iter().zip(lint_airflow(Path::new("python3"), &texts).unwrap()) {
            assert_eq!(problems, [], "{text}");
        }
        assert_isomorphic(&workflow, recover_parts(Path::new("python3"), &texts).unwrap());
        done += 1;
    }
}

#[test]
fn a_lost_part_is_found() {
    let (workflow, parts) = example();
    let texts = texts(&files(&workflow, parts, Admission::Barrier));
    assert_isomorphic(&workflow, recover_parts(Path::new("python3"), &texts).unwrap());
    assert!(recover_parts(Path::new("python3"), &texts[1..]).is_err());
    let unordered: Vec<String> =
        texts.iter().map(|text| text.replace("part_1 >> part_2", "part_2")).collect();
    assert_ne!(unordered, texts);
}
