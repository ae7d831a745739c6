//! Artifacts on disk, by digest. They are read-only; those in use are links to them.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::run::digest::{Digest, StatCache};

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

    fn fresh(&self) -> io::Result<PathBuf> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.incoming)?;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Ok(self.incoming.join(format!("{}-{number}", std::process::id())))
    }

    /// Takes in an artifact. It appears at once and whole.
    pub(super) fn add(&self, digest: Digest, path: &Path) -> io::Result<()> {
        let place = self.place(digest);
        if place.exists() {
            return Ok(());
        }
        fs::create_dir_all(place.parent().unwrap_or(&self.folder))?;
        let fresh = self.fresh()?;
        let moved = protected_link(path, &fresh).and_then(|()| fs::rename(&fresh, &place));
        if moved.is_err() {
            remove(&fresh);
        }
        // Somebody else may have been faster with the same folder.
        if place.exists() { Ok(()) } else { moved }
    }

    /// Puts an artifact at `target`. False if it is not kept, or is damaged; what is damaged is removed.
    pub(in crate::run) fn fetch(&self, digest: Digest, target: &Path, files: &StatCache) -> io::Result<bool> {
        let place = self.place(digest);
        match files.content(&place) {
            Ok(content) if content.digest == digest => {}
            Ok(_) => {
                remove(&place);
                return Ok(false);
            }
            Err(_) => return Ok(false),
        }
        let fresh = self.fresh()?;
        link(&place, &fresh)?;
        if place.is_file() {
            files.linked(&place, digest);
        }
        remove(target);
        fs::rename(&fresh, target)?;
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

/// Links the files of a tree; on another file system they are copied.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            link(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if metadata.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

/// Links a tree after its files were made read-only, so that a step that writes into its input fails, not corrupts.
fn protected_link(from: &Path, to: &Path) -> io::Result<()> {
    protect(from)?;
    link(from, to)
}

fn protect(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            protect(&entry?.path())?;
        }
        return Ok(());
    }
    if metadata.is_symlink() {
        return Ok(());
    }
    let mode = metadata.permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode & !0o222))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are positive")]
pub(super) fn whole(bytes: f64) -> u64 {
    bytes.max(0.0) as u64
}
