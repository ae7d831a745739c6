//! A model that is loaded while the user types.

use std::sync::Arc;
use std::sync::OnceLock;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::llm::{Capabilities, CompletionFuture, LanguageModel, LlmError, Request, TokenSink};

/// Makes a model ready.
pub(super) type Opener = Arc<dyn Fn() -> Result<Arc<dyn LanguageModel>, LlmError> + Send + Sync>;

type Loaded = Option<Result<Arc<dyn LanguageModel>, ()>>;

/// Stands for a model that may still be loading; whoever asks it something waits for that.
pub(super) struct LazyModel {
    id: String,
    capabilities: Capabilities,
    open: Opener,
    state: watch::Sender<Loaded>,
    thread: OnceLock<JoinHandle<()>>,
}

impl LazyModel {
    /// Nothing is loaded yet.
    pub(super) fn new(id: String, capabilities: Capabilities, open: Opener) -> Self {
        Self { id, capabilities, open, state: watch::Sender::new(None), thread: OnceLock::new() }
    }

    /// Begins to load, if nobody has.
    pub(super) fn start(&self) {
        self.thread.get_or_init(|| {
            let (open, state) = (Arc::clone(&self.open), self.state.clone());
            std::thread::spawn(move || {
                let result = open().map_err(|_| ());
                state.send_replace(Some(result));
            })
        });
    }

    async fn loaded(&self) -> Result<Arc<dyn LanguageModel>, LlmError> {
        self.start();
        let mut receiver = self.state.subscribe();
        let found = receiver.wait_for(Option::is_some).await.ok().and_then(|state| state.clone());
        match found {
            Some(Ok(model)) => Ok(model),
            // What went wrong is found out again, with its own words.
            _ => (self.open)(),
        }
    }
}

impl Drop for LazyModel {
    fn drop(&mut self) {
        // The process must not end in the middle of loading.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl LanguageModel for LazyModel {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn count_tokens(&self, text: &str) -> usize {
        match &*self.state.borrow() {
            Some(Ok(model)) => model.count_tokens(text),
            // A close estimate until the tokenizer is there.
            _ => text.len().div_ceil(3),
        }
    }

    fn complete<'a>(&'a self, request: &'a Request, sink: TokenSink<'a>) -> CompletionFuture<'a> {
        Box::pin(async move {
            let model = self.loaded().await?;
            model.complete(request, sink).await
        })
    }
}
