//! The artifact store: results by the key of what made them, artifacts by the digest of what is in them.
//!
//! `index.log` has a line for every result ever made: its key, its values, the digests of its artifacts. Lines are
//! small and stay when artifacts give way, so that the keys of later steps can be told without making anything.
//! `objects/` has the artifacts, read-only. Nothing is trusted unseen: an artifact is hashed before it is used.
//! Several processes may use a store at the same time (see `sharing`).

mod objects;
mod settings;
mod sharing;
mod state;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::digest::{Digest, StatCache};
use super::folder::Folder;
use super::policy::{Graph, Ledger, Policy, Resident, View};
use super::prepare::Watched;
use super::record;
use super::task::Done;
use crate::run::folder::read_own;
pub(super) use objects::Objects;
pub use settings::StoreSettings;
use sharing::Sharing;
pub use state::Shelf;
use state::{History, State};

/// Bytes per second at which a kept artifact is taken to be read.
const BANDWIDTH: f64 = 500e6;
/// Results kept in the index when it is cleaned up; older ones are forgotten.
const MOST_ENTRIES: usize = 100_000;

/// A result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) workflow: String,
    pub(super) step: String,
    pub(super) done: Done,
    /// Seconds since 1970.
    pub(super) created: u64,
}

impl Entry {
    fn id(&self) -> u128 {
        identity(&self.done.key, &self.done)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.done.outputs.values().map(|content| content.bytes).sum()
    }
}

/// Identifies the artifacts of a result.
fn identity(key: &Digest, done: &Done) -> u128 {
    let outputs = done.outputs.values();
    key.short() ^ outputs.fold(0, |sum: u128, content| sum.rotate_left(9) ^ content.digest.short())
}

/// A workflow in a run, for the policy.
struct Current {
    workflow: String,
    steps: Vec<String>,
    graph: Graph,
    keys: Vec<Option<u128>>,
    stale: bool,
}

/// The store of one folder.
pub struct Store {
    folder: PathBuf,
    settings: StoreSettings,
    index: HashMap<Digest, Vec<Entry>>,
    pending: Vec<u8>,
    objects: Objects,
    sharing: Sharing,
    ledger: Ledger,
    history: History,
    policy: Box<dyn Policy>,
    current: Option<Current>,
}

/// Seconds and output bytes of the steps of a workflow in their latest runs, as the store of a folder has them; nothing if
/// there is no store. The folder is only read.
pub fn measurements(folder: &Path, workflow: &str) -> HashMap<String, (f64, f64)> {
    State::read(&folder.join("state.json")).history.all_measured(workflow)
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl Store {
    /// Opens the store of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(folder: &Path, settings: StoreSettings) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let sharing = Sharing::new(folder)?;
        let index = read_index(folder)?;
        let State { ledger, history } = State::read(&folder.join("state.json"));
        let policy = settings.kind().policy();
        let objects = Objects::new(folder);
        let mut store = Self {
            folder: folder.to_owned(),
            settings,
            index,
            pending: Vec::new(),
            objects,
            sharing,
            ledger,
            history,
            policy,
            current: None,
        };
        if store.sharing.is_unclean() {
            store.sweep()?;
        }
        Ok(store)
    }

    /// Removes artifacts that nothing refers to: a process that was killed has left them. Not while others use the
    /// store, whose state is not written yet.
    fn sweep(&mut self) -> io::Result<()> {
        let (objects, wanted) = (&self.objects, self.history.referenced());
        if self.sharing.alone(|| objects.retain(&wanted))?.transpose()?.is_some() {
            self.sharing.clean();
        }
        Ok(())
    }

    pub(super) fn objects(&self) -> Objects {
        self.objects.clone()
    }

    /// Tells which workflow runs, so that artifacts can be judged. `steps` and `graph` have the same order; seconds and
    /// bytes that earlier runs measured replace the estimates.
    pub(super) fn begin(&mut self, workflow: &str, steps: Vec<String>, mut graph: Graph) {
        for (node, step) in steps.iter().enumerate() {
            if let Some((seconds, bytes)) = self.history.measured(workflow, step) {
                (graph.seconds[node], graph.bytes[node]) = (seconds, bytes);
            }
        }
        let known = self.history.last_ids(workflow);
        for resident in self.ledger.kept.values_mut() {
            resident.node = None;
        }
        for (node, step) in steps.iter().enumerate() {
            for id in known(step) {
                if let Some(resident) = self.ledger.kept.get_mut(&id) {
                    resident.node = Some(node);
                }
            }
        }
        let keys = vec![None; steps.len()];
        self.current = Some(Current { workflow: workflow.to_owned(), steps, graph, keys, stale: true });
    }

    pub(super) fn workflow(&self) -> &str {
        self.current.as_ref().map_or("", |current| &current.workflow)
    }

    /// A result for a key, if the files it named are as they were. Newer ones come first.
    pub(super) fn lookup(
        &self,
        key: &Digest,
        oldest: u64,
        watched: &Watched,
        files: &StatCache,
    ) -> Option<&Entry> {
        let entries = self.index.get(key)?.iter().rev();
        entries.into_iter().find(|entry| entry.created >= oldest && entry.done.holds(watched, files))
    }

    /// Whether there is any result for a key, with other files perhaps.
    pub(super) fn knows(&self, key: &Digest) -> bool {
        self.index.contains_key(key)
    }

    /// Counts a use of a result. `node` is the step's position, if its key stands for the whole step.
    pub(super) fn used(&mut self, key: &Digest, done: &Done, node: Option<usize>) {
        let id = identity(key, done);
        self.ledger.touch(id);
        // Steps at the end are none that the policies weigh.
        if let (Some(current), Some(node)) = (&mut self.current, node)
            && let Some(key) = current.keys.get_mut(node)
        {
            *key = Some(id);
            current.stale = true;
            if let Some(resident) = self.ledger.kept.get_mut(&id) {
                resident.node = Some(node);
            }
        }
    }

    /// Keeps a result, and its artifacts if the policy says so. `folder` has the artifacts by output.
    ///
    /// # Errors
    /// The disk took no more. The result is not kept then, and nothing else is lost.
    pub(super) fn put(
        &mut self,
        entry: Entry,
        node: usize,
        whole: bool,
        folder: impl FnOnce() -> io::Result<Folder>,
    ) -> io::Result<()> {
        let bytes = entry.bytes();
        let id = entry.id();
        self.ledger.touch(id);
        self.history.measure(&entry.workflow, &entry.step, entry.done.seconds, as_float(bytes));
        if bytes > 0 {
            self.keep_artifacts(&entry, id, node, whole, &folder()?)?;
        } else if let Some(current) = self.current.as_mut().filter(|_| whole)
            && let Some(key) = current.keys.get_mut(node)
        {
            *key = Some(id);
        }
        record::write(&entry, &mut self.pending);
        remember(&mut self.index, entry);
        if self.pending.len() > 64 << 10 { self.flush() } else { Ok(()) }
    }

    fn keep_artifacts(
        &mut self,
        entry: &Entry,
        id: u128,
        node: usize,
        whole: bool,
        folder: &Folder,
    ) -> io::Result<()> {
        let size = as_float(entry.bytes());
        let capacity = as_float(self.settings.capacity_bytes());
        if let Some(current) = &mut self.current {
            (current.graph.seconds[node], current.graph.bytes[node]) = (entry.done.seconds, size);
            if whole {
                current.keys[node] = Some(id);
            }
            current.stale = true;
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        let changes = self.history.changes(&current.workflow, &current.steps);
        let view = View {
            graph: &current.graph,
            keys: &current.keys,
            changes: &changes,
            capacity,
            bandwidth: BANDWIDTH,
        };
        if std::mem::take(&mut current.stale) {
            self.policy.begin(&view, &self.ledger);
        }
        let Some(victims) = self.policy.admit(&view, &self.ledger, id, node) else { return Ok(()) };
        let score = self.policy.score(&view, &self.ledger, id, node);
        self.sharing.storing()?;
        for content in entry.done.outputs.iter().filter(|(_, content)| content.bytes > 0) {
            self.objects.add(content.1.digest, folder, content.0.as_ref())?;
        }
        let clock = self.ledger.clock;
        let resident =
            Resident { node: whole.then_some(node), bytes: size, last: clock, stored: clock, score };
        self.ledger.insert(id, resident);
        self.history.keep(id, &entry.workflow, &entry.step, entry.done.outputs.values().map(|c| c.digest));
        self.evict(&victims);
        Ok(())
    }

    fn evict(&mut self, victims: &[u128]) {
        for id in victims {
            self.ledger.remove(*id);
            for digest in self.history.drop_kept(*id) {
                self.objects.remove(digest);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let _lock = self.sharing.lock()?;
        sharing::append(&self.folder.join("index.log"), &self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Writes what was learned. `finished` says that the run came to its end, so that its keys are worth comparing.
    ///
    /// # Errors
    /// The disk took no more.
    pub(super) fn save(&mut self, finished: bool) -> io::Result<()> {
        self.flush()?;
        if let Some(current) = self.current.take() {
            let changed = finished
                && self.history.observe(&current.workflow, &current.steps, &current.graph, &current.keys);
            if !changed && self.history.is_clean() {
                return Ok(());
            }
        }
        let lock = self.sharing.lock()?;
        self.join_others();
        State::write(&self.folder.join("state.json"), &self.ledger, &mut self.history)?;
        drop(lock);
        // Of several processes the last one finds itself alone and says so.
        if self.sharing.alone(|| ())?.is_some() {
            self.sharing.clean();
        }
        Ok(())
    }

    /// Takes over what other processes have stored and removed since the store was opened. The capacity holds for all
    /// together.
    fn join_others(&mut self) {
        let others = State::read(&self.folder.join("state.json"));
        let objects = &self.objects;
        self.history.join(&mut self.ledger, others, |digest| objects.has(digest));
        let capacity = as_float(self.settings.capacity_bytes());
        let mut shelves = self.shelves();
        while self.ledger.used > capacity {
            let Some(least) = shelves.pop() else { break };
            self.evict(&[least.id]);
        }
    }

    /// What is kept, most valuable first.
    pub fn shelves(&self) -> Vec<Shelf> {
        let mut shelves: Vec<Shelf> =
            self.ledger.kept.iter().filter_map(|(id, resident)| self.history.shelf(*id, resident)).collect();
        shelves.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.step.cmp(&b.step)));
        shelves
    }

    /// Number of results in the index.
    pub fn results(&self) -> usize {
        self.index.values().map(Vec::len).sum()
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    /// Makes room: artifacts beyond the capacity go, those worth least first, then everything that nothing refers to.
    /// Returns the bytes that were freed.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn collect(&mut self, capacity: u64) -> io::Result<u64> {
        let lock = self.sharing.lock()?;
        self.index = read_index(&self.folder)?;
        self.join_others();
        let mut shelves = self.shelves();
        let before = self.ledger.used;
        while self.ledger.used > as_float(capacity) {
            let Some(least) = shelves.pop() else { break };
            self.evict(&[least.id]);
        }
        let mut entries: Vec<Entry> = self.index.drain().flat_map(|(_, entries)| entries).collect();
        entries.sort_by(|a, b| (a.created, &a.step, a.done.key).cmp(&(b.created, &b.step, b.done.key)));
        entries.drain(..entries.len().saturating_sub(MOST_ENTRIES));
        let mut bytes = Vec::new();
        for entry in entries {
            record::write(&entry, &mut bytes);
            remember(&mut self.index, entry);
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&bytes)?;
        file.persist(self.folder.join("index.log")).map_err(|error| error.error)?;
        self.pending.clear();
        State::write(&self.folder.join("state.json"), &self.ledger, &mut self.history)?;
        drop(lock);
        self.sweep()?;
        Ok(objects::whole(before - self.ledger.used))
    }

    /// Bytes of artifacts kept.
    pub fn used_bytes(&self) -> u64 {
        objects::whole(self.ledger.used)
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

fn read_index(folder: &Path) -> io::Result<HashMap<Digest, Vec<Entry>>> {
    let bytes = match read_own(&folder.join("index.log")) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut index = HashMap::new();
    for entry in record::read::<Entry>(&bytes).records {
        remember(&mut index, entry);
    }
    Ok(index)
}

/// The newest entry for the same files stands for the older ones.
fn remember(index: &mut HashMap<Digest, Vec<Entry>>, entry: Entry) {
    let entries = index.entry(entry.done.key).or_default();
    entries.retain(|other| other.done.files != entry.done.files);
    entries.push(entry);
}
