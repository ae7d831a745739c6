//! Tuning for the commands that do it: trials through the runner, told as they come.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::json;

use super::commands::{block_on, open_lake, run};
use super::{Environment, Failure, Output, model_choice};
use crate::api::{Component, Format, Program, write_program};
use crate::cards::{DatasetCard, Found, Library, ModelCard, ModelTask, Profile, card_of_profile};
use crate::ir::{Components, lower};
use crate::lake::Lake;
use crate::run::{RunReport, StepState};
use crate::tune::{
    Candidate, CandidateRequest, Choice, Decision, Portfolio, Target, TrialOutcome, TrialSettings, Trials,
    TuneError, apply, candidates, data_source, fits, look, plot, prediction_request, read_prediction,
    targets, trial_name,
};

/// How trials are run, as far as the user says it.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    pub(super) parameters: HashMap<String, String>,
    pub(super) options: run::RunOptions,
}

/// What is wanted.
pub(super) struct Request<'a> {
    pub(super) trials: usize,
    pub(super) rows: u64,
    pub(super) seed: u64,
    pub(super) step: Option<&'a str>,
    pub(super) ask_model: bool,
    pub(super) model: Option<&'a str>,
    pub(super) fan_out: bool,
    pub(super) portfolio: &'a Portfolio,
    pub(super) library: &'a Library,
    pub(super) running: &'a Running,
}

/// What was tried for one step, and what was chosen.
#[derive(Debug, Serialize)]
pub(super) struct Tuned {
    pub(super) step: String,
    pub(super) model_card: String,
    pub(super) dataset_card: Option<String>,
    pub(super) task: Option<ModelTask>,
    pub(super) given: serde_json::Map<String, serde_json::Value>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) outcomes: Vec<TrialOutcome>,
    pub(super) decision: Option<Decision>,
}

impl Tuned {
    /// The trials as a drawing.
    pub(super) fn plot(&self) -> String {
        let title = format!("Trials of {}", self.step);
        plot(
            &title,
            &self.candidates,
            &self.outcomes,
            self.decision.as_ref().map_or(0, |decision| decision.chosen),
        )
    }
}

/// Tries candidates for every training step of the program (or the one asked for) and writes what is best into it.
pub(super) fn tune(
    program: &mut Program,
    request: &Request<'_>,
    environment: &Environment,
    output: &Output,
) -> Result<Vec<Tuned>, Failure> {
    let lake = open_lake(environment)?;
    let found = targets(program, request.library);
    let known: Vec<String> = found.iter().map(|target| target.step.clone()).collect();
    let wanted: Vec<Target> = match request.step {
        Some(name) => found.into_iter().filter(|target| target.step == name).collect(),
        None => found.into_iter().filter(|target| target.family.is_some()).collect(),
    };
    match (request.step, wanted.is_empty()) {
        (Some(name), true) => return Err(TuneError::UnknownStep { name: name.to_owned(), known }.into()),
        (None, true) => return Err(TuneError::NoTarget.into()),
        _ => {}
    }
    wanted.into_iter().map(|target| one(program, target, request, &lake, environment, output)).collect()
}

/// What is known of a training step before anything is tried.
struct Known<'a> {
    target: Target,
    card: &'a ModelCard,
    place: &'a str,
    component: &'a Component,
    dataset: Option<Found<'a, DatasetCard>>,
    profile: Option<Profile>,
}

fn know<'a>(
    program: &Program,
    mut target: Target,
    library: &'a Library,
    lake: &'a Lake,
    parameters: &HashMap<String, String>,
) -> Result<Known<'a>, Failure> {
    let found = library.models().find(|(card, _)| card.name == target.card);
    let (card, place) = found.ok_or(TuneError::NoTarget)?;
    let component = lake.component(&target.component).ok_or(TuneError::NoTarget)?;
    let source = data_source(program, &target.step, parameters);
    let profile = source.as_deref().and_then(|source| look(source, target.label.as_deref()));
    checked(&target, profile.as_ref(), source.as_deref())?;
    let text = program.description.as_deref().unwrap_or_default();
    let dataset = library.dataset_for(text, source.as_deref(), profile.as_ref());
    let looked_at = profile.as_ref().filter(|profile| profile.label == target.label);
    let asked = looked_at.and_then(|profile| profile.task).or(dataset.and_then(|found| found.card.task));
    target.task = target.task.or_else(|| model_task(asked));
    Ok(Known { target, card, place, component, dataset, profile })
}

fn one(
    program: &mut Program,
    target: Target,
    request: &Request<'_>,
    lake: &Lake,
    environment: &Environment,
    output: &Output,
) -> Result<Tuned, Failure> {
    let known = know(program, target, request.library, lake, &request.running.parameters)?;
    let dataset_card = known.dataset.map(|found| format!("{} ({})", found.place, found.by.reason()));
    let and = dataset_card.as_ref().map_or(String::new(), |card| format!(" and {card}"));
    output.message(&format!("{}: read {}{and}", known.target.step, known.place));
    let mut found = candidates_of(&known, request, environment, output)?;
    found.retain(|candidate| fits(&candidate.params, &known.target, known.component));
    let settings = TrialSettings { rows: request.rows, seed: request.seed };
    let trials = Trials {
        target: &known.target,
        card: known.card,
        component: known.component,
        candidates: &found,
        settings: &settings,
    };
    let mut tuned = Tuned {
        step: known.target.step.clone(),
        model_card: known.place.to_owned(),
        dataset_card,
        task: known.target.task,
        given: known.target.given.clone(),
        candidates: found.clone(),
        outcomes: Vec::new(),
        decision: None,
    };
    if request.fan_out {
        *program = trials.fan_out(program)?;
        return Ok(tuned);
    }
    let report = carried_out(&trials.program(program)?, request.running, lake, environment, output)?;
    tuned.outcomes =
        (0..found.len()).map(|index| outcome(&report, &trial_name(&tuned.step, index))).collect();
    let decision = trials.decide(&tuned.outcomes)?;
    let origin = found[decision.chosen].origin;
    let choice = Choice { params: decision.params.clone(), origin, evidence: decision.evidence.clone() };
    apply(program, &known.target, known.component, &choice);
    tell(&tuned, &decision, output);
    tuned.decision = Some(decision);
    Ok(tuned)
}

fn candidates_of(
    known: &Known<'_>,
    request: &Request<'_>,
    environment: &Environment,
    output: &Output,
) -> Result<Vec<Candidate>, Failure> {
    let wanted = CandidateRequest {
        card: known.card,
        // Where nothing says what the label is, the trial finds out; the portfolio for classes is the larger one.
        task: known.target.task.unwrap_or(ModelTask::Classification),
        given: &known.target.given,
        portfolio: request.portfolio,
        proposals: &[],
        most: request.trials,
        seed: request.seed,
    };
    if !request.ask_model {
        return Ok(candidates(&wanted));
    }
    let made = known.profile.as_ref().map(|profile| card_of_profile(profile, "data"));
    let shown = made.as_ref().or(known.dataset.map(|found| found.card));
    asked(&wanted, shown, request.model, environment, output)
}

/// Runs the trials as every program is run here: earlier results are used, what is interrupted goes on.
fn carried_out(
    tried: &Program,
    running: &Running,
    lake: &Lake,
    environment: &Environment,
    output: &Output,
) -> Result<RunReport, Failure> {
    let workflow = lower(tried, lake).map_err(|problems| {
        Failure::failed(problems.to_string(), "`couler explain PROGRAM` shows how the steps are wired")
    })?;
    let (_, report) = run::start(
        &workflow,
        &write_program(tried, Format::Yaml)?,
        running.parameters.clone(),
        running.options.clone(),
        environment,
        output,
        run::opening_store(environment),
    )?;
    if report.status == "Stopped" {
        let hint = "trials that are done are kept: tune again to go on";
        return Err(Failure::interrupted().with_hint_if_interrupted(hint));
    }
    Ok(report)
}

fn tell(tuned: &Tuned, decision: &Decision, output: &Output) {
    for (index, (candidate, outcome)) in tuned.candidates.iter().zip(&tuned.outcomes).enumerate() {
        let mark = if index == decision.chosen { "*" } else { " " };
        let loss = outcome.loss.map_or_else(|| "failed".to_owned(), |loss| format!("{loss:.4}"));
        let rounds = outcome.rounds.map_or(String::new(), |rounds| format!(" at {rounds} rounds"));
        let guess = candidate.predicted_loss().map_or(String::new(), |loss| format!(", predicted {loss:.3}"));
        output.message(&format!(
            "{mark} {loss:>8}{rounds}{guess}  {} [{}]",
            candidate.described(),
            candidate.origin.name()
        ));
    }
    output.message(&format!("{}: {}", tuned.step, decision.evidence));
}

fn model_task(task: Option<crate::cards::DatasetTask>) -> Option<ModelTask> {
    match task? {
        crate::cards::DatasetTask::Classification => Some(ModelTask::Classification),
        crate::cards::DatasetTask::Regression => Some(ModelTask::Regression),
        _ => None,
    }
}

/// A label with one value cannot be learned: better said before any training.
fn checked(target: &Target, profile: Option<&Profile>, source: Option<&str>) -> Result<(), Failure> {
    let (Some(profile), Some(label), Some(source)) = (profile, &target.label, source) else { return Ok(()) };
    let Some(column) = profile.column(label) else { return Ok(()) };
    if column.known() > 0 && column.distinct() == 1 && !profile.sampled {
        return Err(Failure::failed(
            format!(
                "{}: every row of {source} has the same {label:?}, so nothing can be learned",
                target.step
            ),
            "predict another column, or use rows of both kinds",
        ));
    }
    Ok(())
}

/// The candidates with the training logs that the language model predicts, and with its own proposals among them.
pub(super) fn asked(
    wanted: &CandidateRequest<'_>,
    dataset: Option<&DatasetCard>,
    model: Option<&str>,
    environment: &Environment,
    output: &Output,
) -> Result<Vec<Candidate>, Failure> {
    let mut found = candidates(wanted);
    let model = model_choice::open(model, None, environment, output)?;
    let question = prediction_request(dataset, wanted.card, wanted.task, &found, wanted.seed);
    output.status("the language model predicts training logs …");
    let response = block_on(async { model.complete(&question, &|_| {}).await.map_err(Failure::from) });
    output.clear_status();
    let prediction = match read_prediction(&response?.text, wanted.card, wanted.task, found.len()) {
        Ok(prediction) => prediction,
        Err(error) => {
            output.message(&format!("warning: {error}; its proposals are left out"));
            return Ok(found);
        }
    };
    for (candidate, log) in found.iter_mut().zip(prediction.logs) {
        candidate.predicted = Some(log);
    }
    let logs = found;
    let mut found = candidates(&CandidateRequest { proposals: &prediction.proposals, ..*wanted });
    for candidate in found.iter_mut().filter(|candidate| candidate.predicted.is_none()) {
        let same = logs.iter().find(|other| other.params == candidate.params);
        candidate.predicted = same.and_then(|other| other.predicted.clone());
    }
    Ok(found)
}

fn outcome(report: &RunReport, name: &str) -> TrialOutcome {
    let Some(step) = report.steps.iter().find(|step| step.name == name) else {
        return TrialOutcome::default();
    };
    let value = |name: &str| step.values.get(name);
    let message = step.message.clone().or_else(|| {
        let first = report.steps.iter().find(|step| step.state == StepState::Failed)?;
        Some(format!("{}: {}", first.name, first.message.as_deref().unwrap_or("failed")))
    });
    TrialOutcome {
        loss: value("loss").and_then(|loss| loss.parse().ok()),
        rounds: value("rounds").and_then(|rounds| rounds.parse().ok()),
        curve: value("curve").and_then(|curve| serde_json::from_str(curve).ok()).unwrap_or_default(),
        seconds: step.seconds,
        cached: step.state == StepState::Cached,
        message: message.filter(|_| value("loss").is_none()),
    }
}

/// Tunes before a run or while a description becomes a workflow; the program gets the choice and a note for people.
pub(super) fn tune_program(
    program: &mut Program,
    trials: u16,
    running: &Running,
    environment: &Environment,
    output: &Output,
) -> Result<Vec<Tuned>, Failure> {
    let library = super::commands::open_cards(environment, output)?;
    let portfolio = Portfolio::built_in();
    let request = Request {
        trials: usize::from(trials),
        rows: TrialSettings::default().rows,
        seed: 0,
        step: None,
        ask_model: false,
        model: None,
        fan_out: false,
        portfolio: &portfolio,
        library: &library,
        running,
    };
    tune(program, &request, environment, output)
}

/// Tuning for a JSON document.
pub(super) fn as_json(tuned: &[Tuned]) -> serde_json::Value {
    json!(tuned)
}
