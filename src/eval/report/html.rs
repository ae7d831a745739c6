//! A run as one page that needs nothing but itself.

use std::collections::HashMap;

use handlebars::Handlebars;
use indexmap::IndexMap;
use serde::Serialize;

use super::plot::{Plot, SECONDS, TOKENS, failed_stages, histogram, pass_rates};
use super::text::{
    COLUMNS, Fact, NONE, clip, count, facts, failed, further, interval, percent, plain, rows, stage,
};
use crate::eval::statistics::Estimate;
use crate::eval::{CaseSummary, Figures, Sample, SampleOutcome, Summary};
use crate::llm::{CallRecord, Usage};

const PAGE: &str = include_str!("page.hbs");
/// Characters of the first failure that are shown beside a case.
const FAILURE_LENGTH: usize = 160;
/// Blocks of text in a manifest that have more lines are shortened: the scripts of components fill most of it.
const BLOCK_LINES: usize = 12;

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The template of the page cannot be filled.
    #[error("the page of the report cannot be filled: {source}")]
    Page {
        /// The cause.
        source: handlebars::RenderError,
    },
}

/// A run as one page without external resources: its settings, figures, plots and all cases with their samples.
///
/// # Errors
/// [`ReportError::Page`] if the built-in template does not fit the data, which is a bug.
pub fn html(summary: &Summary, samples: &[Sample]) -> Result<String, ReportError> {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates
        .render_template(PAGE, &Page::of(summary, samples))
        .map_err(|source| ReportError::Page { source })
}

/// What the template shows. All of it is escaped there.
#[derive(Debug, Serialize)]
struct Page<'a> {
    suite: &'a str,
    facts: Vec<Fact>,
    figures: Vec<Figure>,
    plots: [Plot; 4],
    columns: [&'static str; 9],
    rows: Vec<[String; 9]>,
    further: Vec<Fact>,
    cases: Vec<CaseView<'a>>,
    unmeasured: bool,
}

/// A figure that is to be seen first.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    value: String,
    note: String,
}

/// A row of the table of cases.
#[derive(Debug, Serialize)]
struct CaseView<'a> {
    id: &'a str,
    category: &'a str,
    state: &'static str,
    result: String,
    stage: &'static str,
    seconds: String,
    uncached_tokens: String,
    failure: Option<String>,
    turns: &'a [String],
    /// What the search looks at.
    words: String,
    samples: Vec<SampleView<'a>>,
}

/// What unfolds below it.
#[derive(Debug, Serialize)]
struct SampleView<'a> {
    number: u32,
    open: bool,
    state: &'static str,
    stage: Option<&'static str>,
    facts: String,
    failures: &'a [String],
    stages: Vec<StageView<'a>>,
    manifest: Option<String>,
}

/// The calls of a stage.
#[derive(Debug, Serialize)]
struct StageView<'a> {
    name: &'a str,
    calls: usize,
    usage: Usage,
    seconds: String,
}

impl<'a> Page<'a> {
    fn of(summary: &'a Summary, samples: &'a [Sample]) -> Self {
        let mut by_case: HashMap<&str, Vec<&Sample>> = HashMap::new();
        for sample in samples {
            by_case.entry(&sample.case).or_default().push(sample);
        }
        let cases: Vec<CaseView> = summary
            .cases
            .iter()
            .map(|case| CaseView::of(case, by_case.remove(case.id.as_str()).unwrap_or_default()))
            .collect();
        let mut facts = facts(&summary.header);
        facts.push(Fact::new("descriptions", summary.all.descriptions.to_string()));
        facts.push(Fact::new("samples", summary.all.samples.to_string()));
        Self {
            suite: &summary.header.suite,
            facts,
            figures: figures(&summary.all),
            plots: plots(summary, samples),
            columns: COLUMNS,
            rows: rows(summary),
            further: further(&summary.all),
            unmeasured: cases.iter().any(|case| case.state == "unmeasured"),
            cases,
        }
    }
}

fn figures(all: &Figures) -> Vec<Figure> {
    let rate = |name: &'static str, estimate: Option<&Estimate>, meaning: &str| {
        estimate.map(|estimate| Figure {
            name,
            value: percent(estimate.value),
            note: format!("{meaning}; 95 % interval {} %", interval(estimate)),
        })
    };
    let repeats = rate("pass^3", all.pass_all.get(&3), "all of 3 samples pass");
    let first =
        rate("pass@1", all.pass_at.get(&1), &format!("of {}", count(all.descriptions, "description")));
    let measured = |text: String| if all.samples > 0 { text } else { NONE.to_owned() };
    let others = [
        Figure {
            name: "seconds",
            value: measured(format!("{:.1}", all.seconds)),
            note: "median of the samples".into(),
        },
        Figure {
            name: "uncached tokens",
            value: measured(format!("{:.0}", all.uncached_tokens)),
            note: format!("median of the samples; {:.0} with the cached ones", all.tokens),
        },
        Figure {
            name: "attrition",
            value: measured(percent(all.attrition)),
            note: format!("of {}: a stage gave up", count(all.samples, "sample")),
        },
    ];
    first.into_iter().chain(repeats).chain(others).collect()
}

fn plots(summary: &Summary, samples: &[Sample]) -> [Plot; 4] {
    let values = |value: fn(&Sample) -> f64| -> Vec<f64> {
        samples.iter().filter(|sample| sample.counts()).map(value).filter(|value| value.is_finite()).collect()
    };
    let seconds = values(|sample| sample.seconds);
    let tokens = values(|sample| f64::from(sample.usage.uncached_tokens()));
    let all = &summary.all;
    [
        pass_rates(summary),
        failed_stages(summary),
        histogram(&SECONDS, &seconds, all.seconds),
        histogram(&TOKENS, &tokens, all.uncached_tokens),
    ]
}

impl<'a> CaseView<'a> {
    fn of(case: &'a CaseSummary, mut samples: Vec<&'a Sample>) -> Self {
        samples.sort_by_key(|sample| sample.sample);
        let (state, result) = match (case.passed, case.samples) {
            (_, 0) => ("unmeasured", "not measured".to_owned()),
            (0, 1) => ("failed", "failed".to_owned()),
            (1, 1) => ("passed", "passed".to_owned()),
            (passed, of) => {
                (if failed(case) { "failed" } else { "passed" }, format!("{passed} of {of} passed"))
            }
        };
        let failures = samples.iter().flat_map(|sample| &sample.failures);
        let words: Vec<&str> = [&case.id, &case.category]
            .into_iter()
            .chain(&case.turns)
            .chain(failures)
            .map(String::as_str)
            .collect();
        let open = samples.len() == 1;
        let measured = |text: String| if case.samples > 0 { text } else { NONE.to_owned() };
        // A case that passes may have had trouble with the infrastructure.
        let failure = case.failures.first().filter(|_| state != "passed");
        Self {
            id: &case.id,
            category: &case.category,
            state,
            result,
            stage: case.failed_stage.map_or(NONE, stage),
            seconds: measured(format!("{:.1}", case.seconds)),
            uncached_tokens: measured(format!("{:.0}", case.uncached_tokens)),
            failure: failure.map(|failure| clip(&plain(failure), FAILURE_LENGTH)),
            turns: &case.turns,
            words: words.join("\n").to_lowercase(),
            samples: samples.into_iter().map(|sample| SampleView::of(sample, open)).collect(),
        }
    }
}

impl<'a> SampleView<'a> {
    fn of(sample: &'a Sample, open: bool) -> Self {
        let state = match sample.outcome {
            SampleOutcome::Passed => "passed",
            SampleOutcome::Failed => "failed",
            SampleOutcome::Infrastructure => "unmeasured",
        };
        let mut facts = vec![
            format!("{:.1} s", sample.seconds),
            format!("{} uncached tokens", sample.usage.uncached_tokens()),
        ];
        let scores = &sample.scores;
        facts.extend(scores.steps_f1.map(|score| format!("steps F1 {score:.2}")));
        facts.extend(scores.edges_f1.map(|score| format!("edges F1 {score:.2}")));
        facts.extend(scores.requirements.map(|score| format!("requirements {}", percent(score))));
        if sample.lint_faults > 0 {
            facts.push(count(sample.lint_faults, "lint fault"));
        }
        Self {
            number: sample.sample,
            open,
            state,
            stage: sample.failed_stage.map(stage),
            facts: facts.join(" · "),
            failures: &sample.failures,
            stages: stages(&sample.calls),
            manifest: sample.manifest.as_deref().map(shortened),
        }
    }
}

fn stages(calls: &[CallRecord]) -> Vec<StageView<'_>> {
    let mut stages: IndexMap<&str, (usize, Usage)> = IndexMap::new();
    for call in calls {
        let (number, usage) = stages.entry(&call.stage).or_default();
        *number += 1;
        *usage = usage.plus(&call.usage);
    }
    stages
        .into_iter()
        .map(|(name, (calls, usage))| StageView {
            name,
            calls,
            usage,
            seconds: format!("{:.1}", usage.seconds),
        })
        .collect()
}

/// A manifest without the greater part of its long blocks of text (YAML 1.2, section 8.1: `source: |`).
pub(super) fn shortened(manifest: &str) -> String {
    let lines: Vec<&str> = manifest.lines().collect();
    let mut kept: Vec<String> = Vec::new();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        kept.push((*line).to_owned());
        index += 1;
        if !line.ends_with(['|', '>']) && !line.ends_with("|-") && !line.ends_with(">-") {
            continue;
        }
        let of_block = |text: &&&str| text.trim().is_empty() || indent(text) > indent(line);
        let block = lines[index..].iter().take_while(of_block).count();
        if block > BLOCK_LINES {
            let shown = &lines[index..index + BLOCK_LINES / 2];
            kept.extend(shown.iter().map(|text| (*text).to_owned()));
            let space = " ".repeat(indent(lines[index]));
            kept.push(format!("{space}… {} more lines", block - shown.len()));
            index += block;
        }
    }
    kept.join("\n")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
