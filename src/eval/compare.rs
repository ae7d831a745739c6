//! Two runs over the same descriptions: which is better, and is that established?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::statistics::{Estimate, float, mcnemar, mean_with_interval};
use super::{RunHeader, RunLog, Sample};

/// How a comparison ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The second run is better: the interval of the difference lies above 0.
    Better,
    /// The second run is worse: the interval of the difference lies below 0.
    Worse,
    /// The difference is not established.
    NotEstablished,
}

/// A case that one run passes more often than the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The case.
    pub case: String,
    /// Its category.
    pub category: String,
    /// Share of passed samples in the first run.
    pub first: f64,
    /// Share of passed samples in the second run.
    pub second: f64,
    /// What does not hold in the run that is worse.
    pub failures: Vec<String>,
}

/// Two runs, paired by description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The first run.
    pub first: RunHeader,
    /// The second run.
    pub second: RunHeader,
    /// Descriptions in both runs.
    pub descriptions: usize,
    /// Descriptions in only one of them; they are left out.
    pub unpaired: usize,
    /// Share of passed samples of the first run, mean over the common descriptions.
    pub first_rate: f64,
    /// The same of the second run.
    pub second_rate: f64,
    /// Second minus first, with the bootstrap interval over descriptions.
    pub difference: Estimate,
    /// Pairs of samples (same description, same repeat) that only the first run passes.
    pub only_first: usize,
    /// Pairs of samples that only the second run passes.
    pub only_second: usize,
    /// Two-sided p-value of McNemar's exact test over these pairs.
    pub p_value: f64,
    /// What follows.
    pub conclusion: Conclusion,
    /// Cases that differ, the greatest losses first.
    pub cases: Vec<Difference>,
}

/// Compares two runs. `None` if they have no description in common.
pub fn compare(first: &RunLog, second: &RunLog) -> Option<Comparison> {
    let (ours, theirs) = (by_case(first), by_case(second));
    let common: Vec<(&Vec<&Sample>, &Vec<&Sample>)> =
        ours.iter().filter_map(|(case, samples)| Some((samples, theirs.get(case)?))).collect();
    let rates: Vec<(f64, f64)> = common.iter().map(|(a, b)| (rate(a), rate(b))).collect();
    let differences: Vec<f64> = rates.iter().map(|(a, b)| b - a).collect();
    let difference = mean_with_interval(&differences)?;
    let (mut only_first, mut only_second) = (0, 0);
    for (a, b) in &common {
        for sample in *a {
            let Some(other) = b.iter().find(|other| other.sample == sample.sample) else { continue };
            only_first += usize::from(sample.passed() && !other.passed());
            only_second += usize::from(!sample.passed() && other.passed());
        }
    }
    let p_value = mcnemar(only_first, only_second);
    let conclusion = match difference {
        Estimate { low, .. } if low > 0.0 && p_value < 0.05 => Conclusion::Better,
        Estimate { high, .. } if high < 0.0 && p_value < 0.05 => Conclusion::Worse,
        _ => Conclusion::NotEstablished,
    };
    let mean = |value: fn(&(f64, f64)) -> f64| rates.iter().map(value).sum::<f64>() / float(rates.len());
    Some(Comparison {
        first: first.header.clone(),
        second: second.header.clone(),
        descriptions: common.len(),
        unpaired: ours.len() + theirs.len() - 2 * common.len(),
        first_rate: mean(|pair| pair.0),
        second_rate: mean(|pair| pair.1),
        difference,
        only_first,
        only_second,
        p_value,
        conclusion,
        cases: differing(&common),
    })
}

fn by_case(log: &RunLog) -> BTreeMap<&str, Vec<&Sample>> {
    let mut cases: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in log.samples.iter().filter(|sample| sample.counts()) {
        cases.entry(&sample.case).or_default().push(sample);
    }
    cases
}

fn rate(samples: &[&Sample]) -> f64 {
    float(samples.iter().filter(|sample| sample.passed()).count()) / float(samples.len())
}

fn differing(common: &[(&Vec<&Sample>, &Vec<&Sample>)]) -> Vec<Difference> {
    let mut found: Vec<Difference> = common
        .iter()
        .map(|(a, b)| {
            let (first, second) = (rate(a), rate(b));
            let worse = if first < second { a } else { b };
            let failures = worse.iter().find(|sample| !sample.passed()).map(|sample| sample.failures.clone());
            Difference {
                case: a[0].case.clone(),
                category: a[0].category.clone(),
                first,
                second,
                failures: failures.unwrap_or_default(),
            }
        })
        .filter(|case| (case.first - case.second).abs() > f64::EPSILON)
        .collect();
    found.sort_by(|a, b| (a.second - a.first).total_cmp(&(b.second - b.first)).then(a.case.cmp(&b.case)));
    found
}
