//! Folders that are held open, and what is done below them without following links.
//!
//! Steps write below the folder of a run, so whatever lies there may be replaced by a link at any moment. Names are
//! therefore looked up one by one from an open folder, links are never followed, and only regular files are read.

mod own;
mod remove;
mod tree;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, mkdirat, openat, renameat, statat, unlinkat,
};

pub(super) use own::{open_own, read_own};
pub(super) use tree::TreeError;

/// A folder that is open.
#[derive(Debug)]
pub(super) struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// What a name stands for; a link stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file with so many names.
    File { names: u64 },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Something else, in words.
    Other(&'static str),
}

impl Kind {
    fn of(stat: &rustix::fs::Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Self::File { names: links(stat) },
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Other("a named pipe"),
            FileType::Socket => Self::Other("a socket"),
            FileType::CharacterDevice | FileType::BlockDevice => Self::Other("a device"),
            FileType::Unknown => Self::Other("neither a file nor a folder"),
        }
    }
}

#[expect(clippy::useless_conversion, reason = "the type differs between systems")]
fn links(stat: &rustix::fs::Stat) -> u64 {
    u64::from(stat.st_nlink)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// Opens a folder by a path that nobody else can change; links in it are followed.
    ///
    /// # Errors
    /// It is not there, or no folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let descriptor = openat(CWD, path, FOLDER, Mode::empty())?;
        Ok(Self { descriptor, path: path.to_owned() })
    }

    /// Where it was when it was opened.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside.
    ///
    /// # Errors
    /// It is not there, or is a link or a file.
    pub(super) fn child(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = plain_name(name.as_ref())?;
        let descriptor = openat(&self.descriptor, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self { descriptor, path: self.path.join(name) })
    }

    /// A folder inside; it is made if it is not there.
    ///
    /// # Errors
    /// Something else has its name, or it cannot be made.
    pub(super) fn made(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = plain_name(name.as_ref())?;
        match self.child(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match mkdirat(&self.descriptor, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => self.child(name),
                    Err(error) => Err(error.into()),
                }
            }
            found => found,
        }
    }

    /// A folder some levels below, which is made as far as it is not there.
    ///
    /// # Errors
    /// The path leads upwards, or a part of it is a link or a file.
    pub(super) fn descend(&self, path: &Path) -> io::Result<Self> {
        self.walk(path, Self::made)
    }

    /// A folder some levels below.
    ///
    /// # Errors
    /// It is not there, or a part of its path is a link or a file.
    pub(super) fn at(&self, path: &Path) -> io::Result<Self> {
        self.walk(path, Self::child)
    }

    fn walk<'a>(&self, path: &'a Path, next: fn(&Self, &'a OsStr) -> io::Result<Self>) -> io::Result<Self> {
        let mut folder = Self { descriptor: self.descriptor.try_clone()?, path: self.path.clone() };
        for part in path.components() {
            let Component::Normal(name) = part else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leads out of its folder"));
            };
            folder = next(&folder, name)?;
        }
        Ok(folder)
    }

    /// What a name stands for, or `None`.
    ///
    /// # Errors
    /// The folder cannot be searched.
    pub(super) fn kind(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Kind>> {
        match statat(&self.descriptor, plain_name(name.as_ref())?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Kind::of(&stat))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file for reading, without waiting for anybody.
    ///
    /// # Errors
    /// It is not there, or is no regular file.
    pub(super) fn read(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.regular(name.as_ref(), OFlags::RDONLY, Mode::empty())
    }

    /// Makes a file. Whatever has its name is removed, and nothing else is touched.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn create(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let name = name.as_ref();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        match self.regular(name, flags, Mode::from_raw_mode(0o666)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                self.regular(name, flags, Mode::from_raw_mode(0o666))
            }
            made => made,
        }
    }

    /// Opens a file for appending. It is made if it is not there, and if what is there is no file of its own.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn append(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let name = name.as_ref();
        match self.kind(name)? {
            Some(Kind::File { names: 1 }) => {
                let file = self.regular(name, OFlags::WRONLY | OFlags::APPEND, Mode::empty())?;
                // It may have become another one meanwhile.
                if links(&fstat(&file)?) == 1 { Ok(file) } else { self.create(name) }
            }
            _ => self.create(name),
        }
    }

    fn regular(&self, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let descriptor = openat(&self.descriptor, plain_name(name)?, flags, mode)?;
        match Kind::of(&fstat(&descriptor)?) {
            Kind::File { .. } => Ok(File::from(descriptor)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        }
    }

    /// Gives something inside another name; what has that name already is replaced, if it is no folder.
    ///
    /// # Errors
    /// It is not there, or the folder cannot be written.
    pub(super) fn rename(&self, from: &OsStr, into: &Self, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.descriptor, plain_name(from)?, &into.descriptor, plain_name(to)?)?)
    }

    /// The names inside.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.descriptor)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn unlink(&self, name: &OsStr, flags: AtFlags) -> io::Result<()> {
        Ok(unlinkat(&self.descriptor, name, flags)?)
    }
}

/// A name that stands for something directly inside a folder.
fn plain_name(name: &OsStr) -> io::Result<&OsStr> {
    let bytes = name.as_bytes();
    let plain = !bytes.is_empty() && bytes != b"." && bytes != b".." && !bytes.contains(&b'/');
    plain.then_some(name).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a plain name"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn victim() -> (tempfile::TempDir, PathBuf) {
        let outside = tempfile::tempdir().unwrap();
        let file = outside.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        (outside, file)
    }

    #[test]
    fn links_are_replaced_and_not_followed() {
        let (outside, file) = victim();
        let inside = tempfile::tempdir().unwrap();
        let folder = Folder::open(inside.path()).unwrap();
        symlink(&file, inside.path().join("log")).unwrap();
        std::fs::hard_link(&file, inside.path().join("hard")).unwrap();
        for name in ["log", "hard"] {
            std::io::Write::write_all(&mut folder.append(name).unwrap(), b"text").unwrap();
            assert_eq!(folder.kind(name).unwrap(), Some(Kind::File { names: 1 }));
        }
        symlink(outside.path(), inside.path().join("sub")).unwrap();
        for path in ["sub", "sub/deep", "../x", "/tmp"] {
            assert!(folder.descend(Path::new(path)).is_err(), "{path}");
        }
        folder.remove("sub").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        assert!(folder.descend(Path::new("a/b")).is_ok() && folder.at(Path::new("a/b")).is_ok());
    }

    #[test]
    fn only_regular_files_are_read_and_nobody_is_waited_for() {
        let inside = tempfile::tempdir().unwrap();
        let folder = Folder::open(inside.path()).unwrap();
        rustix::fs::mkfifoat(CWD, inside.path().join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
        symlink("/dev/zero", inside.path().join("endless")).unwrap();
        std::fs::create_dir(inside.path().join("folder")).unwrap();
        for name in ["pipe", "endless", "folder", "none", "..", "a/b"] {
            assert!(folder.read(name).is_err(), "{name}");
        }
        assert_eq!(folder.kind("pipe").unwrap(), Some(Kind::Other("a named pipe")));
        assert_eq!(folder.kind("endless").unwrap(), Some(Kind::Link));
    }
}
