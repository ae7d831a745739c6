//! Digests of files and folders, and the cache that spares hashing what has not changed.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::folder::read_own;

use rustix::fs::OFlags;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A blake3 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(*blake3::hash(bytes.as_ref()).as_bytes())
    }

    pub(super) fn finish(hasher: &blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes())
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// The first half, enough to tell entries of one store apart.
    pub(super) fn short(&self) -> u128 {
        u128::from_be_bytes(std::array::from_fn(|index| self.0[index]))
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.hex()[..12])
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("not a digest"))
    }
}

/// What a file or folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Digest of a file's bytes, or of the names and digests in a folder.
    pub digest: Digest,
    /// Size of all files.
    pub bytes: u64,
}

/// What the file system says about a file. The change time and the inode cannot be set by hand, so a file with other
/// content has another stamp even if its modification time was set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Stamp {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn read(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// Folders inside each other that are looked at.
const DEEPEST: usize = 128;

/// A file that changes within this time after it was hashed may keep its stamp: clocks of file systems are coarse.
const SETTLED: i128 = 50_000_000;

/// Digests of files by their stamps.
#[derive(Debug, Default)]
pub(super) struct StatCache {
    file: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    files: HashMap<PathBuf, (Stamp, Digest)>,
    changed: bool,
}

impl StatCache {
    /// Reads the cache; a missing or damaged file is an empty cache.
    pub(super) fn open(file: &Path) -> Self {
        let files =
            read_own(file).ok().and_then(|text| parse(&String::from_utf8_lossy(&text))).unwrap_or_default();
        Self { file: file.to_owned(), known: Mutex::new(Known { files, changed: false }) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the cache if it learned something. To lose it costs time only, so failures are not reported.
    pub(super) fn save(&self) {
        let mut known = self.known();
        if !known.changed {
            return;
        }
        known.changed = false;
        let mut body = String::with_capacity(known.files.len() * 160);
        for (path, (stamp, digest)) in &known.files {
            let Some(path) = path.to_str().filter(|path| !path.contains('\n')) else { continue };
            let Stamp { device, inode, size, modified, changed } = stamp;
            body.push_str(&format!("{digest} {device} {inode} {size} {modified} {changed} {path}\n"));
        }
        let text = format!("{}\n{body}", Digest::of(&body));
        let folder = self.file.parent().unwrap_or(Path::new("."));
        if let Ok(file) = tempfile::NamedTempFile::new_in(folder)
            && std::fs::write(file.path(), text).is_ok()
        {
            let _ = file.persist(&self.file);
        }
    }

    /// The content of a file or folder.
    ///
    /// # Errors
    /// It is missing, not readable, or holds something that is neither file, folder nor link.
    pub(super) fn content(&self, path: &Path) -> io::Result<Content> {
        let metadata = std::fs::metadata(path)?;
        self.described(path, &metadata)
    }

    pub(super) fn described(&self, path: &Path, metadata: &std::fs::Metadata) -> io::Result<Content> {
        self.inner(path, metadata, 0)
    }

    fn inner(&self, path: &Path, metadata: &std::fs::Metadata, depth: usize) -> io::Result<Content> {
        if metadata.is_dir() && depth < DEEPEST {
            return self.folder(path, depth);
        }
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "neither a file nor a folder of usual depth",
            ));
        }
        let bytes = metadata.size();
        if bytes == 0 {
            return Ok(Content { digest: Digest::of(b""), bytes });
        }
        let stamp = Stamp::of(metadata);
        if let Some((known, digest)) = self.known().files.get(path)
            && *known == stamp
        {
            return Ok(Content { digest: *digest, bytes });
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(regular_file(path)?)?;
        let digest = Digest::finish(&hasher);
        if stamp.changed + SETTLED < i128::try_from(now).unwrap_or_default() {
            let mut known = self.known();
            known.files.insert(path.to_owned(), (stamp, digest));
            known.changed = true;
        }
        Ok(Content { digest, bytes })
    }

    fn folder(&self, path: &Path, depth: usize) -> io::Result<Content> {
        let mut entries: Vec<_> = std::fs::read_dir(path)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"folder");
        let mut bytes = 0;
        for entry in entries {
            let name = entry.file_name();
            let kind = entry.file_type()?;
            let content = if kind.is_symlink() {
                let target = std::fs::read_link(entry.path())?;
                Content { digest: Digest::of(target.as_os_str().as_encoded_bytes()), bytes: 0 }
            } else {
                self.inner(&entry.path(), &entry.metadata()?, depth + 1)?
            };
            let mark = if kind.is_symlink() { b'l' } else { b'e' };
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_encoded_bytes()).update(&[mark]).update(content.digest.bytes());
            bytes += content.bytes;
        }
        Ok(Content { digest: Digest::finish(&hasher), bytes })
    }

    /// Tells that a file whose content was just verified has a new stamp, because a link to it was made.
    pub(super) fn linked(&self, path: &Path, digest: Digest) {
        if let Some(stamp) = Stamp::read(path) {
            let mut known = self.known();
            if known.files.insert(path.to_owned(), (stamp, digest)) != Some((stamp, digest)) {
                known.changed = true;
            }
        }
    }
}

/// Opens a file for reading if it is a regular one. It may have become a named pipe since it was looked at, for which
/// nobody waits.
///
/// # Errors
/// It cannot be opened, or is something else.
pub(super) fn regular_file(path: &Path) -> io::Result<std::fs::File> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = std::fs::File::options().read(true).custom_flags(nonblocking).open(path)?;
    let regular = file.metadata()?.is_file();
    regular.then_some(file).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

fn parse(text: &str) -> Option<HashMap<PathBuf, (Stamp, Digest)>> {
    let (sum, body) = text.split_once('\n')?;
    if Digest::from_hex(sum)? != Digest::of(body) {
        return None;
    }
    body.lines()
        .map(|line| {
            let mut parts = line.splitn(7, ' ');
            let digest = Digest::from_hex(parts.next()?)?;
            let stamp = Stamp {
                device: parts.next()?.parse().ok()?,
                inode: parts.next()?.parse().ok()?,
                size: parts.next()?.parse().ok()?,
                modified: parts.next()?.parse().ok()?,
                changed: parts.next()?.parse().ok()?,
            };
            Some((PathBuf::from(parts.next()?), (stamp, digest)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_forged_modification_time_hides_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        let cache = StatCache::open(&folder.path().join("cache"));
        fs::write(&path, "one").unwrap();
        std::thread::sleep(Duration::from_millis(80));
        let first = cache.content(&path).unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
        assert_ne!(cache.content(&path).unwrap(), first);
    }

    #[test]
    fn what_is_saved_is_found_again_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = (folder.path().join("data.csv"), folder.path().join("cache"));
        fs::write(&path, "one").unwrap();
        std::thread::sleep(Duration::from_millis(80));
        let cache = StatCache::open(&file);
        let content = cache.content(&path).unwrap();
        cache.save();
        let again = StatCache::open(&file);
        assert_eq!(again.known().files.len(), 1);
        assert_eq!(again.content(&path).unwrap(), content);
        let text = fs::read_to_string(&file).unwrap().replace(" 3 ", " 4 ");
        fs::write(&file, text).unwrap();
        assert!(StatCache::open(&file).known().files.is_empty());
    }

    #[test]
    fn folders_differ_by_names_and_content() {
        let folder = tempfile::tempdir().unwrap();
        let cache = StatCache::default();
        let at = |name: &str, file: &str, text: &str| {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join(file), text).unwrap();
            cache.content(&folder.path().join(name)).unwrap().digest
        };
        let first = at("a", "x", "1");
        assert_eq!(at("b", "x", "1"), first);
        assert_ne!(at("c", "y", "1"), first);
        assert_ne!(at("d", "x", "2"), first);
    }
}
