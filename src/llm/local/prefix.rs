//! Key/value states of static prompt prefixes, kept on disk.
//!
//! There is one sequence. A request reuses what it shares with the request before; if that is less than its static
//! prefix, the prefix is read from its file (some 30 ms for 2,000 tokens, the operating system keeps it in memory), and
//! only if there is no file it is computed.

use std::path::{Path, PathBuf};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use crate::llm::{LlmError, sealed};

/// The sequence of all requests.
const SEQUENCE: i32 = 0;
/// Prefixes shorter than this are computed faster than looked up.
const SHORTEST: usize = 48;

/// Knows which tokens the context holds.
pub(super) struct Prefixes {
    held: Vec<LlamaToken>,
    folder: Option<PathBuf>,
    folder_bytes: u64,
    model_key: String,
}

fn engine(error: impl std::fmt::Display) -> LlmError {
    LlmError::Engine(error.to_string())
}

fn common(left: &[LlamaToken], right: &[LlamaToken]) -> usize {
    left.iter().zip(right).take_while(|(a, b)| a == b).count()
}

impl Prefixes {
    pub(super) fn new(folder: Option<PathBuf>, folder_bytes: u64, model_key: String) -> Self {
        Self { held: Vec::new(), folder, folder_bytes, model_key }
    }

    /// Brings the context to a prefix of `tokens` that is as long as possible, but leaves at least the last token to be
    /// computed (its logits are needed). Returns how many tokens did not have to be computed.
    pub(super) fn prepare(
        &mut self,
        context: &mut LlamaContext<'_>,
        tokens: &[LlamaToken],
        static_tokens: usize,
    ) -> Result<usize, LlmError> {
        let shared = common(&self.held, tokens).min(tokens.len().saturating_sub(1));
        let file = self.file(&tokens[..static_tokens]).filter(|_| static_tokens >= SHORTEST);
        let Some(file) = file.filter(|_| shared < static_tokens) else {
            clear(context, shared)?;
            self.held.truncate(shared);
            return Ok(shared);
        };
        let prefix = &tokens[..static_tokens];
        clear(context, 0)?;
        let restored = restore(context, &file, prefix);
        if !restored {
            clear(context, 0)?;
            decode(context, prefix, 0)?;
            self.save(context, &file, prefix);
        }
        self.held = prefix.to_vec();
        Ok(if restored { static_tokens } else { 0 })
    }

    /// Notes tokens that were added.
    pub(super) fn extend(&mut self, tokens: &[LlamaToken]) {
        self.held.extend_from_slice(tokens);
    }

    /// How many tokens the context holds.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Forgets everything, for example after a failed decode.
    pub(super) fn reset(&mut self, context: &mut LlamaContext<'_>) {
        context.clear_kv_cache();
        self.held.clear();
    }

    fn file(&self, prefix: &[LlamaToken]) -> Option<PathBuf> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.model_key.as_bytes());
        for token in prefix {
            hasher.update(&token.0.to_le_bytes());
        }
        Some(self.folder.as_ref()?.join(format!("{}.kv", &hasher.finalize().to_hex()[..32])))
    }

    /// Writes beside and renames; a failure costs only time, so it is not reported.
    fn save(&self, context: &LlamaContext<'_>, file: &Path, prefix: &[LlamaToken]) {
        let Some(folder) = file.parent() else { return };
        let partial = file.with_extension(format!("part{}", std::process::id()));
        let written = std::fs::create_dir_all(folder).is_ok()
            && context.state_seq_save_file(&partial, SEQUENCE, prefix).is_ok()
            && sealed::seal(&partial, file).is_ok();
        if !written {
            let _ = std::fs::remove_file(&partial);
        }
        shrink(folder, self.folder_bytes);
    }
}

fn restore(context: &mut LlamaContext<'_>, file: &Path, prefix: &[LlamaToken]) -> bool {
    // A state that is cut or changed would end this process.
    if !sealed::is_whole(file) {
        sealed::remove(file);
        return false;
    }
    let restored =
        context.state_seq_load_file(file, SEQUENCE, prefix.len()).is_ok_and(|(tokens, _)| tokens == prefix);
    if restored {
        // The time of use decides what is removed when the folder is full.
        let _ = std::fs::File::open(file).and_then(|file| file.set_modified(std::time::SystemTime::now()));
    }
    restored
}

/// Removes the files that were not used for longest until the folder holds at most `limit` bytes.
fn shrink(folder: &Path, limit: u64) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut files: Vec<(std::time::SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "kv"))
        .filter_map(|entry| {
            let data = entry.metadata().ok()?;
            Some((data.modified().ok()?, data.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if total <= limit {
            return;
        }
        sealed::remove(&path);
        total -= bytes;
    }
}

/// Removes everything from position `from` on.
fn clear(context: &mut LlamaContext<'_>, from: usize) -> Result<(), LlmError> {
    let from = Some(u32::try_from(from).map_err(engine)?);
    context.clear_kv_cache_seq(Some(SEQUENCE.cast_unsigned()), from, None).map_err(engine)?;
    Ok(())
}

/// Feeds tokens from position `start` on; the logits of the last one are kept.
pub(super) fn decode(
    context: &mut LlamaContext<'_>,
    tokens: &[LlamaToken],
    start: usize,
) -> Result<(), LlmError> {
    let size = context.n_batch() as usize;
    let mut position = start;
    let mut batch = LlamaBatch::new(size, 1);
    for chunk in tokens.chunks(size) {
        batch.clear();
        for (index, token) in chunk.iter().enumerate() {
            let last = index + 1 == chunk.len();
            batch.add(*token, i32::try_from(position).map_err(engine)?, &[SEQUENCE], last).map_err(engine)?;
            position += 1;
        }
        context.decode(&mut batch).map_err(engine)?;
    }
    Ok(())
}
