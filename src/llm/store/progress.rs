//! How a caller follows a download.

/// Told about a download while it goes on. All methods do nothing unless implemented.
pub trait Progress: Send + Sync {
    /// The download begins; the whole file has `total_bytes` bytes.
    fn started(&self, total_bytes: u64) {
        let _ = total_bytes;
    }

    /// A source is being tried, for example `Hugging Face`.
    fn source(&self, name: &str) {
        let _ = name;
    }

    /// `done_bytes` bytes of the file are here. It may go back when a source has to begin anew.
    fn advanced(&self, done_bytes: u64) {
        let _ = done_bytes;
    }

    /// The file is whole and in its place.
    fn done(&self) {}
}

/// Follows nothing.
impl Progress for () {}
