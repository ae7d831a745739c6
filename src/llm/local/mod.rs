//! The embedded model: a GGUF file run in this process by llama.cpp, constrained by llguidance.
//!
//! One worker thread owns the context. Requests go to it through a channel; dropping the future of a request raises a
//! flag that the worker reads between two tokens.

mod chat;
mod generate;
mod grammar;
mod prefix;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use llama_cpp_2::model::LlamaModel;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Capabilities, CompletionFuture, LanguageModel, LlmError, Request, Response, TokenSink};

/// Settings of an embedded model.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// What logs call it, for example `local:qwen2.5-coder-1.5b`.
    pub id: String,
    /// The GGUF file.
    pub path: PathBuf,
    /// Folder for the key/value states of static prompt prefixes; none computes them again.
    pub prefix_cache: Option<PathBuf>,
    /// Most bytes of that folder.
    pub prefix_cache_bytes: u64,
    /// Tokens of context: prompt and answer.
    pub context_tokens: u32,
    /// Threads; all cores if 0.
    pub threads: usize,
}

impl LocalSettings {
    /// Sensible settings for a file.
    pub fn new(id: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            id: id.into(),
            path: path.into(),
            prefix_cache: None,
            prefix_cache_bytes: 1 << 30,
            context_tokens: 6_144,
            threads: 0,
        }
    }
}

/// An event of a running generation.
enum Event {
    /// A piece of text.
    Text(String),
    /// The end.
    Done(Box<Result<Response, LlmError>>),
}

/// A request on its way to the worker.
struct Job {
    request: Request,
    events: tokio::sync::mpsc::UnboundedSender<Event>,
    cancelled: Arc<AtomicBool>,
}

/// A GGUF model in this process.
pub struct LocalModel {
    id: String,
    model: Arc<LlamaModel>,
    jobs: mpsc::Sender<Job>,
}

impl std::fmt::Debug for LocalModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalModel").field("id", &self.id).finish_non_exhaustive()
    }
}

impl LocalModel {
    /// Loads the file. This blocks for about a second; call it outside of async code or in `spawn_blocking`.
    ///
    /// # Errors
    /// [`LlmError::MissingFile`] or [`LlmError::BadFile`] if it cannot be loaded.
    pub fn load(settings: LocalSettings) -> Result<Self, LlmError> {
        if !settings.path.is_file() {
            return Err(LlmError::MissingFile { path: settings.path });
        }
        let loaded = worker::Loaded::new(&settings)?;
        let model = loaded.model();
        let (jobs, receiver) = mpsc::channel();
        let id = settings.id.clone();
        std::thread::Builder::new()
            .name("couler-model".into())
            .spawn(move || worker::run(&loaded, &settings, &receiver))
            .map_err(|error| LlmError::Engine(error.to_string()))?;
        Ok(Self { id, model, jobs })
    }
}

impl LanguageModel for LocalModel {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { enforces_schema: true, logprobs: true, concurrent: false, needs_passes: true }
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.model.vocab().tokenize(text.as_bytes(), false, false).len()
    }

    fn complete<'a>(&'a self, request: &'a Request, sink: TokenSink<'a>) -> CompletionFuture<'a> {
        Box::pin(async move {
            let (events, receiver) = unbounded_channel();
            let cancelled = Arc::new(AtomicBool::new(false));
            let job = Job { request: request.clone(), events, cancelled: Arc::clone(&cancelled) };
            self.jobs.send(job).map_err(|_| LlmError::Engine("the model's thread has ended".into()))?;
            let _guard = CancelOnDrop(cancelled);
            collect(receiver, sink).await
        })
    }
}

async fn collect(mut receiver: UnboundedReceiver<Event>, sink: TokenSink<'_>) -> Result<Response, LlmError> {
    while let Some(event) = receiver.recv().await {
        match event {
            Event::Text(text) => sink(&text),
            Event::Done(result) => return *result,
        }
    }
    Err(LlmError::Engine("the model's thread has ended".into()))
}

/// Tells the worker to stop when nobody waits any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
