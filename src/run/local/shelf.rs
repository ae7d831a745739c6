//! Artifacts of the store in the folder of a run.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::run::digest::{Digest, StatCache};
use crate::run::folder::{Folder, Kind};
use crate::run::store::Objects;

/// Brings artifacts of the store into the folder of a run.
pub(super) struct Shelf {
    pub(super) run: Arc<Folder>,
    pub(super) files: Arc<StatCache>,
    pub(super) objects: Objects,
}

impl Shelf {
    /// Has the artifact at `place`, which is inside of the run. False if it is no longer kept.
    pub(super) fn bring(&self, place: &Path, digest: Digest) -> io::Result<bool> {
        let relative = place.strip_prefix(self.run.path()).map_err(io::Error::other)?;
        let (Some(folder), Some(name)) = (relative.parent(), relative.file_name()) else { return Ok(false) };
        let there = self.run.at(folder).and_then(|folder| folder.kind(name));
        let whole = matches!(there, Ok(Some(Kind::File { .. } | Kind::Folder)))
            && self.files.content(place).is_ok_and(|found| found.digest == digest);
        if whole {
            return Ok(true);
        }
        self.objects.fetch(digest, &self.run.descend(folder)?, name, &self.files)
    }
}
