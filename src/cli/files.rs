//! Reading inputs and writing outputs without ever leaving half a file.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::engine::GeneratedFile;

/// Largest input that is read, in bytes.
const LARGEST_INPUT: u64 = 64 << 20;
/// Links that may lead from one to the next.
const MOST_LINKS: usize = 40;

/// Reads a text file; `-` is standard input.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| Failure::usage(format!("{shown}: {error}"), "check the path");
    if path == Path::new("-") {
        return whole_text(io::stdin()).map_err(failed);
    }
    whole_text(File::open(path).map_err(failed)?).map_err(failed)
}

/// Reads to the end. What is too long is refused: the rest of it could be what matters.
fn whole_text(reader: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(LARGEST_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_INPUT {
        return Err(io::Error::other(format!(
            "it has more than {} MiB, which is the most that is read",
            LARGEST_INPUT >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is no UTF-8 text"))
}

/// Writes a file so that it is either old or new: beside it, then renamed, with the mode that it had or that new files
/// have. What is no regular file (a device, a pipe, another program's input) is written into, and a link stays one.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    written(path, text.as_bytes()).map_err(|error| {
        Failure::failed(
            format!("{}: {error}", path.display()),
            "check that the folder exists, may be written and has room",
        )
    })
}

fn written(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let existing = match std::fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if existing.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        return write_into(path, bytes);
    }
    let target = target_of(path)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = Permissions::from_mode(0o666);
    let beside = tempfile::Builder::new().permissions(mode).tempfile_in(folder);
    let mut file = match beside {
        // The file may be written although its folder may not.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && existing.is_some() => {
            return write_into(&target, bytes);
        }
        beside => beside?,
    };
    file.write_all(bytes)?;
    if let Some(metadata) = existing {
        file.as_file().set_permissions(Permissions::from_mode(metadata.permissions().mode() & 0o7777))?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

fn write_into(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.flush()
}

/// The file that a path leads to in the end, also if it is not there yet.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&target) {
            Ok(to) => target = target.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many links lead from here to there"))
}

/// Where generated files go.
pub(super) enum Target {
    Stdout,
    File(PathBuf),
    Folder(PathBuf),
}

impl Target {
    /// `-` or nothing is standard output; a folder or a name ending in `/` is a folder.
    pub(super) fn of(output: Option<&Path>) -> Self {
        match output {
            None => Self::Stdout,
            Some(path) if path == Path::new("-") => Self::Stdout,
            Some(path) if path.is_dir() || path.to_string_lossy().ends_with('/') => {
                Self::Folder(path.to_path_buf())
            }
            Some(path) => Self::File(path.to_path_buf()),
        }
    }

    /// Whether one of the files would replace the file at `path`.
    pub(super) fn would_write(&self, files: &[GeneratedFile], path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        let is = |place: PathBuf| place.canonicalize().is_ok_and(|place| place == path);
        match self {
            Self::Stdout => false,
            Self::File(file) => is(file.clone()),
            Self::Folder(folder) => files.iter().any(|file| is(folder.join(&file.name))),
        }
    }

    /// The files that would be written.
    pub(super) fn paths(&self, files: &[GeneratedFile]) -> Vec<PathBuf> {
        match self {
            Self::Stdout => Vec::new(),
            Self::File(path) => vec![path.clone()],
            Self::Folder(folder) => files.iter().map(|file| folder.join(&file.name)).collect(),
        }
    }

    /// Writes the files; returns where they are.
    pub(super) fn write(
        &self,
        files: &[GeneratedFile],
        output: &super::Output,
    ) -> Result<Vec<PathBuf>, Failure> {
        let joined = || files.iter().map(|file| file.content.as_str()).collect::<Vec<_>>().join("---\n");
        match self {
            Self::Stdout => output.data(&joined()).map(|()| Vec::new()),
            Self::File(path) => write_text(path, &joined()).map(|()| vec![path.clone()]),
            Self::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| {
                    Failure::failed(format!("{}: {error}", folder.display()), "check that it may be created")
                })?;
                files
                    .iter()
                    .map(|file| {
                        let path = folder.join(&file.name);
                        write_text(&path, &file.content).map(|()| path)
                    })
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn files_keep_their_modes_and_new_ones_have_the_usual() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("usual"), "").unwrap();
        write_text(&at("new"), "text").unwrap();
        assert_eq!(mode(&at("new")), mode(&at("usual")));
        for wanted in [0o640, 0o755, 0o666] {
            std::fs::set_permissions(at("new"), Permissions::from_mode(wanted)).unwrap();
            write_text(&at("new"), "more").unwrap();
            assert_eq!(
                (mode(&at("new")), std::fs::read_to_string(at("new")).unwrap().as_str()),
                (wanted, "more")
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "old").unwrap();
        symlink("file", at("link")).unwrap();
        symlink("later", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        write_text(&at("link"), "new").unwrap();
        write_text(&at("dangling"), "made").unwrap();
        assert!(write_text(&at("loop"), "x").is_err());
        assert!(at("link").is_symlink() && at("dangling").is_symlink());
        assert_eq!(std::fs::read_to_string(at("file")).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(at("later")).unwrap(), "made");
        write_text(Path::new("/dev/null"), "text").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        let long = io::repeat(b'x').take(LARGEST_INPUT + 1);
        assert!(whole_text(long).unwrap_err().to_string().contains("64 MiB"));
        assert_eq!(whole_text(&b"text"[..]).unwrap(), "text");
    }
}
