//! Artifacts on disk, by digest. They are read-only; those in use are links to them.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::run::digest::{Digest, StatCache};
use crate::run::folder::Folder;

/// The folder of artifacts.
#[derive(Debug, Clone)]
pub(in crate::run) struct Objects {
    folder: PathBuf,
    incoming: PathBuf,
}

impl Objects {
    pub(super) fn new(store: &Path) -> Self {
        Self { folder: store.join("objects"), incoming: store.join("incoming") }
    }

    fn place(&self, digest: Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder.join(&hex[..2]).join(hex)
    }

    pub(super) fn has(&self, digest: Digest) -> bool {
        self.place(digest).exists()
    }

    /// A name in the folder of what comes in.
    fn fresh(&self) -> io::Result<OsString> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.incoming)?;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Ok(format!("{}-{number}", std::process::id()).into())
    }

    /// Takes in an artifact of a step's folder. It appears at once and whole.
    pub(super) fn add(&self, digest: Digest, from: &Folder, name: &OsStr) -> io::Result<()> {
        let place = self.place(digest);
        if place.exists() {
            return Ok(());
        }
        fs::create_dir_all(place.parent().unwrap_or(&self.folder))?;
        let fresh = self.fresh()?;
        let incoming = Folder::open(&self.incoming)?;
        let linked = from.protect_and_link(name, &incoming, &fresh).map_err(io::Error::other);
        let moved = linked.and_then(|()| fs::rename(self.incoming.join(&fresh), &place));
        if moved.is_err() {
            // What failed is told; that its rest cannot be removed either is no news.
            let _ = incoming.remove(&fresh);
        }
        // Somebody else may have been faster with the same folder.
        if place.exists() { Ok(()) } else { moved }
    }

    /// Puts an artifact into a folder. False if it is not kept, or is damaged; what is damaged is removed.
    pub(in crate::run) fn fetch(
        &self,
        digest: Digest,
        into: &Folder,
        name: &OsStr,
        files: &StatCache,
    ) -> io::Result<bool> {
        let place = self.place(digest);
        match files.content(&place) {
            Ok(content) if content.digest == digest => {}
            Ok(_) => {
                remove(&place);
                return Ok(false);
            }
            Err(_) => return Ok(false),
        }
        let (Some(shelf), Some(object)) = (place.parent(), place.file_name()) else { return Ok(false) };
        let fresh = self.fresh()?;
        let incoming = Folder::open(&self.incoming)?;
        Folder::open(shelf)?.link(object, &incoming, &fresh).map_err(io::Error::other)?;
        if place.is_file() {
            files.linked(&place, digest);
        }
        into.remove(name)?;
        incoming.rename(&fresh, into, name)?;
        Ok(true)
    }

    pub(super) fn remove(&self, digest: Digest) {
        remove(&self.place(digest));
    }

    /// Removes everything else.
    pub(super) fn retain(&self, wanted: &HashSet<Digest>) -> io::Result<()> {
        remove(&self.incoming);
        let shelves = match fs::read_dir(&self.folder) {
            Ok(shelves) => shelves,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for shelf in shelves {
            for object in fs::read_dir(shelf?.path())? {
                let object = object?;
                let digest = object.file_name().to_str().and_then(Digest::from_hex);
                if !digest.is_some_and(|digest| wanted.contains(&digest)) {
                    remove(&object.path());
                }
            }
        }
        Ok(())
    }
}

/// Removes a file or folder, whatever it is; what is not there is fine.
pub(in crate::run) fn remove(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        let _ = fs::remove_dir_all(path);
    } else {
        let _ = fs::remove_file(path);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are positive")]
pub(super) fn whole(bytes: f64) -> u64 {
    bytes.max(0.0) as u64
}
