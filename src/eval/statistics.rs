//! Estimates with their uncertainty. Repeats of one description are not independent, so everything is resampled by
//! description.

use serde::{Deserialize, Serialize};

/// Resamples of a bootstrap.
const RESAMPLES: usize = 10_000;
/// Seed of all bootstraps: a report must not change when it is made again.
const SEED: u64 = 20_240_513;

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// 2.5 % quantile of the bootstrap distribution.
    pub low: f64,
    /// 97.5 % quantile of the bootstrap distribution.
    pub high: f64,
}

/// Probability that at least one of `k` samples passes, without bias: `1 − C(n−c, k) / C(n, k)` for `c` passing
/// samples of `n` (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1).
///
/// `None` if there are fewer than `k` samples.
pub fn pass_at(samples: usize, passed: usize, k: usize) -> Option<f64> {
    (k <= samples).then(|| 1.0 - ratio_of_choices(samples - passed, samples, k))
}

/// Probability that all of `k` samples pass, without bias: `C(c, k) / C(n, k)` (Yao et al. 2024, "τ-bench",
/// section 4.2).
///
/// `None` if there are fewer than `k` samples.
pub fn pass_all(samples: usize, passed: usize, k: usize) -> Option<f64> {
    (k <= samples).then(|| ratio_of_choices(passed, samples, k))
}

/// `C(some, k) / C(all, k)` as a product, which does not overflow.
fn ratio_of_choices(some: usize, all: usize, k: usize) -> f64 {
    if some < k { 0.0 } else { (0..k).map(|index| float(some - index) / float(all - index)).product() }
}

/// The mean of values, one per description, with the percentile bootstrap interval. `None` of no values.
pub fn mean_with_interval(values: &[f64]) -> Option<Estimate> {
    let value = mean(values)?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let sum: f64 = (0..values.len()).map(|_| values[random.usize(..values.len())]).sum();
            sum / float(values.len())
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    Some(Estimate { value, low: quantile(&means, 0.025), high: quantile(&means, 0.975) })
}

/// The mean. `None` of no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / float(values.len()))
}

/// The median. `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile(&sorted, 0.5))
}

/// A quantile of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * float(sorted.len() - 1);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - position.floor()) * (sorted[above] - sorted[below])
}

/// Two-sided p-value of McNemar's exact test: of `only_a + only_b` pairs that differ, how surprising is this split if
/// both were equally good?
pub fn mcnemar(only_a: usize, only_b: usize) -> f64 {
    let differing = only_a + only_b;
    let mut tail = 0.0;
    // The logarithm of C(n, i) / 2^n keeps large counts from overflowing.
    let mut log = -float(differing) * std::f64::consts::LN_2;
    for count in 0..=only_a.min(only_b) {
        tail += log.exp();
        log += (float(differing - count) / float(count + 1)).ln();
    }
    (2.0 * tail).min(1.0)
}

/// A count as a number.
pub(super) fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ways to choose `k` of `n` things.
    fn choices(n: usize, k: usize) -> Vec<Vec<usize>> {
        if k == 0 {
            return vec![Vec::new()];
        }
        (k - 1..n)
            .flat_map(|last| {
                choices(last, k - 1).into_iter().map(move |mut rest| {
                    rest.push(last);
                    rest
                })
            })
            .collect()
    }

    #[test]
    fn the_estimators_equal_exact_enumeration() {
        for samples in 1..=7 {
            for passed in 0..=samples {
                for k in 1..=samples {
                    let all = choices(samples, k);
                    let share = |wanted: &dyn Fn(&Vec<usize>) -> bool| {
                        float(all.iter().filter(|chosen| wanted(chosen)).count()) / float(all.len())
                    };
                    let any = share(&|chosen| chosen.iter().any(|index| *index < passed));
                    let every = share(&|chosen| chosen.iter().all(|index| *index < passed));
                    assert!((pass_at(samples, passed, k).unwrap() - any).abs() < 1e-12);
                    assert!((pass_all(samples, passed, k).unwrap() - every).abs() < 1e-12);
                }
            }
        }
        assert_eq!((pass_at(2, 1, 3), pass_all(2, 1, 3)), (None, None));
    }

    #[test]
    fn the_interval_covers_the_truth_about_as_often_as_it_says() {
        let mut random = fastrand::Rng::with_seed(7);
        let truth = 0.7;
        let covered = (0..200)
            .filter(|_| {
                let values: Vec<f64> =
                    (0..100).map(|_| if random.f64() < truth { 1.0 } else { 0.0 }).collect();
                mean_with_interval(&values).is_some_and(|found| found.low <= truth && truth <= found.high)
            })
            .count();
        assert!((180..=199).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn medians_and_intervals_of_small_sets() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(mean_with_interval(&[1.0, 1.0]), Some(Estimate { value: 1.0, low: 1.0, high: 1.0 }));
    }

    #[test]
    fn mcnemar_is_the_binomial_test() {
        assert!((mcnemar(0, 0) - 1.0).abs() < 1e-12);
        assert!((mcnemar(0, 5) - 2.0 / 32.0).abs() < 1e-12);
        assert!((mcnemar(2, 8) - 2.0 * (1.0 + 10.0 + 45.0) / 1024.0).abs() < 1e-12);
        assert!((mcnemar(8, 2) - mcnemar(2, 8)).abs() < 1e-15);
        assert!(mcnemar(3000, 3100) > 0.1);
    }
}
