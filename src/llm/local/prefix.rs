//! Key/value states of prompt prefixes, in memory (as sequences of the context) and on disk.

use std::path::{Path, PathBuf};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use crate::llm::LlmError;

/// The sequence in which answers are generated.
pub(super) const WORKING: i32 = 0;
/// Sequences that hold static prefixes: 1 to this.
pub(super) const SLOTS: i32 = 7;
/// Prefixes shorter than this are computed faster than looked up.
const SHORTEST: usize = 48;

struct Slot {
    tokens: Vec<LlamaToken>,
    used: u64,
}

/// Knows which tokens each sequence of a context holds.
pub(super) struct Prefixes {
    working: Vec<LlamaToken>,
    slots: Vec<Option<Slot>>,
    clock: u64,
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
        let slots = (0..SLOTS).map(|_| None).collect();
        Self { working: Vec::new(), slots, clock: 0, folder, folder_bytes, model_key }
    }

    /// Brings the working sequence to a prefix of `tokens` that is as long as possible, but leaves at least the last
    /// token to be computed (its logits are needed). Returns the length of the reused prefix.
    pub(super) fn prepare(
        &mut self,
        context: &mut LlamaContext<'_>,
        tokens: &[LlamaToken],
        static_tokens: usize,
    ) -> Result<usize, LlmError> {
        self.clock += 1;
        let mut computed = 0;
        if static_tokens >= SHORTEST && !self.in_memory(&tokens[..static_tokens]) {
            computed = self.admit(context, &tokens[..static_tokens])?;
        }
        let limit = tokens.len().saturating_sub(1);
        let working = common(&self.working, tokens).min(limit);
        let (slot, held) = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((index, common(&slot.as_ref()?.tokens, tokens).min(limit))))
            .max_by_key(|(_, held)| *held)
            .unwrap_or((0, 0));
        let reused = if held > 0 && held >= working {
            self.slots[slot].iter_mut().for_each(|slot| slot.used = self.clock);
            clear(context, WORKING, 0)?;
            let end = Some(u32::try_from(held).map_err(engine)?);
            let source = i32::try_from(slot).map_err(engine)? + 1;
            context.copy_kv_cache_seq(source, WORKING, None, end).map_err(engine)?;
            held
        } else {
            clear(context, WORKING, working)?;
            working
        };
        self.working = tokens[..reused].to_vec();
        Ok(reused.saturating_sub(computed))
    }

    /// Notes tokens that were added to the working sequence.
    pub(super) fn extend(&mut self, tokens: &[LlamaToken]) {
        self.working.extend_from_slice(tokens);
    }

    /// Length of the working sequence.
    pub(super) fn working_len(&self) -> usize {
        self.working.len()
    }

    /// Forgets everything, for example after a failed decode.
    pub(super) fn reset(&mut self, context: &mut LlamaContext<'_>) {
        context.clear_kv_cache();
        self.working.clear();
        self.slots.iter_mut().for_each(|slot| *slot = None);
    }

    fn in_memory(&self, prefix: &[LlamaToken]) -> bool {
        self.slots.iter().flatten().any(|slot| common(&slot.tokens, prefix) == prefix.len())
    }

    /// Puts a prefix into a slot, from disk or by computing it. Returns how many tokens were computed.
    fn admit(&mut self, context: &mut LlamaContext<'_>, prefix: &[LlamaToken]) -> Result<usize, LlmError> {
        let slot = self.free_slot(context, prefix.len())?;
        let sequence = i32::try_from(slot).map_err(engine)? + 1;
        clear(context, sequence, 0)?;
        let file = self.file(prefix);
        let mut computed = 0;
        if !file.as_deref().is_some_and(|file| restore(context, file, sequence, prefix)) {
            clear(context, sequence, 0)?;
            decode(context, prefix, 0, sequence)?;
            computed = prefix.len();
            if let Some(file) = &file {
                self.save(context, file, sequence, prefix);
            }
        }
        self.slots[slot] = Some(Slot { tokens: prefix.to_vec(), used: self.clock });
        Ok(computed)
    }

    /// An empty slot, or the one that was not used for longest; also makes room in the context.
    fn free_slot(&mut self, context: &mut LlamaContext<'_>, needed: usize) -> Result<usize, LlmError> {
        let capacity = context.n_ctx() as usize;
        loop {
            let held: usize = self.slots.iter().flatten().map(|slot| slot.tokens.len()).sum();
            let roomy = held + needed <= capacity / 2;
            if roomy && let Some(empty) = self.slots.iter().position(Option::is_none) {
                return Ok(empty);
            }
            let oldest = self
                .slots
                .iter()
                .enumerate()
                .filter_map(|(index, slot)| Some((slot.as_ref()?.used, index)))
                .min()
                .map(|(_, index)| index);
            let Some(oldest) = oldest else {
                return Err(LlmError::ContextLength { tokens: needed, limit: capacity / 2 });
            };
            self.slots[oldest] = None;
            clear(context, i32::try_from(oldest).map_err(engine)? + 1, 0)?;
        }
    }

    fn file(&self, prefix: &[LlamaToken]) -> Option<PathBuf> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.model_key.as_bytes());
        prefix.iter().for_each(|token| {
            hasher.update(&token.0.to_le_bytes());
        });
        Some(self.folder.as_ref()?.join(format!("{}.kv", &hasher.finalize().to_hex()[..32])))
    }

    /// Writes beside and renames; a failure costs only time, so it is not reported.
    fn save(&self, context: &LlamaContext<'_>, file: &Path, sequence: i32, prefix: &[LlamaToken]) {
        let Some(folder) = file.parent() else { return };
        let partial = file.with_extension(format!("part{}", std::process::id()));
        let written = std::fs::create_dir_all(folder).is_ok()
            && context.state_seq_save_file(&partial, sequence, prefix).is_ok()
            && std::fs::rename(&partial, file).is_ok();
        if !written {
            let _ = std::fs::remove_file(&partial);
        }
        shrink(folder, self.folder_bytes);
    }
}

fn restore(context: &mut LlamaContext<'_>, file: &Path, sequence: i32, prefix: &[LlamaToken]) -> bool {
    if !file.is_file() {
        return false;
    }
    let restored = context
        .state_seq_load_file(file, sequence, prefix.len())
        .is_ok_and(|(tokens, _)| tokens == prefix);
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
        if std::fs::remove_file(path).is_ok() {
            total -= bytes;
        }
    }
}

/// Removes everything of a sequence from position `from` on.
fn clear(context: &mut LlamaContext<'_>, sequence: i32, from: usize) -> Result<(), LlmError> {
    let from = Some(u32::try_from(from).map_err(engine)?);
    context.clear_kv_cache_seq(Some(sequence.cast_unsigned()), from, None).map_err(engine)?;
    Ok(())
}

/// Feeds tokens into a sequence from position `start` on; the logits of the last one are kept.
pub(super) fn decode(
    context: &mut LlamaContext<'_>,
    tokens: &[LlamaToken],
    start: usize,
    sequence: i32,
) -> Result<(), LlmError> {
    let size = context.n_batch() as usize;
    let mut position = start;
    let mut batch = LlamaBatch::new(size, 1);
    for chunk in tokens.chunks(size) {
        batch.clear();
        for (index, token) in chunk.iter().enumerate() {
            let last = index + 1 == chunk.len();
            batch.add(*token, i32::try_from(position).map_err(engine)?, &[sequence], last).map_err(engine)?;
            position += 1;
        }
        context.decode(&mut batch).map_err(engine)?;
    }
    Ok(())
}
