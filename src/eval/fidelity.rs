//! Fidelity: right answers go in as the model's, and the right program must come out.
//!
//! What is measured for each gold case: parts of the answers that the offered schema refuses, findings that a check
//! raises although the answer is right, differences between the program (and the graph of each engine's manifest) and
//! the gold one. Each of them must be none.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};

use super::gold::GoldCase;
use super::scripted::Scripted;
use crate::api::{Program, validate_against};
use crate::engine::{EngineError, GenerateOptions, RecoveredGraph, airflow, argo, engines, tekton};
use crate::ir::{Components, Workflow, lower};
use crate::lake::Lake;
use crate::llm::{Budget, Ledger, Request, Usage};
use crate::nl::answer::{FragmentAnswer, WorkflowAnswer, fragment_schema, plan_schema, whole_schema};
use crate::nl::{Pipeline, PipelineError, PipelineOptions, Prompts, Silent, Way};

/// What is measured of one gold case.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Fidelity {
    /// The case.
    pub id: String,
    /// Faults of the gold itself: no valid program, or one that no answer can express.
    pub gold: Vec<String>,
    /// What the offered schemas refuse.
    pub refused: Vec<String>,
    /// What checks find wrong with the right answer.
    pub findings: Vec<String>,
    /// Differences between the program that comes out and the right one.
    pub differences: Vec<String>,
    /// Differences between a manifest's graph and the right one, by engine.
    pub graphs: Vec<String>,
    /// Features that an engine refuses, with its reason: no fault.
    pub unsupported: Vec<String>,
    /// What each way takes.
    pub cost: Vec<Cost>,
}

/// What a way from description to program takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// The way.
    pub way: String,
    /// Milliseconds of everything but the model: prompts, schemas, checks, program and graph.
    pub milliseconds: f64,
    /// Tokens that a right model reads and writes (encoding `o200k_base`).
    pub usage: Usage,
}

impl Fidelity {
    /// Whether the right answer came through.
    pub fn kept(&self) -> bool {
        [&self.gold, &self.refused, &self.findings, &self.differences, &self.graphs]
            .iter()
            .all(|list| list.is_empty())
    }
}

/// The right answers of a gold case: the workflow, and from it plan and fragments.
///
/// # Errors
/// Steps that no answer can express.
pub fn answers(case: &GoldCase, program: &Program, lake: &Lake) -> Result<WorkflowAnswer, Vec<String>> {
    WorkflowAnswer::of_program(program, &case.about_whole, &case.ignored, lake)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Measures gold cases. Without a Python interpreter the graphs of Airflow's files are not compared.
pub async fn fidelity(
    cases: &[GoldCase],
    lake: &Lake,
    prompts: &Prompts,
    python: Option<&Path>,
) -> Vec<Fidelity> {
    let mut measured = Vec::new();
    let mut files = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let mut found = Fidelity::default();
        if let Some((right, file)) = one(case, lake, prompts, &mut found).await {
            files.extend(file.map(|file| (index, right, file)));
        }
        measured.push(found);
    }
    let Some(python) = python else { return measured };
    // One interpreter reads all files: starting it takes longer than reading one.
    let texts: Vec<String> = files.iter().map(|(_, _, text)| text.clone()).collect();
    match airflow::recover(python, &texts) {
        Ok(graphs) => {
            for ((index, right, _), graph) in files.iter().zip(&graphs) {
                let found = graph_differences(right, graph);
                measured[*index]
                    .graphs
                    .extend(found.into_iter().map(|difference| format!("airflow: {difference}")));
            }
        }
        Err(error) => measured.iter_mut().for_each(|case| case.graphs.push(format!("airflow: {error}"))),
    }
    measured
}

/// Measures one gold case; the right graph and Airflow's file are given back for later.
async fn one(
    case: &GoldCase,
    lake: &Lake,
    prompts: &Prompts,
    measured: &mut Fidelity,
) -> Option<(Workflow, Option<String>)> {
    measured.id.clone_from(&case.id);
    let (program, workflow, answer) = match right(case, lake) {
        Ok(right) => right,
        Err(faults) => {
            measured.gold = faults;
            return None;
        }
    };
    let mut file = None;
    measured.refused = refused(&answer, lake);
    for way in [Way::Whole, Way::Steps] {
        let says = |request: &Request| Some(right_answer(&answer, request));
        let model = Scripted { says: &says, counts: true };
        let ledger = Ledger::new(Budget::default());
        let options = PipelineOptions { way, max_regenerations: 1, ..PipelineOptions::default() };
        let pipeline = Pipeline { model: &model, lake, prompts, options, ledger: &ledger, observer: &Silent };
        let name = if way == Way::Whole { "whole" } else { "steps" };
        let started = Instant::now();
        let outcome = pipeline.run(&case.description).await;
        let usage = ledger.total();
        let seconds = started.elapsed().as_secs_f64() - usage.seconds;
        measured.cost.push(Cost { way: name.to_owned(), milliseconds: seconds * 1e3, usage });
        match outcome {
            Ok(outcome) => {
                if way == Way::Whole {
                    measured.findings =
                        outcome.findings.iter().map(|f| format!("{}: {f}", f.check)).collect();
                    measured.findings.extend(
                        outcome.ignored.iter().map(|sentence| format!("guard: set aside {sentence:?}")),
                    );
                    file = compare_graphs(&workflow, &outcome.workflow, measured);
                }
                let mut made = json!(outcome.program);
                made.as_object_mut().map(|fields| fields.remove("description"));
                differences(name, &json!(program), &made, &mut measured.differences);
            }
            Err(PipelineError::Assembly { problems, .. }) => {
                measured.findings.push(format!("{name}: {problems}"));
            }
            Err(error) => measured.differences.push(format!("{name}: {error}")),
        }
    }
    Some((workflow, file))
}

fn right(case: &GoldCase, lake: &Lake) -> Result<(Program, Workflow, WorkflowAnswer), Vec<String>> {
    let mut program = case.program().map_err(|error| vec![error])?;
    program.description = None;
    let workflow = lower(&program, lake).map_err(|problems| vec![problems.to_string()])?;
    let answer = answers(case, &program, lake)?;
    Ok((program, workflow, answer))
}

/// What the schemas that a model is given refuse of the right answers.
fn refused(answer: &WorkflowAnswer, lake: &Lake) -> Vec<String> {
    let mut found = Vec::new();
    let mut validate = |name: &str, schema: &Value, value: &Value| {
        if let Err(problems) = validate_against(schema, value) {
            found.extend(
                problems.0.iter().map(|problem| format!("{name}{}: {}", problem.path, problem.message)),
            );
        }
    };
    validate("whole", &whole_schema(lake), &with_workflow(answer));
    validate("plan", &plan_schema(lake), &with_workflow(&answer.plan()));
    for step in answer.all_steps() {
        if let Some(component) = lake.component(&step.task) {
            let fragment: FragmentAnswer = step.fragment();
            validate(&step.name, &fragment_schema(component), &json!(fragment));
        }
    }
    found
}

fn with_workflow(answer: &WorkflowAnswer) -> Value {
    let mut value = json!({"workflow": true});
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), json!(answer)) {
        fields.extend(more);
    }
    value
}

/// Every place where two JSON values differ.
pub fn differences(place: &str, wanted: &Value, found: &Value, list: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                match right.get(key) {
                    Some(other) => differences(&format!("{place}/{key}"), value, other, list),
                    None => list.push(format!("{place}/{key} is missing: {value}")),
                }
            }
            let more = right.iter().filter(|(key, _)| !left.contains_key(*key));
            list.extend(more.map(|(key, value)| format!("{place}/{key} was not there: {value}")));
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                differences(&format!("{place}/{index}"), value, other, list);
            }
        }
        _ if wanted == found => {}
        _ => list.push(format!("{place}: {found} instead of {wanted}")),
    }
}

/// The graphs of the manifests, made from what came out, against the right graph; Airflow's file is given back.
fn compare_graphs(right: &Workflow, made: &Workflow, measured: &mut Fidelity) -> Option<String> {
    let options = GenerateOptions::default();
    let mut airflow_file = None;
    for engine in engines() {
        let name = engine.name();
        let files = match engine.generate(made, &options) {
            Ok(files) => files,
            Err(EngineError::Unsupported { .. }) if engine.generate(right, &options).is_err() => {
                measured.unsupported.push(name.to_owned());
                continue;
            }
            Err(error) => {
                measured.graphs.push(format!("{name}: {error}"));
                continue;
            }
        };
        let Some(text) = files.into_iter().next().map(|file| file.content) else { continue };
        let recovered = match name {
            "argo" => argo::recover(&text).map_err(|error| error.to_string()),
            "tekton" => tekton::recover(&text).map_err(|error| error.to_string()),
            _ => {
                airflow_file = Some(text);
                continue;
            }
        };
        let found = recovered.map_or_else(|error| vec![error], |graph| graph_differences(right, &graph));
        measured.graphs.extend(found.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    airflow_file
}

fn graph_differences(right: &Workflow, graph: &RecoveredGraph) -> Vec<String> {
    let mut list = Vec::new();
    let mut wanted = json!({});
    let mut found = json!({});
    for index in right.graph.node_indices() {
        let name = &right.graph[index].name;
        wanted[name] = json!(right.dependencies(index));
    }
    for (name, step) in &graph.steps {
        found[name] = json!(step.after);
    }
    differences("after", &wanted, &found, &mut list);
    let exits: Vec<&str> = right.on_exit.iter().map(|node| node.name.as_str()).collect();
    differences("on_exit", &json!(exits), &json!(graph.on_exit), &mut list);
    let schedule = right.schedule.as_ref().map(|schedule| (&schedule.cron, &schedule.timezone));
    differences("schedule", &json!(schedule), &json!(graph.schedule), &mut list);
    for node in right.nodes() {
        let Some(step) = graph.steps.get(&node.name).or_else(|| graph.exit_steps.get(&node.name)) else {
            continue;
        };
        let at = |field: &str| format!("{}/{field}", node.name);
        let retries = node.settings.retry.as_ref().map(|retry| retry.limit);
        differences(&at("retries"), &json!(retries), &json!(step.retries), &mut list);
        let timeout = node.settings.timeout.map(crate::api::Duration::seconds);
        differences(&at("timeout"), &json!(timeout), &json!(step.timeout), &mut list);
        differences(&at("when"), &json!(node.condition.is_some()), &json!(step.when.is_some()), &mut list);
        differences(&at("map"), &json!(node.map.is_some()), &json!(step.items.is_some()), &mut list);
        let limit = node.exec_while.as_ref().map(|repeat| repeat.limit);
        differences(
            &at("exec_while"),
            &json!(limit),
            &json!(step.exec_while.as_ref().map(|(_, limit)| limit)),
            &mut list,
        );
    }
    list
}

/// What a model that is right says.
fn right_answer(answer: &WorkflowAnswer, request: &Request) -> String {
    match request.schema.as_ref().map(|schema| schema.name.as_str()) {
        Some("plan") => with_workflow(&answer.plan()).to_string(),
        Some("fragment") => {
            let asked = request.messages.last().map(|message| message.content.as_str()).unwrap_or_default();
            let name = asked.rsplit_once("The step to fill in: ").and_then(|(_, step)| {
                serde_json::from_str::<Value>(step).ok()?["name"].as_str().map(str::to_owned)
            });
            let step = answer.all_steps().find(|step| Some(&step.name) == name.as_ref());
            step.map_or_else(String::new, |step| json!(step.fragment()).to_string())
        }
        Some("repair") => "{}".to_owned(),
        _ => with_workflow(answer).to_string(),
    }
}
