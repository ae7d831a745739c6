//! What a step has written: scalars and artifacts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Local, disk};
use crate::ir::{Node, NodeOutput, NodeOutputKind};
use crate::run::digest::Stamp;
use crate::run::failure::{Cause, Failure};
use crate::run::prepare::Prepared;
use crate::run::process::masked;
use crate::run::task::Done;

/// Longest scalar that is kept.
const LONGEST_VALUE: usize = 256 << 10;

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

/// Reads scalars, brings artifacts into the run's folder and hashes them.
pub(super) fn collect(
    local: &Local<'_>,
    node: &Node,
    prepared: &Prepared,
    before: &Before,
    container: bool,
) -> Result<Done, Failure> {
    let mut done = Done::default();
    let masks = local.settings.masks();
    for output in &node.outputs {
        let path = declared(output, &local.settings.working_dir).filter(|_| !container);
        let written = |path: &Path| {
            let stamp = Stamp::read(path);
            stamp.is_some() && stamp != before.get(path).copied()
        };
        match &output.kind {
            NodeOutputKind::Parameter { path: named, default } => {
                let file = match &path {
                    Some(path) => Some(path.clone()).filter(|path| written(path)),
                    None => Some(prepared.folder.join("values").join(&output.name)),
                };
                let value = file.and_then(|file| read_value(&file)).or_else(|| default.clone());
                match value {
                    Some(value) => {
                        done.values.insert(output.name.clone(), masked(&value, &masks));
                    }
                    None if named.is_some() => return Err(missing(&output.name, path.as_deref())),
                    None => {}
                }
            }
            NodeOutputKind::Artifact { optional, .. } => {
                let place = prepared.folder.join("outputs").join(&output.name);
                if let Some(path) = path.as_deref().filter(|path| written(path)) {
                    copy(path, &place).map_err(|error| disk(&error))?;
                }
                match local.files.content(&place) {
                    Ok(content) => {
                        done.outputs.insert(output.name.clone(), content);
                    }
                    Err(_) if *optional => {}
                    Err(_) => return Err(missing(&output.name, path.as_deref())),
                }
            }
        }
    }
    Ok(done)
}

fn missing(output: &str, path: Option<&Path>) -> Failure {
    let place = path.map_or(String::new(), |path| format!(" ({})", path.display()));
    let message = format!("it ended without writing its output {output}{place}");
    Failure { message, cause: Cause::Step, advice: None }
}

fn read_value(path: &Path) -> Option<String> {
    let mut text = String::from_utf8_lossy(&std::fs::read(path).ok()?).trim().to_owned();
    if text.len() > LONGEST_VALUE {
        let end = (0..=LONGEST_VALUE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    Some(text)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return std::fs::copy(from, to).map(|_| ());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
