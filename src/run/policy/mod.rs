//! Which artifacts are kept when there is no room for all.
//!
//! A policy sees the workflow, what is kept, and how often each step has changed; it decides whether a new artifact is
//! kept and what gives way. The store of the runner and the simulator use the same policies.

mod classic;
mod couler;
mod paper;

use std::collections::HashMap;

pub use paper::PaperSettings;

/// A workflow as policies see it. Steps are numbered.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Steps that a step reads from.
    pub parents: Vec<Vec<usize>>,
    /// Steps that read from a step.
    pub children: Vec<Vec<usize>>,
    /// A topological order.
    pub order: Vec<usize>,
    /// Seconds that each step takes.
    pub seconds: Vec<f64>,
    /// Bytes that each step writes.
    pub bytes: Vec<f64>,
}

impl Graph {
    /// A graph from the readers of each step.
    pub fn new(children: Vec<Vec<usize>>, seconds: Vec<f64>, bytes: Vec<f64>) -> Self {
        let mut parents = vec![Vec::new(); children.len()];
        for (node, readers) in children.iter().enumerate() {
            for reader in readers {
                parents[*reader].push(node);
            }
        }
        let mut waiting: Vec<usize> = parents.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..children.len()).filter(|node| waiting[*node] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            for &reader in &children[order[next]] {
                waiting[reader] -= 1;
                if waiting[reader] == 0 {
                    order.push(reader);
                }
            }
            next += 1;
        }
        Self { parents, children, order, seconds, bytes }
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }
}

/// An artifact that is kept: everything that one execution of a step wrote.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resident {
    /// The step of the present workflow that wrote it, if it is one.
    pub node: Option<usize>,
    /// Its size.
    pub bytes: f64,
    /// When it was last used, on the clock of the ledger.
    pub last: u64,
    /// When it was stored.
    pub stored: u64,
    /// What the policy thought of it when it was stored or used.
    pub score: f64,
}

/// How often steps changed by themselves, not because something before them did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Changes of each step, starting at 1.
    pub changed: Vec<f64>,
    /// Runs seen, starting at 2.
    pub runs: f64,
}

impl Changes {
    /// Nothing is known yet.
    pub fn new(steps: usize) -> Self {
        Self { changed: vec![1.0; steps], runs: 2.0 }
    }

    /// Compares the keys of two runs that follow each other.
    pub fn observe(&mut self, graph: &Graph, before: &[Option<u128>], now: &[Option<u128>]) {
        self.runs += 1.0;
        for node in 0..graph.len() {
            let same_inputs = graph.parents[node].iter().all(|parent| before[*parent] == now[*parent]);
            if before[node].is_some() && before[node] != now[node] && same_inputs {
                self.changed[node] += 1.0;
            }
        }
    }
}

/// What is kept.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// By key.
    pub kept: HashMap<u128, Resident>,
    /// Bytes of all together.
    pub used: f64,
    /// How often each key was made or used, also of artifacts no longer kept.
    pub uses: HashMap<u128, u32>,
    /// Counts uses.
    pub clock: u64,
}

impl Ledger {
    /// Counts one use of a key.
    pub fn touch(&mut self, key: u128) {
        self.clock += 1;
        *self.uses.entry(key).or_default() += 1;
        if let Some(resident) = self.kept.get_mut(&key) {
            resident.last = self.clock;
        }
    }

    /// Forgets an artifact.
    pub fn remove(&mut self, key: u128) -> Option<Resident> {
        let resident = self.kept.remove(&key)?;
        self.used = (self.used - resident.bytes).max(0.0);
        Some(resident)
    }

    /// Keeps an artifact.
    pub fn insert(&mut self, key: u128, resident: Resident) {
        self.remove(key);
        self.used += resident.bytes;
        self.kept.insert(key, resident);
    }
}

/// What a policy may look at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The workflow.
    pub graph: &'a Graph,
    /// The key of each step in this run, as far as it is known.
    pub keys: &'a [Option<u128>],
    /// How often steps change.
    pub changes: &'a Changes,
    /// Bytes that may be kept.
    pub capacity: f64,
    /// Bytes per second at which a kept artifact is read.
    pub bandwidth: f64,
}

impl View<'_> {
    /// Whether the artifact is the present result of a step of this workflow.
    fn is_current(&self, key: u128, resident: &Resident) -> bool {
        resident.node.is_some_and(|node| self.keys.get(node).copied().flatten() == Some(key))
    }
}

/// A rule for keeping artifacts.
pub trait Policy: Send {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// A run begins; keys of the view are those of the run.
    fn begin(&mut self, _view: &View<'_>, _ledger: &Ledger) {}

    /// What an artifact is worth at this moment; what is worth least gives way first.
    fn priority(&self, view: &View<'_>, ledger: &Ledger, key: u128, resident: &Resident) -> f64;

    /// The score that is kept with an artifact when it is stored or used.
    fn score(&self, view: &View<'_>, ledger: &Ledger, key: u128, node: usize) -> f64;

    /// What must give way so that an artifact of this step can be kept, or `None` if it is not worth it.
    fn admit(&mut self, view: &View<'_>, ledger: &Ledger, key: u128, node: usize) -> Option<Vec<u128>> {
        let _ = key;
        let size = view.graph.bytes[node];
        let victims = cheapest(self, view, ledger, size)?;
        for (_, priority) in &victims {
            self.evicted(*priority);
        }
        Some(victims.into_iter().map(|(key, _)| key).collect())
    }

    /// An artifact of this priority has given way.
    fn evicted(&mut self, _priority: f64) {}
}

/// The artifacts of least priority whose removal makes room for `size` more bytes.
fn cheapest<P: Policy + ?Sized>(
    policy: &P,
    view: &View<'_>,
    ledger: &Ledger,
    size: f64,
) -> Option<Vec<(u128, f64)>> {
    if size > view.capacity {
        return None;
    }
    let mut missing = ledger.used + size - view.capacity;
    if missing <= 0.0 {
        return Some(Vec::new());
    }
    let mut kept: Vec<(f64, u64, u128, f64)> = ledger
        .kept
        .iter()
        .map(|(key, resident)| {
            (policy.priority(view, ledger, *key, resident), resident.last, *key, resident.bytes)
        })
        .collect();
    kept.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut victims = Vec::new();
    for (priority, _, key, bytes) in kept {
        victims.push((key, priority));
        missing -= bytes;
        if missing <= 0.0 {
            return Some(victims);
        }
    }
    None
}

/// The policies by name.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum PolicyKind {
    /// Seconds saved per byte, weighted by how likely the artifact is valid and needed.
    #[default]
    Couler,
    /// Importance as in the paper (Eq. 3 to 6, Algorithm 2).
    CoulerPaper(PaperSettings),
    /// Least recently used goes first.
    Lru,
    /// First in, first out.
    Fifo,
    /// Greedy dual, size and frequency.
    Gdsf,
    /// Keeps everything, whatever the capacity.
    All,
    /// Keeps nothing.
    None,
}

impl PolicyKind {
    /// All of them, the paper's with its own settings.
    pub const EVERY: [Self; 7] = [
        Self::Couler,
        Self::CoulerPaper(PaperSettings { alpha: 1.5, beta: 1.0 }),
        Self::Lru,
        Self::Fifo,
        Self::Gdsf,
        Self::All,
        Self::None,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Couler => "couler",
            Self::CoulerPaper(_) => "couler-paper",
            Self::Lru => "lru",
            Self::Fifo => "fifo",
            Self::Gdsf => "gdsf",
            Self::All => "all",
            Self::None => "none",
        }
    }

    /// The policy of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|kind| kind.name() == name)
    }

    /// A fresh policy.
    pub fn policy(self) -> Box<dyn Policy> {
        match self {
            Self::Couler => Box::<couler::Couler>::default(),
            Self::CoulerPaper(settings) => Box::new(paper::Paper::new(settings)),
            Self::Lru => Box::new(classic::Lru),
            Self::Fifo => Box::new(classic::Fifo),
            Self::Gdsf => Box::<classic::Gdsf>::default(),
            Self::All => Box::new(classic::All),
            Self::None => Box::new(classic::Nothing),
        }
    }
}
