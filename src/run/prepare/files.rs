//! Files that a step names without declaring them: in its script, its arguments or its environment.
//!
//! A result stands only as long as these files are as the step left them. A file that was there and changed while the
//! step ran was written by it: then the result is not kept at all, because the step may not do the same twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Reading, Source, Work};
use crate::run::digest::{Digest, StatCache};

/// Words of a script that are looked at.
const MOST_WORDS: usize = 512;

/// Files and whether they were there.
#[derive(Debug, Clone)]
pub(in crate::run) struct Watched {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Option<Digest>>,
    remote: bool,
}

impl Watched {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: BTreeMap::new(), remote: false }
    }

    /// Whether the step names no file or folder that could be one of this machine.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn is_remote(&self) -> bool {
        self.remote
    }

    pub(super) fn gather(
        &mut self,
        work: &Work,
        env: &[(String, String)],
        arguments: Option<&Value>,
        readings: &[Reading],
        files: &StatCache,
    ) {
        match work {
            Work::Script { source, .. } if arguments.is_none() => self.words(source, files),
            Work::Script { .. } => {}
            Work::Container { command, args, .. } => {
                for text in command.iter().chain(args) {
                    self.words(text, files);
                }
            }
        }
        for (_, value) in env {
            self.value(value, files);
        }
        if let Some(arguments) = arguments {
            self.leaves(arguments, files);
        }
        for reading in readings {
            if let Source::Address(address) = &reading.source {
                self.value(address, files);
            }
        }
    }

    fn leaves(&mut self, value: &Value, files: &StatCache) {
        match value {
            Value::String(text) => self.value(text, files),
            Value::Array(items) => items.iter().for_each(|item| self.leaves(item, files)),
            Value::Object(map) => map.values().for_each(|item| self.leaves(item, files)),
            _ => {}
        }
    }

    /// A text that may be an address as a whole.
    fn value(&mut self, text: &str, files: &StatCache) {
        let local = text.strip_prefix("file://").unwrap_or(text);
        self.remote |= local.contains("://");
        self.look(local, files, true);
    }

    fn words(&mut self, text: &str, files: &StatCache) {
        let between = |c: char| c.is_whitespace() || "\"'`()[]{};,<>|&=$*?".contains(c);
        for word in text.split(between).filter(|word| word.len() > 1).take(MOST_WORDS) {
            self.look(word, files, false);
        }
    }

    fn look(&mut self, name: &str, files: &StatCache, folders: bool) {
        if name.is_empty() || name.len() > 512 || name.contains('\n') || name.starts_with('-') {
            return;
        }
        let path = self.folder.join(name);
        if self.files.contains_key(&path) {
            return;
        }
        let digest = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => files.described(&path, &metadata).ok(),
            // A folder that holds the working folder is a place, not an input.
            Ok(metadata) if metadata.is_dir() && folders && !self.folder.starts_with(&path) => {
                files.described(&path, &metadata).ok()
            }
            Err(_) if name.contains(['/', '.']) || folders => None,
            Ok(_) | Err(_) => return,
        };
        self.files.insert(path, digest.map(|content| content.digest));
    }

    /// The files as they are after the step, or `None` if one that was there has changed.
    pub(in crate::run) fn after(&self, files: &StatCache) -> Option<Vec<(PathBuf, Digest)>> {
        let mut after = Vec::new();
        for (path, before) in &self.files {
            let now = std::fs::metadata(path)
                .ok()
                .filter(|metadata| before.is_some() || metadata.is_file())
                .and_then(|metadata| files.described(path, &metadata).ok())
                .map(|content| content.digest);
            if before.is_some() && now != *before {
                return None;
            }
            after.extend(now.map(|digest| (path.clone(), digest)));
        }
        Some(after)
    }

    /// The digest of a file that was there when the step was prepared.
    pub(in crate::run) fn seen(&self, path: &Path) -> Option<Digest> {
        self.files.get(path).copied().flatten()
    }

    /// Files that were there before the step.
    pub(in crate::run) fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter(|(_, digest)| digest.is_some()).map(|(path, _)| path.as_path())
    }
}
