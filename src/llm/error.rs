//! What can go wrong with a language model, each with its next step.

use std::path::PathBuf;

/// A failed call or a model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// No connection to the server.
    #[error("cannot reach the model server at {url}: {reason}")]
    Unreachable {
        /// The base URL.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The key was refused (401 or 403).
    #[error("the model server at {url} refused the key ({status})")]
    Key {
        /// The base URL.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// Too many requests (429), after all retries.
    #[error(
        "the model server at {url} is rate limiting this key; it did not recover after {attempts} attempts"
    )]
    RateLimited {
        /// The base URL.
        url: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// No answer in time.
    #[error("the model server at {url} gave no answer within {seconds} s")]
    Timeout {
        /// The base URL.
        url: String,
        /// The limit.
        seconds: u64,
    },
    /// Any other refusal of the server.
    #[error("the model server at {url} answered {status}: {message}")]
    Server {
        /// The base URL.
        url: String,
        /// HTTP status.
        status: u16,
        /// The server's own words, shortened.
        message: String,
    },
    /// The model or server does not know the model's name.
    #[error("unknown model {name:?}")]
    UnknownModel {
        /// The name as given.
        name: String,
        /// What is possible instead.
        available: Vec<String>,
    },
    /// The answer could not be used: not JSON, not of the schema, or cut off.
    #[error("the model {model} gave broken output: {reason}")]
    BrokenOutput {
        /// The model's identifier.
        model: String,
        /// What is wrong.
        reason: String,
    },
    /// The model file is not there.
    #[error("the model file {path} is missing")]
    MissingFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file is there but is not a usable model, or its hash is wrong.
    #[error("the model file {path} is not usable: {reason}")]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// None of the sources gave the model.
    #[error("could not download {name}: {reason}")]
    Download {
        /// The model.
        name: String,
        /// What each source said.
        reason: String,
    },
    /// Not enough room for a download.
    #[error("not enough disk space in {path}: {needed} bytes needed, {free} free")]
    DiskSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// No recording answers this request.
    #[error("no recording for this request (digest {digest}) in {folder}")]
    MissingRecording {
        /// Digest of the request.
        digest: String,
        /// The recordings' folder.
        folder: PathBuf,
    },
    /// The budget does not allow the call.
    #[error("the budget is used up: {spent} spent of {limit}")]
    Budget {
        /// What was spent.
        spent: String,
        /// The limit.
        limit: String,
    },
    /// The prompt does not fit into the model's context.
    #[error("the prompt has {tokens} tokens, but the model's context holds {limit}")]
    ContextLength {
        /// Tokens needed.
        tokens: usize,
        /// Tokens available.
        limit: usize,
    },
    /// The embedded engine failed.
    #[error("the embedded model failed: {0}")]
    Engine(String),
    /// The user stopped the generation.
    #[error("stopped")]
    Cancelled,
}

impl LlmError {
    /// What to do next, in one line.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreachable { .. } => "check the base URL and that the server runs, or use the embedded model with `--model local`".into(),
            Self::Key { .. } => "set OPENAI_API_KEY (or `key` in the config file) to a valid key".into(),
            Self::RateLimited { .. } => "wait a little, lower `--jobs`, or use the embedded model with `--model local`".into(),
            Self::Timeout { .. } => "raise `timeout_seconds` in the config file, or try a smaller model".into(),
            Self::Server { .. } => "see the server's log; `--model local` uses the embedded model instead".into(),
            Self::UnknownModel { available, .. } => format!("possible: {}", available.join(", ")),
            Self::BrokenOutput { .. } => "run it again with another `--seed`, or use a larger model with `--model`".into(),
            Self::MissingFile { .. } => "download it with `couler model pull`".into(),
            Self::BadFile { .. } => "fetch it again with `couler model pull --force`".into(),
            Self::Download { .. } => "try again: a partial download goes on where it stopped; or give a file with `couler model pull --from FILE`".into(),
            Self::DiskSpace { .. } => "free some space, or choose another folder with COULER_HOME".into(),
            Self::Io { .. } => "check that the path exists and may be written".into(),
            Self::MissingRecording { .. } => "record it first with `--record FOLDER`; a replay never calls a live model".into(),
            Self::Budget { .. } => "raise it with `--budget-tokens` or `--budget-dollars`".into(),
            Self::ContextLength { .. } => "shorten the description, or use a model with a longer context".into(),
            Self::Engine(_) => "try again; if it persists, check the model with `couler model list --verify`".into(),
            Self::Cancelled => "nothing was written".into(),
        }
    }
}
