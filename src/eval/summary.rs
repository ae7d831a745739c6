//! What a run says as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::statistics::{Estimate, float, mean_with_interval, median, pass_all, pass_at};
use super::{FailedStage, RunHeader, RunLog, Sample};

/// Numbers of samples for which pass@k and pass^k are reported.
const KS: [usize; 3] = [1, 3, 5];

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What it was made with.
    pub header: RunHeader,
    /// All descriptions together.
    pub all: Figures,
    /// Figures by category.
    pub categories: BTreeMap<String, Figures>,
    /// The cases in the order of their first sample.
    pub cases: Vec<CaseSummary>,
}

/// The figures of a set of descriptions. Samples that failed for reasons of infrastructure are counted apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Number of descriptions with at least one sample that counts.
    pub descriptions: usize,
    /// Number of samples that count.
    pub samples: usize,
    /// How many of them passed.
    pub passed: usize,
    /// Samples that failed for reasons of infrastructure.
    pub infrastructure: usize,
    /// pass@k for k = 1, 3, 5, over the descriptions that have so many samples.
    pub pass_at: BTreeMap<usize, Estimate>,
    /// pass^k for k = 1, 3, 5, over the descriptions that have so many samples.
    pub pass_all: BTreeMap<usize, Estimate>,
    /// Mean F1 of the steps, over cases that expect some.
    pub steps_f1: Option<Estimate>,
    /// Mean F1 of the order between steps, over cases that expect some.
    pub edges_f1: Option<Estimate>,
    /// Mean share of the requirements that are met.
    pub requirements: Option<Estimate>,
    /// Share of samples in which a stage gave up.
    pub attrition: f64,
    /// Failed samples by the stage that failed first.
    pub failed_stages: BTreeMap<FailedStage, usize>,
    /// Faults that the linter finds in the manifests.
    #[serde(default)]
    pub lint_faults: usize,
    /// Median tokens without those of the cached prefix.
    pub uncached_tokens: f64,
    /// Median tokens, cached ones included.
    pub tokens: f64,
    /// Median seconds.
    pub seconds: f64,
    /// Mean cost in US dollars, where prices are known.
    pub dollars: Option<f64>,
    /// The turns of conversations, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<TurnFigures>,
}

/// The turns of all conversations together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnFigures {
    /// How many there are.
    pub turns: usize,
    /// How many are right.
    pub right: usize,
    /// The share that is right.
    pub share: Estimate,
    /// Steps that changed although nothing was said about them.
    pub unrelated: usize,
    /// Turns that called no model.
    pub without_model: usize,
    /// Median seconds of a turn.
    pub seconds: f64,
}

fn turn_figures(samples: &[&Sample]) -> Option<TurnFigures> {
    let turns: Vec<_> = samples.iter().flat_map(|sample| &sample.turn_results).collect();
    let values: Vec<f64> = turns.iter().map(|turn| f64::from(u8::from(turn.passed()))).collect();
    let seconds: Vec<f64> = turns.iter().map(|turn| turn.seconds).collect();
    Some(TurnFigures {
        turns: turns.len(),
        right: turns.iter().filter(|turn| turn.passed()).count(),
        share: mean_with_interval(&values)?,
        unrelated: turns.iter().map(|turn| turn.unrelated).sum(),
        without_model: turns.iter().filter(|turn| turn.usage.completion_tokens == 0).count(),
        seconds: median(&seconds)?,
    })
}

/// The samples of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseSummary {
    /// Its id.
    pub id: String,
    /// Its category.
    pub category: String,
    /// The description and remarks.
    pub turns: Vec<String>,
    /// Samples that count.
    pub samples: usize,
    /// How many passed.
    pub passed: usize,
    /// Samples that failed for reasons of infrastructure.
    pub infrastructure: usize,
    /// What does not hold in the first failed sample.
    pub failures: Vec<String>,
    /// Where that sample went wrong first.
    pub failed_stage: Option<FailedStage>,
    /// Median seconds.
    pub seconds: f64,
    /// Median tokens without those of the cached prefix.
    pub uncached_tokens: f64,
}

impl Summary {
    /// Sums a run up.
    pub fn of(log: &RunLog) -> Self {
        let mut by_case: indexmap::IndexMap<&str, Vec<&Sample>> = indexmap::IndexMap::new();
        for sample in &log.samples {
            by_case.entry(&sample.case).or_default().push(sample);
        }
        let mut by_category: BTreeMap<String, Vec<&[&Sample]>> = BTreeMap::new();
        for samples in by_case.values() {
            by_category.entry(samples[0].category.clone()).or_default().push(samples);
        }
        let every: Vec<&[&Sample]> = by_case.values().map(Vec::as_slice).collect();
        Self {
            header: log.header.clone(),
            all: figures(&every),
            categories: by_category.iter().map(|(name, cases)| (name.clone(), figures(cases))).collect(),
            cases: every.iter().map(|samples| case_summary(samples)).collect(),
        }
    }
}

fn figures(cases: &[&[&Sample]]) -> Figures {
    let counted: Vec<Vec<&Sample>> = cases
        .iter()
        .map(|samples| samples.iter().copied().filter(|sample| sample.counts()).collect::<Vec<_>>())
        .filter(|samples| !samples.is_empty())
        .collect();
    let samples: Vec<&Sample> = counted.iter().flatten().copied().collect();
    let estimates = |estimator: fn(usize, usize, usize) -> Option<f64>| {
        let of = |k: usize| {
            let values: Vec<f64> =
                counted.iter().filter_map(|samples| estimator(samples.len(), passed(samples), k)).collect();
            Some((k, mean_with_interval(&values)?))
        };
        KS.into_iter().filter_map(of).collect()
    };
    let per_case = |value: fn(&Sample) -> Option<f64>| {
        let means: Vec<f64> = counted
            .iter()
            .filter_map(|samples| {
                let values: Vec<f64> = samples.iter().filter_map(|sample| value(sample)).collect();
                super::statistics::mean(&values)
            })
            .collect();
        mean_with_interval(&means)
    };
    let of_samples = |value: fn(&Sample) -> f64| {
        median(&samples.iter().map(|sample| value(sample)).collect::<Vec<_>>()).unwrap_or(0.0)
    };
    let mut failed_stages = BTreeMap::new();
    for stage in samples.iter().filter_map(|sample| sample.failed_stage) {
        *failed_stages.entry(stage).or_default() += 1;
    }
    let dollars: Vec<f64> = samples.iter().filter_map(|sample| sample.usage.dollars).collect();
    Figures {
        descriptions: counted.len(),
        samples: samples.len(),
        passed: passed(&samples),
        infrastructure: cases.iter().flat_map(|samples| samples.iter()).filter(|s| !s.counts()).count(),
        pass_at: estimates(pass_at),
        pass_all: estimates(pass_all),
        steps_f1: per_case(|sample| sample.scores.steps_f1),
        edges_f1: per_case(|sample| sample.scores.edges_f1),
        requirements: per_case(|sample| sample.scores.requirements),
        attrition: float(samples.iter().filter(|s| s.gave_up).count()) / float(samples.len().max(1)),
        failed_stages,
        lint_faults: samples.iter().map(|sample| sample.lint_faults).sum(),
        uncached_tokens: of_samples(|sample| f64::from(sample.usage.uncached_tokens())),
        tokens: of_samples(|s| f64::from(s.usage.prompt_tokens + s.usage.completion_tokens)),
        seconds: of_samples(|sample| sample.seconds),
        dollars: super::statistics::mean(&dollars),
        turns: turn_figures(&samples),
    }
}

fn case_summary(samples: &[&Sample]) -> CaseSummary {
    let counted: Vec<&Sample> = samples.iter().copied().filter(|sample| sample.counts()).collect();
    let failed = counted.iter().chain(samples).find(|sample| !sample.passed());
    let values = |value: fn(&Sample) -> f64| {
        median(&counted.iter().map(|sample| value(sample)).collect::<Vec<_>>()).unwrap_or(0.0)
    };
    CaseSummary {
        id: samples[0].case.clone(),
        category: samples[0].category.clone(),
        turns: samples[0].turns.clone(),
        samples: counted.len(),
        passed: passed(&counted),
        infrastructure: samples.len() - counted.len(),
        failures: failed.map(|sample| sample.failures.clone()).unwrap_or_default(),
        failed_stage: failed.and_then(|sample| sample.failed_stage),
        seconds: values(|sample| sample.seconds),
        uncached_tokens: values(|sample| f64::from(sample.usage.uncached_tokens())),
    }
}

fn passed(samples: &[&Sample]) -> usize {
    samples.iter().filter(|sample| sample.passed()).count()
}
