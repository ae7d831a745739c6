//! The words and figures that all reports share.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::eval::statistics::Estimate;
use crate::eval::{CaseSummary, FailedStage, Figures, Mode, RunHeader, Summary};

/// Stands where there is no figure.
pub(super) const NONE: &str = "–";

/// Headings of [`rows`].
pub(super) const COLUMNS: [&str; 9] = [
    "category",
    "descriptions",
    "passed",
    "pass@1 (95 % interval)",
    "steps F1",
    "edges F1",
    "requirements",
    "median s",
    "median uncached tokens",
];

/// A figure or setting with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
}

impl Fact {
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// One row per category and a last one of all descriptions.
pub(super) fn rows(summary: &Summary) -> Vec<[String; 9]> {
    let categories = summary.categories.iter().map(|(name, figures)| row(name, figures));
    categories.chain([row("all", &summary.all)]).collect()
}

fn row(name: &str, figures: &Figures) -> [String; 9] {
    let measured = figures.samples > 0;
    let if_measured = |text: String| if measured { text } else { NONE.to_owned() };
    let mean = |value: Option<Estimate>| value.map_or_else(none, |value| format!("{:.2}", value.value));
    [
        plain(name),
        figures.descriptions.to_string(),
        format!("{} of {}", figures.passed, figures.samples),
        figures.pass_at.get(&1).map_or_else(none, estimate),
        mean(figures.steps_f1),
        mean(figures.edges_f1),
        figures.requirements.map_or_else(none, |value| percent(value.value)),
        if_measured(format!("{:.1}", figures.seconds)),
        if_measured(format!("{:.0}", figures.uncached_tokens)),
    ]
}

/// What a run was made with.
pub(super) fn facts(header: &RunHeader) -> Vec<Fact> {
    let digest = |digest: &str| plain(&digest.chars().take(12).collect::<String>());
    let mut facts = vec![
        Fact::new("suite", format!("{} ({})", plain(&header.suite), digest(&header.suite_digest))),
        Fact::new("model", plain(&header.model)),
        Fact::new("mode", mode(header.mode)),
        Fact::new("temperature", header.temperature.to_string()),
    ];
    if !header.without.is_empty() {
        facts.push(Fact::new("switched off", plain(&header.without.join(", "))));
    }
    facts.push(Fact::new("method", digest(&header.method)));
    facts.push(Fact::new("date", plain(&header.date)));
    facts
}

/// The figures of all descriptions that the columns leave out.
pub(super) fn further(figures: &Figures) -> Vec<Fact> {
    let repeated = |name: &str, values: &BTreeMap<usize, Estimate>| {
        let values = values.iter().filter(|(k, _)| **k > 1);
        values.map(|(k, value)| Fact::new(format!("{name}{k}"), estimate(value))).collect::<Vec<_>>()
    };
    let mut facts = repeated("pass@", &figures.pass_at);
    facts.extend(repeated("pass^", &figures.pass_all));
    facts.push(Fact::new(
        "attrition",
        format!("{} of the samples: a stage gave up", percent(figures.attrition)),
    ));
    facts.push(Fact::new("failed at", failed_stages(figures)));
    let left_out = match figures.infrastructure {
        0 => "no sample failed because of it".to_owned(),
        samples => format!("{} failed because of it and left out", count(samples, "sample")),
    };
    facts.push(Fact::new("infrastructure", left_out));
    if figures.samples > 0 {
        facts.push(Fact::new("median tokens", format!("{:.0}, cached ones included", figures.tokens)));
    }
    if let Some(turns) = &figures.turns {
        facts.push(Fact::new(
            "turns right",
            format!(
                "{} of {}: {}; {} without a model call; median {:.1} s",
                turns.right,
                turns.turns,
                estimate(&turns.share),
                turns.without_model,
                turns.seconds
            ),
        ));
        facts.push(Fact::new("unrelated changes", turns.unrelated.to_string()));
    }
    if let Some(dollars) = figures.dollars {
        facts.push(Fact::new("mean cost", format!("${dollars:.4} a sample")));
    }
    facts
}

fn failed_stages(figures: &Figures) -> String {
    let stages: Vec<String> = figures
        .failed_stages
        .iter()
        .map(|(failed, samples)| format!("{} {samples}", stage(*failed)))
        .collect();
    if stages.is_empty() { "no stage".to_owned() } else { stages.join(", ") }
}

/// Whether a sample of a case counts and did not pass.
pub(super) fn failed(case: &CaseSummary) -> bool {
    case.passed < case.samples
}

/// The name of a mode, as on the command line.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Pipeline => "pipeline",
        Mode::DirectProgram => "direct-program",
        Mode::DirectManifest => "direct-manifest",
    }
}

/// The name of a stage, as in a log.
pub(super) fn stage(stage: FailedStage) -> &'static str {
    match stage {
        FailedStage::Decompose => "decompose",
        FailedStage::Generate => "generate",
        FailedStage::Assemble => "assemble",
        FailedStage::Engine => "engine",
        FailedStage::Check => "check",
    }
}

/// A share of one as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A share with its interval.
pub(super) fn estimate(estimate: &Estimate) -> String {
    format!("{} ({})", percent(estimate.value), interval(estimate))
}

/// The interval of a share, in percent.
pub(super) fn interval(estimate: &Estimate) -> String {
    format!("{:.1}–{:.1}", 100.0 * estimate.low, 100.0 * estimate.high)
}

/// A number of things.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Text on one line, without characters that steer a terminal or turn the direction of reading.
pub(super) fn plain(text: &str) -> String {
    let harmless: String = text.chars().map(|c| if steers(c) { ' ' } else { c }).collect();
    harmless.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a text of more than `length` characters.
pub(super) fn clip(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        None => text.to_owned(),
        Some(_) => text.chars().take(length.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn none() -> String {
    NONE.to_owned()
}
