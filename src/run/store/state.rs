//! What a store remembers between runs: what is kept and why, how steps change, how long they take.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::run::digest::Digest;
use crate::run::folder::read_own;
use crate::run::policy::{Changes, Graph, Ledger, Resident};

/// Runs after which old observations of change weigh half.
const LONG_MEMORY: f64 = 64.0;

/// An artifact that is kept, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shelf {
    #[serde(skip)]
    pub(super) id: u128,
    /// The workflow that made it last.
    pub workflow: String,
    /// The step.
    pub step: String,
    /// Its size.
    pub bytes: u64,
    /// What the policy thought of it when it was stored: for the default, seconds saved per byte.
    pub score: f64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    version: u32,
    clock: u64,
    kept: BTreeMap<String, Kept>,
    workflows: BTreeMap<String, Past>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    workflow: String,
    step: String,
    bytes: f64,
    last: u64,
    stored: u64,
    score: f64,
    uses: u32,
    objects: Vec<Digest>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Past {
    runs: f64,
    steps: BTreeMap<String, StepPast>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct StepPast {
    changed: f64,
    seconds: Option<f64>,
    bytes: f64,
    id: Option<String>,
}

/// Knowledge about workflows and kept artifacts.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: HashMap<u128, Kept>,
    workflows: BTreeMap<String, Past>,
    /// Artifacts that this process has stored, and those it has removed.
    stored: HashSet<u128>,
    removed: HashSet<u128>,
    /// Workflows that this process has measured or observed.
    touched: HashSet<String>,
    changed: bool,
}

pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) history: History,
}

fn hex(id: u128) -> String {
    format!("{id:032x}")
}

impl State {
    /// Reads the state; a missing or damaged file is an empty state: artifacts are then stored again.
    pub(super) fn read(path: &Path) -> Self {
        let document: Document =
            read_own(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let mut ledger = Ledger { clock: document.clock, ..Ledger::default() };
        let mut history = History { workflows: document.workflows, ..History::default() };
        for (id, kept) in document.kept {
            let Ok(id) = u128::from_str_radix(&id, 16) else { continue };
            let Kept { bytes, last, stored, score, .. } = kept;
            ledger.uses.insert(id, kept.uses);
            ledger.insert(id, Resident { node: None, bytes, last, stored, score });
            history.kept.insert(id, kept);
        }
        Self { ledger, history }
    }

    pub(super) fn write(path: &Path, ledger: &Ledger, history: &mut History) -> io::Result<()> {
        for (id, resident) in &ledger.kept {
            if let Some(kept) = history.kept.get_mut(id) {
                (kept.last, kept.score) = (resident.last, resident.score);
                kept.uses = ledger.uses.get(id).copied().unwrap_or(1);
            }
        }
        let kept = history.kept.iter().map(|(id, kept)| (hex(*id), kept.clone())).collect();
        let workflows = history.workflows.clone();
        let document = Document { version: 1, clock: ledger.clock, kept, workflows };
        let file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        serde_json::to_writer(io::BufWriter::new(&file), &document)?;
        file.persist(path).map_err(|error| error.error)?;
        history.changed = false;
        Ok(())
    }
}

impl History {
    /// Takes over what other processes have written meanwhile, as far as this one has not changed it. `there` tells
    /// whether an artifact is still stored.
    pub(super) fn join(&mut self, ledger: &mut Ledger, others: State, there: impl Fn(Digest) -> bool) {
        let State { ledger: mut other_ledger, history: other } = others;
        ledger.clock = ledger.clock.max(other_ledger.clock);
        let gone: Vec<u128> = self
            .kept
            .keys()
            .filter(|id| !self.stored.contains(id) && !other.kept.contains_key(id))
            .copied()
            .collect();
        for id in gone {
            self.kept.remove(&id);
            ledger.remove(id);
        }
        for (id, kept) in other.kept {
            let known = self.kept.contains_key(&id) || self.removed.contains(&id);
            if known || !kept.objects.iter().all(|digest| kept.bytes == 0.0 || there(*digest)) {
                continue;
            }
            if let Some(resident) = other_ledger.remove(id) {
                ledger.uses.insert(id, kept.uses);
                ledger.insert(id, resident);
                self.kept.insert(id, kept);
            }
        }
        for (name, past) in other.workflows {
            if !self.touched.contains(&name) {
                self.workflows.insert(name, past);
            }
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        !self.changed
    }

    /// Seconds and bytes of every step of a workflow as they were last.
    pub(super) fn all_measured(&self, workflow: &str) -> HashMap<String, (f64, f64)> {
        let steps = self.workflows.get(workflow).into_iter().flat_map(|past| &past.steps);
        steps.filter_map(|(name, past)| Some((name.clone(), (past.seconds?, past.bytes)))).collect()
    }

    pub(super) fn measured(&self, workflow: &str, step: &str) -> Option<(f64, f64)> {
        let past = self.workflows.get(workflow)?.steps.get(step)?;
        Some((past.seconds?, past.bytes))
    }

    pub(super) fn measure(&mut self, workflow: &str, step: &str, seconds: f64, bytes: f64) {
        let past = self.workflows.entry(workflow.to_owned()).or_default();
        let step = past.steps.entry(step.to_owned()).or_default();
        (step.seconds, step.bytes) = (Some(seconds), bytes);
        self.touch(workflow);
    }

    /// The artifacts that a workflow's steps had last.
    pub(super) fn last_ids(&self, workflow: &str) -> impl Fn(&str) -> Vec<u128> + use<> {
        let mut ids: HashMap<String, Vec<u128>> = HashMap::new();
        for (id, kept) in self.kept.iter().filter(|(_, kept)| kept.workflow == workflow) {
            ids.entry(kept.step.clone()).or_default().push(*id);
        }
        move |step| ids.get(step).cloned().unwrap_or_default()
    }

    pub(super) fn changes(&self, workflow: &str, steps: &[String]) -> Changes {
        let mut changes = Changes::new(steps.len());
        if let Some(past) = self.workflows.get(workflow) {
            changes.runs += past.runs;
            for (node, step) in steps.iter().enumerate() {
                changes.changed[node] += past.steps.get(step).map_or(0.0, |step| step.changed);
            }
        }
        changes
    }

    /// Compares a run with the one before. Whether anything differed.
    pub(super) fn observe(
        &mut self,
        workflow: &str,
        steps: &[String],
        graph: &Graph,
        keys: &[Option<u128>],
    ) -> bool {
        let past = self.workflows.entry(workflow.to_owned()).or_default();
        let before: Vec<Option<u128>> = steps
            .iter()
            .map(|step| u128::from_str_radix(past.steps.get(step)?.id.as_deref()?, 16).ok())
            .collect();
        if before == keys {
            return false;
        }
        let mut seen = Changes::new(steps.len());
        seen.observe(graph, &before, keys);
        if past.runs >= LONG_MEMORY {
            past.runs /= 2.0;
            past.steps.values_mut().for_each(|step| step.changed /= 2.0);
        }
        past.runs += 1.0;
        for (node, step) in steps.iter().enumerate() {
            let step = past.steps.entry(step.clone()).or_default();
            step.changed += seen.changed[node] - 1.0;
            step.id = keys[node].map(hex).or(step.id.take());
        }
        self.touch(workflow);
        true
    }

    fn touch(&mut self, workflow: &str) {
        if !self.touched.contains(workflow) {
            self.touched.insert(workflow.to_owned());
        }
        self.changed = true;
    }

    pub(super) fn keep(
        &mut self,
        id: u128,
        workflow: &str,
        step: &str,
        objects: impl Iterator<Item = Digest>,
    ) {
        let (workflow, step, objects) = (workflow.to_owned(), step.to_owned(), objects.collect());
        let bytes = self.measured(&workflow, &step).map_or(0.0, |measured| measured.1);
        self.kept.insert(id, Kept { workflow, step, bytes, objects, ..Kept::default() });
        self.stored.insert(id);
        self.removed.remove(&id);
        self.changed = true;
    }

    /// Forgets an artifact and returns the objects that nothing else refers to.
    pub(super) fn drop_kept(&mut self, id: u128) -> Vec<Digest> {
        let Some(kept) = self.kept.remove(&id) else { return Vec::new() };
        self.stored.remove(&id);
        self.removed.insert(id);
        self.changed = true;
        let referenced = self.referenced();
        kept.objects.into_iter().filter(|digest| !referenced.contains(digest)).collect()
    }

    pub(super) fn referenced(&self) -> HashSet<Digest> {
        self.kept.values().flat_map(|kept| kept.objects.iter().copied()).collect()
    }

    pub(super) fn shelf(&self, id: u128, resident: &Resident) -> Option<Shelf> {
        let kept = self.kept.get(&id)?;
        let (workflow, step) = (kept.workflow.clone(), kept.step.clone());
        let bytes = super::objects::whole(resident.bytes);
        Some(Shelf { id, workflow, step, bytes, score: resident.score })
    }
}
