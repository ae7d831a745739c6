//! The unfinished file of a download: appended to, hashed on the way, kept when interrupted, renamed when
//! whole.

use std::ffi::OsString;
use std::fs::{OpenOptions, TryLockError};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::progress::Progress;
use super::registry::KnownModel;
use crate::llm::LlmError;

/// Bytes read and hashed at once: large enough to be quick, small enough to be cancelled soon.
const BLOCK: usize = 1 << 20;

/// Where the bytes of an unfinished file came from, the content of `FILE.part.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    pub version: u32,
    /// Entity tag of the file on the server, when it came over HTTP.
    pub etag: Option<String>,
    /// How many whole parts of packages the file holds.
    pub parts: u32,
    /// How many bytes these parts have; what the file holds beyond is an unfinished part.
    pub part_bytes: u64,
}

/// `FILE.part`, locked against other downloads of the same file.
pub(super) struct PartFile {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    len: u64,
    pub origin: Origin,
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// `path` with something after its whole name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

impl PartFile {
    /// Opens or makes `TARGET.part` and hashes what it already holds.
    pub(super) async fn open(target: &Path) -> Result<Self, LlmError> {
        let path = with_suffix(target, ".part");
        let failed = |source| LlmError::Io { path: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                failed(Error::new(ErrorKind::ResourceBusy, "another download of this file is going on"))
            }
            TryLockError::Error(source) => failed(source),
        })?;
        let mut part = Self {
            file: File::from_std(file),
            hasher: Sha256::new(),
            len: 0,
            origin: Origin::default(),
            path,
        };
        part.origin = part.read_origin().await;
        (part.hasher, part.len) = part.hash_from_start(u64::MAX).await?;
        Ok(part)
    }

    /// Bytes it holds.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `bytes`.
    pub(super) async fn append(&mut self, bytes: &[u8]) -> Result<(), LlmError> {
        let written = self.file.write_all(bytes).await;
        written.map_err(|source| self.failed(source))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Appends the content of another file.
    pub(super) async fn append_file(&mut self, path: &Path, progress: &dyn Progress) -> Result<(), LlmError> {
        let failed = |source| LlmError::Io { path: path.to_owned(), source };
        let mut source = File::open(path).await.map_err(failed)?;
        let mut block = vec![0; BLOCK];
        loop {
            match source.read(&mut block).await.map_err(failed)? {
                0 => return self.flush().await,
                n => self.append(&block[..n]).await?,
            }
            progress.advanced(self.len);
        }
    }

    /// Cuts it to `len` bytes, at most what it has.
    pub(super) async fn truncate(&mut self, len: u64) -> Result<(), LlmError> {
        if len < self.len {
            self.flush().await?;
            let cut = self.file.set_len(len).await;
            cut.map_err(|source| self.failed(source))?;
            (self.hasher, self.len) = self.hash_from_start(len).await?;
        }
        Ok(())
    }

    /// Notes where the bytes come from, so that a later download can go on.
    pub(super) async fn set_origin(&mut self, origin: Origin) -> Result<(), LlmError> {
        self.flush().await?;
        self.origin = Origin { version: 1, ..origin };
        let path = self.origin_path();
        let failed = |source| LlmError::Io { path: path.clone(), source };
        let text = serde_json::to_vec(&self.origin).map_err(|error| failed(error.into()))?;
        // Written beside and renamed, so that an interruption leaves the old note or the new one.
        let beside = with_suffix(&path, ".new");
        tokio::fs::write(&beside, text).await.map_err(failed)?;
        tokio::fs::rename(&beside, &path).await.map_err(failed)
    }

    /// Checks size and hash and moves the file to `target`; a file that is wrong is removed.
    pub(super) async fn finish(mut self, target: &Path, model: &KnownModel) -> Result<(), LlmError> {
        self.flush().await?;
        let found = hex(&std::mem::take(&mut self.hasher).finalize());
        if self.len != model.bytes || found != model.sha256 {
            let reason = wrong(model, self.len, &found);
            self.remove().await?;
            return Err(LlmError::BadFile { path: target.to_owned(), reason });
        }
        tokio::fs::rename(&self.path, target)
            .await
            .map_err(|source| LlmError::Io { path: target.to_owned(), source })?;
        remove_if_there(&self.origin_path()).await
    }

    async fn remove(&self) -> Result<(), LlmError> {
        remove_if_there(&self.path).await?;
        remove_if_there(&self.origin_path()).await
    }

    /// Hands everything appended so far to the system.
    pub(super) async fn flush(&mut self) -> Result<(), LlmError> {
        let flushed = self.file.flush().await;
        flushed.map_err(|source| self.failed(source))
    }

    /// Hashes the first `limit` bytes and leaves the cursor behind them.
    async fn hash_from_start(&mut self, limit: u64) -> Result<(Sha256, u64), LlmError> {
        let (path, file) = (&self.path, &mut self.file);
        let failed = |source| LlmError::Io { path: path.clone(), source };
        file.seek(std::io::SeekFrom::Start(0)).await.map_err(failed)?;
        hash_reader(file, limit).await.map_err(failed)
    }

    /// What is noted; a missing or damaged note means that nothing is known, which only costs time.
    async fn read_origin(&self) -> Origin {
        let bytes = tokio::fs::read(self.origin_path()).await.unwrap_or_default();
        serde_json::from_slice(&bytes).ok().filter(|origin: &Origin| origin.version == 1).unwrap_or_default()
    }

    fn origin_path(&self) -> PathBuf {
        with_suffix(&self.path, ".json")
    }

    fn failed(&self, source: Error) -> LlmError {
        LlmError::Io { path: self.path.clone(), source }
    }
}

async fn remove_if_there(path: &Path) -> Result<(), LlmError> {
    match tokio::fs::remove_file(path).await {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(LlmError::Io { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

async fn hash_reader(file: &mut File, limit: u64) -> std::io::Result<(Sha256, u64)> {
    let mut limited = file.take(limit);
    let (mut hasher, mut len, mut block) = (Sha256::new(), 0, vec![0; BLOCK]);
    loop {
        match limited.read(&mut block).await? {
            0 => return Ok((hasher, len)),
            n => hasher.update(&block[..n]),
        }
        len = limit - limited.limit();
    }
}

/// Checks that the file at `path` is the model, byte for byte.
pub(super) async fn check(path: &Path, model: &KnownModel) -> Result<(), LlmError> {
    let failed = |source| LlmError::Io { path: path.to_owned(), source };
    let mut file = match File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(LlmError::MissingFile { path: path.to_owned() });
        }
        Err(source) => return Err(failed(source)),
    };
    let (hasher, len) = hash_reader(&mut file, u64::MAX).await.map_err(failed)?;
    let found = hex(&hasher.finalize());
    if len == model.bytes && found == model.sha256 {
        return Ok(());
    }
    Err(LlmError::BadFile { path: path.to_owned(), reason: wrong(model, len, &found) })
}

fn wrong(model: &KnownModel, len: u64, found: &str) -> String {
    let KnownModel { name, bytes, sha256, .. } = model;
    format!("it has {len} bytes and SHA-256 {found}, but {name} has {bytes} bytes and SHA-256 {sha256}")
}
