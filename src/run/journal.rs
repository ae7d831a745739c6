//! The journal of a run: every change of state, on disk before anything is done about it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::record;
use super::task::Done;

/// One change of state. `item` is the position in a map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Record {
    /// A process took over the run.
    Began { version: u32, workflow: String, digest: String, at: u64 },
    /// An attempt may start from now on.
    Started { step: String, item: Option<u32>, attempt: u32 },
    /// The step did its work.
    Succeeded { step: String, item: Option<u32>, done: Done },
    /// An earlier result stands for the step.
    Cached { step: String, item: Option<u32>, done: Done },
    /// An attempt failed; it is repeated after `retry_in` seconds.
    Failed { step: String, item: Option<u32>, attempt: u32, message: String, retry_in: Option<f64> },
    /// The loop goes around again.
    Repeated { step: String, item: Option<u32>, round: u32 },
    /// The condition did not hold.
    Skipped { step: String },
    /// A step before it failed.
    Omitted { step: String },
    /// The result is no longer there and is made again.
    Lost { step: String },
    /// The user or a limit ended an attempt.
    Interrupted { step: String, item: Option<u32> },
    /// The run is over.
    Ended { status: String, at: u64 },
}

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// What is waiting to be written, and how far the disk has it.
#[derive(Debug, Default)]
struct Shared {
    pending: Vec<u8>,
    appended: u64,
    committed: u64,
    closed: bool,
    error: Option<Arc<io::Error>>,
}

/// Writes records in groups: whatever gathers while one group goes to disk is the next.
pub(super) struct Journal {
    shared: Arc<(Mutex<Shared>, Condvar)>,
    progress: Arc<tokio::sync::Notify>,
    writer: Option<std::thread::JoinHandle<()>>,
}

fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// Opens the journal for appending, after what is sound in it, and returns that.
    ///
    /// # Errors
    /// The file cannot be read, cut or written.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut file, &mut bytes)?;
        let found = record::read::<Record>(&bytes);
        if found.sound < bytes.len() {
            file.set_len(found.sound as u64)?;
        }
        let records =
            if found.damaged == 0 { found.records } else { record::read(&bytes[..found.sound]).records };
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        let progress = Arc::new(tokio::sync::Notify::new());
        let writer = std::thread::Builder::new().name("journal".into()).spawn({
            let (shared, progress) = (Arc::clone(&shared), Arc::clone(&progress));
            move || write_groups(&file, &shared, &progress)
        })?;
        Ok((Self { shared, progress, writer: Some(writer) }, records))
    }

    /// Hands over records. They are durable when [`Journal::committed`] has reached the returned count.
    pub(super) fn append(&self, records: &[Record]) {
        let mut shared = locked(&self.shared.0);
        for entry in records {
            record::write(entry, &mut shared.pending);
        }
        shared.appended += records.len() as u64;
        self.shared.1.notify_one();
    }

    /// How many of the records appended are on disk.
    ///
    /// # Errors
    /// The disk took no more.
    pub(super) fn committed(&self) -> Result<u64, Arc<io::Error>> {
        let shared = locked(&self.shared.0);
        match &shared.error {
            Some(error) => Err(Arc::clone(error)),
            None => Ok(shared.committed),
        }
    }

    /// Waits until more is on disk.
    pub(super) async fn progress(&self) {
        self.progress.notified().await;
    }

    /// Writes what is left and closes the file.
    ///
    /// # Errors
    /// The disk took no more.
    pub(super) fn close(mut self) -> Result<(), Arc<io::Error>> {
        self.finish();
        self.committed().map(|_| ())
    }

    fn finish(&mut self) {
        locked(&self.shared.0).closed = true;
        self.shared.1.notify_one();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.finish();
    }
}

fn write_groups(mut file: &File, shared: &(Mutex<Shared>, Condvar), progress: &tokio::sync::Notify) {
    let mut group = Vec::new();
    loop {
        let upto = {
            let mut state = locked(&shared.0);
            while state.pending.is_empty() && !state.closed {
                state = shared.1.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.pending.is_empty() {
                return;
            }
            group.clear();
            std::mem::swap(&mut group, &mut state.pending);
            state.appended
        };
        let written = file.write_all(&group).and_then(|()| file.sync_data());
        let mut state = locked(&shared.0);
        match written {
            Ok(()) => state.committed = upto,
            Err(error) => {
                state.error = Some(Arc::new(error));
                state.closed = true;
            }
        }
        let failed = state.error.is_some();
        drop(state);
        progress.notify_one();
        if failed {
            return;
        }
    }
}

/// Reads the journal of a run.
///
/// # Errors
/// The file cannot be read.
pub(super) fn read(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = std::fs::read(path)?;
    let sound = record::read::<Record>(&bytes).sound;
    Ok(record::read(&bytes[..sound]).records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_goes_on_after_its_last_sound_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let skipped = |step: &str| Record::Skipped { step: step.into() };
        let (journal, before) = Journal::open(&path).unwrap();
        assert_eq!(before, []);
        journal.append(&[skipped("a"), skipped("b")]);
        journal.close().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(b"0123456789abcdef {\"event\":\"ski");
        std::fs::write(&path, bytes).unwrap();
        let (journal, before) = Journal::open(&path).unwrap();
        assert_eq!(before, [skipped("a"), skipped("b")]);
        journal.append(&[skipped("c")]);
        journal.close().unwrap();
        assert_eq!(read(&path).unwrap(), [skipped("a"), skipped("b"), skipped("c")]);
    }
}
