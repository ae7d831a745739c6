//! A task made ready: references filled in, inputs found, and the key that its result is kept under.

mod files;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::RunSettings;
use super::digest::{Digest, StatCache};
use super::failure::Failure;
use super::masks::Masks;
use super::python::Environments;
use super::scheduler::Plan;
use super::task::{Results, Task};
use crate::api::{ArtifactLocation, Input, ScriptLanguage, acts_elsewhere};
use crate::ir::{Action, Node, NodeOutputKind};
pub(super) use files::Watched;

/// Components that read what changes elsewhere: they always run, as those do whose work is an effect elsewhere.
const CHANGING: [&str; 4] = ["data.load_sql", "git.clone", "model.load", "job."];
/// Annotation that keeps a step from being cached when its value is `never`.
const ANNOTATION: &str = "couler/cache";

/// An artifact that a task reads.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) port: String,
    /// The step that wrote it, and where it is or will be.
    pub(super) source: Source,
    /// Where the step expects it, if it says so.
    pub(super) target: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub(super) enum Source {
    Artifact { node: usize, place: PathBuf, digest: Digest },
    Address(String),
}

/// What is executed.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Script { language: ScriptLanguage, source: String, requirements: Vec<String> },
    Container { image: String, command: Vec<String>, args: Vec<String>, working_dir: Option<String> },
}

/// A task that can be started.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) folder: PathBuf,
    pub(super) work: Work,
    pub(super) env: Vec<(String, String)>,
    pub(super) arguments: Option<Value>,
    pub(super) readings: Vec<Reading>,
    pub(super) key: Digest,
    pub(super) watched: Watched,
    /// Why no earlier result stands for it, if that is so.
    pub(super) uncached: Option<&'static str>,
}

/// What preparing needs to know.
pub(super) struct Workshop<'a> {
    pub(super) settings: &'a RunSettings,
    pub(super) files: &'a StatCache,
    pub(super) environments: &'a Environments,
    pub(super) masks: Masks,
}

/// The folder of a task inside that of the run.
pub(super) fn task_folder(run: &Path, node: &Node, instance: usize) -> PathBuf {
    let folder = run.join("steps").join(&node.name);
    if node.map.is_some() { folder.join(instance.to_string()) } else { folder }
}

impl Workshop<'_> {
    /// Makes a task ready.
    ///
    /// # Errors
    /// A reference has no value, or the step cannot run on this machine.
    pub(super) fn prepare(
        &self,
        plan: &Plan<'_>,
        task: Task,
        item: Option<&Value>,
        results: &Results,
    ) -> Result<Prepared, Failure> {
        let node = plan.node(task.node);
        let missing = |reference: String| Failure::request(format!("it needs a value for {reference}"));
        let references = node.references();
        let fill = |text: &str| results.values.fill(text, references, item).map_err(missing);
        let mut env = Vec::with_capacity(node.settings.env.len());
        for (name, value) in &node.settings.env {
            env.push((name.clone(), fill(value)?));
        }
        for input in &node.inputs {
            if let Input::Parameter { name, value } = input {
                env.push((name.clone(), fill(value)?));
            }
        }
        let (work, arguments) =
            work(node, &fill, &|value| results.values.fill_value(value, references, item).map_err(missing))?;
        let readings = self.readings(plan, node, &fill, results)?;
        let mut watched = Watched::new(&self.settings.working_dir);
        watched.gather(&work, &env, arguments.as_ref(), &readings, self.files);
        let mut prepared = Prepared {
            folder: task_folder(&self.settings.folder, node, task.instance),
            work,
            env,
            arguments,
            readings,
            key: Digest::default(),
            watched,
            uncached: None,
        };
        prepared.uncached = uncached(plan, task, node, &prepared);
        prepared.key = match node.settings.cache.as_ref().and_then(|cache| cache.key.as_ref()) {
            Some(key) => Digest::of(format!("couler/own-key/v2\n{}", fill(key)?)),
            None => self.key(node, &prepared, results),
        };
        Ok(prepared)
    }

    fn readings(
        &self,
        plan: &Plan<'_>,
        node: &Node,
        fill: &dyn Fn(&str) -> Result<String, Failure>,
        results: &Results,
    ) -> Result<Vec<Reading>, Failure> {
        let mut readings = Vec::new();
        for input in &node.inputs {
            match input {
                Input::Parameter { .. } => {}
                Input::Artifact { name, step, output, path } => {
                    let Some(&from) = plan.position.get(step.as_str()) else { continue };
                    let instances = results.done.get(&from).map_or(&[][..], Vec::as_slice);
                    for (instance, done) in instances.iter().enumerate() {
                        let Some(content) = done.as_ref().and_then(|done| done.outputs.get(output)) else {
                            continue;
                        };
                        let folder = task_folder(&self.settings.folder, plan.node(from), instance);
                        let place = folder.join("outputs").join(output);
                        let source = Source::Artifact { node: from, place, digest: content.digest };
                        let target = path.as_ref().map(PathBuf::from);
                        readings.push(Reading { port: name.clone(), source, target });
                    }
                }
                Input::External { name, location, path } => {
                    let address = match location {
                        ArtifactLocation::Uri { uri } => fill(uri)?,
                        ArtifactLocation::Http { url } => fill(url)?,
                        _ => {
                            return Err(Failure::request(format!(
                                "its input {name} is in a store that this machine does not mount; give it as a \
                                 path or a URI"
                            )));
                        }
                    };
                    let target = path.as_ref().map(PathBuf::from);
                    readings.push(Reading { port: name.clone(), source: Source::Address(address), target });
                }
            }
        }
        Ok(readings)
    }

    /// The digest of the step as it will run: what is executed, with what, in which environment. Secrets count by name
    /// only; file times never count.
    fn key(&self, node: &Node, prepared: &Prepared, results: &Results) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let mut feed = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        feed("couler/key/v3");
        if prepared.arguments.is_none() || !prepared.watched.is_empty() {
            // What is named by a relative path, or found by looking around, is another thing in another folder.
            feed(&self.settings.working_dir.to_string_lossy());
        }
        let masks = &self.masks;
        match &prepared.work {
            Work::Script { language, source, requirements } => {
                feed(if *language == ScriptLanguage::Python { "python" } else { "bash" });
                feed(&masks.clean(source));
                for requirement in requirements {
                    feed(requirement);
                }
                if *language == ScriptLanguage::Python {
                    feed(self.environments.version());
                }
            }
            Work::Container { image, command, args, working_dir } => {
                feed(if self.settings.host { "host" } else { "container" });
                feed(image);
                feed(&masks.clean(&format!("{command:?}{args:?}{working_dir:?}")));
            }
        }
        for (name, value) in &prepared.env {
            feed(name);
            feed(&masks.clean(value));
        }
        node.settings.secrets.iter().for_each(|secret| feed(&secret.env));
        if let Some(arguments) = &prepared.arguments {
            let mut sorted = arguments.clone();
            sorted.sort_all_objects();
            feed(&masks.clean(&sorted.to_string()));
        }
        for reading in &prepared.readings {
            feed(&reading.port);
            match &reading.source {
                Source::Artifact { digest, .. } => feed(&digest.hex()),
                Source::Address(address) => feed(address),
            }
        }
        for output in &node.outputs {
            feed(&output.name);
            match &output.kind {
                NodeOutputKind::Parameter { path, default } => feed(&format!("{path:?}{default:?}")),
                NodeOutputKind::Artifact { path, .. } => feed(&format!("{path:?}")),
            }
        }
        if let Some(status) = &results.values.status {
            feed(status);
        }
        Digest::finish(&hasher)
    }
}

fn work(
    node: &Node,
    fill: &dyn Fn(&str) -> Result<String, Failure>,
    fill_value: &dyn Fn(&Value) -> Result<Value, Failure>,
) -> Result<(Work, Option<Value>), Failure> {
    match &node.action {
        Action::Script { language, source, arguments, requirements, .. } => {
            let source = if arguments.is_some() { source.clone() } else { fill(source)? };
            let work = Work::Script { language: *language, source, requirements: requirements.clone() };
            Ok((work, arguments.as_ref().map(fill_value).transpose()?))
        }
        Action::Container { image, command, args, working_dir } => {
            let all = |texts: &[String]| texts.iter().map(|text| fill(text)).collect::<Result<_, _>>();
            let (command, args) = (all(command)?, all(args)?);
            let work =
                Work::Container { image: fill(image)?, command, args, working_dir: working_dir.clone() };
            Ok((work, None))
        }
        Action::Job { job } => Err(Failure::request(format!("a {} needs a cluster", job.kind()))),
    }
}

fn uncached(plan: &Plan<'_>, task: Task, node: &Node, prepared: &Prepared) -> Option<&'static str> {
    let asked = node.settings.cache.is_some();
    let effect = node
        .component
        .as_deref()
        .is_some_and(|name| acts_elsewhere(name) || CHANGING.iter().any(|other| name.starts_with(other)));
    if task.node >= plan.steps {
        Some("it runs at the end, whatever happened")
    } else if node.settings.annotations.get(ANNOTATION).is_some_and(|value| value == "never") {
        Some("its annotation says never")
    } else if node.settings.daemon {
        Some("it runs in the background")
    } else if asked {
        None
    } else if node.exec_while.is_some() {
        Some("it is repeated until something changes")
    } else if effect {
        Some("its work is an effect elsewhere")
    } else if prepared.watched.is_remote() {
        Some("it reads from a remote address, which may change (`cache` in its settings trusts it)")
    } else {
        None
    }
}
