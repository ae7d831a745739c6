//! What a step has written: scalars and artifacts.
//!
//! A step may leave anything under the name of an output: a named pipe, an endless device, a link to a file of the
//! user. So the kind is looked at first, what is read is bounded, and all of it happens beside the thread that hears
//! signals.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Local, disk};
use crate::ir::{Node, NodeOutput, NodeOutputKind};
use crate::run::digest::{Stamp, StatCache, regular_file};
use crate::run::failure::{Cause, Failure};
use crate::run::folder::{Folder, Kind, TreeError};
use crate::run::masks::Masks;
use crate::run::prepare::Prepared;
use crate::run::task::Done;

/// Longest scalar that is kept, in bytes.
const LONGEST_VALUE: u64 = 256 << 10;

/// The declared files as they were before the step: a file that stays as it was is not its output.
pub(super) type Before = HashMap<PathBuf, Stamp>;

pub(super) fn before(node: &Node, folder: &Path) -> Before {
    let paths = node.outputs.iter().filter_map(|output| declared(output, folder));
    paths.filter_map(|path| Some((path.clone(), Stamp::read(&path)?))).collect()
}

pub(super) fn declared(output: &NodeOutput, folder: &Path) -> Option<PathBuf> {
    match &output.kind {
        NodeOutputKind::Parameter { path, .. } | NodeOutputKind::Artifact { path, .. } => {
            path.as_ref().map(|path| folder.join(path))
        }
    }
}

/// Where components write their artifacts: `COULER_OUTPUTS`.
pub(super) fn places(node: &Node, folder: &Path) -> Value {
    let artifacts =
        node.outputs.iter().filter(|output| matches!(output.kind, NodeOutputKind::Artifact { .. }));
    let ports =
        artifacts.map(|output| (output.name.clone(), json!(folder.join("outputs").join(&output.name))));
    Value::Object(ports.collect())
}

/// What is needed to look at the outputs of a step that has ended.
pub(super) struct Collection {
    outputs: Vec<NodeOutput>,
    before: Before,
    /// Relative paths of outputs have their meaning here; in a container they are none of this machine.
    working_dir: Option<PathBuf>,
    run: Arc<Folder>,
    place: PathBuf,
    files: Arc<StatCache>,
    masks: Masks,
}

impl Collection {
    pub(super) fn new(
        local: &Local<'_>,
        node: &Node,
        prepared: &Prepared,
        before: Before,
        container: bool,
    ) -> Self {
        Self {
            outputs: node.outputs.clone(),
            before,
            working_dir: (!container).then(|| local.settings.working_dir.clone()),
            run: Arc::clone(&local.folder),
            place: local.inside(&prepared.folder),
            files: Arc::clone(&local.files),
            masks: local.masks.clone(),
        }
    }

    /// Reads scalars, brings artifacts into the run's folder and hashes them.
    ///
    /// # Errors
    /// An output is missing, or is something that cannot be one.
    pub(super) fn collect(&self) -> Result<Done, Failure> {
        let mut done = Done::default();
        for output in &self.outputs {
            let declared = self.working_dir.as_deref().and_then(|folder| declared(output, folder));
            match &output.kind {
                NodeOutputKind::Parameter { path: named, default } => {
                    let found = self.value(output, declared.as_deref())?;
                    match found.or_else(|| default.clone()) {
                        Some(value) => {
                            done.values.insert(output.name.clone(), self.masks.clean(&value));
                        }
                        None if named.is_some() => return Err(missing(&output.name, declared.as_deref())),
                        None => {}
                    }
                }
                NodeOutputKind::Artifact { optional, .. } => {
                    match self.artifact(output, declared.as_deref()) {
                        Ok(content) => {
                            done.outputs.insert(output.name.clone(), content);
                        }
                        Err(TreeError::Missing) if *optional => {}
                        Err(TreeError::Missing) => return Err(missing(&output.name, declared.as_deref())),
                        Err(error) => return Err(refused(&output.name, error)),
                    }
                }
            }
        }
        Ok(done)
    }

    /// Whether the step wrote a file that it declares. A link that leads nowhere was written by somebody.
    fn is_written(&self, path: &Path) -> bool {
        match Stamp::read(path) {
            Some(stamp) => self.before.get(path) != Some(&stamp),
            None => std::fs::symlink_metadata(path).is_ok(),
        }
    }

    fn value(&self, output: &NodeOutput, declared: Option<&Path>) -> Result<Option<String>, Failure> {
        let name = &output.name;
        let opened = match declared {
            Some(path) if self.is_written(path) => regular_file(path),
            Some(_) => return Ok(None),
            None => self.run.at(&self.place.join("values")).and_then(|folder| folder.read(name)),
        };
        match opened {
            Ok(file) => read_value(file).map(Some).map_err(|reason| unusable(name, &reason)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && declared.is_none() => Ok(None),
            Err(error) => Err(unusable(name, &error.to_string())),
        }
    }

    fn artifact(
        &self,
        output: &NodeOutput,
        declared: Option<&Path>,
    ) -> Result<crate::run::Content, TreeError> {
        let name = output.name.as_ref();
        let written = declared.filter(|path| self.is_written(path));
        let outputs = match self.run.at(&self.place.join("outputs")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && written.is_none() => {
                return Err(TreeError::Missing);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.run.descend(&self.place.join("outputs"))?
            }
            opened => opened?,
        };
        match written {
            Some(path) => {
                outputs.remove(name)?;
                outputs.copy(path, name)?;
            }
            None => outputs.own(name)?,
        }
        match outputs.kind(name)? {
            Some(Kind::File { .. } | Kind::Folder) => Ok(self.files.content(&outputs.path().join(name))?),
            _ => Err(TreeError::Missing),
        }
    }
}

fn missing(output: &str, path: Option<&Path>) -> Failure {
    let place = path.map_or(String::new(), |path| format!(" ({})", path.display()));
    step_failed(format!("it ended without writing its output {output}{place}"))
}

fn unusable(output: &str, reason: &str) -> Failure {
    step_failed(format!("its output {output} cannot be read as a value: {reason}"))
}

fn refused(output: &str, error: TreeError) -> Failure {
    match error {
        TreeError::Io(source) if TreeError::is_full(&source) => disk(&source),
        error => step_failed(format!("its output {output} cannot be an artifact: {error}")),
    }
}

fn step_failed(message: String) -> Failure {
    Failure { message, cause: Cause::Step, advice: None }
}

/// The text of a file, without the white space around it.
fn read_value(file: File) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.take(LONGEST_VALUE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST_VALUE {
        return Err(format!("it has more than {LONGEST_VALUE} bytes; write it to an artifact instead"));
    }
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
