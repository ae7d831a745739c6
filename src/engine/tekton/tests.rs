//! Tests of whole manifests: small ones word by word, random ones by their properties.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use serde_json::Value;

use super::{Tekton, lint_tekton, pipeline, recover};
use crate::api::{Program, parse_program};
use crate::engine::kubernetes::yaml;
use crate::engine::testing::{assert_isomorphic, random_program, with_components};
use crate::engine::{Engine, EngineError, GenerateOptions};
use crate::ir::{NoComponents, Workflow, lower};

fn generate(workflow: &Workflow) -> Result<String, EngineError> {
    Ok(Tekton.generate(workflow, &GenerateOptions::default())?.remove(0).content)
}

fn graph(program: &str) -> Workflow {
    lower(&parse_program(program).unwrap(), &NoComponents).unwrap()
}

/// The program without settings that Tekton always refuses, so that something is left to generate.
fn tamed(mut program: Program) -> Program {
    program.settings.keep_finished = None;
    let mut skips = false;
    for step in program.steps.iter_mut().chain(&mut program.on_exit) {
        step.settings.daemon = false;
        step.settings.continue_on_failure &= step.settings.retry.is_none();
        if let Some(map) = &mut step.map {
            map.parallelism = None;
        }
        skips |= step.map.is_some() || step.when.is_some() || step.settings.continue_on_failure;
    }
    if skips {
        program.settings.parallelism = None;
    }
    program
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

static REFUSED: AtomicU32 = AtomicU32::new(0);
static SEEN: AtomicU32 = AtomicU32::new(0);

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_comes_back_or_is_refused_by_name(program in random_program(), raw in 0..8u8) {
        let seen = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
        let program = if raw == 0 { program } else { tamed(program) };
        let Ok((workflow, manifest)) = generated(program) else {
            let refused = REFUSED.fetch_add(1, Ordering::Relaxed) + 1;
            prop_assert!(seen < 200 || refused * 20 < seen * 19, "{} of {} programs refused", refused, seen);
            return Ok(());
        };
        if seen.is_multiple_of(64) {
            eprintln!("{} of {seen} random programs refused", REFUSED.load(Ordering::Relaxed));
        }
        let read: Vec<Value> = yaml::read_all(&manifest).unwrap();
        prop_assert_eq!(read, pipeline::values(&workflow).unwrap());
        prop_assert_eq!(lint_tekton(&manifest).unwrap(), []);
        assert_isomorphic(&workflow, recover(&manifest).unwrap());
    }
}

/// Writes a sample for checks by other tools (`tekton_schema.py`, tekton-lint) into the folder `COULER_TEKTON_SAMPLE_DIR`.
#[test]
fn sample_for_other_validators() {
    use proptest::strategy::ValueTree;
    let Ok(folder) = std::env::var("COULER_TEKTON_SAMPLE_DIR") else {
        eprintln!("skipped: set COULER_TEKTON_SAMPLE_DIR to a folder to get a sample of manifests");
        return;
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut refused = std::collections::BTreeMap::new();
    for number in 0..500 {
        let program = tamed(random_program().new_tree(&mut runner).unwrap().current());
        match generated(program) {
            Ok((_, manifest)) => std::fs::write(format!("{folder}/{number}.yaml"), manifest).unwrap(),
            Err(feature) => *refused.entry(feature).or_insert(0) += 1,
        }
    }
    eprintln!("{} of 500 programs refused: {refused:?}", refused.values().sum::<i32>());
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
