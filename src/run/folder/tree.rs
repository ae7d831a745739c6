//! Artifacts: trees of files and folders that are checked, copied and linked without following links.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, fstat, linkat, readlinkat, statat, symlinkat};

use super::{Folder, Kind};

/// Folders inside each other that an artifact may have; it also ends the copy of a folder into itself.
const DEEPEST: usize = 128;

/// Why something cannot be an artifact.
#[derive(Debug, thiserror::Error)]
pub(in crate::run) enum TreeError {
    /// It is not there.
    #[error("it is not there")]
    Missing,
    /// Neither a file nor a folder.
    #[error("{path} is {kind}, neither a file nor a folder")]
    Kind { path: PathBuf, kind: &'static str },
    /// A link that cannot be followed.
    #[error("{path} is a link that leads nowhere ({reason})")]
    Link { path: PathBuf, reason: String },
    /// Too many folders inside each other.
    #[error("{path} has more than {DEEPEST} folders inside each other")]
    Deep { path: PathBuf },
    /// The disk, or a permission.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl TreeError {
    /// Whether the disk is to blame, not the one who made the tree.
    pub(in crate::run) fn is_full(error: &io::Error) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        [FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull].contains(&error.kind())
    }
}

impl Folder {
    /// Makes an artifact of what has this name: files that have other names too become copies, a link becomes a copy of
    /// what it leads to. Links inside of a folder stay what they are.
    ///
    /// # Errors
    /// [`TreeError`] if it cannot be an artifact.
    pub(in crate::run) fn own(&self, name: &OsStr) -> Result<(), TreeError> {
        match self.kind(name)? {
            None => Err(TreeError::Missing),
            Some(Kind::Link) => {
                let from = self.path().join(name);
                let fresh = Self::fresh(name);
                self.copy(&from, &fresh)?;
                self.replaced(&fresh, name)
            }
            Some(_) => self.own_inner(name, 0),
        }
    }

    fn own_inner(&self, name: &OsStr, depth: usize) -> Result<(), TreeError> {
        match self.kind(name)? {
            Some(Kind::File { names: 1 } | Kind::Link) | None => Ok(()),
            Some(Kind::File { .. }) => {
                let fresh = Self::fresh(name);
                self.copy_file(self.read(name)?, &fresh)?;
                self.replaced(&fresh, name)
            }
            Some(Kind::Folder) if depth >= DEEPEST => Err(TreeError::Deep { path: self.path().to_owned() }),
            Some(Kind::Folder) => {
                let inner = self.child(name)?;
                inner.names()?.iter().try_for_each(|entry| inner.own_inner(entry, depth + 1))
            }
            Some(Kind::Other(kind)) => Err(TreeError::Kind { path: self.path().join(name), kind }),
        }
    }

    fn fresh(name: &OsStr) -> OsString {
        let mut fresh = OsString::from(".copy-");
        fresh.push(format!("{:x}-", fastrand::u64(..)));
        // A name may be as long as the system allows already.
        fresh.push(blake3::hash(name.as_encoded_bytes()).to_hex().as_str().get(..16).unwrap_or_default());
        fresh
    }

    fn replaced(&self, fresh: &OsStr, name: &OsStr) -> Result<(), TreeError> {
        self.remove(name)?;
        Ok(self.rename(fresh, self, name)?)
    }

    /// Copies a file or folder from anywhere to a new name inside. A link at `from` is followed, those below are
    /// copied as links.
    ///
    /// # Errors
    /// [`TreeError`]. What was copied is removed again.
    pub(in crate::run) fn copy(&self, from: &Path, to: &OsStr) -> Result<(), TreeError> {
        let nowhere =
            |error: &io::Error| TreeError::Link { path: from.to_owned(), reason: error.to_string() };
        let there = |error: io::Error| match std::fs::symlink_metadata(from) {
            Ok(metadata) if metadata.is_symlink() => nowhere(&error),
            Ok(_) => error.into(),
            Err(_) => TreeError::Missing,
        };
        let place = std::fs::canonicalize(from).map_err(there)?;
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            return Err(TreeError::Kind { path: from.to_owned(), kind: "the root of everything" });
        };
        let copied = self.copy_from(&Self::open(parent)?, name, to, 0);
        if copied.is_err() {
            // What failed is told; that its rest cannot be removed either is no news.
            let _ = self.remove(to);
        }
        copied
    }

    fn copy_from(&self, from: &Self, name: &OsStr, to: &OsStr, depth: usize) -> Result<(), TreeError> {
        match from.kind(name)? {
            None => Err(TreeError::Missing),
            Some(Kind::File { .. }) => self.copy_file(from.read(name)?, to),
            Some(Kind::Link) => Ok(symlinkat(
                readlinkat(&from.descriptor, name, Vec::new()).map_err(io::Error::from)?.as_c_str(),
                &self.descriptor,
                to,
            )
            .map_err(io::Error::from)?),
            Some(Kind::Folder) if depth >= DEEPEST => Err(TreeError::Deep { path: from.path().to_owned() }),
            Some(Kind::Folder) => {
                let (source, target) = (from.child(name)?, self.made(to)?);
                source
                    .names()?
                    .iter()
                    .try_for_each(|entry| target.copy_from(&source, entry, entry, depth + 1))
            }
            Some(Kind::Other(kind)) => Err(TreeError::Kind { path: from.path().join(name), kind }),
        }
    }

    fn copy_file(&self, mut from: File, to: &OsStr) -> Result<(), TreeError> {
        let mode = from.metadata()?.permissions().mode();
        let mut file = self.create(to)?;
        io::copy(&mut from, &mut file)?;
        // Nobody gains rights by a copy, and its owner can read it.
        file.set_permissions(std::fs::Permissions::from_mode(mode & 0o777 | 0o400))?;
        Ok(())
    }

    /// Makes a tree read-only and gives it another name as well; on another file system, and where a file has more
    /// names than this one, it is copied.
    ///
    /// # Errors
    /// [`TreeError`].
    pub(in crate::run) fn protect_and_link(
        &self,
        name: &OsStr,
        into: &Self,
        to: &OsStr,
    ) -> Result<(), TreeError> {
        self.link_inner(name, into, to, true, 0)
    }

    /// Links the files of a tree; on another file system they are copied.
    ///
    /// # Errors
    /// [`TreeError`].
    pub(in crate::run) fn link(&self, name: &OsStr, into: &Self, to: &OsStr) -> Result<(), TreeError> {
        self.link_inner(name, into, to, false, 0)
    }

    fn link_inner(
        &self,
        name: &OsStr,
        into: &Self,
        to: &OsStr,
        protect: bool,
        depth: usize,
    ) -> Result<(), TreeError> {
        match self.kind(name)? {
            Some(Kind::File { .. }) => self.link_file(name, into, to, protect),
            Some(Kind::Folder) if depth < DEEPEST => {
                let (source, target) = (self.child(name)?, into.made(to)?);
                let mut names = source.names()?.into_iter();
                names.try_for_each(|entry| source.link_inner(&entry, &target, &entry, protect, depth + 1))
            }
            _ => into.copy_from(self, name, to, depth),
        }
    }

    fn link_file(&self, name: &OsStr, into: &Self, to: &OsStr, protect: bool) -> Result<(), TreeError> {
        let file = self.read(name)?;
        let stat = fstat(&file).map_err(io::Error::from)?;
        if protect && super::links(&stat) > 1 {
            // The other names may be the user's.
            return into.copy_protected(file, to);
        }
        if protect {
            let mode = file.metadata()?.permissions().mode();
            file.set_permissions(std::fs::Permissions::from_mode(mode & 0o555 | 0o400))?;
        }
        let linked = linkat(&self.descriptor, name, &into.descriptor, to, AtFlags::empty());
        let same = linked.is_ok()
            && statat(&into.descriptor, to, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|made| (made.st_dev, made.st_ino) == (stat.st_dev, stat.st_ino));
        if same {
            return Ok(());
        }
        if linked.is_ok() {
            into.remove(to)?;
        }
        if protect { into.copy_protected(file, to) } else { into.copy_file(file, to) }
    }

    fn copy_protected(&self, from: File, to: &OsStr) -> Result<(), TreeError> {
        self.copy_file(from, to)?;
        let file = self.read(to)?;
        let mode = file.metadata()?.permissions().mode();
        Ok(file.set_permissions(std::fs::Permissions::from_mode(mode & 0o555 | 0o400))?)
    }
}
