//! A workflow as the linter looks at it.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::super::read::{list, list_at, string};
use crate::api::Problem;

/// The faults found, each once.
#[derive(Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    seen: HashSet<(String, String)>,
}

impl Findings {
    pub(super) fn add(
        &mut self,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (path, message) = (path.into(), message.into());
        if self.seen.insert((path.clone(), message.clone())) {
            self.problems.push(Problem::new(path, message, hint));
        }
    }

    pub(super) fn finished(self) -> Vec<Problem> {
        self.problems
    }
}

/// The specification of a workflow, wherever it stands.
pub(super) struct Spec<'a> {
    /// The resource around it.
    pub(super) resource: &'a Value,
    /// JSON pointer of the specification.
    pub(super) pointer: &'a str,
    pub(super) value: &'a Value,
    /// The templates by name; of several with one name the first.
    pub(super) templates: HashMap<&'a str, &'a Value>,
    /// Workflow parameters.
    pub(super) parameters: HashSet<&'a str>,
}

impl<'a> Spec<'a> {
    pub(super) fn new(resource: &'a Value, pointer: &'a str, value: &'a Value) -> Self {
        let mut templates = HashMap::new();
        for template in list(value, "templates") {
            templates.entry(string(template, "name")).or_insert(template);
        }
        let parameters = list_at(value, "/arguments/parameters").iter().map(|p| string(p, "name")).collect();
        Self { resource, pointer, value, templates, parameters }
    }

    /// Whether parameters may come from the workflow that uses this one.
    pub(super) fn is_open(&self) -> bool {
        string(self.resource, "kind").ends_with("WorkflowTemplate") || self.uses_reference()
    }

    /// Whether the templates are in another resource.
    pub(super) fn uses_reference(&self) -> bool {
        self.value.get("workflowTemplateRef").is_some()
    }

    /// All templates with their JSON pointers.
    pub(super) fn all_templates(&self) -> impl Iterator<Item = (String, &'a Value)> {
        let pointer = self.pointer;
        let templates = list(self.value, "templates").iter().enumerate();
        templates.map(move |(index, template)| (format!("{pointer}/templates/{index}"), template))
    }

    /// The template that a call runs, if it is known here.
    pub(super) fn called(&self, call: &'a Value) -> Option<&'a Value> {
        call.get("inline").or_else(|| self.templates.get(string(call, "template")).copied())
    }
}

/// Whether a name has the form of template, task and step names.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.len() <= 128 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits)
}

/// Whether a name has the form of parameter and artifact names.
pub(super) fn is_port_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Names of the items of a list.
pub(super) fn names<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    list_at(value, pointer).iter().map(|item| string(item, "name")).collect()
}
