//! Contradictory and impossible values in a card.

use std::collections::HashSet;

use super::{Card, DatasetCard, DatasetTask, Hyperparameter, HyperparameterType, ModelCard, Scale};

/// What is wrong with a card of ours; empty if nothing is.
pub fn check_card(card: &Card) -> Vec<String> {
    match card {
        Card::Dataset(card) => check_dataset(card),
        Card::Model(card) => check_model(card),
    }
}

fn check_name(name: &str, faults: &mut Vec<String>) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if name.is_empty() || name.len() > 96 || !name.chars().all(fits) {
        faults.push(format!("name {name:?}: use lower-case letters, digits, dashes and dots"));
    }
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}

pub(super) fn check_dataset(card: &DatasetCard) -> Vec<String> {
    let mut faults = Vec::new();
    check_name(&card.name, &mut faults);
    if card.rows == Some(0) {
        faults.push("rows is 0: leave it out if it is not known".into());
    }
    for name in repeated(card.features.iter().map(|feature| feature.name.as_str())) {
        faults.push(format!("features: {name:?} is there twice"));
    }
    for feature in &card.features {
        let name = &feature.name;
        if feature.missing.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            faults.push(format!("features.{name}.missing must be a share from 0 to 1"));
        }
        if let (Some(min), Some(max)) = (feature.min, feature.max)
            && min > max
        {
            faults.push(format!("features.{name}: min {min} is above max {max}"));
        }
        if let (Some(distinct), Some(rows)) = (feature.distinct, card.rows)
            && distinct > rows
        {
            faults.push(format!("features.{name}: {distinct} different values in {rows} rows"));
        }
    }
    check_label(card, &mut faults);
    let parts: u64 = card.splits.iter().fold(0, |sum, split| sum.saturating_add(split.rows));
    if let Some(rows) = card.rows
        && parts > rows
    {
        faults.push(format!("splits: {parts} rows altogether, but the data set has {rows}"));
    }
    for name in repeated(card.splits.iter().map(|split| split.name.as_str())) {
        faults.push(format!("splits: {name:?} is there twice"));
    }
    faults
}

fn check_label(card: &DatasetCard, faults: &mut Vec<String>) {
    let Some(label) = &card.label else { return };
    if !card.features.is_empty() && !card.features.iter().any(|feature| feature.name == label.column) {
        faults.push(format!("label.column {:?} is none of the features", label.column));
    }
    if card.task == Some(DatasetTask::Regression) && label.class_count().is_some() {
        faults.push("the task is regression, but the label has classes".into());
    }
    if card.task == Some(DatasetTask::Classification) && label.class_count().is_some_and(|count| count < 2) {
        faults.push("a classification needs at least two classes".into());
    }
    if let Some(count) = label.class_count
        && !label.classes.is_empty()
        && count != label.classes.len() as u64
    {
        faults.push(format!("label: class_count is {count}, but {} classes are listed", label.classes.len()));
    }
    let total = label.classes.values().fold(0u64, |sum, rows| sum.saturating_add(*rows));
    if let Some(rows) = card.rows
        && total > rows
    {
        faults.push(format!("label.classes: {total} rows altogether, but the data set has {rows}"));
    }
}

pub(super) fn check_model(card: &ModelCard) -> Vec<String> {
    let mut faults = Vec::new();
    check_name(&card.name, &mut faults);
    let mut seen = HashSet::new();
    for parameter in &card.hyperparameters {
        let task = parameter.when.as_ref().and_then(|when| when.task);
        if !seen.insert((parameter.name.as_str(), task)) {
            faults.push(format!("hyperparameters: {:?} is there twice", parameter.name));
        }
        check_hyperparameter(parameter, card, &mut faults);
    }
    for tuned in &card.tuned {
        if tuned.values.is_empty() {
            faults.push(format!("tuned {:?} has no values", tuned.name));
        }
    }
    faults
}

fn check_hyperparameter(parameter: &Hyperparameter, card: &ModelCard, faults: &mut Vec<String>) {
    let name = &parameter.name;
    let numeric = matches!(parameter.parameter_type, HyperparameterType::Integer | HyperparameterType::Float);
    match (parameter.min, parameter.max) {
        (Some(min), Some(max)) if numeric => {
            if !(min.is_finite() && max.is_finite()) || min > max {
                faults.push(format!("hyperparameters.{name}: the range {min} to {max} is impossible"));
            } else if parameter.scale == Scale::Log && min <= 0.0 {
                faults.push(format!("hyperparameters.{name}: a log scale needs a min above 0, not {min}"));
            }
        }
        (None, None) if !numeric => {}
        _ if numeric => faults.push(format!("hyperparameters.{name}: give both min and max")),
        _ => faults.push(format!("hyperparameters.{name}: only numbers have min and max")),
    }
    if (parameter.parameter_type == HyperparameterType::Choice) == parameter.choices.is_empty() {
        faults.push(format!("hyperparameters.{name}: `choices` and the type choice go together"));
    }
    if !default_fits(parameter) {
        let default = &parameter.default;
        faults.push(format!(
            "hyperparameters.{name}: the default {default} is not among the values; correct it, or say outside_range: true"
        ));
    }
    if let Some(other) = parameter.when.as_ref().and_then(|when| when.parameter.as_ref())
        && !card.hyperparameters.iter().any(|parameter| parameter.name == *other)
    {
        faults.push(format!("hyperparameters.{name}: its condition names {other:?}, which is not there"));
    }
}

fn default_fits(parameter: &Hyperparameter) -> bool {
    if parameter.outside_range || parameter.default.is_null() {
        return true;
    }
    match parameter.parameter_type {
        HyperparameterType::Boolean => parameter.default.is_boolean(),
        HyperparameterType::Choice => parameter.choices.contains(&parameter.default),
        HyperparameterType::Integer | HyperparameterType::Float => {
            let Some(default) = parameter.default.as_f64() else { return false };
            let whole = parameter.parameter_type == HyperparameterType::Float || default.fract() == 0.0;
            whole
                && parameter.min.is_none_or(|min| default >= min)
                && parameter.max.is_none_or(|max| default <= max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CardError, read_card};

    fn faults(front: &str) -> Vec<String> {
        match read_card(&format!("---\nversion: couler/card/v1\n{front}\n---\n"), "x") {
            Err(CardError::Faults { faults }) => faults,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn contradictory_and_impossible_values_of_a_dataset_are_all_named() {
        let found = faults(
            "kind: dataset\nname: x\nmodality: tabular\ntask: regression\nrows: 10\n\
             features:\n- {name: a, type: integer, missing: 1.5, distinct: 11, min: 3, max: 2}\n- {name: a, type: float}\n\
             label: {column: b, classes: {yes: 8, no: 8}, class_count: 3}\nsplits: [{name: train, rows: 9}, {name: test, rows: 2}]",
        );
        let all = found.join("\n");
        for expected in [
            "twice",
            "share from 0 to 1",
            "min 3 is above max 2",
            "11 different values",
            "none of the features",
            "regression, but the label has classes",
            "class_count is 3",
            "16 rows altogether",
            "11 rows altogether",
        ] {
            assert!(all.contains(expected), "{expected}: {all}");
        }
    }

    #[test]
    fn contradictory_and_impossible_values_of_a_model_are_all_named() {
        let found = faults(
            "kind: model\nname: x\narchitecture: y\nhyperparameters:\n\
             - {name: a, type: float, min: 2, max: 1}\n- {name: a, type: float, min: 0, max: 1, scale: log}\n\
             - {name: c, type: integer, min: 1, max: 9, default: 20}\n- {name: d, type: choice}\n\
             - {name: e, type: float, min: 1}\n- {name: f, type: integer, min: 1, max: 2, when: {parameter: g, values: [1]}}",
        );
        let all = found.join("\n");
        for expected in [
            "2 to 1 is impossible",
            "\"a\" is there twice",
            "log scale needs a min above 0",
            "default 20",
            "`choices` and the type choice",
            "both min and max",
            "\"g\", which is not there",
        ] {
            assert!(all.contains(expected), "{expected}: {all}");
        }
    }

    #[test]
    fn an_unknown_field_of_ours_is_an_error() {
        assert!(faults("kind: model\nname: x\narchitecture: y\ncolour: red")[0].contains("colour"));
        assert!(faults("kind: song\nname: x")[0].contains("write dataset or model"));
    }
}
