//! From the parts back to the graph. What waits for what is read from the gates, marks and dependencies as they stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::super::super::RecoveredGraph;
use super::super::super::parts::{Joints, Reference, joined, noted, over};
use super::super::read::{dependencies, list_at, resources, string, workflow_spec};
use super::super::recover::words::{Bindings, unified};
use super::super::recover::{RecoverError, recovered, steps, templates};
use super::{ledger, part};

/// Recovers the graph of a workflow in parts from a text with all its documents.
///
/// # Errors
/// [`RecoverError`] if there is no parent, a part is missing, or a gate waits for what no step marks.
pub fn recover_parts(text: &str) -> Result<RecoveredGraph, RecoverError> {
    let resources = resources(text).map_err(RecoverError::Syntax)?;
    let all: Vec<&Value> = resources.iter().map(|(_, resource)| resource).collect();
    let parent = all.iter().find(|resource| string(resource, "kind") != "WorkflowTemplate");
    let parent = *parent.ok_or(RecoverError::NoWorkflow)?;
    let mut whole = recovered(parent)?;
    let over = order(workflow_spec(parent).1);
    let mut books = Books::default();
    let mut found: BTreeMap<usize, BTreeMap<_, _>> = BTreeMap::new();
    let mut exact = BTreeMap::new();
    for template in all.iter().filter(|resource| string(resource, "kind") == "WorkflowTemplate") {
        let number = template.pointer("/metadata/labels").and_then(|labels| labels.get(part::PART));
        let Some(number) = number.and_then(Value::as_str).and_then(|number| number.parse().ok()) else {
            continue;
        };
        let (_, spec) = workflow_spec(template);
        books.read(spec);
        let annotations = template.pointer("/metadata/annotations").unwrap_or(&Value::Null);
        exact.extend(noted(string(annotations, part::AFTER)));
        found.insert(number, steps(spec)?);
    }
    if over.keys().ne(found.keys()) {
        let (created, given): (Vec<_>, Vec<_>) = (over.keys().collect(), found.keys().collect());
        let message = format!("the parent creates the parts {created:?}, given are {given:?}");
        return Err(RecoverError::Parts(message));
    }
    whole.parallelism = limit(workflow_spec(parent).1);
    let (gates, references) = books.resolved()?;
    joined(whole, found, &Joints { gates, references, helpers: books.helpers, exact, over })
        .map_err(RecoverError::Parts)
}

/// Each part that the parent creates, with all parts that are over by then.
fn order(spec: &Value) -> BTreeMap<usize, BTreeSet<usize>> {
    let templates = templates(spec);
    let main = templates.get(string(spec, "entrypoint")).copied().unwrap_or(&Value::Null);
    let number = |name: &str| name.strip_prefix("part-").and_then(|number| number.parse::<usize>().ok());
    let direct = |task: &Value| dependencies(task).into_iter().filter_map(number).collect();
    over(
        list_at(main, "/dag/tasks")
            .iter()
            .filter_map(|task| Some((number(string(task, "name"))?, direct(task)))),
    )
}

/// The limit of steps at once, which the parent writes into the ledger.
fn limit(spec: &Value) -> Option<u32> {
    let manifests =
        list_at(spec, "/templates").iter().filter_map(|template| template.pointer("/resource/manifest"));
    let entries = manifests.filter_map(Value::as_str).flat_map(entries);
    entries.into_iter().find(|(key, _)| key == ledger::PARALLELISM)?.1.trim_matches('"').parse().ok()
}

/// The entries of the manifest of a ledger. Its values are no YAML before Argo has replaced their references.
fn entries(manifest: &str) -> Vec<(String, String)> {
    let data = manifest.split_once("\ndata:\n").map_or("", |(_, data)| data);
    let entry = |line: &str| {
        let (key, value) = line.trim().split_once(": ")?;
        Some((key.trim_matches('"').to_owned(), value.to_owned()))
    };
    data.lines().filter_map(entry).collect()
}

/// The steps that each gate waits for, and what is behind what it hands on.
type Resolved = (HashMap<String, BTreeSet<String>>, Vec<Reference>);

/// What gates and marks say.
#[derive(Default)]
struct Books {
    /// Tasks that are no steps.
    helpers: BTreeSet<String>,
    /// The step behind each mark.
    marks: HashMap<String, String>,
    /// The step and output behind each value.
    values: HashMap<String, (String, String)>,
    /// The marks that each gate waits for.
    gates: HashMap<String, BTreeSet<String>>,
    /// Gate, what it hands on, and the key of the value.
    handed: Vec<(String, String, String)>,
}

impl Books {
    fn read(&mut self, spec: &Value) {
        let templates = templates(spec);
        let main = templates.get(string(spec, "entrypoint")).copied().unwrap_or(&Value::Null);
        let tasks = list_at(main, "/dag/tasks");
        let passing: HashMap<&str, &Value> = tasks
            .iter()
            .filter(|task| {
                templates.get(string(task, "template")).is_some_and(|template| is_passing(template))
            })
            .map(|task| (string(task, "name"), task))
            .collect();
        self.helpers.extend(passing.keys().map(|name| (*name).to_owned()));
        for task in tasks {
            let Some(template) = templates.get(string(task, "template")) else { continue };
            let resource = template.get("resource").unwrap_or(&Value::Null);
            let manifest = string(resource, "manifest");
            if !manifest.contains("\n  name: couler-{{workflow.parameters.") {
                continue;
            }
            self.helpers.insert(string(task, "name").to_owned());
            if string(resource, "action") == "get" {
                self.read_gate(string(task, "name"), template, resource);
            } else {
                self.read_mark(task, manifest, &passing);
            }
        }
    }

    fn read_gate(&mut self, name: &str, template: &Value, resource: &Value) {
        let conditions = string(resource, "successCondition").split(',');
        let marks = conditions.filter_map(|one| one.strip_prefix("data.")?.strip_suffix(" == done"));
        self.gates.insert(name.to_owned(), marks.map(str::to_owned).collect());
        for parameter in list_at(template, "/outputs/parameters") {
            let filter = parameter.pointer("/valueFrom/jqFilter").and_then(Value::as_str).unwrap_or_default();
            let key = filter.strip_prefix(".data[\"").and_then(|rest| rest.strip_suffix("\"]"));
            self.handed.extend(
                key.map(|key| (name.to_owned(), string(parameter, "name").to_owned(), key.to_owned())),
            );
        }
    }

    fn read_mark(&mut self, task: &Value, manifest: &str, passing: &HashMap<&str, &Value>) {
        let behind = |name: &str| {
            passing.get(name).map_or_else(
                || vec![name.to_owned()],
                |task| dependencies(task).into_iter().map(str::to_owned).collect(),
            )
        };
        let step = dependencies(task).into_iter().flat_map(behind).next().unwrap_or_default();
        let arguments: Bindings = list_at(task, "/arguments/parameters")
            .iter()
            .map(|given| (string(given, "name").to_owned(), string(given, "value").to_owned()))
            .collect();
        for (key, value) in entries(manifest) {
            if value == ledger::DONE {
                self.marks.insert(unified(&key, &arguments), step.clone());
                continue;
            }
            let name = value
                .strip_prefix("{{=toJson(inputs.parameters['")
                .and_then(|rest| rest.strip_suffix("'])}}"));
            let text = name.and_then(|name| arguments.get(name)).map(|text| unified(text, &arguments));
            let output = text.and_then(|text| {
                let inner = text.strip_prefix("{{steps.")?.strip_suffix("}}")?;
                inner.split_once('.').map(|(step, output)| (step.to_owned(), output.to_owned()))
            });
            self.values.extend(output.map(|output| (key, output)));
        }
    }

    /// The steps that each gate waits for, and what is behind what it hands on.
    fn resolved(&self) -> Result<Resolved, RecoverError> {
        let unknown = |key: &str| RecoverError::Parts(format!("nothing writes {key:?} into the ledger"));
        let mut gates = HashMap::new();
        for (gate, marks) in &self.gates {
            let steps: Result<BTreeSet<String>, RecoverError> =
                marks.iter().map(|mark| self.marks.get(mark).cloned().ok_or_else(|| unknown(mark))).collect();
            gates.insert(gate.clone(), steps?);
        }
        let mut references = Vec::new();
        for (gate, output, key) in &self.handed {
            let (step, of_step) = self.values.get(key).cloned().ok_or_else(|| unknown(key))?;
            references.push(Reference { gate: gate.clone(), output: output.clone(), step, of_step });
        }
        Ok((gates, references))
    }
}

/// Whether a template only keeps a file for other parts.
fn is_passing(template: &Value) -> bool {
    list_at(template, "/inputs/artifacts").iter().any(|file| string(file, "path") == part::PASSING)
}
