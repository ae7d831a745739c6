//! Simulating, splitting and explaining passes from the command line.

use serde_json::{Value, json};

use crate::harness::Dir;

/// The smallest workflow on which the paper's algorithm makes parts that wait for each other.
fn counterexample(dir: &Dir) {
    let step = |name: &str, after: &[&str]| {
        let run = json!({"function": "run_container", "image": "i"});
        json!({"name": name, "run": run, "after": after})
    };
    let steps = [step("a", &[]), step("b", &[]), step("c", &["a", "b"]), step("d", &["a"])];
    let program = json!({"version": "couler/v1", "name": "w", "steps": steps});
    dir.write("p.json", &program.to_string());
    let estimates = json!({"version": "couler-estimates/v1", "steps": {
        "a": {"seconds": 4}, "b": {"seconds": 1}, "c": {"seconds": 2}, "d": {"seconds": 1},
    }});
    dir.write("e.json", &estimates.to_string());
}

fn simulated(dir: &Dir, more: &[&str]) -> Value {
    let mut arguments = vec!["simulate", "p.json", "--estimates", "e.json", "--json"];
    arguments.extend(more);
    let (code, stdout, errors) = dir.run(&arguments);
    assert_eq!(code, 0, "{errors}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn a_program_is_simulated_whole_and_in_parts() {
    let dir = Dir::new();
    counterexample(&dir);
    let figures = simulated(&dir, &["--split", "2"]);
    assert_eq!(figures["critical_path"], 6.0);
    assert_eq!(figures["parts"].as_array().unwrap().len(), 2);
    assert_eq!(figures["runs"]["gated"]["makespan"], figures["runs"]["unsplit"]["makespan"]);
    assert_eq!(simulated(&dir, &["--split", "off", "--workers", "1"])["runs"]["unsplit"]["makespan"], 8.0);
    assert_eq!(simulated(&dir, &["--failures", "1"])["runs"]["gated"]["not_run"], 2);
}

#[test]
fn parts_that_wait_for_each_other_are_refused() {
    let dir = Dir::new();
    counterexample(&dir);
    dir.write("parts.json", r#"{"a": 0, "b": 0, "c": 1, "d": 1}"#);
    for (more, expected_code, expected) in [
        (vec!["--split", "2", "--split-method", "paper"], 3, "2 parts wait for each other in a cycle"),
        (vec!["--split", "0"], 3, "a budget of 0 holds no step"),
        (vec!["--max-bytes", "4100"], 3, "step \"a\" alone is over the budget"),
        (vec!["--workers", "0"], 2, "0 workers finish nothing"),
        (vec!["--failures", "1.5"], 2, "not between 0 and 1"),
        (vec!["--partition", "e.json"], 2, "e.json"),
    ] {
        let mut arguments = vec!["simulate", "p.json"];
        arguments.extend(&more);
        let (code, stdout, errors) = dir.run(&arguments);
        assert_eq!((code, stdout.as_str()), (expected_code, ""), "{more:?}: {errors}");
        assert!(errors.contains(expected) && errors.contains("hint"), "{more:?}: {errors}");
    }
    let given = simulated(&dir, &["--partition", "parts.json"]);
    assert_eq!(given["parts"].as_array().unwrap().len(), 2);
}

#[test]
fn charts_are_drawn() {
    let dir = Dir::new();
    counterexample(&dir);
    let (code, chart, errors) = dir.run(&[
        "simulate",
        "p.json",
        "--estimates",
        "e.json",
        "--gantt",
        "--svg",
        "g.svg",
        "--split",
        "2",
    ]);
    assert_eq!(code, 0, "{errors}");
    assert!(chart.contains("     1 ") && chart.contains("barrier"), "{chart}");
    assert_eq!(dir.read("g.svg").matches("<title>").count(), 4);
}

#[test]
fn unusable_estimates_are_replaced_and_reported() {
    let dir = Dir::new();
    counterexample(&dir);
    dir.write(
        "e.json",
        r#"{"version": "couler-estimates/v1", "steps": {"a": {"seconds": -1}, "b": {"seconds": 7}}}"#,
    );
    let (code, _, errors) = dir.run(&["simulate", "p.json", "--estimates", "e.json"]);
    assert_eq!(code, 0);
    assert!(errors.contains("a: -1 seconds cannot be") && errors.contains("taken as 7.0 s"), "{errors}");
    dir.write("e.json", r#"{"version": "2", "steps": {}}"#);
    assert_eq!(dir.run(&["simulate", "p.json", "--estimates", "e.json"]).0, 2);
}

#[test]
fn explain_prints_the_report_of_each_pass() {
    let dir = Dir::new();
    counterexample(&dir);
    let (code, text, errors) = dir.run(&["explain", "p.json"]);
    assert_eq!(code, 0, "{errors}");
    for expected in ["fetch: no remote input", "cache: 0 of 4", "resources: ", "split: the workflow fits"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (_, text, _) = dir.run(&["explain", "p.json", "--passes", "split", "--split", "2"]);
    assert!(text.contains("split: 2 parts, at least 2") && !text.contains("resources: "), "{text}");
    let (code, _, errors) = dir.run(&["explain", "p.json", "--passes", "cash"]);
    assert_eq!(code, 2);
    assert!(
        errors.contains("possible: hyperparameters, fetch, cache, resources, split, all, none"),
        "{errors}"
    );
    assert_eq!(dir.run(&["explain", "p.json", "--json"]).1, dir.run(&["explain", "p.json", "--json"]).1);
}
