//! Python environments, one per set of packages, made once and kept.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use super::folder::open_own;

use tokio::process::Command;
use tokio::sync::{Mutex, OnceCell};

/// An environment that could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PythonError {
    /// The interpreter is missing.
    #[error(
        "{python} cannot be started: {reason}; install Python 3.11 or newer with venv, or name one with COULER_PYTHON"
    )]
    Missing {
        /// The interpreter.
        python: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A package cannot be installed.
    #[error("the Python packages cannot be installed: {reason}")]
    Install {
        /// The last lines of the installer.
        reason: String,
    },
    /// A folder cannot be made.
    #[error("{path}: {reason}; check that it may be written and has room")]
    Io {
        /// The folder.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
}

/// With what environments are made, and those made so far.
pub(super) struct Environments {
    base: PathBuf,
    uv: Option<PathBuf>,
    folder: PathBuf,
    version: std::sync::OnceLock<String>,
    ready: Mutex<HashMap<Vec<String>, Arc<OnceCell<PathBuf>>>>,
}

impl Environments {
    pub(super) fn new(base: PathBuf, uv: Option<PathBuf>, folder: PathBuf) -> Self {
        Self { base, uv, folder, version: std::sync::OnceLock::new(), ready: Mutex::default() }
    }

    /// What the interpreter says of itself; part of the key of every Python step.
    pub(super) fn version(&self) -> &str {
        self.version.get_or_init(|| {
            let output = std::process::Command::new(&self.base).args(["-I", "--version"]).output();
            output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
        })
    }

    /// The interpreter of the environment with these packages. It is made if it is not there; `tell` hears about it.
    ///
    /// # Errors
    /// The interpreter is missing, or a package cannot be installed.
    pub(super) async fn interpreter(
        &self,
        requirements: &[String],
        tell: &dyn Fn(&str),
    ) -> Result<PathBuf, PythonError> {
        let cell = Arc::clone(self.ready.lock().await.entry(requirements.to_vec()).or_default());
        cell.get_or_try_init(|| self.prepare(requirements, tell)).await.cloned()
    }

    async fn prepare(&self, requirements: &[String], tell: &dyn Fn(&str)) -> Result<PathBuf, PythonError> {
        let digest =
            blake3::hash(format!("{}|{}", self.base.display(), requirements.join("\n")).as_bytes()).to_hex();
        let place = self.folder.join(&digest[..16]);
        let python = place.join("bin/python");
        if place.join("ready").is_file() {
            return Ok(python);
        }
        let io = |path: &Path, error: &std::io::Error| PythonError::Io {
            path: path.into(),
            reason: error.to_string(),
        };
        std::fs::create_dir_all(&self.folder).map_err(|error| io(&self.folder, &error))?;
        let _lock = locked(self.folder.join(format!("{}.lock", &digest[..16])))
            .await
            .map_err(|error| io(&self.folder, &error))?;
        if place.join("ready").is_file() {
            return Ok(python);
        }
        // An interrupted attempt leaves no `ready` file and is made again from scratch.
        let _ = std::fs::remove_dir_all(&place);
        tell(&format!("making a Python environment with {} packages …", requirements.len()));
        self.make(&place, &python, requirements).await?;
        let ready = place.join("ready");
        std::fs::write(&ready, requirements.join("\n")).map_err(|error| io(&ready, &error))?;
        Ok(python)
    }

    async fn make(&self, place: &Path, python: &Path, requirements: &[String]) -> Result<(), PythonError> {
        let (place, base) = (place.to_string_lossy(), self.base.to_string_lossy());
        let execute = |program, arguments| execute(program, arguments, &self.folder);
        match &self.uv {
            Some(uv) => execute(uv, vec!["venv", "--quiet", "--seed", "--python", &base, &place]).await?,
            None => execute(&self.base, vec!["-I", "-m", "venv", &place]).await?,
        }
        if requirements.is_empty() {
            return Ok(());
        }
        let interpreter = python.to_string_lossy();
        let (program, mut arguments) = match &self.uv {
            Some(uv) => (
                uv.as_path(),
                vec!["pip", "install", "--quiet", "--compile-bytecode", "--python", &interpreter],
            ),
            None => (python, vec!["-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]),
        };
        arguments.extend(requirements.iter().map(String::as_str));
        execute(program, arguments).await
    }
}

async fn locked(path: PathBuf) -> std::io::Result<std::fs::File> {
    let wait = tokio::task::spawn_blocking(move || {
        let file = open_own(&path, std::fs::File::options().write(true).create(true).truncate(false))?;
        file.lock()?;
        Ok(file)
    });
    wait.await.map_err(std::io::Error::other)?
}

/// Runs a tool in couler's own folder, where no step writes: Python and its tools look for modules and settings in the
/// folder that they are started in. What they download is kept there too, because steps can change the usual caches.
async fn execute(program: &Path, arguments: Vec<&str>, folder: &Path) -> Result<(), PythonError> {
    // A path that was given from the user's folder would mean another program from here.
    let program =
        if program.components().count() > 1 { std::path::absolute(program) } else { Ok(program.into()) };
    let program = program.unwrap_or_default();
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(folder)
        .env("UV_CACHE_DIR", folder.join("uv-cache"))
        .env("PIP_CACHE_DIR", folder.join("pip-cache"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| PythonError::Missing { python: program.clone(), reason: error.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    Err(PythonError::Install { reason: lines.into_iter().rev().collect::<Vec<_>>().join(" ") })
}
