//! One part, as the generation of its steps sees it.

use std::collections::HashMap;

use super::super::super::kubernetes::names::port_name;
use super::super::super::parts::{Gate, Parts};
use super::super::manifest::ObjectStore;
use super::super::manifest::{Place, Semaphore, SemaphoreRef, Synchronization};
use super::ledger;

/// A part of a workflow with its gates.
pub(crate) struct PartView<'a> {
    pub(crate) parts: &'a Parts<'a>,
    pub(crate) part: usize,
    /// The workflow parameter with the name of the parent, which tells runs apart.
    pub(crate) run: &'a str,
    /// The gates with the names of their tasks.
    pub(crate) gates: Vec<(String, Gate<'a>)>,
    gate_of: HashMap<&'a str, usize>,
}

impl<'a> PartView<'a> {
    pub(crate) fn new(
        parts: &'a Parts<'a>,
        part: usize,
        run: &'a str,
        name: &dyn Fn(&str) -> String,
    ) -> Self {
        let gates: Vec<(String, Gate<'a>)> = parts
            .gates(part)
            .into_iter()
            .enumerate()
            .map(|(number, gate)| (name(&format!("gate-{}-{}", part + 1, number + 1)), gate))
            .collect();
        let readers = gates.iter().enumerate();
        let gate_of =
            readers.flat_map(|(number, (_, gate))| gate.readers.iter().map(move |step| (*step, number)));
        let gate_of = gate_of.collect();
        Self { parts, part, run, gates, gate_of }
    }

    /// The gate at which a step waits.
    pub(crate) fn gate(&self, step: &str) -> Option<&str> {
        self.gate_of.get(step).map(|number| self.gates[*number].0.as_str())
    }

    /// The reference to a scalar of another part, which a gate hands on.
    pub(crate) fn value(&self, word: &str, reader: &str, step: &str, output: &str) -> Option<String> {
        let number = self.gate_of.get(reader)?;
        let (name, gate) = &self.gates[*number];
        let given = gate.values.iter().any(|(from, value)| (*from, *value) == (step, output));
        given.then(|| format!("{word}.{name}.outputs.parameters.{}", handed(step, output)))
    }

    /// `{{workflow.parameters.RUN}}`.
    pub(crate) fn run(&self) -> String {
        format!("{{{{workflow.parameters.{}}}}}", self.run)
    }

    /// Where a file is kept that is read in another part than it was written in: an object of the default repository,
    /// which must be S3.
    pub(crate) fn place(&self, step: &str, output: &str) -> Place {
        let key = format!("{}/{step}/{}", self.run(), port_name(output));
        Place::S3(Box::new(ObjectStore { key, ..ObjectStore::default() }))
    }

    /// A limit of steps at once holds for all parts together.
    pub(crate) fn limit(&self) -> Option<Synchronization> {
        self.parts.workflow.settings.parallelism?;
        let config_map_key_ref =
            SemaphoreRef { name: ledger::name(&self.run()), key: ledger::PARALLELISM.to_owned() };
        Some(Synchronization { semaphores: vec![Semaphore { config_map_key_ref }] })
    }
}

/// The name under which a gate hands a scalar on.
pub(crate) fn handed(step: &str, output: &str) -> String {
    format!("{step}-{}", port_name(output))
}
