//! The thread that owns the context.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, mpsc};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

use super::generate::Generation;
use super::grammar::Grammars;
use super::prefix::Prefixes;
use super::{Event, Job, LocalSettings};
use crate::llm::LlmError;

/// llama.cpp can be initialized once per process.
fn backend() -> Result<&'static LlamaBackend, LlmError> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    BACKEND
        .get_or_init(|| {
            LlamaBackend::init()
                .map(|mut backend| {
                    backend.void_logs();
                    backend
                })
                .map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| LlmError::Engine(error.clone()))
}

/// A loaded file.
pub(super) struct Loaded {
    backend: &'static LlamaBackend,
    model: Arc<LlamaModel>,
    key: String,
}

impl Loaded {
    pub(super) fn new(settings: &LocalSettings) -> Result<Self, LlmError> {
        let bad = |reason: String| LlmError::BadFile { path: settings.path.clone(), reason };
        let backend = backend()?;
        let data = std::fs::metadata(&settings.path)
            .map_err(|source| LlmError::Io { path: settings.path.clone(), source })?;
        let model = LlamaModel::load_from_file(backend, &settings.path, &LlamaModelParams::default())
            .map_err(|error| bad(error.to_string()))?;
        let modified = data.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let key = format!(
            "{}|{}|{:?}|{}",
            settings.path.display(),
            data.len(),
            modified.map(|time| time.as_secs()),
            settings.context_tokens
        );
        Ok(Self { backend, model: Arc::new(model), key })
    }

    pub(super) fn model(&self) -> Arc<LlamaModel> {
        Arc::clone(&self.model)
    }

    fn context(&self, settings: &LocalSettings) -> Result<LlamaContext<'_>, LlmError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads =
            i32::try_from(if settings.threads == 0 { cores } else { settings.threads }).unwrap_or(1);
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(settings.context_tokens))
            .with_n_batch(512)
            .with_n_ubatch(512)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        self.model.new_context(self.backend, parameters).map_err(|error| LlmError::Engine(error.to_string()))
    }
}

/// Answers jobs until the sender is gone.
pub(super) fn run(loaded: &Loaded, settings: &LocalSettings, jobs: &mpsc::Receiver<Job>) {
    let mut context = match loaded.context(settings) {
        Ok(context) => context,
        Err(error) => return refuse_all(jobs, &error.to_string()),
    };
    let grammars = match Grammars::new(&loaded.model) {
        Ok(grammars) => grammars,
        Err(error) => return refuse_all(jobs, &error.to_string()),
    };
    let mut prefixes =
        Prefixes::new(settings.prefix_cache.clone(), settings.prefix_cache_bytes, loaded.key.clone());
    while let Ok(job) = jobs.recv() {
        if job.cancelled.load(Ordering::Relaxed) {
            continue;
        }
        let result =
            Generation::new(&loaded.model, &mut context, &grammars, &mut prefixes, &job, &settings.id).run();
        if result.is_err() {
            prefixes.reset(&mut context);
        }
        // Nobody listens if the caller has gone.
        let _ = job.events.send(Event::Done(Box::new(result)));
    }
}

fn refuse_all(jobs: &mpsc::Receiver<Job>, reason: &str) {
    while let Ok(job) = jobs.recv() {
        let _ = job.events.send(Event::Done(Box::new(Err(LlmError::Engine(reason.to_owned())))));
    }
}
