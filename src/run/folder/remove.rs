//! Removing whatever a step has left.

use std::ffi::{OsStr, OsString};
use std::io;

use rustix::fs::AtFlags;

use super::{Folder, Kind, plain_name};

/// Folders that are open at once while a tree is removed; what lies deeper is brought up first.
const DEEPEST: usize = 64;

impl Folder {
    /// Removes a file, a link or a whole tree, never what a link leads to. What is not there is fine.
    ///
    /// # Errors
    /// A folder of it cannot be read or written.
    pub(in crate::run) fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let mut names = vec![name.as_ref().to_owned()];
        let mut raised = 0;
        while let Some(name) = names.pop() {
            self.remove_one(&name, 0, &mut |folder, deep| {
                // Two trees may be removed in one folder at the same time.
                let fresh = OsString::from(format!(".removed-{}-{raised}", std::process::id()));
                raised += 1;
                folder.rename(deep, self, &fresh)?;
                names.push(fresh);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn remove_one(
        &self,
        name: &OsStr,
        depth: usize,
        raise: &mut dyn FnMut(&Self, &OsStr) -> io::Result<()>,
    ) -> io::Result<()> {
        let name = plain_name(name)?;
        let removed = match self.kind(name)? {
            None => return Ok(()),
            Some(Kind::Folder) if depth >= DEEPEST => return raise(self, name),
            Some(Kind::Folder) => {
                let inner = self.child(name)?;
                for entry in inner.names()? {
                    inner.remove_one(&entry, depth + 1, raise)?;
                }
                self.unlink(name, AtFlags::REMOVEDIR)
            }
            Some(_) => self.unlink(name, AtFlags::empty()),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_of_any_depth_go_and_what_links_lead_to_stays() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("file"), "mine").unwrap();
        let folder = Folder::open(inside.path()).unwrap();
        let mut deep = folder.made("tree").unwrap();
        for _ in 0..500 {
            deep = deep.made("d").unwrap();
        }
        deep.create("file").unwrap();
        std::os::unix::fs::symlink(outside.path(), inside.path().join("tree/d/out")).unwrap();
        folder.remove("tree").unwrap();
        assert_eq!(folder.names().unwrap(), Vec::<OsString>::new());
        assert!(outside.path().join("file").exists());
        folder.remove("tree").unwrap();
    }
}
