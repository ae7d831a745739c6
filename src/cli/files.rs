//! Reading inputs and writing outputs without ever leaving half a file.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::engine::GeneratedFile;

/// Largest input that is read, in bytes.
const LARGEST_INPUT: u64 = 64 << 20;

/// Reads a text file; `-` is standard input.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| Failure::usage(format!("{shown}: {error}"), "check the path");
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(LARGEST_INPUT).read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST_INPUT).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Writes beside the target and renames, so that an existing file is either old or new.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed(
            format!("{}: {error}", path.display()),
            "check that the folder exists, may be written and has room",
        )
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
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
