//! Python environments, one per set of packages, made once and kept.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// An environment that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The interpreter is missing.
    #[error("{python} cannot be started: {reason}")]
    Missing {
        /// The interpreter.
        python: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A package cannot be installed.
    #[error("the Python packages cannot be installed: {reason}")]
    Install {
        /// The last lines of pip.
        reason: String,
    },
    /// A folder cannot be made.
    #[error("{path}: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// A ready environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonEnvironment {
    /// Its interpreter.
    pub python: PathBuf,
}

impl PythonEnvironment {
    /// The environment with these packages under `folder`; it is made if it is not there. `tell` hears what happens.
    ///
    /// # Errors
    /// The interpreter is missing, or a package cannot be installed.
    pub async fn prepare(
        base: &Path,
        folder: &Path,
        requirements: &[String],
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, PythonError> {
        let digest =
            blake3::hash(format!("{}|{}", base.display(), requirements.join("\n")).as_bytes()).to_hex();
        let place = folder.join(&digest[..16]);
        let python = place.join("bin/python");
        if place.join("ready").is_file() {
            return Ok(Self { python });
        }
        // An interrupted attempt leaves no `ready` file and is made again from scratch.
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir_all(folder).map_err(|source| PythonError::Io { path: folder.into(), source })?;
        tell("making a Python environment …");
        execute(base, &["-m", "venv", &place.to_string_lossy()]).await?;
        if !requirements.is_empty() {
            tell(&format!("installing {} Python packages …", requirements.len()));
            let mut arguments = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            arguments.extend(requirements.iter().map(String::as_str));
            execute(&python, &arguments).await?;
        }
        let ready = place.join("ready");
        std::fs::write(&ready, requirements.join("\n"))
            .map_err(|source| PythonError::Io { path: ready, source })?;
        Ok(Self { python })
    }
}

async fn execute(program: &Path, arguments: &[&str]) -> Result<(), PythonError> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| PythonError::Missing { python: program.into(), reason: error.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    Err(PythonError::Install { reason: lines.into_iter().rev().collect::<Vec<_>>().join(" ") })
}
