//! Doing the work: child processes and containers on this machine.

mod container;
mod outputs;
mod script;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::RunSettings;
use super::confine::Confinement;
use super::digest::StatCache;
use super::failure::{Cause, Failure, Sign};
use super::prepare::{Prepared, Reading, Source, Work};
use super::process::{Ended, Exit, Invocation, Log, ProcessError, Programs, execute, leftovers};
use super::python::Environments;
use super::scheduler::Outcome;
use super::store::Objects;
use super::task::Done;
use crate::api::ScriptLanguage;
use crate::ir::{Node, NodeOutputKind};

/// Has Python print at once.
const UNBUFFERED: &str = "PYTHONUNBUFFERED";

/// What tasks are run with.
pub(super) struct Local<'a> {
    pub(super) settings: &'a RunSettings,
    pub(super) files: &'a StatCache,
    pub(super) environments: &'a Environments,
    pub(super) programs: Programs,
    pub(super) confinement: Option<Arc<Confinement>>,
    pub(super) objects: Objects,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) daemons: std::sync::Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl Local<'_> {
    /// Runs one attempt.
    pub(super) async fn run(
        &self,
        node: &Node,
        prepared: &Prepared,
        again: bool,
        tell: &dyn Fn(&str),
    ) -> Outcome {
        let lost = match self.gather(&prepared.readings) {
            Ok(lost) => lost,
            Err(error) => return Outcome::Failed(disk(&error)),
        };
        if !lost.is_empty() {
            return Outcome::Lost(lost);
        }
        match self.attempt(node, prepared, again, tell).await {
            Ok(None) => Outcome::Stopped,
            Ok(Some(mut done)) => {
                done.key = prepared.key;
                Outcome::Succeeded(done)
            }
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// Brings the artifacts that are read to their places; returns the steps whose artifacts are no longer kept.
    fn gather(&self, readings: &[Reading]) -> io::Result<Vec<usize>> {
        let mut lost = Vec::new();
        for reading in readings {
            let Source::Artifact { node, place, digest } = &reading.source else { continue };
            let there =
                place.exists() && self.files.content(place).is_ok_and(|found| found.digest == *digest);
            if there {
                continue;
            }
            if let Some(folder) = place.parent() {
                std::fs::create_dir_all(folder)?;
            }
            if !self.objects.fetch(*digest, place, self.files)? && !lost.contains(node) {
                lost.push(*node);
            }
        }
        Ok(lost)
    }

    async fn attempt(
        &self,
        node: &Node,
        prepared: &Prepared,
        again: bool,
        tell: &dyn Fn(&str),
    ) -> Result<Option<Done>, Failure> {
        Self::clear(node, prepared).map_err(|error| disk(&error))?;
        self.place(prepared)?;
        let before = outputs::before(node, &self.settings.working_dir);
        let invocation = self.invocation(node, prepared, again, tell).await?;
        let container = matches!(prepared.work, Work::Container { .. }) && !self.settings.host;
        let name = container.then(|| container::name(&prepared.folder));
        if node.settings.daemon {
            return Ok(Some(self.start_daemon(invocation)));
        }
        // To make the environment ready is no work of the step.
        let started = Instant::now();
        let ended = execute(invocation, self.stop.clone()).await.map_err(|error| self.broken(&error))?;
        if let Some(name) = &name {
            container::take_outputs(self.settings, name, node, &prepared.folder, &ended).await;
        }
        if ended.exit == Exit::Stopped {
            return Ok(None);
        }
        if ended.exit != Exit::Code(0) {
            return Err(self.failure(node, &ended));
        }
        let mut done = outputs::collect(self, node, prepared, &before, container)?;
        done.seconds = started.elapsed().as_secs_f64();
        done.values.insert("result".into(), ended.log.result());
        Ok(Some(done))
    }

    /// Removes what an earlier attempt left, and makes the folders that the step may expect.
    fn clear(node: &Node, prepared: &Prepared) -> io::Result<()> {
        let folder = &prepared.folder;
        let outputs =
            node.outputs.iter().any(|output| matches!(output.kind, NodeOutputKind::Artifact { .. }));
        for (name, wanted) in [("outputs", outputs), ("values", prepared.arguments.is_some())] {
            let place = folder.join(name);
            if !wanted && !node.outputs.iter().any(|output| output.name == name) {
                continue;
            }
            if place.exists() {
                std::fs::remove_dir_all(&place)?;
            }
            std::fs::create_dir_all(&place)?;
        }
        Ok(())
    }

    /// Puts inputs where the step expects them, as links. Nothing of the user's is replaced.
    fn place(&self, prepared: &Prepared) -> Result<(), Failure> {
        let container = matches!(prepared.work, Work::Container { .. }) && !self.settings.host;
        for reading in prepared.readings.iter().filter(|_| !container) {
            let (Some(target), Source::Artifact { place, .. }) = (&reading.target, &reading.source) else {
                continue;
            };
            let target = self.settings.working_dir.join(target);
            let ours =
                std::fs::read_link(&target).is_ok_and(|to| to.components().any(|c| c.as_os_str() == "steps"));
            if !ours && std::fs::symlink_metadata(&target).is_ok() {
                return Err(Failure::request(format!(
                    "its input {} would replace {}; move that file away",
                    reading.port,
                    target.display()
                )));
            }
            let placed = target.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
                let _ = std::fs::remove_file(&target);
                std::os::unix::fs::symlink(place, &target)
            });
            placed.map_err(|error| disk(&error))?;
        }
        Ok(())
    }

    async fn invocation(
        &self,
        node: &Node,
        prepared: &Prepared,
        again: bool,
        tell: &dyn Fn(&str),
    ) -> Result<Invocation, Failure> {
        let mut env = self.settings.env.clone();
        env.extend(prepared.env.iter().cloned());
        let mut masks = Vec::new();
        for secret in &node.settings.secrets {
            let value = self.settings.secrets.get(&secret.env).ok_or_else(|| {
                Failure::request(format!("it needs the secret {}; set the variable {0}", secret.env))
            })?;
            masks.push(value.clone());
            env.push((secret.env.clone(), value.clone()));
        }
        if let Some(arguments) = &prepared.arguments {
            env.push(("COULER_ARGS".into(), arguments.to_string()));
            env.push(("COULER_INPUTS".into(), inputs(&prepared.readings).to_string()));
            env.push(("COULER_OUTPUTS".into(), outputs::places(node, &prepared.folder).to_string()));
            env.push(("COULER_VALUES".into(), prepared.folder.join("values").display().to_string()));
        }
        env.push((leftovers::MARK.into(), self.settings.folder.display().to_string()));
        let (program, arguments) = match &prepared.work {
            Work::Container { image, command, args, .. } if self.settings.host => {
                on_host(image, command, args, &env)?
            }
            Work::Container { .. } => container::command(self.settings, node, prepared, &env)?,
            Work::Script { language, source, requirements } => {
                if *language == ScriptLanguage::Python && !env.iter().any(|(name, _)| name == UNBUFFERED) {
                    // What was printed before a time limit is in the log.
                    env.push((UNBUFFERED.into(), "1".into()));
                }
                if !env.iter().any(|(name, _)| name == "SHELL") {
                    // Without it bash reads the user data base to find it.
                    env.push(("SHELL".into(), "/bin/sh".into()));
                }
                self.script(*language, source, requirements, &prepared.folder, tell).await?
            }
        };
        let container = matches!(prepared.work, Work::Container { .. }) && !self.settings.host;
        let limit = node.settings.resources.memory_limit.as_deref().and_then(super::resources::bytes);
        Ok(Invocation {
            found: self.programs.find(&program, &env),
            program,
            arguments,
            env,
            folder: self.settings.working_dir.clone(),
            timeout: node.settings.timeout.map(|limit| Duration::from_secs(limit.seconds())),
            memory: limit.filter(|_| !container),
            confined: self
                .confinement
                .clone()
                .filter(|_| !container)
                .map(|all| (all, self.told(node, prepared))),
            log: Log::new(prepared.folder.join("log.txt"), again, self.settings.log_limit, masks),
        })
    }

    /// Places that a step was told to write to: its declared outputs and the paths among its arguments. What a script
    /// says by itself is no permission.
    fn told(&self, node: &Node, prepared: &Prepared) -> Vec<PathBuf> {
        let folder = &self.settings.working_dir;
        let mut places: Vec<PathBuf> =
            node.outputs.iter().filter_map(|output| outputs::declared(output, folder)).collect();
        let mut open: Vec<&Value> = prepared.arguments.iter().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) if !text.contains('\n') => {
                    let path = text.strip_prefix("file://").unwrap_or(text);
                    if path.starts_with(['/', '.']) {
                        places.push(folder.join(path));
                    }
                }
                Value::Array(items) => open.extend(items),
                Value::Object(map) => open.extend(map.values()),
                _ => {}
            }
        }
        places
    }

    fn start_daemon(&self, invocation: Invocation) -> Done {
        let stop = self.stop.clone();
        let daemon = tokio::spawn(async move {
            // A daemon lives as long as the run; how it ends is in its log.
            let _ = execute(invocation, stop).await;
        });
        self.daemons.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(daemon);
        Done::default()
    }

    fn broken(&self, error: &ProcessError) -> Failure {
        match error {
            ProcessError::Log(source) => disk(source),
            ProcessError::Start { .. } if !self.settings.working_dir.is_dir() => Failure::request(format!(
                "{} is gone; it is the folder that the run was started in",
                self.settings.working_dir.display()
            )),
            ProcessError::Start { .. } | ProcessError::Wait(_) => {
                self.known(Failure::infrastructure(error.to_string()))
            }
        }
    }

    fn failure(&self, node: &Node, ended: &Ended) -> Failure {
        let end = ended.log.end(3);
        let (what, code) = match ended.exit {
            Exit::Code(code) => (format!("exit code {code}"), Some(code)),
            Exit::Signal(signal) => (format!("ended by signal {signal}"), Some(128 + signal)),
            Exit::TimedOut => {
                let limit = node.settings.timeout.map_or(String::new(), |limit| limit.to_string());
                (format!("stopped after {limit}"), None)
            }
            Exit::Stopped => ("stopped".to_owned(), None),
        };
        let mut message = if end.is_empty() { what } else { format!("{what}: {end}") };
        if let Some(confinement) = &self.confinement
            && message.contains("ermission denied")
        {
            message.push_str(&format!(
                " (steps may write in {}; --allow-write FOLDER adds one, --unconfined lifts this)",
                confinement.described()
            ));
        }
        let sign = Sign { message: &ended.log.end(20), exit_code: code, started: true };
        let advice = self.settings.patterns.classify(sign).map(|(_, advice)| advice);
        Failure { message, cause: Cause::Step, advice }
    }

    /// A failure of the machinery with what the table says about it.
    fn known(&self, failure: Failure) -> Failure {
        let sign = Sign { message: &failure.message, exit_code: None, started: false };
        let advice = self.settings.patterns.classify(sign).map(|(_, advice)| advice);
        Failure { advice, ..failure }
    }

    /// Ends the steps that run in the background.
    pub(super) async fn end_daemons(&self, stop: &watch::Sender<bool>) {
        let daemons =
            std::mem::take(&mut *self.daemons.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        if daemons.is_empty() {
            return;
        }
        stop.send_replace(true);
        for daemon in daemons {
            let _ = daemon.await;
        }
        stop.send_replace(false);
    }

    /// Puts the artifacts of a cached result into the folder of the run. False if one is no longer kept.
    pub(super) fn restore(&self, folder: &Path, done: &Done) -> bool {
        done.outputs.iter().all(|(name, content)| {
            let place = folder.join("outputs").join(name);
            if self.files.content(&place).is_ok_and(|found| found.digest == content.digest) {
                return true;
            }
            std::fs::create_dir_all(folder.join("outputs")).is_ok()
                && self.objects.fetch(content.digest, &place, self.files).unwrap_or(false)
        })
    }
}

/// The disk or a folder failed. That is the machine's doing, not the step's.
fn disk(error: &io::Error) -> Failure {
    Failure::infrastructure(format!("the run's folder cannot be written: {error}; check its disk"))
}

/// The command of a container without the container.
fn on_host(
    image: &str,
    command: &[String],
    args: &[String],
    env: &[(String, String)],
) -> Result<(PathBuf, Vec<String>), Failure> {
    let mut words = command.iter().chain(args).map(|word| substituted(word, env));
    let program = words.next().ok_or_else(|| {
        Failure::request(format!(
            "without its image {image} there is no command to run; give the step a command"
        ))
    })?;
    Ok((program.into(), words.collect()))
}

/// Replaces `$(NAME)` by the value of an environment variable.
fn substituted(word: &str, env: &[(String, String)]) -> String {
    if !word.contains("$(") {
        return word.to_owned();
    }
    let values: HashMap<&str, &str> =
        env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut text = String::new();
    let mut rest = word;
    while let Some(start) = rest.find("$(") {
        let inner = &rest[start + 2..];
        let value = inner.find(')').and_then(|end| Some((end, *values.get(&inner[..end])?)));
        text.push_str(&rest[..start]);
        match value {
            Some((end, value)) => {
                text.push_str(value);
                rest = &inner[end + 1..];
            }
            None => {
                text.push_str("$(");
                rest = inner;
            }
        }
    }
    text + rest
}

/// Ports and paths; a port given several times has a list.
fn inputs(readings: &[Reading]) -> Value {
    let mut ports: Map<String, Value> = Map::new();
    for reading in readings {
        let path = match &reading.source {
            Source::Artifact { place, .. } => place.display().to_string(),
            Source::Address(address) => address.clone(),
        };
        match ports.get_mut(&reading.port) {
            None => {
                ports.insert(reading.port.clone(), Value::String(path));
            }
            Some(Value::Array(paths)) => paths.push(Value::String(path)),
            Some(first) => *first = json!([first.clone(), path]),
        }
    }
    Value::Object(ports)
}
