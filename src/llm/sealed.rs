//! Files that are handed to code which trusts them: whole and unchanged, or not used.

use std::path::{Path, PathBuf};

/// Where the length and digest of a state are.
fn seal_of(file: &Path) -> PathBuf {
    file.with_extension("sum")
}

fn sum(file: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(file)?)?;
    Ok(format!("{} {}\n", hasher.count(), hasher.finalize().to_hex()))
}

/// Gives a state that is whole and on disk its name, with its sum beside it.
pub(super) fn seal(partial: &Path, file: &Path) -> std::io::Result<()> {
    std::fs::File::open(partial)?.sync_all()?;
    let beside = partial.with_extension(format!("sum{}", std::process::id()));
    let written =
        std::fs::write(&beside, sum(partial)?).and_then(|()| std::fs::rename(&beside, seal_of(file)));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written.and_then(|()| std::fs::rename(partial, file))
}

/// Whether a file is as it was sealed.
pub(super) fn is_whole(file: &Path) -> bool {
    let Ok(expected) = std::fs::read_to_string(seal_of(file)) else { return false };
    sum(file).is_ok_and(|found| found == expected)
}

/// Removes a state; one that is not there is fine.
pub(super) fn remove(file: &Path) {
    let _ = std::fs::remove_file(file);
    let _ = std::fs::remove_file(seal_of(file));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_cut_or_changed_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, file) = (folder.path().join("a.part1"), folder.path().join("a.kv"));
        std::fs::write(&partial, b"state of a prefix").unwrap();
        assert!(!is_whole(&file));
        seal(&partial, &file).unwrap();
        assert!(is_whole(&file) && !partial.exists());
        for damaged in [&b"state of a prefi"[..], b"state of a prefiy", b""] {
            std::fs::write(&file, damaged).unwrap();
            assert!(!is_whole(&file));
        }
        std::fs::write(&file, b"state of a prefix").unwrap();
        assert!(is_whole(&file));
        remove(&file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // A state of an earlier version has no sum, and is made again.
        std::fs::write(&file, b"state").unwrap();
        assert!(!is_whole(&file));
    }
}
