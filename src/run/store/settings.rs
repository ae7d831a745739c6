//! Capacity and policy of a store, kept in its folder.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::run::folder::read_own;
use crate::run::policy::{PaperSettings, PolicyKind};

/// Settings of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Name of the policy.
    pub policy: String,
    /// Bytes that artifacts may take.
    pub capacity: u64,
    /// Weight of the cost of building, for `couler-paper`.
    pub alpha: f64,
    /// Weight of the size, for `couler-paper`.
    pub beta: f64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { policy: "couler".into(), capacity: 10 << 30, alpha: 1.5, beta: 1.0 }
    }
}

impl StoreSettings {
    /// Reads the settings of a store; without a file they are the default.
    ///
    /// # Errors
    /// The file is not readable or has unknown fields.
    pub fn read(folder: &Path) -> io::Result<Self> {
        match read_own(&folder.join("settings.json")) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes the settings.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&file, self)?;
        file.persist(folder.join("settings.json")).map_err(|error| error.error)?;
        Ok(())
    }

    /// The policy that is named; an unknown name is the default.
    pub fn kind(&self) -> PolicyKind {
        match PolicyKind::named(&self.policy) {
            Some(PolicyKind::CoulerPaper(_)) => {
                PolicyKind::CoulerPaper(PaperSettings { alpha: self.alpha, beta: self.beta })
            }
            Some(kind) => kind,
            None => PolicyKind::default(),
        }
    }

    /// The capacity as the policy sees it.
    pub(super) fn capacity_bytes(&self) -> u64 {
        if self.kind() == PolicyKind::All { u64::MAX } else { self.capacity }
    }
}
