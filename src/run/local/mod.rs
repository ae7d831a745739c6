//! Doing the work: child processes and containers on this machine.

mod container;
mod host;
mod outputs;
mod script;
mod shelf;
mod told;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use self::host::substituted;
use self::shelf::Shelf;
use super::RunSettings;
use super::cgroup::Groups;
use super::confine::{Confinement, Grant};
use super::digest::{Digest, StatCache};
use super::failure::{Cause, Failure, Sign};
use super::folder::Folder;
use super::masks::Masks;
use super::prepare::{Prepared, Reading, Source, Work};
use super::process::{Ended, Exit, Invocation, Log, ProcessError, Programs, execute, leftovers};
use super::python::Environments;
use super::scheduler::Outcome;
use super::store::Objects;
use super::task::Done;
use crate::api::{ADDRESS, ScriptLanguage};
use crate::ir::{Node, NodeOutputKind};

/// Bytes of a result that is kept although nobody reads it yet.
const SHORT_RESULT: usize = 4 << 10;
/// Has Python print at once.
const UNBUFFERED: &str = "PYTHONUNBUFFERED";

/// What tasks are run with.
pub(super) struct Local<'a> {
    pub(super) settings: &'a RunSettings,
    pub(super) masks: Masks,
    /// The folder for temporary files, if steps may not use the usual one.
    pub(super) temporary: Option<PathBuf>,
    /// The folder of the run, held open.
    pub(super) folder: Arc<Folder>,
    pub(super) files: Arc<StatCache>,
    pub(super) environments: &'a Environments,
    pub(super) programs: Programs,
    pub(super) confinement: Option<Arc<Confinement>>,
    /// Where steps have limits as a whole.
    pub(super) groups: Option<Groups>,
    pub(super) objects: Objects,
    pub(super) stop: watch::Receiver<bool>,
    /// Whether a step's result is read by another step or a condition.
    pub(super) is_read: &'a (dyn Fn(&str) -> bool + Sync),
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
        let lost = match self.gather(&prepared.readings).await {
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
    async fn gather(&self, readings: &[Reading]) -> io::Result<Vec<usize>> {
        let artifacts: Vec<(usize, PathBuf, Digest)> = readings
            .iter()
            .filter_map(|reading| match &reading.source {
                Source::Artifact { node, place, digest } => Some((*node, place.clone(), *digest)),
                Source::Address(_) => None,
            })
            .collect();
        if artifacts.is_empty() {
            return Ok(Vec::new());
        }
        let shelf = self.shelf();
        let gathered = tokio::task::spawn_blocking(move || {
            let mut lost = Vec::new();
            for (node, place, digest) in artifacts {
                if !shelf.bring(&place, digest)? && !lost.contains(&node) {
                    lost.push(node);
                }
            }
            Ok(lost)
        });
        gathered.await.map_err(io::Error::other)?
    }

    /// What is needed to bring artifacts into the folder of the run.
    fn shelf(&self) -> Shelf {
        Shelf { run: Arc::clone(&self.folder), files: Arc::clone(&self.files), objects: self.objects.clone() }
    }

    /// A path of this run as seen from the run's folder.
    pub(super) fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.folder.path()).unwrap_or(path).to_owned()
    }

    async fn attempt(
        &self,
        node: &Node,
        prepared: &Prepared,
        again: bool,
        tell: &dyn Fn(&str),
    ) -> Result<Option<Done>, Failure> {
        self.clear(node, prepared).map_err(|error| disk(&error))?;
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
        let Some(mut done) = self.collected(node, prepared, before, container).await? else {
            return Ok(None);
        };
        done.seconds = started.elapsed().as_secs_f64();
        self.keep_result(node, &ended.log, &mut done)?;
        Ok(Some(done))
    }

    /// Looks at what the step has written, on another thread: it may be much. `None` if the run was stopped meanwhile.
    async fn collected(
        &self,
        node: &Node,
        prepared: &Prepared,
        before: outputs::Before,
        container: bool,
    ) -> Result<Option<Done>, Failure> {
        if node.outputs.is_empty() {
            return Ok(Some(Done::default()));
        }
        let collection = outputs::Collection::new(self, node, prepared, before, container);
        let collected = tokio::task::spawn_blocking(move || collection.collect());
        let mut stop = self.stop.clone();
        let stopped = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            done = collected => done.map_err(|error| Failure::infrastructure(error.to_string()))?.map(Some),
            () = stopped => Ok(None),
        }
    }

    /// Keeps what the step printed as its result: if another step reads it, or if it is short. If it is too long for
    /// the one that reads it, the step fails.
    fn keep_result(&self, node: &Node, log: &Log, done: &mut Done) -> Result<(), Failure> {
        let result = log.result();
        if let Some(result) = result.as_ref().filter(|result| result.len() <= SHORT_RESULT) {
            done.values.insert("result".into(), result.clone());
        } else if !(self.is_read)(&node.name) {
            done.last = log.last_line();
        } else if let Some(result) = result {
            done.values.insert("result".into(), result);
        } else {
            return Err(Failure {
                message: format!(
                    "it printed more than {} bytes, and another step reads that as its result; write it to an output \
                     instead",
                    Log::LONGEST_RESULT
                ),
                cause: Cause::Step,
                advice: None,
            });
        }
        Ok(())
    }

    /// Removes what an earlier attempt left, and makes the folders that the step may expect.
    fn clear(&self, node: &Node, prepared: &Prepared) -> io::Result<()> {
        let outputs =
            node.outputs.iter().any(|output| matches!(output.kind, NodeOutputKind::Artifact { .. }));
        let wanted = [("outputs", outputs), ("values", prepared.arguments.is_some())];
        let mut folder = None;
        for (name, _) in wanted.iter().filter(|(_, wanted)| *wanted) {
            let folder = match &folder {
                Some(folder) => folder,
                None => folder.insert(self.folder.descend(&self.inside(&prepared.folder))?),
            };
            folder.remove(name)?;
            folder.made(name)?;
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
            let runs = self.folder.path().parent().unwrap_or(self.folder.path());
            let ours = std::fs::read_link(&target).is_ok_and(|to| to.starts_with(runs));
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
        if let Some(folder) = &self.temporary {
            env.push(("TMPDIR".into(), folder.display().to_string()));
        }
        env.extend(prepared.env.iter().cloned());
        for secret in &node.settings.secrets {
            let value = self.settings.secrets.get(&secret.env).ok_or_else(|| {
                Failure::request(format!("it needs the secret {}; set the variable {0}", secret.env))
            })?;
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
                host::command(image, command, args, &env)?
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
        let group = self.groups.as_ref().filter(|_| !container);
        let group = group.and_then(|groups| groups.step(&node.settings.resources));
        Ok(Invocation {
            found: self.programs.find(&program, &env),
            program,
            arguments,
            env,
            folder: self.settings.working_dir.clone(),
            timeout: node.settings.timeout.map(|limit| Duration::from_secs(limit.seconds())),
            memory: limit.filter(|_| !container && group.is_none()),
            group,
            confined: self
                .confinement
                .clone()
                .filter(|_| !container)
                .map(|all| (all, self.grant(node, prepared))),
            log: Log::new(
                Arc::clone(&self.folder),
                self.inside(&prepared.folder),
                again,
                self.settings.log_limit,
                self.masks.clone(),
            ),
        })
    }

    /// What a step may do besides what all may: write its outputs and values and where it was told to.
    fn grant(&self, node: &Node, prepared: &Prepared) -> Grant {
        let mut own = Vec::new();
        if prepared.arguments.is_some() {
            own.push(prepared.folder.join("values"));
        }
        if prepared.arguments.is_some() || !node.outputs.is_empty() {
            own.push(prepared.folder.join("outputs"));
        }
        Grant {
            own,
            told: told::places(node, prepared, &self.settings.working_dir),
            apart: !node.settings.secrets.is_empty(),
            offline: self.settings.is_offline(node),
        }
    }

    fn start_daemon(&self, invocation: Invocation) -> Done {
        let stop = self.stop.clone();
        let daemon = tokio::spawn(async move {
            // A daemon lives as long as the run; how it ends is in its log.
            let _ = execute(invocation, stop).await;
        });
        self.daemons.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(daemon);
        let mut done = Done::default();
        done.values.insert(ADDRESS.into(), "127.0.0.1".into());
        done
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
        let shelf = self.shelf();
        let outputs = folder.join("outputs");
        done.outputs
            .iter()
            .all(|(name, content)| shelf.bring(&outputs.join(name), content.digest).unwrap_or(false))
    }
}

/// The disk or a folder failed. That is the machine's doing, not the step's.
fn disk(error: &io::Error) -> Failure {
    Failure::infrastructure(format!("the run's folder cannot be written: {error}; check its disk"))
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
