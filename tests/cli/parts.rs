//! `compile` of workflows that are too big for one manifest, and what passes change in what it writes.

use serde_json::{Value, json};

use crate::harness::Dir;

fn program(steps: &[Value]) -> String {
    json!({"version": "couler/v1", "name": "big", "steps": steps}).to_string()
}

fn step(name: &str, after: &[String]) -> Value {
    let run =
        json!({"function": "run_container", "image": "acme/work:1", "command": ["work"], "args": [name]});
    json!({"name": name, "run": run, "after": after})
}

/// Layers of 40 steps, each after two of the layer before.
fn layers(count: usize) -> String {
    let name = |number: usize| format!("s{number}");
    let steps: Vec<Value> = (0..count)
        .map(|number| {
            let (layer, place) = (number / 40, number % 40);
            let before = |shift: usize| name((layer - 1) * 40 + (place + shift) % 40);
            let after = if layer == 0 { vec![] } else { vec![before(0), before(7)] };
            step(&name(number), &after)
        })
        .collect();
    program(&steps)
}

fn documents(text: &str) -> Vec<Value> {
    text.split("---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

#[test]
fn a_thousand_steps_become_parts_that_a_cluster_accepts() {
    let dir = Dir::new();
    dir.write("p.json", &layers(1000));
    for (engine, names) in
        [("argo", ["big.parts.yaml", "big.yaml"]), ("tekton", ["big.parts.tekton.yaml", "big.tekton.yaml"])]
    {
        let folder = format!("{engine}/");
        let (code, _, errors) = dir.run(&["compile", "p.json", "--engine", engine, "-o", &folder]);
        assert_eq!(code, 0, "{errors}");
        assert!(errors.contains("kubectl apply --server-side") && errors.contains("gates"), "{errors}");
        let paths = names.map(|name| format!("{engine}/{name}"));
        for path in &paths {
            assert!(documents(&dir.read(path)).len() <= 10);
            let longest = dir.read(path).split("---\n").map(str::len).max().unwrap();
            assert!(longest <= 1 << 20, "{path}: {longest} bytes");
            assert_eq!(dir.run(&["lint", path]).0, 0, "{path}");
        }
        // The same again: what is written depends on the program alone.
        let before = dir.read(&paths[0]);
        assert_eq!(dir.run(&["compile", "p.json", "--engine", engine, "-o", &folder]).0, 0);
        assert!(dir.read(&paths[0]) == before);
    }
}

#[test]
fn small_workflows_and_those_of_split_off_stay_whole() {
    let dir = Dir::new();
    dir.write("p.json", &layers(80));
    let whole = dir.run(&["compile", "p.json"]).1;
    assert_eq!(documents(&whole).len(), 1);
    assert_eq!(dir.run(&["compile", "p.json", "--split", "off"]).1, whole);
    assert!(dir.run(&["compile", "p.json", "--split", "50"]).1 != whole);
}

#[test]
fn parts_of_airflow_are_files() {
    let dir = Dir::new();
    dir.write("p.json", &layers(80));
    let arguments = ["compile", "p.json", "--engine", "airflow", "--split", "50"];
    let (code, _, errors) = dir.run(&arguments);
    assert_eq!(code, 2);
    assert!(errors.contains("--output DIR/") && errors.contains("--split off"), "{errors}");
    let mut arguments = arguments.to_vec();
    arguments.extend(["-o", "dags/"]);
    let (code, _, errors) = dir.run(&arguments);
    assert_eq!(code, 0, "{errors}");
    assert!(dir.read("dags/big.py").contains("trigger_dag_id=\"big.part-2\""));
    assert!(dir.read("dags/big_part_2.py").contains("Gate(task_id=\"gate-1\""));
    arguments.push("--barrier");
    assert_eq!(dir.run(&arguments).0, 0);
    assert!(!dir.read("dags/big_part_2.py").contains("Gate("));
    assert!(dir.read("dags/big.py").contains(">> part_2"));
}

#[test]
fn what_cannot_be_split_is_refused_and_says_what_to_do() {
    let dir = Dir::new();
    dir.write("p.json", &layers(80));
    let long = json!({"function": "run_script", "source": format!("print('{}')", "x".repeat(9000))});
    let steps = [step("small", &[]), json!({"name": "huge", "run": long, "after": ["small"]})];
    dir.write("huge.json", &program(&steps));
    for (file, more, code, expected) in [
        ("p.json", vec!["--split", "0"], 3, "a budget of 0 holds no step"),
        ("p.json", vec!["--max-bytes", "0"], 3, "a budget of 0 holds no step"),
        ("huge.json", vec!["--max-bytes", "9000"], 3, "step \"huge\" alone is over the budget"),
        ("p.json", vec!["--split", "some"], 2, "auto, off, or the largest number"),
        ("p.json", vec!["--split", "50", "--split-method", "knife"], 2, "windowed, paper, kahn"),
        (
            "p.json",
            vec!["--passes", "cash"],
            2,
            "possible: hyperparameters, fetch, cache, resources, split, all, none",
        ),
        ("p.json", vec!["--passes", "resources", "--quota", "pods"], 2, "pods=50,cpu=16,memory=64Gi,gpu=2"),
        (
            "p.json",
            vec!["--passes", "resources", "--quota", "pods=0"],
            3,
            "step \"s0\" alone requests 1 pods of 0",
        ),
        ("p.json", vec!["--barrier", "--gates", "3"], 2, "cannot be used with"),
        ("p.json", vec!["--split", "10", "--max-bytes", "4600"], 3, "bytes to be started from"),
    ] {
        let mut arguments = vec!["compile", file];
        arguments.extend(&more);
        let (found, stdout, errors) = dir.run(&arguments);
        assert_eq!((found, stdout.as_str()), (code, ""), "{more:?}: {errors}");
        assert!(errors.contains(expected), "{more:?}: {errors}");
    }
}

#[test]
fn steps_that_wait_for_each_other_are_refused_before_anything_is_split() {
    let dir = Dir::new();
    dir.write("p.json", &program(&[step("a", &["b".into()]), step("b", &["a".into()])]));
    for command in ["compile", "simulate", "explain"] {
        let (code, stdout, errors) = dir.run(&[command, "p.json"]);
        assert_eq!((code, stdout.as_str()), (1, ""), "{errors}");
        assert!(errors.contains("wait for each other"), "{errors}");
    }
}

#[test]
fn estimates_that_cannot_be_are_replaced_and_reported_when_parts_are_made() {
    let dir = Dir::new();
    dir.write("p.json", &layers(80));
    let steps =
        json!({"s0": {"seconds": 0}, "s1": {"seconds": -3}, "s2": {"seconds": 1e12}, "s3": {"seconds": 5}});
    dir.write("e.json", &json!({"version": "couler-estimates/v1", "steps": steps}).to_string());
    let arguments = ["compile", "p.json", "--split", "50", "--estimates", "e.json"];
    let (code, _, errors) = dir.run(&arguments);
    assert_eq!(code, 0, "{errors}");
    for expected in
        ["s0: 0 seconds cannot be", "s1: -3 seconds", "s2: 1000000000000 seconds", "79 steps without"]
    {
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
}

const DATA: &str = r#"
version: couler/v1
name: data
steps:
- name: load
  run: {function: run_container, image: "acme/load:1", command: [load]}
  inputs: [{kind: external, name: raw, path: /in/raw, location: {kind: http, url: "https://x.org/big.csv"}}]
  outputs: [{name: data, source: {kind: artifact, path: /out/data}}]
- name: count
  run: {function: run_container, image: "acme/count:1", command: [count]}
  inputs: [{kind: external, name: raw, path: /in/raw, location: {kind: http, url: "https://x.org/big.csv"}}]
- name: train
  run: {function: run_container, image: "acme/train:1"}
  inputs: [{kind: artifact, name: data, step: load, output: data, path: /in/data}]
- name: tell
  run: {function: run_container, image: "acme/tell:1", command: [tell, "{{steps.train.result}}"]}
"#;

#[test]
fn passes_change_what_is_written() {
    let dir = Dir::new();
    dir.write("p.yaml", DATA);
    let plain = dir.run(&["compile", "p.yaml"]).1;
    assert!(!plain.contains("memoize") && plain.matches("url: https://x.org").count() == 2, "{plain}");
    let compiled = |engine: &str, passes: &str| {
        let (code, text, errors) = dir.run(&["compile", "p.yaml", "--engine", engine, "--passes", passes]);
        assert_eq!(code, 0, "{engine} {passes}: {errors}");
        text
    };
    assert_eq!(compiled("argo", "fetch").matches("url: https://x.org").count(), 1);
    assert_eq!(compiled("argo", "cache").matches("memoize:").count(), 2);
    assert_eq!(compiled("tekton", "cache").matches("name: cached").count(), 2);
    // Only its image knows what `train` runs, so Airflow cannot keep its result.
    assert_eq!(compiled("airflow", "cache").matches("cache_key=\"").count(), 1);
}

#[test]
fn earlier_runs_on_this_machine_are_estimates() {
    let dir = Dir::new();
    let step = |name: &str, after: &str| {
        format!(
            "- name: {name}\n  run: {{function: run_script, language: bash, source: 'sleep 0.2; echo {name}'}}\n{after}"
        )
    };
    dir.write(
        "p.yaml",
        &format!("version: couler/v1\nname: w\nsteps:\n{}{}", step("a", ""), step("b", "  after: [a]\n")),
    );
    let (_, _, errors) = dir.run(&["simulate", "p.yaml"]);
    assert!(errors.contains("2 steps without an estimate are taken as 60.0 s"), "{errors}");
    let (code, _, errors) = dir.run(&["run", "p.yaml"]);
    assert_eq!(code, 0, "{errors}");
    let (_, text, errors) = dir.run(&["simulate", "p.yaml", "--json"]);
    assert!(errors.contains("how long 2 of 2 steps last is known from earlier runs here"), "{errors}");
    let length = serde_json::from_str::<Value>(&text).unwrap()["critical_path"].as_f64().unwrap();
    assert!(length > 0.4 && length < 60.0, "{length}");
    dir.write("e.yaml", "version: couler-estimates/v1\nsteps: {a: {seconds: 100}}\n");
    let (_, text, errors) = dir.run(&["simulate", "p.yaml", "--json", "--estimates", "e.yaml"]);
    assert!(errors.contains("how long 1 of 2 steps last"), "{errors}");
    assert!(serde_json::from_str::<Value>(&text).unwrap()["critical_path"].as_f64().unwrap() > 100.0);
}
