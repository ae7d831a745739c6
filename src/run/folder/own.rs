//! Files of couler's own by their paths: the store's, the journal, locks.
//!
//! Where the system does not confine steps, or couler's folder lies where they write, one of them may have put a link
//! or a pipe in such a place. It is neither written through nor waited for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file to write, which is made if it is not there. What is no file is removed first, and what is somebody
/// else's file too becomes one of our own with the same content.
///
/// # Errors
/// It cannot be opened, or a folder has its place.
pub(in crate::run) fn open_own(path: &Path, options: &OpenOptions) -> io::Result<File> {
    match regular(path, options) {
        Ok(file) if file.metadata()?.nlink() == 1 => Ok(file),
        Ok(_) => {
            let content = read_own(path)?;
            let copy = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
            fs::write(copy.path(), content)?;
            copy.persist(path).map_err(|error| error.error)?;
            regular(path, options)
        }
        Err(error) if is_foreign(path) => {
            fs::remove_file(path).map_err(|_| error)?;
            regular(path, options)
        }
        Err(error) => Err(error),
    }
}

/// Reads a whole regular file.
///
/// # Errors
/// It is not there, which a link or a pipe in its place means too, or cannot be read.
pub(in crate::run) fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    let missing =
        |error| if is_foreign(path) { io::Error::new(io::ErrorKind::NotFound, error) } else { error };
    let mut file = regular(path, File::options().read(true)).map_err(missing)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// Whether something that is neither file nor folder has the place.
fn is_foreign(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn regular(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = options.clone().custom_flags(flags.cast_signed()).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no regular file", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_of_somebody_else_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, own) = (folder.path().join("mine"), folder.path().join("own"));
        fs::write(&mine, "mine").unwrap();
        let append = || open_own(&own, File::options().append(true).create(true));
        for put in [
            |mine: &Path, own: &Path| symlink(mine, own),
            |_: &Path, own: &Path| symlink("nowhere", own),
            |_: &Path, own: &Path| symlink("/dev/zero", own),
            |mine: &Path, own: &Path| fs::hard_link(mine, own),
            |_: &Path, own: &Path| {
                Ok(rustix::fs::mkfifoat(rustix::fs::CWD, own, rustix::fs::Mode::from_raw_mode(0o600))?)
            },
        ] {
            let _ = fs::remove_file(&own);
            put(&mine, &own).unwrap();
            let read = read_own(&own);
            assert!(read.is_err() || read.unwrap() == b"mine");
            io::Write::write_all(&mut append().unwrap(), b" more").unwrap();
            assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
            assert!(read_own(&own).unwrap().ends_with(b" more") && !folder.path().join("nowhere").exists());
        }
        fs::remove_file(&own).unwrap();
        fs::create_dir(&own).unwrap();
        assert!(append().is_err() && own.is_dir());
    }
}
