//! Asking Python: a fixed script reads texts and answers, one answer a text.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Why Python gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The interpreter cannot be started.
    #[error("{python} cannot be started: {source}")]
    Start {
        /// The interpreter.
        python: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It did not answer.
    #[error("Python did not answer: {0}")]
    Answer(String),
}

/// Runs a script over texts. The texts are data: they are parsed, never executed.
///
/// # Errors
/// The interpreter is missing or the script broke.
pub(crate) fn run(python: &Path, script: &str, texts: &[String]) -> Result<Vec<Value>, ScriptError> {
    let start = |source| ScriptError::Start { python: python.to_path_buf(), source };
    let mut child = Command::new(python)
        .args(["-I", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let broken = |reason: String| ScriptError::Answer(reason);
    let asked = serde_json::to_vec(texts).map_err(|error| broken(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // A script that ends early says why on its standard error.
        let _ = input.write_all(&asked);
    }
    let output = child.wait_with_output().map_err(start)?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| broken(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
