//! `eval` with recorded answers. These prove plumbing, never quality.

use serde_json::{Value, json};

use crate::harness::{Dir, repository};

const SUITE: &str = "eval/suites/smoke.yaml";
const RECORDED: &str = "tests/recordings/smoke";

fn replay() -> String {
    format!("replay:{}", repository(RECORDED).display())
}

/// Runs the recorded suite with a log in the folder.
fn run(dir: &Dir, more: &[&str]) -> (i32, String, String) {
    let (suite, model) = (repository(SUITE), replay());
    let mut arguments =
        vec!["eval", "run", suite.to_str().unwrap(), "--model", &model, "--log", "log.jsonl", "--json"];
    arguments.extend(more);
    dir.run(&arguments)
}

#[test]
fn the_recorded_suite_still_passes() {
    let dir = Dir::recorded();
    let (code, stdout, errors) = run(&dir, &["--min-pass", "12"]);
    assert_eq!(code, 0, "{errors}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["all"]["descriptions"], 12);
    assert_eq!(report["all"]["lint_faults"], 0);
    assert_eq!(report["all"]["attrition"], 0.0);
}

#[test]
fn the_committed_run_can_be_opened() {
    let dir = Dir::recorded();
    let log = repository("eval/reports/2026-11-24-unseen.jsonl");
    let (code, stdout, errors) =
        dir.run(&["eval", "report", log.to_str().unwrap(), "--html", "run.html", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["all"]["descriptions"], 24);
    assert!(std::fs::read_to_string(dir.path().join("run.html")).unwrap().contains("<svg"));
}

#[test]
fn one_broken_case_fails_the_run() {
    let dir = Dir::recorded();
    let text = std::fs::read_to_string(repository(SUITE)).unwrap();
    dir.write("suite.yaml", &text);
    let model = replay();
    let mut arguments =
        vec!["eval", "run", "suite.yaml", "--model", &model, "--filter", "branch", "--min-pass", "100%"];
    let (code, _, errors) = dir.run(&arguments);
    assert_eq!(code, 0, "{errors}");
    dir.write("suite.yaml", &text.replace("texts: [rmse]", "texts: [mae]"));
    arguments.push("--restart");
    let (code, _, errors) = dir.run(&arguments);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("FAIL branch") && errors.contains("\"mae\" is missing"), "{errors}");
}

#[test]
fn a_missing_recording_is_no_verdict_about_quality() {
    let dir = Dir::recorded();
    dir.write(
        "suite.yaml",
        "version: couler/suite/v1\nname: t\ncases:\n  - {id: a, category: linear, description: train something else, checks: {contains: [{id: s, any: [container]}]}}\n",
    );
    let (code, stdout, errors) =
        dir.run(&["eval", "run", "suite.yaml", "--model", &replay(), "--json", "--log", "log.jsonl"]);
    assert_eq!(code, 4, "{errors}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["all"]["samples"], &report["all"]["infrastructure"]), (&0.into(), &1.into()));
}

#[test]
fn a_killed_run_goes_on_and_gives_the_same_bytes() {
    let dir = Dir::recorded();
    let (_, whole, _) = run(&dir, &[]);
    let log = dir.read("log.jsonl");
    let cut: String = log.split_inclusive('\n').take(5).collect();
    let sixth = log.lines().nth(5).unwrap();
    dir.write("log.jsonl", &format!("{cut}{}", &sixth[..sixth.len() / 2]));
    let (code, again, errors) = run(&dir, &[]);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("4 samples are there already"), "{errors}");
    assert_eq!(errors.matches("tokens (").count(), 8, "{errors}");
    assert_eq!((again, dir.read("log.jsonl")), (whole, log));
}

#[test]
fn a_log_of_another_run_is_not_mixed() {
    let dir = Dir::recorded();
    assert_eq!(run(&dir, &["--filter", "loop"]).0, 0);
    let (code, _, errors) = run(&dir, &["--filter", "loop", "--no-coverage"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("another set of switches") && errors.contains("--restart"), "{errors}");
    assert_eq!(run(&dir, &["--filter", "loop", "--no-coverage", "--restart"]).0, 0);
}

#[test]
fn reports_and_comparisons_are_written_from_logs() {
    let dir = Dir::recorded();
    run(&dir, &[]);
    let files = ["--markdown", "run.md", "--html", "run.html", "--junit", "run.xml"];
    let (code, table, errors) = dir.run(&[&["eval", "report", "log.jsonl"][..], &files].concat());
    assert_eq!(code, 0, "{errors}");
    assert!(table.contains("not-a-workflow"), "{table}");
    assert!(dir.read("run.md").contains("pass@1"));
    assert!(dir.read("run.html").contains("<svg"));
    assert!(dir.read("run.xml").contains("<testsuite"));
    assert_eq!(dir.run(&["eval", "compare", "log.jsonl", "log.jsonl"]).0, 0);
    let worse = dir.read("log.jsonl").replacen("\"outcome\":\"passed\"", "\"outcome\":\"failed\"", 1);
    dir.write("worse.jsonl", &worse);
    let (code, text, errors) = dir.run(&["eval", "compare", "log.jsonl", "worse.jsonl"]);
    assert_eq!(code, 5, "{text}{errors}");
    let all = dir.read("log.jsonl").replace("\"outcome\":\"passed\"", "\"outcome\":\"failed\"");
    dir.write("broken.jsonl", &all);
    assert_eq!(dir.run(&["eval", "compare", "log.jsonl", "broken.jsonl"]).0, 1);
    assert_eq!(dir.run(&["eval", "compare", "broken.jsonl", "log.jsonl"]).0, 0);
    dir.write("odd.jsonl", "{\"version\": 1}\n");
    let (code, _, errors) = dir.run(&["eval", "report", "odd.jsonl"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("odd.jsonl, line 1"), "{errors}");
}

#[test]
fn a_suite_with_a_fault_is_rejected_before_any_call() {
    let dir = Dir::recorded();
    let case = "  - id: a\n    category: linear\n    description: x\n    checks: {contains: [{id: s, any: [container]}]}\n";
    let head = "version: couler/suite/v1\nname: t\ncases:\n";
    for (text, expected) in [
        (format!("{head}{case}{case}"), "line 8, case \"a\": the id is used twice"),
        (format!("{head}{}", case.replace("any:", "anny:")), "anny"),
        (format!("{head}{}", case.replace("[container]", "[containr]")), "nothing is a \"containr\""),
        (format!("{head}{}", case.replace("]}\n", "], order: [[s, t]]}\n")), "line 4, case \"a\": \"t\""),
        (format!("{head}{}", case.replace("]}\n", "], steps: {min: 0, max: 0}}\n")), "no graph"),
    ] {
        dir.write("suite.yaml", &text);
        let (code, _, errors) = dir.run(&["eval", "run", "suite.yaml", "--model", "replay:nowhere"]);
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
}

/// Right answers go in as the model's: schemas must accept them, and the right programs must come out. Checks fired
/// wrongly on 9 of 436 when this was written; that number may only fall.
#[test]
fn right_answers_come_through() {
    let dir = Dir::new();
    let gold = env!("CARGO_MANIFEST_DIR").to_owned() + "/eval/gold";
    let (_, output, errors) = dir.run(&["eval", "fidelity", &gold, "--json", "--python", "no-such-python"]);
    let cases: Vec<Value> = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {errors}"));
    assert!(cases.len() >= 400, "{} cases", cases.len());
    let mut fired = Vec::new();
    for case in &cases {
        for list in ["gold", "refused", "differences", "graphs"] {
            assert_eq!(case[list], json!([]), "{}: {list}", case["id"]);
        }
        if case["findings"] != json!([]) {
            fired.push(case["id"].to_string());
        }
    }
    assert!(fired.is_empty(), "checks fire on right answers: {}", fired.join(", "));
}

/// The right edits of remarks go in as the model's: the schema must accept them, no check may fire, and the right program
/// must come out.
#[test]
fn right_answers_to_remarks_come_through() {
    let dir = Dir::new();
    let root = env!("CARGO_MANIFEST_DIR");
    let (conversations, gold) = (format!("{root}/eval/gold/edits"), format!("{root}/eval/gold"));
    let (_, output, errors) = dir.run(&["eval", "edits", &conversations, "--gold", &gold, "--json"]);
    let turns: Vec<Value> = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {errors}"));
    assert!(turns.len() >= 400, "{} remarks", turns.len());
    for turn in &turns {
        for list in ["gold", "refused", "findings", "differences"] {
            assert_eq!(turn[list], json!([]), "{} {}: {list}", turn["id"], turn["say"]);
        }
    }
}
