//! Sessions as files. A file is written beside its place and renamed, so that it is either old or new.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::session::{SESSION_VERSION, Session};

/// Why a session cannot be read or written. The file stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is no session any more.
    #[error("{path} is damaged and was left as it is: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A later couler wrote it.
    #[error(
        "{path} was written by a newer couler (session version {version}; this one reads {SESSION_VERSION}) and was left as it is"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// There is none.
    #[error("there is no conversation yet")]
    Nothing,
    /// There is no such session.
    #[error("there is no conversation {name:?}; {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl StoreError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => {
                "check that the folder exists, may be written and has room; COULER_HOME chooses another"
            }
            Self::Damaged { .. } => "mend or move the file; /sessions lists the others",
            Self::Newer { .. } => "use the newer couler for it, or begin another conversation",
            Self::Nothing => "`couler nl \"…\"` and `couler chat` begin one",
            Self::Unknown { .. } => "/sessions lists the saved conversations",
        }
    }
}

/// A line of the list of sessions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSummary {
    /// What it is saved under.
    pub id: String,
    /// What the user calls it.
    pub name: Option<String>,
    /// When it was saved last, in seconds since 1970.
    pub updated: u64,
    /// Turns so far.
    pub turns: usize,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// Why it cannot be read.
    pub fault: Option<String>,
}

/// A folder of sessions.
#[derive(Debug, Clone)]
pub struct SessionStore {
    folder: PathBuf,
}

impl SessionStore {
    /// The sessions of a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where a session is saved.
    pub fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// Saves a session.
    ///
    /// # Errors
    /// [`StoreError::Io`]; what was saved before is still there.
    pub fn save(&self, session: &Session) -> Result<(), StoreError> {
        let path = self.path(&session.id);
        let failed = |source: std::io::Error| StoreError::Io { path: path.clone(), source };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        let text = serde_json::to_string(session).map_err(|error| failed(error.into()))?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Reads a session by its id, its name, or the beginning of either.
    ///
    /// # Errors
    /// [`StoreError`] tells unknown, damaged and newer ones apart.
    pub fn open(&self, name: &str) -> Result<Session, StoreError> {
        let all = self.list()?;
        let exact = all.iter().find(|one| one.id == name || one.name.as_deref() == Some(name));
        let beginning = || {
            let mut fitting = all.iter().filter(|one| {
                one.id.starts_with(name) || one.name.as_deref().is_some_and(|own| own.starts_with(name))
            });
            fitting.next().filter(|_| fitting.next().is_none())
        };
        match exact.or_else(beginning) {
            Some(found) => read(&self.path(&found.id)),
            None => {
                let names: Vec<&str> =
                    all.iter().take(8).map(|one| one.name.as_deref().unwrap_or(&one.id)).collect();
                let known = if names.is_empty() {
                    "none is saved".into()
                } else {
                    format!("saved: {}", names.join(", "))
                };
                Err(StoreError::Unknown { name: name.to_owned(), known })
            }
        }
    }

    /// The session that was saved last.
    ///
    /// # Errors
    /// [`StoreError`]; unknown if there is none.
    pub fn last(&self) -> Result<Session, StoreError> {
        let newest = self
            .list()?
            .into_iter()
            .find(|one| one.fault.is_none() && (one.turns > 0 || one.workflow.is_some()));
        match newest {
            Some(found) => read(&self.path(&found.id)),
            None => Err(StoreError::Nothing),
        }
    }

    /// All sessions, the newest first; those that cannot be read with their fault.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> Result<Vec<SessionSummary>, StoreError> {
        let failed = |source: std::io::Error| StoreError::Io { path: self.folder.clone(), source };
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|ending| ending == "json")
                && let Some(id) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
            {
                found.push(summary(id, &path));
            }
        }
        found.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| b.id.cmp(&a.id)));
        Ok(found)
    }
}

fn summary(id: String, path: &Path) -> SessionSummary {
    match read(path) {
        Ok(session) => SessionSummary {
            id,
            name: session.name.clone(),
            updated: session.updated,
            turns: session.turns().len(),
            workflow: session.latest().map(|program| program.name.clone()),
            fault: None,
        },
        Err(error) => {
            let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok();
            let updated = modified
                .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
                .map_or(0, |since| since.as_secs());
            SessionSummary {
                id,
                name: None,
                updated,
                turns: 0,
                workflow: None,
                fault: Some(error.to_string()),
            }
        }
    }
}

fn read(path: &Path) -> Result<Session, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    match value["version"].as_u64() {
        Some(version) if version > u64::from(SESSION_VERSION) => {
            Err(StoreError::Newer { path: path.to_owned(), version })
        }
        Some(_) => serde_json::from_value(value).map_err(|error| damaged(error.to_string())),
        None => Err(damaged("it has no version".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_and_newer_files_are_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionStore::new(folder.path());
        let mut session = Session::new("one", 7);
        session.name = Some("first".into());
        store.save(&session).unwrap();
        assert_eq!(store.open("first").unwrap(), session);
        for (name, text) in
            [("bad", "{\"version\": 1, \"id\""), ("new", "{\"version\": 9, \"future\": true}"), ("odd", "[]")]
        {
            std::fs::write(store.path(name), text).unwrap();
            let error = store.open(name).unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. } | StoreError::Newer { .. }), "{error}");
            assert!(!error.hint().is_empty());
            assert_eq!(std::fs::read_to_string(store.path(name)).unwrap(), text);
        }
        assert_eq!(store.list().unwrap().len(), 4);
        assert!(matches!(store.open("none"), Err(StoreError::Unknown { .. })));
    }
}
