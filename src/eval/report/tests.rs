//! Every report of a small run with hostile strings.

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::json;

use super::html::shortened;
use super::plot::Bins;
use super::{comparison, html, junit, markdown, table};
use crate::eval::{
    Comparison, FailedStage, LOG_VERSION, Mode, RunHeader, RunLog, Sample, SampleOutcome, Scores, Summary,
    compare,
};
use crate::llm::{CallRecord, Usage};

const SCRIPT: &str = "<script>alert('1')</script>";
const CONTROL: &str = "a\u{0}b\u{1b}[31mc\u{1b}]0;title\u{7}d\u{9b}e\u{fffe}f\u{ffff}g\u{202e}h]]>i\r\nj";
const CATEGORY: &str = "fan|out\n\"in\" & <img src=x onerror='alert(2)'>";

fn header() -> RunHeader {
    RunHeader {
        version: LOG_VERSION.into(),
        suite: "main".into(),
        suite_digest: "0123456789abcdef0123".into(),
        model: "tiny-3b".into(),
        mode: Mode::Pipeline,
        temperature: 0.7,
        without: vec!["lake".into()],
        method: "fedcba98765432100123".into(),
        date: "2024-05-13".into(),
    }
}

fn sample(case: &str, category: &str, number: u32, seconds: f64) -> Sample {
    let usage = Usage {
        prompt_tokens: 1000,
        cached_tokens: 800,
        completion_tokens: 50,
        seconds,
        dollars: Some(0.001),
    };
    let call = |stage: &str| CallRecord {
        stage: stage.into(),
        step: None,
        model: "tiny-3b".into(),
        usage: Usage { prompt_tokens: 500, cached_tokens: 400, completion_tokens: 25, ..usage },
    };
    Sample {
        case: case.into(),
        category: category.into(),
        sample: number,
        turns: vec![format!("Train a model for {case}.")],
        outcome: SampleOutcome::Passed,
        failed_stage: None,
        gave_up: false,
        failures: Vec::new(),
        scores: Scores { steps_f1: Some(1.0), edges_f1: Some(0.5), requirements: Some(0.75) },
        calls: vec![call("decompose"), call("generate"), call("generate")],
        usage,
        seconds,
        program: Some(json!({"steps": []})),
        manifest: Some("kind: Workflow\n".into()),
        lint_faults: 0,
        turn_results: Vec::new(),
    }
}

fn failed(sample: Sample, stage: FailedStage, failures: &[&str]) -> Sample {
    Sample {
        outcome: SampleOutcome::Failed,
        failed_stage: Some(stage),
        gave_up: stage != FailedStage::Check,
        failures: failures.iter().map(|text| (*text).to_owned()).collect(),
        ..sample
    }
}

/// Two samples of a harmless case, one of a hostile case, one without a model.
fn run() -> RunLog {
    let hostile = Sample {
        turns: vec![SCRIPT.into(), CONTROL.into(), "データを読み込む 🚀 `=\"'".into()],
        manifest: Some(format!("</pre>{SCRIPT}{CONTROL}")),
        lint_faults: 1,
        ..sample(SCRIPT, CATEGORY, 0, 12.5)
    };
    let unreachable = Sample {
        outcome: SampleOutcome::Infrastructure,
        failures: vec!["connection refused: http://localhost".into()],
        manifest: None,
        ..sample("linear-lost", "linear", 0, 0.5)
    };
    RunLog {
        header: header(),
        samples: vec![
            sample("linear-one", "linear", 1, 3.25),
            failed(hostile, FailedStage::Check, &[&format!("{SCRIPT}|{CONTROL}"), "*second* `failure`"]),
            failed(sample("linear-one", "linear", 0, 4.0), FailedStage::Decompose, &["no plan"]),
            unreachable,
        ],
    }
}

/// The harmless case alone, often enough for pass^3; its first `passed` samples pass.
fn repeated(passed: u32) -> RunLog {
    let of = |number| {
        let sample = sample("linear-one", "linear", number, 2.0);
        if number < passed { sample } else { failed(sample, FailedStage::Engine, &["no\nloop"]) }
    };
    RunLog { header: header(), samples: (0..3).map(of).collect() }
}

fn page(log: &RunLog) -> String {
    html(&Summary::of(log), &log.samples).unwrap()
}

#[test]
fn the_terminal_sees_the_figures_and_nothing_that_steers_it() {
    let text = table(&Summary::of(&run()));
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    insta::assert_snapshot!("table", text);
}

#[test]
fn repeats_add_figures() {
    let summary = Summary::of(&repeated(2));
    let text = table(&summary);
    assert!(text.contains("pass@3          100.0 % (100.0–100.0)\n"), "{text}");
    assert!(text.contains("pass^3          0.0 % (0.0–0.0)\n"), "{text}");
    assert!(page(&repeated(2)).contains("pass^3"));
    assert!(!page(&run()).contains("pass^3"));
}

#[test]
fn an_empty_run_has_reports_too() {
    let log = RunLog { header: header(), samples: Vec::new() };
    let summary = Summary::of(&log);
    assert!(table(&summary).contains("0 of 0"));
    assert!(markdown(&summary).ends_with("## 0 failed cases\n"));
    assert!(page(&log).contains("There is no sample."));
    assert_eq!(Report::deserialize_from_str(&junit(&summary, &[])).unwrap().tests, 0);
}

#[test]
fn markdown_tables_keep_their_shape() {
    let text = markdown(&Summary::of(&run()));
    let mut columns = None;
    for line in text.lines() {
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(line.starts_with('|'), bars > 0, "{line}");
        assert!(bars == 0 || *columns.get_or_insert(bars) == bars, "{line}");
        if bars == 0 {
            columns = None;
        }
    }
    assert!(!text.contains(['<', '\u{0}', '\u{1b}']), "{text}");
    insta::assert_snapshot!("markdown", text);
}

#[test]
fn the_page_shows_data_as_text() {
    let page = page(&run());
    let template = include_str!("page.hbs");
    let count = |text: &str, tag: &str| text.matches(tag).count();
    assert_eq!(count(&page, "<script"), count(template, "<script"));
    assert_eq!(count(&page, "</pre>"), 3, "one per manifest");
    assert!(!page.contains("<img") && !page.contains("onerror='") && !page.contains("{{"));
    assert!(page.contains("&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;"));
    assert!(page.contains("データを読み込む 🚀 &#x60;&#x3D;&quot;&#x27;"));
    assert!(!page.contains("00000000"), "a coordinate is not rounded");
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let template = include_str!("page.hbs");
    for outside in ["src=", "href=", "url(", "@import", "http:", "https:", "{{{", "{{&"] {
        assert!(!template.contains(outside), "{outside}");
    }
}

#[test]
fn the_page_tells_states_apart() {
    let page = page(&run());
    for (state, result) in [("failed", "1 of 2 passed"), ("failed", "failed"), ("unmeasured", "not measured")]
    {
        assert!(page.contains(&format!("<td class=\"text {state}\">{result}</td>")), "{state}: {result}");
    }
    assert_eq!(page.matches("<tr><th scope=\"row\">generate</th><td>2</td><td>1000</td>").count(), 4);
}

#[test]
fn long_blocks_of_a_manifest_are_shortened() {
    let script = "        line\n\n".repeat(40);
    let manifest = format!(
        "templates:\n  - script:\n      source: |\n{script}      image: python\n    short: |-\n      one\n"
    );
    let short = shortened(&manifest);
    assert!(
        short.contains(
            "        line\n\n        … 74 more lines\n      image: python\n    short: |-\n      one"
        ),
        "{short}"
    );
    assert_eq!(shortened("a: |\n  b\nc: d"), "a: |\n  b\nc: d");
}

#[test]
fn junit_can_be_read_again() {
    let log = run();
    let text = junit(&Summary::of(&log), &log.samples);
    assert!(
        !text.chars().any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}')),
        "{text:?}"
    );
    let report = Report::deserialize_from_str(&text).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (4, 2, 1));
    let cases: Vec<(&str, &str, Option<NonSuccessKind>)> = report
        .test_suites
        .iter()
        .flat_map(|suite| suite.test_cases.iter().map(|case| (suite.name.as_str(), case)))
        .map(|(suite, case)| match &case.status {
            TestCaseStatus::NonSuccess { kind, .. } => (suite, case.name.as_str(), Some(*kind)),
            _ => (suite, case.name.as_str(), None),
        })
        .collect();
    assert_eq!(
        cases,
        [
            ("fan|out \"in\" & <img src=x onerror='alert(2)'>", SCRIPT, Some(NonSuccessKind::Failure)),
            ("linear", "linear-lost", Some(NonSuccessKind::Error)),
            ("linear", "linear-one#0", Some(NonSuccessKind::Failure)),
            ("linear", "linear-one#1", None),
        ]
    );
    let TestCaseStatus::NonSuccess { description, ty, .. } = &report.test_suites[0].test_cases[0].status
    else {
        panic!("it failed");
    };
    assert_eq!(ty.as_ref().unwrap().as_str(), "check");
    let description = description.as_ref().unwrap().as_str();
    assert!(
        description.contains("]]>i\nj\n*second* `failure`") && description.contains("c]0;titled"),
        "{description:?}"
    );
}

fn compared(first: &RunLog, second: &RunLog) -> Comparison {
    compare(first, second).unwrap()
}

#[test]
fn a_comparison_says_what_follows() {
    let mut better = run();
    better.header.model = "big-70b\u{1b}[2J".into();
    better.header.suite_digest = "another".into();
    better.samples[1] = Sample { outcome: SampleOutcome::Passed, ..better.samples[1].clone() };
    let text = comparison(&compared(&run(), &better));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    insta::assert_snapshot!("comparison", text);
    let same = comparison(&compared(&repeated(2), &repeated(2)));
    assert!(same.contains("the difference is not established: 1 description is too few to tell"), "{same}");
    assert!(!same.contains("note:") && !same.contains("case that differs"), "{same}");
}

#[test]
fn an_established_difference_is_named() {
    let many = |passed: bool| {
        let of = |case: u32| {
            let sample = sample(&format!("case-{case}"), "linear", 0, 1.0);
            if passed { sample } else { failed(sample, FailedStage::Generate, &["nothing"]) }
        };
        RunLog { header: header(), samples: (0..20).map(of).collect() }
    };
    assert!(comparison(&compared(&many(false), &many(true))).contains("\nthe second run is better\n"));
    assert!(comparison(&compared(&many(true), &many(false))).contains("\nthe second run is worse\n"));
}

#[test]
fn every_value_lies_in_one_bin() {
    for values in
        [vec![], vec![0.0], vec![12.3; 5], vec![0.1, 0.2, 0.3, 0.30001], vec![-1.0, 1e9, 3.0], vec![1e16]]
    {
        let bins = Bins::of(&values);
        assert_eq!(bins.counts.iter().sum::<usize>(), values.len(), "{values:?}");
        assert!((4..=20).contains(&bins.counts.len()), "{values:?}: {bins:?}");
    }
}
