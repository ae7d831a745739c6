//! What differs between two programs, by meaning: steps, edges, settings.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::api::{Program, Step, direct_dependencies, flatten_steps};
use crate::ir::{Components, Workflow, lower};
use crate::nl::edit::rename_in;

/// A changed field of a step or of the workflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// Its JSON pointer without the first slash.
    pub field: String,
    /// What it was; nothing if it is new.
    pub before: Option<Value>,
    /// What it is; nothing if it is gone.
    pub after: Option<Value>,
}

/// A step that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepChange {
    /// Its name.
    pub step: String,
    /// The name that it had, if another one.
    pub renamed_from: Option<String>,
    /// What changed in it.
    pub fields: Vec<FieldChange>,
}

/// What differs between two programs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Difference {
    /// New steps, with what they run.
    pub added: Vec<(String, String)>,
    /// Steps that are gone.
    pub removed: Vec<String>,
    /// Steps that are another.
    pub changed: Vec<StepChange>,
    /// New edges, from the earlier to the later step.
    pub edges_added: Vec<(String, String)>,
    /// Edges that are gone.
    pub edges_removed: Vec<(String, String)>,
    /// What changed of the workflow as a whole.
    pub workflow: Vec<FieldChange>,
    /// Which step reads what from where, where that changed although nobody said so.
    pub wiring: Vec<String>,
}

impl Difference {
    /// Compares two programs; `components` wires them.
    pub fn between(before: &Program, after: &Program, components: &dyn Components) -> Self {
        let old = flatten_steps(before);
        let new = flatten_steps(after);
        let find = |list: &[(String, &Step)], name: &str| list.iter().any(|(_, step)| step.name == name);
        let mut added: Vec<&Step> =
            new.iter().map(|(_, step)| *step).filter(|step| !find(&old, &step.name)).collect();
        let mut removed: Vec<&Step> =
            old.iter().map(|(_, step)| *step).filter(|step| !find(&new, &step.name)).collect();
        let renamed = renamings(&mut removed, &mut added);
        let mut changed = Vec::new();
        for (_, step) in &new {
            let former = renamed.iter().find(|(_, now)| *now == step.name).map(|(old, _)| old.clone());
            let name = former.as_deref().unwrap_or(&step.name);
            let Some((_, earlier)) = old.iter().find(|(_, earlier)| earlier.name == name) else { continue };
            let fields = fields_of_step(earlier, step, &renamed);
            if former.is_some() || !fields.is_empty() {
                changed.push(StepChange { step: step.name.clone(), renamed_from: former, fields });
            }
        }
        let edges = |program: &Program| -> BTreeSet<(String, String)> {
            let now = |name: String| {
                renamed.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new.clone())
            };
            let all = flatten_steps(program);
            all.iter()
                .flat_map(|(_, step)| {
                    direct_dependencies(step).into_iter().map(|earlier| (earlier, step.name.clone()))
                })
                .map(|(from, to)| (now(from), now(to)))
                .collect()
        };
        let (earlier, later) = (edges(before), edges(after));
        Self {
            added: added.iter().map(|step| (step.name.clone(), what(step))).collect(),
            removed: removed.iter().map(|step| step.name.clone()).collect(),
            changed,
            edges_added: later.difference(&earlier).cloned().collect(),
            edges_removed: earlier.difference(&later).cloned().collect(),
            workflow: fields_of_workflow(before, after),
            wiring: wiring(before, after, components),
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.edges_added.is_empty()
            && self.edges_removed.is_empty()
            && self.workflow.is_empty()
    }
}

/// Pairs of removed and added steps that differ in nothing but their name.
fn renamings(removed: &mut Vec<&Step>, added: &mut Vec<&Step>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let bare = |step: &Step| Step { name: String::new(), after: Vec::new(), ..step.clone() };
    removed.retain(|old| {
        let Some(at) = added.iter().position(|new| bare(new) == bare(old)) else { return true };
        found.push((old.name.clone(), added.remove(at).name.clone()));
        false
    });
    found
}

fn fields_of_step(before: &Step, after: &Step, renamed: &[(String, String)]) -> Vec<FieldChange> {
    let json = |step: &Step| {
        let mut bare = step.clone();
        bare.name.clear();
        // Edges are told apart from fields.
        bare.after.clear();
        bare.description = None;
        serde_json::to_value(&bare).unwrap_or_default()
    };
    let mut old = [before.clone()];
    for (from, to) in renamed {
        rename_in(&mut old, from, to);
    }
    let mut found = Vec::new();
    compare("", &json(&old[0]), &json(after), &mut found);
    found
}

fn fields_of_workflow(before: &Program, after: &Program) -> Vec<FieldChange> {
    let json = |program: &Program| {
        let bare = Program { steps: Vec::new(), on_exit: Vec::new(), description: None, ..program.clone() };
        serde_json::to_value(&bare).unwrap_or_default()
    };
    let mut found = Vec::new();
    compare("", &json(before), &json(after), &mut found);
    found
}

fn compare(at: &str, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (before, after) {
        for (name, value) in old {
            let field = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
            match new.get(name) {
                Some(other) => compare(&field, value, other, found),
                None => gone(&field, value, found),
            }
        }
        for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            let field = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
            new_field(&field, value, found);
        }
        return;
    }
    found.push(FieldChange {
        field: at.to_owned(),
        before: Some(before.clone()),
        after: Some(after.clone()),
    });
}

/// What is new is told value by value.
fn new_field(at: &str, value: &Value, found: &mut Vec<FieldChange>) {
    match value.as_object().filter(|map| !map.is_empty()) {
        Some(map) => map.iter().for_each(|(name, value)| new_field(&format!("{at}/{name}"), value, found)),
        None => found.push(FieldChange { field: at.to_owned(), before: None, after: Some(value.clone()) }),
    }
}

fn gone(at: &str, value: &Value, found: &mut Vec<FieldChange>) {
    match value.as_object().filter(|map| !map.is_empty()) {
        Some(map) => map.iter().for_each(|(name, value)| gone(&format!("{at}/{name}"), value, found)),
        None => found.push(FieldChange { field: at.to_owned(), before: Some(value.clone()), after: None }),
    }
}

/// Inputs that come from elsewhere now, of steps that are in both programs.
fn wiring(before: &Program, after: &Program, components: &dyn Components) -> Vec<String> {
    let (Ok(old), Ok(new)) = (lower(before, components), lower(after, components)) else { return Vec::new() };
    let read = |workflow: &Workflow, name: &str| -> Vec<(String, String)> {
        let node = workflow.nodes().find(|node| node.name == name);
        let inputs = node.into_iter().flat_map(|node| &node.inputs);
        inputs
            .filter_map(|input| match input {
                crate::api::Input::Artifact { name, step, output, .. } => {
                    Some((name.clone(), format!("{step}.{output}")))
                }
                _ => None,
            })
            .collect()
    };
    let mut found = Vec::new();
    for node in new.nodes().filter(|node| old.nodes().any(|other| other.name == node.name)) {
        let earlier = read(&old, &node.name);
        for (port, from) in read(&new, &node.name) {
            let mut was = earlier.iter().filter(|(other, _)| *other == port).map(|(_, from)| from).peekable();
            if was.peek().is_some() && was.all(|was| *was != from) {
                found.push(format!("{} reads {port} from {from}", node.name));
            }
        }
    }
    found
}

/// What a step runs, in short.
fn what(step: &Step) -> String {
    use crate::api::Function;
    match &step.run {
        Function::Component(call) => call.component.clone(),
        Function::RunContainer(call) => call.image.clone(),
        other => other.name().to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            items.iter().map(shown).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// A field as people call it.
fn called(field: &str) -> String {
    let field = field.strip_prefix("run/with/").or_else(|| field.strip_prefix("settings/")).unwrap_or(field);
    let field = field.strip_prefix("run/").unwrap_or(field);
    field.replace(['/', '_'], " ")
}

/// "reads x from train.model" for each input, "writes x" for each output.
fn ports(field: &str, list: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let port = |item: &Value| {
        let name = text(&item["name"]);
        match (field, item["kind"].as_str()) {
            ("outputs", _) => {
                let path = item["source"]["path"].as_str();
                path.map_or_else(|| format!("writes {name}"), |path| format!("writes {name} to {path}"))
            }
            (_, Some("artifact")) => {
                format!("reads {name} from {}.{}", text(&item["step"]), text(&item["output"]))
            }
            (_, Some("parameter")) => format!("reads {name} from {}", text(&item["value"])),
            _ => {
                let location = item["location"].as_object().into_iter().flatten();
                let words: Vec<String> =
                    location.filter(|(key, _)| *key != "kind").map(|(_, value)| shown(value)).collect();
                format!("reads {name} from {}", words.join(" "))
            }
        }
    };
    list.and_then(Value::as_array).into_iter().flatten().map(port).collect()
}

/// Ports that are new or gone, in words.
fn port_changes(change: &FieldChange) -> String {
    let (before, after) =
        (ports(&change.field, change.before.as_ref()), ports(&change.field, change.after.as_ref()));
    let gone = before.iter().filter(|port| !after.contains(port)).map(|port| format!("no longer {port}"));
    let new = after.iter().filter(|port| !before.contains(port)).cloned();
    let parts: Vec<String> = gone.chain(new).collect();
    if parts.is_empty() { format!("{}: another order", change.field) } else { parts.join("; ") }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field == "inputs" || self.field == "outputs" {
            return formatter.write_str(&port_changes(self));
        }
        let name = called(&self.field);
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(formatter, "{name}: {} → {}", shown(before), shown(after)),
            (None, Some(after)) => write!(formatter, "{name}: {}", shown(after)),
            (Some(before), None) => write!(formatter, "{name}: no longer {}", shown(before)),
            (None, None) => write!(formatter, "{name}"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("nothing differs");
        }
        let mut lines = Vec::new();
        for change in &self.workflow {
            lines.push(format!("~ workflow  {change}"));
        }
        for (name, what) in &self.added {
            lines.push(format!("+ {name}  {what}"));
        }
        for name in &self.removed {
            lines.push(format!("- {name}"));
        }
        for change in &self.changed {
            if let Some(former) = &change.renamed_from {
                lines.push(format!("~ {}  was called {former}", change.step));
            }
            for field in &change.fields {
                lines.push(format!("~ {}  {field}", change.step));
            }
        }
        for (from, to) in &self.edges_added {
            lines.push(format!("+ {from} → {to}"));
        }
        for (from, to) in &self.edges_removed {
            lines.push(format!("- {from} → {to}"));
        }
        for line in &self.wiring {
            lines.push(format!("~ {line}"));
        }
        formatter.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_are_told_in_words() {
        let input =
            |output: &str| json!({"kind": "artifact", "name": "x", "step": "train", "output": output});
        let change = |before: Option<Value>, after: Value| FieldChange {
            field: "inputs".into(),
            before,
            after: Some(after),
        };
        assert_eq!(change(None, json!([input("model")])).to_string(), "reads x from train.model");
        assert_eq!(
            change(Some(json!([input("model")])), json!([input("other")])).to_string(),
            "no longer reads x from train.model; reads x from train.other"
        );
        let parameter = json!([{"kind": "parameter", "name": "SCORE", "value": "{{steps.train.result}}"}]);
        assert_eq!(change(None, parameter).to_string(), "reads SCORE from {{steps.train.result}}");
    }

    #[test]
    fn a_new_name_changes_nothing_else() {
        let step: Step = serde_json::from_value(json!({"name": "data", "run": {"function": "component",
            "component": "data.load", "with": {"source": "data.csv"}}}))
        .unwrap();
        let renamed = Step { name: "rows".into(), ..step.clone() };
        assert!(fields_of_step(&step, &renamed, &[("data".into(), "rows".into())]).is_empty());
    }
}
