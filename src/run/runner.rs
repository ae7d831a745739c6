//! The runner: nodes in topological order, each as a child process.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::evaluate::Values;
use super::python::{PythonEnvironment, PythonError};
use crate::api::{ArtifactLocation, Input, MapItems, ScriptLanguage};
use crate::ir::{Action, Node, NodeOutputKind, Workflow};

/// Where and with what a workflow runs.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Folder of this run; made if absent.
    pub folder: PathBuf,
    /// Folder of the Python environments.
    pub environments: PathBuf,
    /// The interpreter that environments are made with.
    pub python: PathBuf,
    /// Folder in which relative paths of steps have their meaning.
    pub working_dir: PathBuf,
    /// Values of workflow parameters.
    pub parameters: HashMap<String, String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It did its work.
    Succeeded,
    /// Its condition did not hold, or a step before it failed.
    Skipped,
    /// It failed after all attempts.
    Failed,
}

/// What is known about a finished step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepResult {
    /// The step.
    pub name: String,
    /// How it ended.
    pub state: StepState,
    /// Wall-clock seconds of all attempts and items.
    pub seconds: f64,
    /// Last line of its standard output.
    pub result: String,
    /// Its log.
    pub log: PathBuf,
}

/// Listens to a run.
pub trait RunObserver: Sync {
    /// Something for people.
    fn message(&self, text: &str);
    /// A step began.
    fn started(&self, step: &str);
    /// A step ended.
    fn finished(&self, result: &StepResult);
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The Python environment.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// A folder or file of the run.
    #[error("{path}: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A step that cannot run here.
    #[error("step {step:?} cannot run on this machine: {reason}")]
    Unsupported {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
    /// A workflow parameter without a value.
    #[error("step {step:?} needs a value for {reference}")]
    NoValue {
        /// The step.
        step: String,
        /// What is missing.
        reference: String,
    },
}

struct Runner<'a> {
    settings: &'a RunSettings,
    python: PythonEnvironment,
    values: Values,
    states: HashMap<String, StepState>,
    observer: &'a dyn RunObserver,
}

/// Runs a workflow and returns the results in the order in which the steps ended.
///
/// # Errors
/// [`RunError`] if a step cannot be tried at all. A step that fails is no error: it is in the results.
pub async fn run(
    workflow: &Workflow,
    settings: &RunSettings,
    observer: &dyn RunObserver,
) -> Result<Vec<StepResult>, RunError> {
    let requirements: BTreeSet<String> = workflow
        .nodes()
        .filter_map(|node| match &node.action {
            Action::Script { requirements, .. } => Some(requirements.iter().cloned()),
            _ => None,
        })
        .flatten()
        .collect();
    let requirements: Vec<String> = requirements.into_iter().collect();
    let python =
        PythonEnvironment::prepare(&settings.python, &settings.environments, &requirements, &|text| {
            observer.message(text);
        })
        .await?;
    let mut values = Values::default();
    for (name, parameter) in &workflow.parameters {
        let given = settings.parameters.get(name).or(parameter.default.as_ref());
        if let Some(value) = given {
            values.parameters.insert(name.clone(), value.clone());
        }
    }
    let mut runner = Runner { settings, python, values, states: HashMap::new(), observer };
    let mut results = Vec::new();
    for index in workflow.topological() {
        let blocked = workflow
            .dependencies(index)
            .into_iter()
            .any(|name| runner.states.get(name) == Some(&StepState::Failed));
        results.push(runner.step(&workflow.graph[index], blocked).await?);
    }
    let failed = results.iter().any(|result| result.state == StepState::Failed);
    runner.values.status = Some(if failed { "Failed" } else { "Succeeded" }.to_owned());
    for node in &workflow.on_exit {
        results.push(runner.step(node, false).await?);
    }
    Ok(results)
}

impl Runner<'_> {
    fn folder(&self, step: &str) -> PathBuf {
        self.settings.folder.join(step)
    }

    async fn step(&mut self, node: &Node, blocked: bool) -> Result<StepResult, RunError> {
        let started = Instant::now();
        let log = self.folder(&node.name).join("log.txt");
        let wanted = node.condition.as_ref().is_none_or(|condition| self.values.holds(condition, None));
        let state = if blocked || !wanted {
            StepState::Skipped
        } else {
            self.observer.started(&node.name);
            self.attempt(node, &log).await?
        };
        // A failure that the workflow tolerates does not block what follows.
        let seen = if state == StepState::Failed && node.settings.continue_on_failure {
            StepState::Succeeded
        } else {
            state
        };
        self.states.insert(node.name.clone(), seen);
        let result =
            self.values.outputs.get(&(node.name.clone(), "result".to_owned())).cloned().unwrap_or_default();
        let result = StepResult {
            name: node.name.clone(),
            state,
            seconds: started.elapsed().as_secs_f64(),
            result,
            log,
        };
        self.observer.finished(&result);
        Ok(result)
    }

    async fn attempt(&mut self, node: &Node, log: &Path) -> Result<StepState, RunError> {
        let items = self.items(node)?;
        let attempts = 1 + node.settings.retry.as_ref().map_or(0, |retry| retry.limit);
        for item in items {
            let mut done = false;
            for attempt in 0..attempts {
                if attempt > 0 {
                    let wait = node.settings.retry.as_ref().and_then(|retry| retry.backoff.as_ref());
                    tokio::time::sleep(Duration::from_secs(
                        wait.map_or(0, |backoff| backoff.duration.seconds()),
                    ))
                    .await;
                }
                done = self.repeat(node, item.as_ref(), log).await?;
                if done {
                    break;
                }
            }
            if !done {
                return Ok(StepState::Failed);
            }
        }
        Ok(StepState::Succeeded)
    }

    fn items(&self, node: &Node) -> Result<Vec<Option<Value>>, RunError> {
        let unreadable = |reference: String| RunError::NoValue { step: node.name.clone(), reference };
        let list = |text: Option<&String>, reference: String| -> Result<Vec<Value>, RunError> {
            text.and_then(|text| serde_json::from_str(text).ok())
                .ok_or_else(|| unreadable(format!("the list {reference}")))
        };
        let items = match node.map.as_ref().map(|map| &map.over) {
            None => return Ok(vec![None]),
            Some(MapItems::List { items }) => items.clone(),
            Some(MapItems::Range { start, end }) => (*start..=*end).map(Value::from).collect(),
            Some(MapItems::Output { step, output }) => {
                list(self.values.outputs.get(&(step.clone(), output.clone())), format!("{step}.{output}"))?
            }
            Some(MapItems::Parameter { name }) => {
                list(self.values.parameters.get(name), format!("parameters.{name}"))?
            }
        };
        Ok(items.into_iter().map(Some).collect())
    }

    /// Runs once, or again while the loop's condition holds.
    async fn repeat(&mut self, node: &Node, item: Option<&Value>, log: &Path) -> Result<bool, RunError> {
        let limit = node.exec_while.as_ref().map_or(1, |repeat| repeat.limit);
        for round in 0..limit {
            if !self.execute(node, item, log).await? {
                return Ok(false);
            }
            let Some(repeat) = &node.exec_while else { break };
            if !self.values.holds(&repeat.condition, item) {
                break;
            }
            if round + 1 < limit {
                tokio::time::sleep(Duration::from_secs(
                    repeat.pause.map_or(0, crate::api::Duration::seconds),
                ))
                .await;
            }
        }
        Ok(true)
    }

    async fn execute(&mut self, node: &Node, item: Option<&Value>, log: &Path) -> Result<bool, RunError> {
        let folder = self.folder(&node.name);
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| RunError::Io { path, source }
        };
        std::fs::create_dir_all(folder.join("outputs")).map_err(io(&folder))?;
        std::fs::create_dir_all(folder.join("values")).map_err(io(&folder))?;
        let mut command = self.command(node, item, &folder)?;
        let output = command.output();
        let output = match node.settings.timeout {
            Some(limit) => match tokio::time::timeout(Duration::from_secs(limit.seconds()), output).await {
                Ok(output) => output,
                Err(_) => {
                    std::fs::write(log, format!("stopped after {limit}\n")).map_err(io(log))?;
                    return Ok(false);
                }
            },
            None => output.await,
        }
        .map_err(|source| RunError::Io { path: self.python.python.clone(), source })?;
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        std::fs::write(log, &text).map_err(io(log))?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let last = stdout.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        self.values.outputs.insert((node.name.clone(), "result".into()), last.trim().to_owned());
        self.read_values(node, &folder);
        Ok(output.status.success())
    }

    fn read_values(&mut self, node: &Node, folder: &Path) {
        for output in &node.outputs {
            if let NodeOutputKind::Parameter { path, default } = &output.kind {
                let file =
                    path.as_ref().map_or_else(|| folder.join("values").join(&output.name), PathBuf::from);
                let value =
                    std::fs::read_to_string(file).ok().map(|text| text.trim().to_owned()).or(default.clone());
                if let Some(value) = value {
                    self.values.outputs.insert((node.name.clone(), output.name.clone()), value);
                }
            }
        }
    }

    fn command(&self, node: &Node, item: Option<&Value>, folder: &Path) -> Result<Command, RunError> {
        let unsupported =
            |reason: &str| RunError::Unsupported { step: node.name.clone(), reason: reason.to_owned() };
        let missing = |reference: String| RunError::NoValue { step: node.name.clone(), reference };
        let Action::Script { language, source, arguments, .. } = &node.action else {
            return Err(unsupported(
                "it needs a container runtime or a cluster; compile the workflow for an engine instead",
            ));
        };
        let source = if arguments.is_some() {
            source.clone()
        } else {
            self.values.fill(source, item).map_err(missing)?
        };
        let file = folder.join("script");
        std::fs::write(&file, source).map_err(|source| RunError::Io { path: file.clone(), source })?;
        let mut command = match language {
            ScriptLanguage::Python => Command::new(&self.python.python),
            ScriptLanguage::Bash => Command::new("bash"),
        };
        command.arg(&file).current_dir(&self.settings.working_dir).stdin(Stdio::null()).kill_on_drop(true);
        for (name, value) in &node.settings.env {
            command.env(name, self.values.fill(value, item).map_err(missing)?);
        }
        for input in &node.inputs {
            if let Input::Parameter { name, value } = input {
                command.env(name, self.values.fill(value, item).map_err(missing)?);
            }
        }
        if let Some(arguments) = arguments {
            let arguments = self.values.fill_value(arguments, item).map_err(missing)?;
            let inputs = self.inputs(node, item).map_err(missing)?;
            command.env("COULER_ARGS", arguments.to_string());
            command.env("COULER_INPUTS", inputs.to_string());
            command.env("COULER_OUTPUTS", outputs(node, folder).to_string());
            command.env("COULER_VALUES", folder.join("values"));
        }
        Ok(command)
    }

    fn inputs(&self, node: &Node, item: Option<&Value>) -> Result<Value, String> {
        let mut ports: Map<String, Value> = Map::new();
        for input in &node.inputs {
            let (port, path) = match input {
                Input::Artifact { name, step, output, .. } => {
                    (name, self.folder(step).join("outputs").join(output).display().to_string())
                }
                Input::External { name, location: ArtifactLocation::Uri { uri }, .. } => {
                    (name, self.values.fill(uri, item)?)
                }
                _ => continue,
            };
            match ports.get_mut(port) {
                None => {
                    ports.insert(port.clone(), Value::String(path));
                }
                Some(Value::Array(paths)) => paths.push(Value::String(path)),
                Some(first) => *first = json!([first.clone(), path]),
            }
        }
        Ok(Value::Object(ports))
    }
}

fn outputs(node: &Node, folder: &Path) -> Value {
    let ports = node
        .outputs
        .iter()
        .filter(|output| matches!(output.kind, NodeOutputKind::Artifact { .. }))
        .map(|output| (output.name.clone(), json!(folder.join("outputs").join(&output.name))))
        .collect();
    Value::Object(ports)
}
