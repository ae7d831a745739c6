//! Short real trainings: the program that does them, and what they decide.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::apply::find;
use super::target::{PARAMS, Target};
use super::{Candidate, TuneError};
use crate::api::{Component, ComponentCall, Function, Program, Step, StepSettings, ancestors};
use crate::cards::ModelCard;

/// The component that does a trial, and the one that chooses among trials inside a workflow.
const TRIAL: &str = "tune.trial";
const CHOOSE: &str = "tune.choose";
/// The hyperparameter that early stopping decides.
const ROUNDS: &str = "n_estimators";

/// How trials are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialSettings {
    /// Most rows that a trial uses.
    pub rows: u64,
    /// Decides which rows judge.
    pub seed: u64,
}

impl Default for TrialSettings {
    fn default() -> Self {
        Self { rows: 20_000, seed: 0 }
    }
}

/// What came out of a trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TrialOutcome {
    /// The loss on the rows held back: log-loss, or the root of the mean squared error.
    pub loss: Option<f64>,
    /// Trees that early stopping kept.
    pub rounds: Option<u32>,
    /// Losses by round.
    pub curve: Vec<(u32, f64)>,
    /// Seconds it took, or had taken if the result is an earlier one.
    pub seconds: f64,
    /// Whether an earlier result stands for it.
    pub cached: bool,
    /// Why it has no loss.
    pub message: Option<String>,
}

/// What the trials decide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// The candidate with the least loss.
    pub chosen: usize,
    /// What is to be written into the step.
    pub params: Map<String, Value>,
    /// How it is known.
    pub evidence: String,
    /// The loss of the library's default divided into the least loss; below 1 is a gain.
    pub ratio: Option<f64>,
}

/// Candidates for a step, to be tried.
#[derive(Debug, Clone, Copy)]
pub struct Trials<'a> {
    /// The step.
    pub target: &'a Target,
    /// Its model's card.
    pub card: &'a ModelCard,
    /// Its component.
    pub component: &'a Component,
    /// What is tried.
    pub candidates: &'a [Candidate],
    /// How.
    pub settings: &'a TrialSettings,
}

impl Trials<'_> {
    /// The program that loads and prepares the data as the user's program does, and tries every candidate on them.
    ///
    /// # Errors
    /// The model cannot be tried, or the step names no column to predict.
    pub fn program(&self, program: &Program) -> Result<Program, TuneError> {
        let before = ancestors(program);
        let needed = before.get(&self.target.step).cloned().unwrap_or_default();
        let needs = |step: &Step| {
            let members = match &step.run {
                Function::Concurrent(group) => &group.steps[..],
                _ => &[],
            };
            needed.contains(&step.name) || members.iter().any(|member| needed.contains(&member.name))
        };
        let mut steps: Vec<Step> = program.steps.iter().filter(|step| needs(step)).cloned().collect();
        steps.extend(self.steps(program)?);
        let name: String = format!("tune-{}", program.name).chars().take(52).collect();
        Ok(Program {
            name: name.trim_end_matches('-').to_owned(),
            description: Some(format!(
                "trials of {} candidates for {}",
                self.candidates.len(),
                self.target.step
            )),
            schedule: None,
            steps,
            on_exit: Vec::new(),
            ..program.clone()
        })
    }

    /// The program with the trials as a fan-out in front of the training step, which gets what they decide.
    ///
    /// # Errors
    /// As [`Trials::program`].
    pub fn fan_out(&self, program: &Program) -> Result<Program, TuneError> {
        let trials = self.steps(program)?;
        let choose = Step {
            after: trials.iter().map(|step| step.name.clone()).collect(),
            ..step(&short_name(format!("choose-{}", self.target.step)), CHOOSE, Map::new(), Vec::new())
        };
        let mut program = program.clone();
        if let Some(training) = find(&mut program.steps, &self.target.step) {
            training.after.push(choose.name.clone());
            if let Function::Component(call) = &mut training.run {
                call.with.insert(PARAMS.into(), json!(format!("{{{{steps.{}.params}}}}", choose.name)));
            }
        }
        program.steps.extend(trials);
        program.steps.push(choose);
        Ok(program)
    }

    fn steps(&self, program: &Program) -> Result<Vec<Step>, TuneError> {
        let target = self.target;
        let family =
            target.family.as_ref().ok_or_else(|| TuneError::NotTriable { model: target.card.clone() })?;
        let label = target.label.as_ref().ok_or_else(|| TuneError::NoLabel { step: target.step.clone() })?;
        if target.given.contains_key(PARAMS) {
            return Err(TuneError::Reference { step: target.step.clone() });
        }
        let after = waits_for(&program.steps, &target.step).unwrap_or_default();
        let mut program = program.clone();
        let training = find(&mut program.steps, &target.step);
        let (data, inputs) = training.map_or_else(Default::default, |step| {
            let data = match &step.run {
                Function::Component(call) => call.with.get("data").cloned(),
                _ => None,
            };
            (data, step.inputs.clone())
        });
        let mut common = Map::new();
        common.insert("target".into(), json!(label));
        common.insert("family".into(), json!(family));
        common.insert("rows".into(), json!(self.settings.rows));
        common.insert("seed".into(), json!(self.settings.seed));
        if target.given.contains_key(ROUNDS) {
            common.insert("early_stopping".into(), json!(false));
        }
        if let Some(task) = target.task {
            common.insert("task".into(), json!(task.name()));
        }
        common.extend(data.map(|data| ("data".to_owned(), data)));
        let steps = self.candidates.iter().enumerate().map(|(index, candidate)| {
            let mut with = common.clone();
            with.insert("params".into(), Value::Object(self.params(candidate)));
            let name = trial_name(&target.step, index);
            Step { inputs: inputs.clone(), ..step(&name, TRIAL, with, after.clone()) }
        });
        Ok(steps.collect())
    }

    /// What a trial is given: the candidate, what the user said, and no number of trees that early stopping decides.
    fn params(&self, candidate: &Candidate) -> Map<String, Value> {
        let mut params = completed(&candidate.params, self.target, self.card, self.component);
        let stops_early = ["xgboost", "lightgbm"].map(Some).contains(&self.target.family.as_deref());
        if stops_early && !candidate.params.contains_key(ROUNDS) {
            params.shift_remove(ROUNDS);
        }
        params.extend(self.target.given.clone());
        params
    }

    /// The candidate with the least loss; the earlier one where two are equal.
    ///
    /// # Errors
    /// No trial has a loss.
    pub fn decide(&self, outcomes: &[TrialOutcome]) -> Result<Decision, TuneError> {
        let losses = outcomes.iter().enumerate().filter_map(|(index, outcome)| {
            outcome.loss.filter(|loss| loss.is_finite()).map(|loss| (index, loss))
        });
        let (chosen, loss) = losses.min_by(|a, b| a.1.total_cmp(&b.1)).ok_or_else(|| {
            let reason = outcomes.iter().find_map(|outcome| outcome.message.clone());
            TuneError::NoTrial { reason: reason.unwrap_or_else(|| "they were stopped".into()) }
        })?;
        let tried = outcomes.iter().filter(|outcome| outcome.loss.is_some()).count();
        let candidate = &self.candidates[chosen];
        let mut params = completed(&candidate.params, self.target, self.card, self.component);
        if let Some(rounds) = outcomes[chosen].rounds
            && !self.target.given.contains_key(ROUNDS)
        {
            params.insert(ROUNDS.into(), json!(rounds));
        }
        let default = outcomes.first().and_then(|default| default.loss);
        let ratio = default.filter(|default| *default > 0.0).map(|default| loss / default);
        let against = ratio
            .filter(|_| chosen != 0)
            .map_or(String::new(), |ratio| format!(", {:.0} % of the default's", ratio * 100.0));
        let evidence = format!("trial: loss {loss:.4} on held-back rows, least of {tried}{against}");
        Ok(Decision { chosen, params, evidence, ratio })
    }
}

/// What a step waits for, and the groups around it.
fn waits_for(steps: &[Step], name: &str) -> Option<Vec<String>> {
    steps.iter().find_map(|step| {
        let inner = match &step.run {
            _ if step.name == name => Vec::new(),
            Function::Concurrent(group) => waits_for(&group.steps, name)?,
            _ => return None,
        };
        Some(step.after.iter().cloned().chain(inner).collect())
    })
}

/// The step that tries a candidate.
pub fn trial_name(step: &str, index: usize) -> String {
    short_name(format!("trial-{}-{step}", index + 1))
}

/// A name with as many characters as the name of a step may have.
pub(super) fn short_name(name: String) -> String {
    let name: String = name.chars().take(63).collect();
    name.trim_end_matches('-').to_owned()
}

fn step(name: &str, component: &str, with: Map<String, Value>, after: Vec<String>) -> Step {
    Step {
        name: name.to_owned(),
        description: None,
        run: Function::Component(ComponentCall {
            component: component.to_owned(),
            with: with.into_iter().collect(),
        }),
        after,
        when: None,
        map: None,
        exec_while: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        settings: Box::new(StepSettings::default()),
    }
}

/// A candidate means the library's defaults for what it does not say; the component may have others, so they are said.
pub(super) fn completed(
    params: &Map<String, Value>,
    target: &Target,
    card: &ModelCard,
    component: &Component,
) -> Map<String, Value> {
    let own = component.arguments.get("properties").and_then(Value::as_object);
    let mut complete = params.clone();
    for parameter in &card.hyperparameters {
        let name = &parameter.name;
        let differs = name == ROUNDS || own.is_some_and(|own| own.contains_key(name));
        let wanted = differs
            && !parameter.default.is_null()
            && target.task.is_none_or(|task| parameter.applies_to(task));
        if wanted && !target.given.contains_key(name) && !complete.contains_key(name) {
            complete.insert(name.clone(), parameter.default.clone());
        }
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::parse_program;
    use crate::cards::Library;
    use crate::ir::{Components, lower};
    use crate::lake::Lake;
    use crate::tune::{Origin, targets};

    const PROGRAM: &str = "version: couler/v1\nname: p\nsteps:\n\
        - {name: load, run: {function: component, component: data.load, with: {source: a.csv}}}\n\
        - {name: split, after: [load], run: {function: component, component: data.split}}\n\
        - {name: train, after: [split], run: {function: component, component: xgboost.train, with: {target: answer, max_depth: 4}}}\n\
        - {name: evaluate, after: [train], run: {function: component, component: model.evaluate}}\n";

    fn candidate(params: Value, origin: Origin) -> Candidate {
        let params = params.as_object().unwrap().clone();
        Candidate { params, origin, reason: String::new(), ratio_elsewhere: None, predicted: None }
    }

    fn with<T>(work: impl FnOnce(&Program, Trials<'_>, &Lake) -> T) -> T {
        let (program, library, lake) =
            (parse_program(PROGRAM).unwrap(), Library::built_in(), Lake::built_in());
        let target = targets(&program, &library).remove(0);
        let (card, _) = library.models().find(|(card, _)| card.name == target.card).unwrap();
        let candidates = [
            candidate(json!({}), Origin::Default),
            candidate(json!({"learning_rate": 0.05}), Origin::Portfolio),
        ];
        let settings = TrialSettings::default();
        let component = lake.component("xgboost.train").unwrap();
        work(
            &program,
            Trials { target: &target, card, component, candidates: &candidates, settings: &settings },
            &lake,
        )
    }

    #[test]
    fn trials_get_the_training_rows_and_nothing_after_the_training_runs() {
        with(|program, trials, lake| {
            let tried = trials.program(program).unwrap();
            let names: Vec<&str> = tried.steps.iter().map(|step| step.name.as_str()).collect();
            assert_eq!(names, ["load", "split", "trial-1-train", "trial-2-train"]);
            let workflow = lower(&tried, lake).unwrap();
            let trial = workflow.nodes().find(|node| node.name == "trial-2-train").unwrap();
            let from: Vec<String> = trial.inputs.iter().map(|input| format!("{input:?}")).collect();
            assert!(from[0].contains("split") && from[0].contains("\"train\""), "{from:?}");
            let Function::Component(call) = &tried.steps[3].run else { panic!() };
            assert_eq!(call.with["params"], json!({"learning_rate": 0.05, "max_depth": 4}));
            let Function::Component(call) = &tried.steps[2].run else { panic!() };
            assert_eq!(
                call.with["params"],
                json!({"learning_rate": 0.3, "max_depth": 4}),
                "the library's default, not the component's"
            );
        });
    }

    #[test]
    fn a_training_in_a_group_is_tried_on_what_the_group_waits_for() {
        let program = parse_program(
            "version: couler/v1\nname: p\nsteps:\n\
             - {name: load, run: {function: component, component: data.load, with: {source: a.csv}}}\n\
             - name: both\n  after: [load]\n  run:\n    function: concurrent\n    steps:\n\
             \x20   - {name: one, run: {function: component, component: xgboost.train, with: {target: answer}}}\n\
             \x20   - {name: two, run: {function: component, component: lightgbm.train, with: {target: answer}}}\n",
        )
        .unwrap();
        let (library, lake) = (Library::built_in(), Lake::built_in());
        for target in targets(&program, &library) {
            let (card, _) = library.models().find(|(card, _)| card.name == target.card).unwrap();
            let trials = Trials {
                target: &target,
                card,
                component: lake.component(&target.component).unwrap(),
                candidates: &[candidate(json!({}), Origin::Default)],
                settings: &TrialSettings::default(),
            };
            lower(&trials.program(&program).unwrap(), &lake).unwrap();
            lower(&trials.fan_out(&program).unwrap(), &lake).unwrap();
        }
    }

    #[test]
    fn a_fan_out_is_a_valid_program_whose_training_waits_for_the_choice() {
        with(|program, trials, lake| {
            let workflow = lower(&trials.fan_out(program).unwrap(), lake).unwrap();
            let train =
                workflow.graph.node_indices().find(|index| workflow.graph[*index].name == "train").unwrap();
            assert!(workflow.dependencies(train).contains(&"choose-train"));
            let choose = workflow.nodes().find(|node| node.name == "choose-train").unwrap();
            assert_eq!(choose.inputs.len(), 2);
        });
    }

    #[test]
    fn the_least_loss_decides_and_failures_do_not_count() {
        with(|_, trials, _| {
            let outcome = |loss, rounds| TrialOutcome { loss, rounds, ..TrialOutcome::default() };
            let decision =
                trials.decide(&[outcome(Some(0.5), Some(20)), outcome(Some(0.4), Some(90))]).unwrap();
            assert_eq!(decision.chosen, 1);
            assert_eq!(Value::Object(decision.params), json!({"learning_rate": 0.05, "n_estimators": 90}));
            assert!(decision.evidence.contains("least of 2, 80 % of the default's"), "{}", decision.evidence);
            let decision = trials.decide(&[outcome(Some(0.5), Some(20)), outcome(None, None)]).unwrap();
            assert_eq!((decision.chosen, &decision.params["n_estimators"]), (0, &json!(20)));
            let failed = TrialOutcome { message: Some("boom".into()), ..TrialOutcome::default() };
            assert_eq!(trials.decide(&[failed]), Err(TuneError::NoTrial { reason: "boom".into() }));
        });
    }
}
