//! The folder of a run, which belongs to one process at a time.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::RunError;
use super::folder::open_own;

/// Names that are tried before the disk or the clock is taken to be broken.
const ATTEMPTS: u32 = 16;

/// A run's folder, locked as long as this value lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Makes the folder of a new run below `runs`. Its name has the workflow, the time and a random part; a name that
    /// is there already is never used again, whatever the clock says.
    ///
    /// # Errors
    /// [`RunError::Io`] if it cannot be made.
    pub fn create(runs: &Path, workflow: &str) -> Result<Self, RunError> {
        let failed = |path: &Path, source: io::Error| RunError::Io { path: path.to_owned(), source };
        std::fs::create_dir_all(runs).map_err(|source| failed(runs, source))?;
        let mut attempt = 0;
        loop {
            let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
            let path = runs.join(format!("{workflow}-{millis}-{:06x}", fastrand::u32(..) >> 8));
            match std::fs::create_dir(&path) {
                Ok(()) => return Self::open(&path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(failed(&path, error)),
            }
        }
    }

    /// Takes over the folder of an earlier run.
    ///
    /// # Errors
    /// [`RunError::Busy`] if another process works on it, [`RunError::Io`] if it is not there.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let place = path.join("lock");
        let opened = open_own(&place, File::options().write(true).create(true).truncate(false));
        let lock = opened.map_err(|source| RunError::Io { path: place, source })?;
        lock.try_lock().map_err(|_| RunError::Busy { folder: path.to_owned() })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the run.
    pub fn id(&self) -> String {
        self.path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_moment_have_folders_of_their_own_and_one_owner() {
        let runs = tempfile::tempdir().unwrap();
        let made: Vec<RunFolder> =
            (0..200).map(|_| RunFolder::create(&runs.path().join("deep"), "flow").unwrap()).collect();
        let names: std::collections::HashSet<String> = made.iter().map(RunFolder::id).collect();
        assert_eq!(names.len(), 200);
        assert!(matches!(RunFolder::open(made[0].path()), Err(RunError::Busy { .. })));
        let path = made[0].path().to_owned();
        drop(made);
        assert!(RunFolder::open(&path).is_ok());
        assert!(matches!(RunFolder::open(&runs.path().join("none")), Err(RunError::Io { .. })));
    }
}
