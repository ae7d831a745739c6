//! What the end of a task means for its step, and the end of a step for the steps behind it.

use serde_json::Value;

use super::{Instance, Notice, Phase, Place, Scheduler, Status};
use crate::api::{Condition, MOST_ITEMS, MapItems, Operand};
use crate::run::StepState;
use crate::run::journal::Record;
use crate::run::task::{Done, Task};

fn reads_item(condition: &Condition) -> bool {
    condition.operands().iter().any(|operand| matches!(operand, Operand::Item(_)))
}

impl Scheduler<'_> {
    /// A task is through, with a result or without.
    pub(super) fn over(&mut self, task: Task, done: Option<Done>) {
        let instance = self.instance_mut(task);
        instance.place = Place::Over;
        instance.done = done;
        let instances = &self.states[task.node].instances;
        if instances.iter().any(|instance| instance.place != Place::Over) {
            return;
        }
        let failed = instances.iter().any(|instance| instance.done.is_none());
        let cached = instances.iter().all(|instance| instance.cached);
        let state = match (failed, cached) {
            (true, _) => StepState::Failed,
            (false, true) => StepState::Cached,
            (false, false) => StepState::Succeeded,
        };
        self.end(task.node, state);
    }

    /// Notes the end of a step and of those that end with it. They are worked off one by one: a chain of steps may be
    /// as long as a workflow.
    fn end(&mut self, node: usize, state: StepState) {
        self.ending.push_back((node, state));
        if self.is_ending {
            return;
        }
        self.is_ending = true;
        while let Some((node, state)) = self.ending.pop_front() {
            self.ended(node, state);
        }
        self.is_ending = false;
    }

    fn ended(&mut self, node: usize, state: StepState) {
        let status = &mut self.states[node];
        status.phase = Phase::Ended(state);
        if status.message.is_none() {
            status.message = status.instances.iter().find_map(|instance| instance.message.clone());
        }
        if !matches!(state, StepState::Skipped | StepState::Omitted) {
            let instances = status.instances.iter().map(|instance| instance.done.clone()).collect();
            let step = self.plan.node(node);
            self.results.keep(node, &step.name, step.map.is_some(), instances);
        }
        self.results.values.ended(&self.plan.node(node).name, state.status());
        self.notices.push(Notice::Ended { node });
        if !std::mem::replace(&mut self.states[node].counted, true) {
            self.count(node);
        }
        self.unblock(node);
    }

    /// The first end of a step: those behind it wait for one less.
    fn count(&mut self, node: usize) {
        if node >= self.plan.steps {
            self.exit_next = Some(node + 1).filter(|next| *next < self.plan.entries.len());
            if let Some(next) = self.exit_next {
                self.consider(next);
            }
            return;
        }
        self.open -= 1;
        for index in 0..self.plan.entries[node].children.len() {
            let child = self.plan.entries[node].children[index];
            self.states[child].waiting -= 1;
            if self.states[child].waiting == 0 && self.states[child].phase == Phase::Waiting {
                self.consider(child);
            }
        }
        self.exit_if_done();
    }

    /// Starts the exit steps when all others are through.
    pub(super) fn exit_if_done(&mut self) {
        let none = self.plan.steps == self.plan.entries.len();
        if self.open > 0 || self.exit_next.is_some() || self.stopping || none {
            return;
        }
        self.expired = false;
        self.results.values.status = Some(self.status().to_owned());
        self.exit_next = Some(self.plan.steps);
        self.consider(self.plan.steps);
    }

    /// `Succeeded`, or `Failed` if a step failed and its failure is neither tolerated nor handled, or the time was up.
    /// A step that did not run
    /// because one before it failed is no failure of its own.
    pub(in crate::run) fn status(&self) -> &'static str {
        let failed = |node: usize| match self.states[node].phase {
            Phase::Ended(StepState::Failed) => self.blocks(node) && !self.is_handled(node),
            Phase::Ended(StepState::Omitted) => !self.is_closed(node),
            _ => false,
        };
        if (0..self.plan.steps).any(failed) { "Failed" } else { "Succeeded" }
    }

    /// Whether something before a step keeps it from running. How a step ended whose status it reads does not.
    fn is_closed(&self, node: usize) -> bool {
        let awaited = self.plan.node(node).awaited();
        self.plan.entries[node]
            .parents
            .iter()
            .any(|parent| self.blocks(*parent) && !awaited.contains(&self.plan.node(*parent).name.as_str()))
    }

    /// Whether a step that reads the status of this one has run.
    fn is_handled(&self, node: usize) -> bool {
        let name = self.plan.node(node).name.as_str();
        self.plan.entries[node].children.iter().any(|child| {
            let ran = matches!(
                self.states[*child].phase,
                Phase::Ended(StepState::Succeeded | StepState::Cached | StepState::Failed)
            );
            ran && self.plan.node(*child).awaited().contains(&name)
        })
    }

    /// Whether steps behind this one cannot run.
    fn blocks(&self, node: usize) -> bool {
        match self.states[node].phase {
            Phase::Ended(StepState::Omitted) => true,
            Phase::Ended(StepState::Failed) => !self.plan.node(node).settings.continue_on_failure,
            _ => false,
        }
    }

    /// Decides about a step whose predecessors are through: omitted, skipped, or on.
    pub(super) fn consider(&mut self, node: usize) {
        let step = self.plan.node(node);
        let name = step.name.clone();
        if self.expired || self.is_closed(node) {
            self.record(Record::Omitted { step: name });
            return self.end(node, StepState::Omitted);
        }
        let of_items = step.condition.as_ref().filter(|condition| reads_item(condition));
        let held = |item: Option<&Value>| {
            step.condition.as_ref().is_none_or(|condition| self.results.values.holds(condition, item))
        };
        let items = match of_items {
            None if !held(None) => Ok(None),
            None => self.items(node).map(Some),
            // Whether an item is wanted is decided one by one; a step of which none is wanted was skipped.
            Some(_) => self.items(node).map(|items| {
                let wanted: Vec<Option<Value>> =
                    items.into_iter().filter(|item| held(item.as_ref())).collect();
                (!wanted.is_empty()).then_some(wanted)
            }),
        };
        self.states[node].phase = Phase::Active;
        match items {
            Ok(None) => {
                self.record(Record::Skipped { step: name });
                return self.end(node, StepState::Skipped);
            }
            Ok(Some(items)) => {
                self.states[node].instances = items.into_iter().map(Instance::new).collect();
            }
            Err(message) => {
                let (item, attempt, retry_in) = (None, 1, None);
                self.states[node].message = Some(message.clone());
                self.record(Record::Failed { step: name, item, attempt, message, retry_in });
                return self.end(node, StepState::Failed);
            }
        }
        if self.states[node].instances.is_empty() {
            return self.end(node, StepState::Succeeded);
        }
        for instance in 0..self.states[node].instances.len() {
            self.enqueue(Task { node, instance });
        }
    }

    fn items(&self, node: usize) -> Result<Vec<Option<Value>>, String> {
        let Some(map) = &self.plan.node(node).map else { return Ok(vec![None]) };
        let values = &self.results.values;
        let list = |text: Option<&String>, reference: &str| -> Result<Vec<Value>, String> {
            let text = text.ok_or_else(|| format!("its items come from {reference}, which has no value"))?;
            let items: Vec<Value> = serde_json::from_str(text).map_err(|_| {
                let shown: String = text.chars().take(60).collect();
                format!("its items come from {reference}, which is no JSON list: {shown}")
            })?;
            if items.len() > MOST_ITEMS {
                return Err(format!(
                    "its {} items from {reference} are more than the {MOST_ITEMS} that a map may have",
                    items.len()
                ));
            }
            Ok(items)
        };
        let items = match &map.over {
            MapItems::List { .. } | MapItems::Range { .. } | MapItems::Product { .. } => {
                map.over.fixed().unwrap_or_default()
            }
            MapItems::Output { step, output } => list(values.get(step, output), &format!("{step}.{output}"))?,
            MapItems::Parameter { name } => {
                list(values.parameters.get(name), &format!("the parameter {name}"))?
            }
        };
        Ok(items.into_iter().map(Some).collect())
    }

    /// Artifacts that a task needs are gone: the steps that wrote them run again first.
    pub(super) fn lost(&mut self, task: Task, nodes: &[usize]) {
        self.instance_mut(task).place = Place::Blocked;
        for &node in nodes {
            self.states[task.node].blocked_on.insert(node);
            if !matches!(self.states[node].phase, Phase::Ended(_)) {
                continue;
            }
            self.record(Record::Lost { step: self.plan.node(node).name.clone() });
            self.notices.push(Notice::Lost { node });
            self.states[node].phase = Phase::Active;
            for instance in 0..self.states[node].instances.len() {
                let item = self.states[node].instances[instance].item.take();
                self.states[node].instances[instance] = Instance { fresh: false, ..Instance::new(item) };
                self.enqueue(Task { node, instance });
            }
        }
    }

    fn unblock(&mut self, node: usize) {
        for index in 0..self.plan.entries[node].children.len() {
            let child = self.plan.entries[node].children[index];
            if !self.states[child].blocked_on.remove(&node) {
                continue;
            }
            let failed = self.blocks(node);
            let free = self.states[child].blocked_on.is_empty();
            for instance in 0..self.states[child].instances.len() {
                let task = Task { node: child, instance };
                if self.instance(task).place != Place::Blocked {
                    continue;
                }
                if failed {
                    let message = format!("{} could not be made again", self.plan.node(node).name);
                    self.instance_mut(task).message = Some(message);
                    self.over(task, None);
                } else if free {
                    self.enqueue(task);
                }
            }
        }
    }

    /// The time limit of the workflow has passed. The caller ends what runs; nothing else starts but the exit steps.
    pub(in crate::run) fn expire(&mut self) {
        if self.exit_next.is_some() {
            return;
        }
        self.expired = true;
        self.ready.clear();
        self.delayed.clear();
        self.announced.clear();
        for node in 0..self.plan.steps {
            for instance in 0..self.states[node].instances.len() {
                let task = Task { node, instance };
                let place = self.instance(task).place;
                if matches!(place, Place::Running | Place::Over) {
                    continue;
                }
                if matches!(place, Place::Announced(_)) {
                    self.states[node].busy -= 1;
                }
                self.instance_mut(task).message = Some("the time limit of the workflow passed".into());
                self.over(task, None);
            }
        }
    }

    /// How each step stands: ended, or stopped if it was begun or never reached.
    pub(in crate::run) fn outcome(&self, node: usize) -> (StepState, Option<&str>, &[Option<Done>]) {
        let Status { phase, message, .. } = &self.states[node];
        let state = match phase {
            Phase::Ended(state) => *state,
            Phase::Waiting | Phase::Active => StepState::Stopped,
        };
        (state, message.as_deref(), self.results.done.get(&node).map_or(&[], Vec::as_slice))
    }
}
