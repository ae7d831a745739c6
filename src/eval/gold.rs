//! Gold: descriptions with the one complete right program of each.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{Program, program_from_value};

/// A description with its right program, from which every right answer of a model follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldCase {
    /// Unique name.
    pub id: String,
    /// How it is written: terse, chatty, bullets, numbered, spec, arrows, misspelt, foreign.
    pub style: String,
    /// Language, as an ISO 639-1 code.
    pub language: String,
    /// What is difficult about it.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The description.
    pub description: String,
    /// Quotes that speak of the whole workflow.
    #[serde(default)]
    pub about_whole: Vec<String>,
    /// Quotes that ask for nothing.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// The right program; the `description` of each step is its quote.
    pub program: Value,
}

/// Gold that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    /// A file or folder cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is no list of gold cases.
    #[error("{path}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two cases have the same name.
    #[error("{path}: the id {id:?} is used twice")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The name.
        id: String,
    },
}

impl GoldCase {
    /// The program.
    ///
    /// # Errors
    /// What is wrong with it, one problem a line.
    pub fn program(&self) -> Result<Program, String> {
        program_from_value(&self.program).map_err(|problems| problems.to_string())
    }
}

/// Reads a file, or every `*.yaml` of a folder in the order of their names.
///
/// # Errors
/// [`GoldError`] names the file.
pub fn read_gold(path: &Path) -> Result<Vec<GoldCase>, GoldError> {
    read_list(path, |case: &GoldCase| &case.id)
}

/// Reads lists of things with unique names.
pub(super) fn read_list<T: DeserializeOwned>(
    path: &Path,
    id: impl Fn(&T) -> &String,
) -> Result<Vec<T>, GoldError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| GoldError::Io { path, source }
    };
    let mut files = vec![path.to_path_buf()];
    if path.is_dir() {
        files = std::fs::read_dir(path)
            .map_err(io(path))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(io(path))?;
        files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
        files.sort();
    }
    let mut cases = Vec::new();
    let mut seen = HashSet::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(io(&path))?;
        let read: Vec<T> = serde_saphyr::from_str(&text)
            .map_err(|error| GoldError::Syntax { path: path.clone(), reason: error.to_string() })?;
        for case in &read {
            if !seen.insert(id(case).clone()) {
                return Err(GoldError::Twice { path, id: id(case).clone() });
            }
        }
        cases.extend(read);
    }
    Ok(cases)
}
