//! Hyperparameters of training steps for which nobody has chosen any.
//!
//! Who knows cards and portfolios hands the proposals in; the pass writes them where the program says nothing.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Change, Pass, PassError, Report, Settings};
use crate::ir::{Action, Workflow};

/// The port of trainings that takes the best values of a search.
const SEARCHED: &str = "params";

/// Arguments for a step that has none of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProposedArguments {
    /// The arguments by name.
    pub arguments: Map<String, Value>,
    /// Annotations that say where each comes from.
    pub annotations: IndexMap<String, String>,
    /// Why they are proposed.
    pub why: String,
}

/// Writes proposed arguments.
#[derive(Debug, Clone)]
pub struct Hyperparameters {
    proposed: BTreeMap<String, ProposedArguments>,
}

impl Hyperparameters {
    /// A pass with its settings.
    pub fn new(settings: &Settings) -> Self {
        Self { proposed: settings.hyperparameters.clone() }
    }
}

impl Pass for Hyperparameters {
    fn name(&self) -> &'static str {
        "hyperparameters"
    }

    fn run(&self, workflow: &mut Workflow) -> Result<Report, PassError> {
        let mut changes = Vec::new();
        for node in workflow.graph.node_weights_mut() {
            let Some(proposed) = self.proposed.get(&node.name) else { continue };
            let Action::Script { arguments: Some(Value::Object(arguments)), .. } = &mut node.action else {
                continue;
            };
            let given =
                |name: &String| arguments.get(name).is_some_and(|value| *value != Value::Object(Map::new()));
            let searched = node.inputs.iter().any(|input| input.name() == SEARCHED);
            if searched || proposed.arguments.keys().any(given) {
                // One hyperparameter more or less makes another configuration than the one that was proven, and what a
                // search of this workflow finds is better than what other data sets have proven.
                continue;
            }
            for (name, value) in &proposed.arguments {
                changes.push(Change::new(&node.name, format!("{name} = {value}"), proposed.why.clone()));
                arguments.insert(name.clone(), value.clone());
            }
            node.settings.annotations.extend(proposed.annotations.clone());
        }
        changes.sort_by(|a, b| (&a.step, &a.what).cmp(&(&b.step, &b.what)));
        let mut steps: Vec<&str> = changes.iter().map(|change| change.step.as_str()).collect();
        steps.dedup();
        let summary = match steps.as_slice() {
            [] => "no training step is without a choice".to_owned(),
            [step] => format!("{step} gets what was proven on other data sets"),
            steps => format!("{} training steps get what was proven on other data sets", steps.len()),
        };
        Ok(Report { pass: self.name(), summary, changes, ..Report::default() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{Input, parse_program};
    use crate::ir::{digest, lower};
    use crate::lake::Lake;

    #[test]
    fn what_the_program_says_stays() {
        let program = parse_program(
            "version: couler/v1\nname: w\nsteps:\n\
             - {name: load, run: {function: component, component: data.load, with: {source: a.csv}}}\n\
             - {name: bare, after: [load], run: {function: component, component: xgboost.train, with: {target: answer}}}\n\
             - {name: own, after: [load], run: {function: component, component: xgboost.train, with: {target: answer, max_depth: 3}}}\n",
        )
        .unwrap();
        let Value::Object(arguments) = json!({"max_depth": 4, "params": {"gamma": 1}}) else {
            unreachable!()
        };
        let proposed = ProposedArguments { arguments, why: "proven".into(), ..ProposedArguments::default() };
        let names = ["bare", "own", "absent"];
        let settings = Settings {
            hyperparameters: names.map(|name| (name.to_owned(), proposed.clone())).into(),
            ..Settings::default()
        };
        let pass = Hyperparameters::new(&settings);
        let mut workflow = lower(&program, &Lake::built_in()).unwrap();
        let report = pass.run(&mut workflow).unwrap();
        let changed: Vec<_> =
            report.changes.iter().map(|change| (change.step.as_str(), change.what.as_str())).collect();
        assert_eq!(changed, [("bare", "max_depth = 4"), ("bare", "params = {\"gamma\":1}")]);
        let once = digest(&workflow);
        assert_eq!(pass.run(&mut workflow).unwrap().changes, []);
        assert_eq!(digest(&workflow), once);
    }

    #[test]
    fn what_a_search_finds_feeds_the_training_and_stays() {
        let program = parse_program(
            "version: couler/v1\nname: w\nsteps:\n\
             - {name: load, run: {function: component, component: data.load, with: {source: a.csv}}}\n\
             - {name: tune, after: [load], run: {function: component, component: tune.search, with: {target: answer}}}\n\
             - {name: judge, after: [tune], run: {function: component, component: model.evaluate}}\n\
             - {name: again, after: [judge], run: {function: component, component: xgboost.train, with: {target: answer}}}\n\
             - {name: first, after: [load], run: {function: component, component: xgboost.train, with: {target: answer}}}\n",
        )
        .unwrap();
        let mut workflow = lower(&program, &Lake::built_in()).unwrap();
        let reads = |workflow: &Workflow, name: &str| {
            let node = workflow.graph.node_weights().find(|node| node.name == name).unwrap();
            node.inputs
                .iter()
                .filter_map(|input| match input {
                    Input::Artifact { name, step, output, .. } => Some(format!("{name} = {step}.{output}")),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        // The metrics of the evaluation, which are nearer, are no hyperparameters.
        assert_eq!(reads(&workflow, "again"), ["data = load.data", "params = tune.best"]);
        assert_eq!(reads(&workflow, "first"), ["data = load.data"]);
        let Value::Object(arguments) = json!({"max_depth": 4}) else { unreachable!() };
        let proposed = ProposedArguments { arguments, why: "proven".into(), ..ProposedArguments::default() };
        let names = ["again", "first"];
        let settings = Settings {
            hyperparameters: names.map(|name| (name.to_owned(), proposed.clone())).into(),
            ..Settings::default()
        };
        let report = Hyperparameters::new(&settings).run(&mut workflow).unwrap();
        let steps: Vec<_> = report.changes.iter().map(|change| change.step.as_str()).collect();
        assert_eq!(steps, ["first"]);
    }
}
