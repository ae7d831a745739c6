//! Several processes on one store.
//!
//! Who writes the index or the state holds `lock` for that moment. Everybody who has the store open shares `in-use`;
//! who gets it alone knows that what nothing refers to belongs to nobody. `unclean` is there while artifacts may be in
//! the store that the state does not know yet.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::run::folder::open_own;

/// The part of a process in a store.
#[derive(Debug)]
pub(super) struct Sharing {
    folder: PathBuf,
    in_use: File,
    marked: bool,
}

fn opened(path: &Path) -> io::Result<File> {
    open_own(path, File::options().read(true).write(true).create(true).truncate(false))
}

impl Sharing {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        let in_use = opened(&folder.join("in-use"))?;
        in_use.lock_shared()?;
        Ok(Self { folder: folder.to_owned(), in_use, marked: false })
    }

    /// Keeps others from writing as long as the returned value lives.
    pub(super) fn lock(&self) -> io::Result<File> {
        let file = opened(&self.folder.join("lock"))?;
        file.lock()?;
        Ok(file)
    }

    /// Does something that nobody else may see half done, if this process is alone with the store.
    pub(super) fn alone<T>(&self, work: impl FnOnce() -> T) -> io::Result<Option<T>> {
        self.in_use.unlock()?;
        let done = self.in_use.try_lock().is_ok().then(work);
        self.in_use.unlock()?;
        self.in_use.lock_shared()?;
        Ok(done)
    }

    fn mark(&self) -> PathBuf {
        self.folder.join("unclean")
    }

    /// An artifact is about to be stored.
    pub(super) fn storing(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.marked, true) {
            opened(&self.mark())?;
        }
        Ok(())
    }

    /// Whether a process may have left artifacts that the state does not know.
    pub(super) fn is_unclean(&self) -> bool {
        self.mark().exists()
    }

    /// The state knows all artifacts of this process, and there is no other.
    pub(super) fn clean(&mut self) {
        self.marked = false;
        // If it stays, the next process looks through the store once more.
        let _ = std::fs::remove_file(self.mark());
    }
}

/// Appends whole lines. A torn line at the end does not spoil them, and what the disk did not take whole is taken back.
pub(super) fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = open_own(path, File::options().read(true).append(true).create(true))?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let torn = if last == *b"\n" { &b""[..] } else { b"\n" };
    let written = file.write_all(torn).and_then(|()| file.write_all(lines));
    if written.is_err() {
        let _ = file.set_len(length);
    }
    written
}
