//! Recorded calls: written by [`Recorder`], answered from by [`Replay`], for tests, demos and evaluations
//! that must give the same bytes every time.
//!
//! A folder of recordings belongs to one model. It holds `recording.json` (which model, and what it can do)
//! and one file `DIGEST.json` per request. A request at a temperature above 0 differs by its seed, so repeats
//! are recorded apart.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Capabilities, CompletionFuture, LanguageModel, LlmError, Request, Response, TokenSink};

/// Version of both file formats.
const VERSION: u32 = 1;
/// What a tokenizer may make of a text on average; with less, counts of tokens would know no bound.
const CHARACTERS_PER_TOKEN: std::ops::RangeInclusive<f64> = 0.05..=1000.0;

/// Name of the file that describes the folder.
const HEADER: &str = "recording.json";

/// Text whose tokens are counted to learn how many characters a token of the recorded model has.
const SAMPLE: &str = r#"Train an XGBoost model on s3://bucket/train.csv and report its accuracy.
{"steps": [{"name": "train"}]}"#;

/// The address of a request: BLAKE3, in hexadecimal, of the canonical JSON (sorted keys, no blanks) of model
/// and request.
///
/// At temperature 0 the seed does nothing and is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestDigest(String);

impl RequestDigest {
    /// The digest of `request` to the model with the identifier `model`.
    pub fn of(model: &str, request: &Request) -> Self {
        let mut value = json!({"model": model, "request": request});
        if request.temperature <= 0.0 {
            value["request"]["seed"] = 0.into();
        }
        value.sort_all_objects();
        Self(blake3::hash(value.to_string().as_bytes()).to_hex().to_string())
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One recorded call, the content of `DIGEST.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    version: u32,
    model: String,
    request: Request,
    response: Response,
}

/// What is true for all recordings of a folder, the content of `recording.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    model: String,
    enforces_schema: bool,
    logprobs: bool,
    concurrent: bool,
    /// Absent in older recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    needs_passes: Option<bool>,
    characters_per_token: f64,
}

impl Header {
    fn describe(model: &dyn LanguageModel) -> Self {
        let capabilities = model.capabilities();
        let (characters, tokens) = (SAMPLE.chars().count(), model.count_tokens(SAMPLE).max(1));
        Self {
            version: VERSION,
            model: model.id().to_owned(),
            enforces_schema: capabilities.enforces_schema,
            logprobs: capabilities.logprobs,
            concurrent: capabilities.concurrent,
            needs_passes: Some(capabilities.needs_passes),
            // Two digits are plenty for an estimate, and they survive JSON unchanged.
            characters_per_token: (count(characters) / count(tokens) * 100.0).round() / 100.0,
        }
    }

    fn read(folder: &Path) -> Result<Self, LlmError> {
        let path = folder.join(HEADER);
        let header: Self = read_json(&path)?;
        check_version(&path, header.version)?;
        if !CHARACTERS_PER_TOKEN.contains(&header.characters_per_token) {
            return Err(LlmError::BadFile {
                path,
                reason: format!("characters_per_token must lie in {CHARACTERS_PER_TOKEN:?}"),
            });
        }
        Ok(header)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            enforces_schema: self.enforces_schema,
            logprobs: self.logprobs,
            concurrent: self.concurrent,
            needs_passes: self.needs_passes.unwrap_or(self.enforces_schema),
        }
    }

    fn count_tokens(&self, text: &str) -> usize {
        let tokens = (count(text.chars().count()) / self.characters_per_token).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of characters, not negative"
        )]
        let tokens = tokens as usize;
        tokens
    }
}

/// Small counts as numbers to calculate with.
fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Passes calls on to a model and keeps every pair of request and response.
///
/// A request that the folder already answers is answered from there, so that a run sees the same answers as
/// its replay and an interrupted run can go on. Tokens are counted as the replay will count them, for the
/// same reason: decisions that depend on the count would otherwise lead to different requests. Failed calls
/// are not recorded.
pub struct Recorder {
    model: Arc<dyn LanguageModel>,
    folder: PathBuf,
    header: Header,
}

impl Recorder {
    /// Records the calls of `model` into `folder`, which is made if need be.
    ///
    /// # Errors
    /// [`LlmError::Io`] when the folder cannot be written, [`LlmError::BadFile`] when it holds another model's
    /// recordings.
    pub fn new(model: Arc<dyn LanguageModel>, folder: impl Into<PathBuf>) -> Result<Self, LlmError> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).map_err(|source| LlmError::Io { path: folder.clone(), source })?;
        let path = folder.join(HEADER);
        if !path.exists() {
            write_new(&folder, &path, &Header::describe(model.as_ref()))?;
        }
        let header = Header::read(&folder)?;
        if header.model != model.id() {
            let reason = format!(
                "it holds recordings of {}, not of {}: record into another folder",
                header.model,
                model.id()
            );
            return Err(LlmError::BadFile { path, reason });
        }
        Ok(Self { model, folder, header })
    }

    async fn call(&self, request: &Request, sink: TokenSink<'_>) -> Result<Response, LlmError> {
        match answer(&self.folder, &self.header.model, request).await {
            Ok(response) => {
                sink(&response.text);
                Ok(response)
            }
            Err(LlmError::MissingRecording { .. }) => {
                let response = self.model.complete(request, sink).await?;
                self.keep(request, response).await
            }
            Err(other) => Err(other),
        }
    }

    /// Writes the pair; when the same request was answered meanwhile, the first answer counts.
    async fn keep(&self, request: &Request, response: Response) -> Result<Response, LlmError> {
        let model = self.header.model.clone();
        let path = file_of(&self.folder, &model, request);
        let recording = Recording { version: VERSION, model, request: request.clone(), response };
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            write_new(&folder, &path, &recording)?;
            Ok(recording.response)
        });
        let response = written.await.map_err(|error| LlmError::Engine(error.to_string()))??;
        answer(&self.folder, &self.header.model, request).await.or(Ok(response))
    }
}

impl LanguageModel for Recorder {
    fn id(&self) -> &str {
        self.model.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.header.capabilities()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.header.count_tokens(text)
    }

    fn complete<'a>(&'a self, request: &'a Request, sink: TokenSink<'a>) -> CompletionFuture<'a> {
        Box::pin(self.call(request, sink))
    }
}

/// Answers from the recordings of a folder, and from nothing else.
#[derive(Debug, Clone)]
pub struct Replay {
    folder: PathBuf,
    header: Header,
}

impl Replay {
    /// Opens a folder that a [`Recorder`] wrote. The replay has the identifier of the recorded model.
    ///
    /// # Errors
    /// [`LlmError::Io`] when `recording.json` cannot be read, [`LlmError::BadFile`] when it makes no sense.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, LlmError> {
        let folder = folder.into();
        let header = Header::read(&folder)?;
        Ok(Self { folder, header })
    }
}

impl LanguageModel for Replay {
    fn id(&self) -> &str {
        &self.header.model
    }

    fn capabilities(&self) -> Capabilities {
        self.header.capabilities()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.header.count_tokens(text)
    }

    fn complete<'a>(&'a self, request: &'a Request, sink: TokenSink<'a>) -> CompletionFuture<'a> {
        Box::pin(async move {
            let response = answer(&self.folder, &self.header.model, request).await?;
            sink(&response.text);
            Ok(response)
        })
    }
}

fn file_of(folder: &Path, model: &str, request: &Request) -> PathBuf {
    folder.join(format!("{}.json", RequestDigest::of(model, request)))
}

/// The recorded answer to `request`, checked to belong to it.
async fn answer(folder: &Path, model: &str, request: &Request) -> Result<Response, LlmError> {
    let digest = RequestDigest::of(model, request);
    let path = file_of(folder, model, request);
    let bytes = match tokio::fs::read(&path).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(LlmError::MissingRecording { digest: digest.to_string(), folder: folder.to_owned() });
        }
        Err(source) => return Err(LlmError::Io { path, source }),
    };
    let recording: Recording = parse(&path, &bytes)?;
    check_version(&path, recording.version)?;
    if RequestDigest::of(&recording.model, &recording.request) != digest {
        return Err(LlmError::BadFile {
            path,
            reason: "it records another request than its name says".into(),
        });
    }
    Ok(recording.response)
}

fn check_version(path: &Path, version: u32) -> Result<(), LlmError> {
    match version {
        VERSION => Ok(()),
        other => Err(LlmError::BadFile {
            path: path.to_owned(),
            reason: format!("version {other}, expected {VERSION}"),
        }),
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LlmError> {
    let bytes = std::fs::read(path).map_err(|source| LlmError::Io { path: path.to_owned(), source })?;
    parse(path, &bytes)
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, LlmError> {
    let bad = |error: serde_json::Error| LlmError::BadFile {
        path: path.to_owned(),
        reason: format!("not a recording: {error}"),
    };
    serde_json::from_slice(bytes).map_err(bad)
}

/// Writes a whole new file or none: first beside it, then renamed. A file that is there already stays.
fn write_new<T: Serialize>(folder: &Path, path: &Path, content: &T) -> Result<(), LlmError> {
    let failed = |source| LlmError::Io { path: path.to_owned(), source };
    let mut text = serde_json::to_vec_pretty(content).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(error.error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
