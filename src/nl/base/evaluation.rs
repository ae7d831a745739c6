//! A metric that the text names wants a step that measures it.

use std::sync::LazyLock;

use regex::Regex;

use super::literals::{LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use crate::api::Task;
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::pattern::regex;

static METRIC: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:accuracy|(?:roc.?)?auc|f1(?:.score)?|rmse|mae|mse|r2|r²|log.?loss|recall|genauigkeit|exactitude|précision)\b",
    )
});

/// Where one model is trained, a metric is named and no step measures, compares or searches, a step does.
pub(in crate::nl) fn add_stated_evaluation(
    plan: &mut Plan,
    description: &str,
    lake: &Lake,
    changes: &mut Vec<String>,
) {
    const EVALUATE: &str = "model.evaluate";
    let task = |step: &PlannedStep| lake.component(&step.task).map(|component| component.task);
    let measures = |step: &PlannedStep| {
        matches!(task(step), Some(Task::Evaluate | Task::Compare | Task::Select | Task::Tune | Task::Script))
    };
    let mut trainings =
        plan.steps.iter().enumerate().filter(|(_, step)| task(step) == Some(Task::Train)).map(|(at, _)| at);
    let (Some(training), None) = (trainings.next(), trainings.next()) else { return };
    let Some(metric) = METRIC.find(description) else { return };
    if plan.steps.iter().any(measures) || lake.component(EVALUATE).is_none() {
        return;
    }
    let metrics: Vec<&str> = METRIC.find_iter(description).map(|found| found.as_str()).collect();
    let name = plan.fresh_name("evaluate");
    let trained = plan.steps[training].name.clone();
    changes.push(format!("{name}: the text names {}, so a step measures it", metric.as_str()));
    let step = PlannedStep {
        text: format!("evaluate {}", metrics.join(" and ")),
        task: EVALUATE.to_owned(),
        name: name.clone(),
        after: vec![trained.clone()],
        ..PlannedStep::default()
    };
    for later in &mut plan.steps[training + 1..] {
        let tells = lake
            .component(&later.task)
            .is_some_and(|component| matches!(component.task, Task::Report | Task::Notify));
        if tells && later.after.contains(&trained) {
            later.after.push(name.clone());
        }
    }
    plan.steps.insert(training + 1, step);
}

static WINNER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:best|better|winner|winning)(?: (?:one|model|of (?:them|the (?:two|three|four))))?\b[^.;\n]{0,24}?\b(?:predict\w*|scores?|labels?|classif\w+|is (?:used|applied)|appl(?:y|ied))\b[^;\n]*|\b(?:predict|score|label|classify)\b[^.;\n]{0,60}?\bwith the (?:best|better|winner|winning)\b[^.;\n]*",
    )
});

/// "Let the best one predict new.csv": what was chosen predicts, in a step of its own.
pub(in crate::nl) fn add_stated_prediction(
    plan: &mut Plan,
    description: &str,
    lake: &Lake,
    changes: &mut Vec<String>,
) {
    const PREDICT: &str = "model.predict";
    let task = |step: &PlannedStep| lake.component(&step.task).map(|component| component.task);
    let predicts = plan.all_steps().any(|step| task(step) == Some(Task::Predict));
    let chosen = plan
        .steps
        .iter()
        .rposition(|step| matches!(task(step), Some(Task::Select | Task::Compare | Task::Tune)));
    let (false, Some(at), Some(words)) = (predicts, chosen, WINNER.find(description)) else { return };
    let words = words.as_str();
    let words = words.find(". ").map_or(words, |end| &words[..end]);
    let address = literals(words).iter().any(|literal| literal.kind == LiteralKind::Uri);
    if !address || lake.component(PREDICT).is_none() {
        return;
    }
    let name = plan.fresh_name("predict");
    changes.push(format!("{name}: {words:?} asks for a prediction"));
    let step = PlannedStep {
        text: words.to_owned(),
        task: PREDICT.to_owned(),
        name,
        after: vec![plan.steps[at].name.clone()],
        ..PlannedStep::default()
    };
    plan.steps.insert(at + 1, step);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    #[test]
    fn a_named_metric_is_measured_once() {
        let lake = Lake::built_in();
        let text = "load a.csv, train lightgbm on it, report the RMSE";
        let mut plan =
            chain(&[("data.load", "a.csv"), ("lightgbm.train", "lightgbm"), ("report.write", "report")]);
        for _ in 0..2 {
            add_stated_evaluation(&mut plan, text, &lake, &mut Vec::new());
        }
        let tasks: Vec<&str> = plan.steps.iter().map(|step| step.task.as_str()).collect();
        assert_eq!(tasks, ["data.load", "lightgbm.train", "model.evaluate", "report.write"]);
        assert_eq!(plan.steps[3].after, ["s1", "evaluate"]);
    }
}
