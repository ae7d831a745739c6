//! The training steps of a program, and what the user said of them.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::api::{Function, Program, Step};
use crate::cards::{Library, ModelCard, ModelTask};

/// The argument that holds hyperparameters which have no argument of their own.
pub(super) const PARAMS: &str = "params";
/// Models whose training a trial can do.
const TRIABLE: [&str; 2] = ["xgboost.train", "lightgbm.train"];

/// A step whose hyperparameters can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of the step.
    pub step: String,
    /// The component it calls.
    pub component: String,
    /// Name of the model's card.
    pub card: String,
    /// What the card means in `tune.trial`; `None` if it cannot be tried.
    pub family: Option<String>,
    /// The task, as far as the step says it.
    pub task: Option<ModelTask>,
    /// The column it predicts.
    pub label: Option<String>,
    /// Hyperparameters that the step gives already, by the library's names: never changed.
    pub given: Map<String, Value>,
}

/// The training steps with a model card, groups included.
pub fn targets(program: &Program, library: &Library) -> Vec<Target> {
    let mut found = Vec::new();
    each_step(&program.steps, &mut |step| found.extend(target(step, library)));
    found
}

pub(super) fn each_step<'a>(steps: &'a [Step], visit: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        if let Function::Concurrent(group) = &step.run {
            each_step(&group.steps, visit);
        } else {
            visit(step);
        }
    }
}

fn target(step: &Step, library: &Library) -> Option<Target> {
    let Function::Component(call) = &step.run else { return None };
    let arguments: Map<String, Value> = call.with.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let found = library.model_of(&call.component, &arguments)?;
    let text = |name: &str| call.with.get(name).and_then(Value::as_str).map(str::to_owned);
    let task = text("task").and_then(|task| match task.as_str() {
        "classification" => Some(ModelTask::Classification),
        "regression" => Some(ModelTask::Regression),
        _ => None,
    });
    let task = task.or_else(|| only_task(found.card));
    Some(Target {
        step: step.name.clone(),
        component: call.component.clone(),
        card: found.card.name.clone(),
        family: family(&call.component, found.card),
        task,
        label: text("target").or_else(|| text("label")),
        given: given(&arguments, found.card),
    })
}

fn family(component: &str, card: &ModelCard) -> Option<String> {
    if TRIABLE.contains(&component) {
        return component.strip_suffix(".train").map(str::to_owned);
    }
    let estimator = card.component_arguments.get("estimator").and_then(Value::as_str)?;
    (component == "sklearn.train" && estimator != "isolation_forest").then(|| estimator.to_owned())
}

/// Some estimators know one task only.
fn only_task(card: &ModelCard) -> Option<ModelTask> {
    match card.component_arguments.get("estimator").and_then(Value::as_str)? {
        "logistic_regression" | "naive_bayes" => Some(ModelTask::Classification),
        "linear_regression" | "lasso" | "elastic_net" => Some(ModelTask::Regression),
        _ => None,
    }
}

/// What the arguments say of the card's hyperparameters, and everything in `params`; a reference there stands for all.
fn given(arguments: &Map<String, Value>, card: &ModelCard) -> Map<String, Value> {
    let known = |name: &str| card.hyperparameters.iter().any(|parameter| parameter.name == name);
    let own = arguments.iter().filter(|(name, _)| known(name));
    let inner = arguments.get(PARAMS).and_then(Value::as_object).into_iter().flatten();
    let reference = arguments.get_key_value(PARAMS).filter(|(_, value)| value.is_string());
    own.chain(inner).chain(reference).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Where the data of a step come from: the address that the nearest loading step before it reads, with the values of
/// parameters, those `given` before their defaults.
pub(crate) fn data_source(program: &Program, step: &str, given: &HashMap<String, String>) -> Option<String> {
    let before = crate::api::ancestors(program);
    let ancestors = before.get(step)?;
    let mut source = None;
    each_step(&program.steps, &mut |step| {
        if let Function::Component(call) = &step.run
            && call.component == "data.load"
            && ancestors.contains(&step.name)
            && source.is_none()
        {
            source = call.with.get("source").and_then(Value::as_str);
        }
    });
    let mut source = source?.to_owned();
    for (name, parameter) in &program.parameters {
        if let Some(value) = given.get(name).or(parameter.default.as_ref()) {
            source = source.replace(&format!("{{{{parameters.{name}}}}}"), value);
        }
    }
    Some(source)
}
