//! Comparing a recovered graph with what a case expects.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::statistics::float;
use super::suite::{Checks, ExpectedStep};
use crate::engine::{RecoveredGraph, RecoveredStep};

/// The result of a check: empty means passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What does not hold.
    pub failures: Vec<String>,
}

impl Verdict {
    /// Whether everything holds.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// How near a graph is to what a case expects, each in [0, 1]; `None` where the case expects nothing of the kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// F1 of the steps: expected ones that are there, steps beyond the allowed number counted as wrong (chain F1).
    pub steps_f1: Option<f64>,
    /// F1 of the order between expected steps, both sides closed under transitivity (graph F1).
    pub edges_f1: Option<f64>,
    /// Share of the literals of the description that stand in the manifest.
    pub requirements: Option<f64>,
}

/// Checks a graph (`None` if the description was refused).
pub fn check(checks: &Checks, graph: Option<&RecoveredGraph>) -> (Verdict, Scores) {
    let mut failures = Vec::new();
    let mut scores = Scores::default();
    match (checks.refused, graph) {
        (true, None) => {}
        (true, Some(_)) => failures.push("it was not refused".into()),
        (false, None) => {
            failures.push("it was refused".into());
            scores.steps_f1 = Some(0.0);
        }
        (false, Some(graph)) => {
            check_workflow(checks, graph, &mut failures);
            scores = check_steps(checks, graph, &mut failures);
        }
    }
    (Verdict { failures }, scores)
}

fn check_workflow(checks: &Checks, graph: &RecoveredGraph, failures: &mut Vec<String>) {
    if let Some(count) = checks.steps
        && !(count.min..=count.max).contains(&graph.steps.len())
    {
        failures.push(format!("{} steps instead of {} to {}", graph.steps.len(), count.min, count.max));
    }
    let found = graph.schedule.as_ref().map(|(cron, zone)| (cron.join("; "), zone.clone()));
    let wanted = checks.schedule.as_ref().map(|schedule| (schedule.cron.clone(), schedule.timezone.clone()));
    if found != wanted {
        failures.push(format!("schedule {found:?} instead of {wanted:?}"));
    }
    let raw = graph.texts.join("\n");
    let steps = graph.steps.values().chain(graph.exit_steps.values());
    let meant: Vec<&str> = steps.flat_map(|step| step.texts.iter().map(String::as_str)).collect();
    for literal in &checks.literals {
        if !raw.contains(literal) && !meant.iter().any(|text| text.contains(literal)) {
            failures.push(format!("{literal:?} is missing"));
        }
    }
    let lower = raw.to_lowercase();
    for text in &checks.absent {
        if lower.contains(&text.to_lowercase()) {
            failures.push(format!("{text:?} is there"));
        }
    }
    for (name, default) in &checks.parameters {
        match graph.parameters.get(name) {
            None => failures.push(format!("parameter {name:?} is missing")),
            Some(found) if default.is_some() && found != default => {
                failures.push(format!("parameter {name:?} is {found:?} instead of {default:?}"));
            }
            Some(_) => {}
        }
    }
    if checks.parallelism.is_some() && graph.parallelism != checks.parallelism {
        failures.push(format!("parallelism {:?} instead of {:?}", graph.parallelism, checks.parallelism));
    }
    if checks.time_limit.is_some() && graph.time_limit != checks.time_limit {
        failures.push(format!("time limit {:?} instead of {:?}", graph.time_limit, checks.time_limit));
    }
}

fn check_steps(checks: &Checks, graph: &RecoveredGraph, failures: &mut Vec<String>) -> Scores {
    let mut candidates: Vec<(&ExpectedStep, Vec<&str>)> = Vec::new();
    for expected in &checks.contains {
        let steps = if expected.at_exit { &graph.exit_steps } else { &graph.steps };
        let fitting: Vec<&str> = steps
            .iter()
            .filter(|(_, step)| misfit(expected, step).is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        if fitting.is_empty() {
            failures.push(format!("no step for {:?}{}", expected.id, nearest(expected, steps)));
        }
        candidates.push((expected, fitting));
    }
    let ancestors = ancestors(graph);
    let scores = scores(checks, graph, &candidates, &ancestors);
    if candidates.iter().any(|(_, fitting)| fitting.is_empty()) {
        return scores;
    }
    let mut best: Option<Vec<String>> = None;
    assign(&candidates, &mut Vec::new(), &mut |chosen| {
        let named: BTreeMap<&str, &str> =
            candidates.iter().map(|(expected, _)| expected.id.as_str()).zip(chosen.iter().copied()).collect();
        let wrong = relations(checks, &named, &ancestors);
        let better = best.as_ref().is_none_or(|known| wrong.len() < known.len());
        if better {
            best = Some(wrong);
        }
        best.as_ref().is_some_and(Vec::is_empty)
    });
    failures.extend(best.unwrap_or_else(|| vec!["two expected steps are the same one".to_owned()]));
    scores
}

fn scores(
    checks: &Checks,
    graph: &RecoveredGraph,
    candidates: &[(&ExpectedStep, Vec<&str>)],
    ancestors: &BTreeMap<&str, BTreeSet<&str>>,
) -> Scores {
    if candidates.is_empty() {
        return Scores::default();
    }
    // Expected steps take the first fitting step that is still free.
    let mut named: BTreeMap<&str, &str> = BTreeMap::new();
    for (expected, fitting) in candidates {
        if let Some(free) = fitting.iter().find(|name| !named.values().any(|taken| taken == *name)) {
            named.insert(&expected.id, free);
        }
    }
    let most = checks.steps.map_or(usize::MAX, |count| count.max);
    let extra = graph.steps.len().saturating_sub(most);
    let wanted = closed(&checks.order);
    let there: BTreeSet<(&str, &str)> = named
        .iter()
        .flat_map(|first| named.iter().map(move |second| (first, second)))
        .filter(|(first, second)| ancestors.get(second.1).is_some_and(|before| before.contains(first.1)))
        .map(|(first, second)| (*first.0, *second.0))
        .collect();
    let both = wanted.intersection(&there).count();
    Scores {
        steps_f1: Some(f1(named.len(), candidates.len(), named.len() + extra)),
        edges_f1: (!wanted.is_empty()).then(|| f1(both, wanted.len(), there.len())),
        requirements: None,
    }
}

/// The harmonic mean of precision and recall.
fn f1(both: usize, wanted: usize, found: usize) -> f64 {
    2.0 * float(both) / float(wanted + found).max(1.0)
}

/// The transitive closure of pairs.
fn closed(pairs: &[(String, String)]) -> BTreeSet<(&str, &str)> {
    let mut all: BTreeSet<(&str, &str)> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    loop {
        let longer: Vec<(&str, &str)> = all
            .iter()
            .flat_map(|(a, b)| all.iter().filter(move |(c, _)| b == c).map(move |(_, d)| (*a, *d)))
            .filter(|pair| !all.contains(pair))
            .collect();
        if longer.is_empty() {
            return all;
        }
        all.extend(longer);
    }
}

/// Calls `visit` with every choice of different steps until it says that it is satisfied.
fn assign<'a>(
    candidates: &[(&ExpectedStep, Vec<&'a str>)],
    chosen: &mut Vec<&'a str>,
    visit: &mut dyn FnMut(&[&'a str]) -> bool,
) -> bool {
    let Some((_, fitting)) = candidates.get(chosen.len()) else { return visit(chosen) };
    for name in fitting {
        if !chosen.contains(name) {
            chosen.push(name);
            if assign(candidates, chosen, visit) {
                return true;
            }
            chosen.pop();
        }
    }
    false
}

fn relations(
    checks: &Checks,
    named: &BTreeMap<&str, &str>,
    ancestors: &BTreeMap<&str, BTreeSet<&str>>,
) -> Vec<String> {
    let before = |first: &str, second: &str| {
        ancestors.get(named[second]).is_some_and(|before| before.contains(named[first]))
    };
    let mut wrong = Vec::new();
    for (first, second) in &checks.order {
        if !before(first, second) {
            wrong.push(format!("{second:?} does not wait for {first:?}"));
        }
    }
    for (first, second) in &checks.parallel {
        if before(first, second) || before(second, first) {
            wrong.push(format!("{first:?} and {second:?} wait for each other"));
        }
    }
    wrong
}

pub(super) fn ancestors(graph: &RecoveredGraph) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut all = BTreeMap::new();
    for name in graph.steps.keys() {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut stack: Vec<&str> = graph.steps[name].after.iter().map(String::as_str).collect();
        while let Some(next) = stack.pop() {
            if seen.insert(next) {
                stack.extend(
                    graph.steps.get(next).into_iter().flat_map(|step| step.after.iter().map(String::as_str)),
                );
            }
        }
        all.insert(name.as_str(), seen);
    }
    all
}

/// Why the step nearest to an expected one does not fit.
fn nearest(expected: &ExpectedStep, steps: &BTreeMap<String, RecoveredStep>) -> String {
    let same_kind = steps.iter().filter(|(_, step)| is_any(&expected.any, step));
    let reasons: Vec<String> =
        same_kind.filter_map(|(name, step)| Some(format!("{name}: {}", misfit(expected, step)?))).collect();
    if reasons.is_empty() {
        format!(" (none is {})", expected.any.join(" or "))
    } else {
        format!(" ({})", reasons.join("; "))
    }
}

fn is_any(any: &[String], step: &RecoveredStep) -> bool {
    any.is_empty()
        || any.iter().any(|wanted| {
            let component = step.component.as_ref().is_some_and(|component| component == wanted);
            let plain = step.component.is_none() && &step.kind == wanted;
            let job =
                step.kind == "job" && step.texts.iter().any(|text| text.contains(&format!("kind: {wanted}")));
            component || plain || job
        })
}

/// The first reason why a step is not the expected one.
fn misfit(expected: &ExpectedStep, step: &RecoveredStep) -> Option<String> {
    if !is_any(&expected.any, step) {
        return Some(format!("it is {}", step.component.as_ref().unwrap_or(&step.kind)));
    }
    let all = step.texts.join("\n").to_lowercase();
    if let Some(missing) = expected.texts.iter().find(|text| !all.contains(&text.to_lowercase())) {
        return Some(format!("{missing:?} is missing"));
    }
    let image_in_text = |image: &String| {
        step.image.as_ref() == Some(image) || (step.image.is_none() && all.contains(&image.to_lowercase()))
    };
    if let Some(image) = &expected.image
        && !image_in_text(image)
    {
        return Some(format!("its image is {:?}", step.image));
    }
    match (&expected.when, &step.when) {
        (None, None) => {}
        (Some(pattern), Some(when))
            if regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(when)) => {}
        (_, found) => return Some(format!("its condition is {found:?}")),
    }
    let unquoted: Option<Vec<String>> =
        step.items.as_ref().map(|items| items.iter().map(|item| item.trim_matches('"').to_owned()).collect());
    if unquoted != expected.items {
        return Some(format!("its items are {unquoted:?}"));
    }
    match (&expected.repeat, &step.exec_while) {
        (None, None) => {}
        (Some(wanted), Some((condition, limit)))
            if condition.contains(&wanted.condition)
                && wanted.limit.is_none_or(|wanted| wanted == *limit) => {}
        (_, found) => return Some(format!("its loop is {found:?}")),
    }
    misfit_of_settings(expected, step)
}

fn misfit_of_settings(expected: &ExpectedStep, step: &RecoveredStep) -> Option<String> {
    let differs = |name: &str, wanted: Option<u64>, found: Option<u64>| {
        (wanted.is_some() && wanted != found).then(|| format!("its {name} is {found:?}"))
    };
    differs("parallelism", expected.map_parallelism.map(u64::from), step.map_parallelism.map(u64::from))
        .or_else(|| differs("retry limit", expected.retries.map(u64::from), step.retries.map(u64::from)))
        .or_else(|| differs("timeout", expected.timeout, step.timeout))
        .or_else(|| differs("cache age", expected.cache, step.cache))
        .or_else(|| {
            let wrong =
                expected.resources.iter().find(|(name, wanted)| step.resources.get(*name) != Some(wanted))?;
            Some(format!("its {} is {:?}", wrong.0, step.resources.get(wrong.0)))
        })
}
