//! Where the steps of a run may write.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::existing;

/// Entries of a folder that are allowed one by one; of a fuller folder none are.
const MOST_ENTRIES: usize = 4096;

/// Folders and files below which steps write.
#[derive(Debug, Clone)]
pub(in crate::run) struct Places {
    folders: Vec<PathBuf>,
    /// couler's own folder.
    private: PathBuf,
    exposed: bool,
    carved: bool,
}

impl Places {
    /// `usual` are places such as those for temporary files, `asked` the working folder and what the user allows.
    /// `private` is couler's own folder. A usual place around it is allowed only around it: rules hold for whole trees,
    /// so what is in that place now is allowed piece by piece, and nothing new can be made there. What the user asked
    /// for stays as it is; if couler's own folder is in there, steps can write into it.
    pub(in crate::run) fn new(usual: Vec<PathBuf>, asked: Vec<PathBuf>, private: &Path) -> Self {
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let private = real(private);
        let asked: Vec<PathBuf> = asked.iter().map(|path| real(path)).collect();
        let meets = |path: &PathBuf| private.starts_with(path) || path.starts_with(&private);
        let exposed = asked.iter().any(meets);
        let (mut folders, mut carved) = (asked, false);
        for place in usual.iter().map(|path| real(path)) {
            if exposed || !private.starts_with(&place) {
                folders.push(place);
            } else {
                carved = true;
                around(&place, &private, &mut folders);
            }
        }
        folders.sort();
        folders.dedup();
        Self { folders, private, exposed, carved }
    }

    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Whether steps can write into couler's own folder.
    pub(super) fn is_exposed(&self) -> bool {
        self.exposed
    }

    /// Whether nothing new can be made in the folders for temporary files, so that steps need one of their own.
    pub(in crate::run) fn is_carved(&self) -> bool {
        self.carved
    }

    /// Allows one more folder.
    pub(in crate::run) fn add(&mut self, folder: PathBuf) {
        self.folders.push(folder);
    }

    pub(super) fn covers(&self, path: &Path) -> bool {
        let upwards = path.components().any(|part| part == Component::ParentDir);
        !upwards && self.folders.iter().any(|folder| path.starts_with(folder))
    }

    /// The place that must be allowed for a step to write at `path`: itself, or the nearest folder that is there. None
    /// if that would allow everything or couler's own folder, or if a link leads there that a step can have made.
    pub(super) fn allowed(&self, path: &Path, granted: &BTreeSet<PathBuf>) -> Option<PathBuf> {
        let place = existing(path)?;
        let writable =
            |folder: &Path| self.covers(folder) || granted.iter().any(|granted| folder.starts_with(granted));
        for part in place.ancestors().filter(|part| part.is_symlink()) {
            let parent = std::fs::canonicalize(part.parent()?).ok()?;
            if writable(&parent) {
                return None;
            }
        }
        let real = std::fs::canonicalize(place).ok()?;
        let private = !self.exposed && (self.private.starts_with(&real) || real.starts_with(&self.private));
        (real.parent().is_some() && !private).then_some(real)
    }
}

/// Everything in `place` that is not on the way to `private`. Links are left out: they would allow what they lead to.
fn around(place: &Path, private: &Path, folders: &mut Vec<PathBuf>) {
    if place == private {
        return;
    }
    let entries: Vec<PathBuf> = std::fs::read_dir(place)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .map(|entry| entry.path())
        .take(MOST_ENTRIES + 1)
        .collect();
    let few = entries.len() <= MOST_ENTRIES;
    for entry in entries {
        if private.starts_with(&entry) {
            around(&entry, private, folders);
        } else if few {
            folders.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_place_around_the_own_folder_is_allowed_around_it() {
        let base = tempfile::tempdir().unwrap();
        let at = |path: &str| base.path().canonicalize().unwrap().join(path);
        for folder in ["tmp/a", "tmp/b/c", "tmp/b/home/runs", "work"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::os::unix::fs::symlink("/etc", at("tmp/link")).unwrap();
        let places = Places::new(vec![at("tmp")], vec![at("work")], &at("tmp/b/home"));
        assert_eq!(places.folders(), [at("tmp/a"), at("tmp/b/c"), at("work")]);
        assert!(places.is_carved() && !places.is_exposed());
        assert_eq!(places.allowed(&at("tmp/new"), &BTreeSet::new()), None, "that would allow the own folder");
        assert_eq!(places.allowed(&at("tmp/b/home/runs/x"), &BTreeSet::new()), None);
        assert_eq!(places.allowed(Path::new("/none/at/all"), &BTreeSet::new()), None, "the root is no place");
        let asked = Places::new(vec![at("tmp")], vec![at("tmp/b")], &at("tmp/b/home"));
        assert!(asked.is_exposed() && asked.folders().contains(&at("tmp")));
    }
}
