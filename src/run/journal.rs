//! The journal of a run: every change of state, on disk before anything is done about it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::folder::{open_own, read_own};
use super::record;
use super::task::Done;

/// One change of state. `item` is the position in a map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Record {
    /// A process took over the run.
    Began { version: u32, workflow: String, at: u64 },
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

/// How long a record that nothing waits for may be known to the system only.
const IDLE_SYNC: Duration = Duration::from_millis(20);

/// How far the system has the records, and how far the disk.
#[derive(Debug, Default)]
struct Shared {
    written: u64,
    committed: u64,
    /// Something waits for the disk.
    urgent: bool,
    closed: bool,
    error: Option<Arc<io::Error>>,
}

/// Records are handed to the system at once, so that the end of this process loses none, and brought to disk in groups:
/// whatever gathers while the disk has one group is the next.
pub(super) struct Journal {
    file: Arc<File>,
    buffer: Mutex<Vec<u8>>,
    shared: Arc<(Mutex<Shared>, Condvar)>,
    progress: Arc<tokio::sync::Notify>,
    syncing: Option<std::thread::JoinHandle<()>>,
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// Opens the journal for appending, after what is sound in it, and returns that.
    ///
    /// # Errors
    /// The file cannot be read, cut or written.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        let fresh = !path.exists();
        let mut file = open_own(path, File::options().read(true).append(true).create(true))?;
        if fresh {
            remembered_by_its_folders(path)?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let found = record::read::<Record>(&bytes);
        if found.sound < bytes.len() {
            file.set_len(found.sound as u64)?;
        }
        let records =
            if found.damaged == 0 { found.records } else { record::read(&bytes[..found.sound]).records };
        let file = Arc::new(file);
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        let progress = Arc::new(tokio::sync::Notify::new());
        let syncing = std::thread::Builder::new().name("journal".into()).spawn({
            let (file, shared, progress) = (Arc::clone(&file), Arc::clone(&shared), Arc::clone(&progress));
            move || sync_groups(&file, &shared, &progress)
        })?;
        Ok((Self { file, buffer: Mutex::default(), shared, progress, syncing: Some(syncing) }, records))
    }

    /// Hands records over. They are durable when [`Journal::committed`] has reached their number. The start of an
    /// attempt is waited for, so it is brought to disk without delay.
    pub(super) fn append(&self, records: &[Record]) {
        if records.is_empty() {
            return;
        }
        let mut buffer = locked(&self.buffer);
        buffer.clear();
        for entry in records {
            record::write(entry, &mut buffer);
        }
        let urgent = records.iter().any(|entry| matches!(entry, Record::Started { .. }));
        if locked(&self.shared.0).error.is_some() {
            // What follows a torn record would not be read.
            return;
        }
        let written = (&*self.file).write_all(&buffer);
        let mut shared = locked(&self.shared.0);
        let idle = shared.written == shared.committed;
        match written {
            Ok(()) => shared.written += records.len() as u64,
            Err(error) => shared.error = Some(Arc::new(error)),
        }
        let hurry = urgent && !std::mem::replace(&mut shared.urgent, true);
        if idle || hurry || shared.error.is_some() {
            self.shared.1.notify_one();
        }
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

    /// Brings what is left to disk and closes the file.
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
        if let Some(syncing) = self.syncing.take() {
            let _ = syncing.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A new file survives a loss of power only when the folders that lead to it are on disk too.
fn remembered_by_its_folders(path: &Path) -> io::Result<()> {
    path.ancestors().skip(1).take(2).try_for_each(|folder| File::open(folder)?.sync_all())
}

fn sync_groups(file: &File, shared: &(Mutex<Shared>, Condvar), progress: &tokio::sync::Notify) {
    while let Some(upto) = next_group(shared) {
        let synced = file.sync_data();
        let mut state = locked(&shared.0);
        match synced {
            Ok(()) => state.committed = upto,
            // What a disk has refused once is not written by a second attempt, although that may say so.
            Err(error) => state.error = Some(Arc::new(error)),
        }
        drop(state);
        progress.notify_one();
    }
    progress.notify_one();
}

/// Waits until records are to be brought to disk and returns their number; `None` when there are no more.
fn next_group(shared: &(Mutex<Shared>, Condvar)) -> Option<u64> {
    let mut state = locked(&shared.0);
    loop {
        let idle = state.written == state.committed;
        if state.error.is_some() || (state.closed && idle) {
            return None;
        }
        if idle {
            state = shared.1.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        if state.closed || state.urgent {
            break;
        }
        let (woken, waited) = shared.1.wait_timeout(state, IDLE_SYNC).unwrap_or_else(PoisonError::into_inner);
        state = woken;
        if waited.timed_out() {
            break;
        }
    }
    state.urgent = false;
    Some(state.written)
}

/// Reads the journal of a run.
///
/// # Errors
/// The file cannot be read.
pub(super) fn read(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = read_own(path)?;
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
