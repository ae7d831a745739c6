//! Files and values that a step reads and writes, in both targets.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::super::EngineError;
use super::super::kubernetes::component::{ARGS, Marks, is_component};
use super::super::kubernetes::expansion::{Variables, in_pod};
use super::super::kubernetes::ports::{OUTPUTS, VALUES};
use super::context::Context;
use super::modules::Module;
use super::place::{Direction, place};
use super::python::Expr;
use super::task::{Arguments, set};
use super::text::{jinja, templated};
use crate::api::{ArtifactLocation, Input, Piece, Template};
use crate::ir::{Action, Node, NodeOutputKind};

/// Where a target keeps the files of a run.
const POD_FOLDER: &str = "/couler";
const LOCAL_FOLDER: &str = "{{ run_folder() }}";
/// Folder of artifacts that a step reads, if nothing else is said.
const INPUTS: &str = "/tmp/couler/inputs";

fn folder(context: &Context<'_>) -> &'static str {
    if context.is_local() { LOCAL_FOLDER } else { POD_FOLDER }
}

/// The part of a path that tells the instances of a mapped step apart.
pub(crate) fn instance(node: &Node) -> &'static str {
    if node.map.is_some() { "/{{ ti.map_index }}" } else { "" }
}

fn values_folder(context: &Context<'_>, node: &Node) -> String {
    if context.is_local() {
        format!("{LOCAL_FOLDER}/{}/values{}", node.name, instance(node))
    } else {
        VALUES.to_owned()
    }
}

/// The arguments about files and values. Returns whether there are any.
///
/// # Errors
/// Places outside the workflow that Airflow cannot open.
pub(crate) fn fill(context: &Context<'_>, node: &Node, arguments: &mut Arguments) -> Result<(), EngineError> {
    scalars(context, node, arguments);
    reads(node, arguments);
    let mut writes = Vec::new();
    let mut optional = Vec::new();
    let mut stores = Vec::new();
    for output in &node.outputs {
        let NodeOutputKind::Artifact { path, store, optional: may_be_missing, .. } = &output.kind else {
            continue;
        };
        let chosen =
            path.clone().or_else(|| (!is_component(node)).then(|| format!("{OUTPUTS}/{}", output.name)));
        let written = chosen.as_ref().map_or_else(|| Expr::code("None"), Expr::text);
        writes.push((output.name.clone(), written));
        if *may_be_missing {
            optional.push(Expr::text(&output.name));
        }
        if let Some(location) = store {
            context.uses(if context.is_local() { Module::LocalPlace } else { Module::Place });
            let from = chosen.unwrap_or_else(|| format!("{POD_FOLDER}/{}/{}", node.name, output.name));
            stores.push((from, place(node, location, Direction::Write)?));
        }
    }
    dictionary(arguments, "writes", writes);
    if !optional.is_empty() {
        set(arguments, "optional", Expr::List(optional));
    }
    let mut fetches = Vec::new();
    for (path, input) in external(node) {
        let Input::External { location, .. } = input else { continue };
        context.uses(if context.is_local() { Module::LocalPlace } else { Module::Place });
        fetches.push((path, place(node, location, Direction::Read)?));
    }
    dictionary(arguments, "fetches", fetches);
    dictionary(arguments, "stores", stores);
    Ok(())
}

fn dictionary(arguments: &mut Arguments, name: &str, entries: Vec<(String, Expr)>) {
    if !entries.is_empty() {
        set(arguments, name, Expr::Dict(entries));
    }
}

fn scalars(context: &Context<'_>, node: &Node, arguments: &mut Arguments) {
    let mut values = Vec::new();
    let mut defaults = Vec::new();
    for output in &node.outputs {
        if let NodeOutputKind::Parameter { path, default } = &output.kind {
            let path =
                path.clone().unwrap_or_else(|| format!("{}/{}", values_folder(context, node), output.name));
            values.push((output.name.clone(), Expr::text(path)));
            defaults.extend(default.as_ref().map(|default| (output.name.clone(), Expr::text(default))));
        }
    }
    dictionary(arguments, "values", values);
    dictionary(arguments, "defaults", defaults);
    if context.is_read(node, "result") && !context.is_local() {
        let unknown = matches!(&node.action, Action::Container { command, .. } if command.is_empty());
        set(arguments, if unknown { "logs_result" } else { "prints_result" }, Expr::code("True"));
    }
}

/// Where artifacts of other steps are put; components find them where they are.
fn reads(node: &Node, arguments: &mut Arguments) {
    if is_component(node) {
        return;
    }
    let mut entries = Vec::new();
    for (path, input) in ports(node) {
        if let Input::Artifact { step, output, .. } = input {
            entries.push((path, Expr::text(format!("{step}/{output}"))));
        }
    }
    dictionary(arguments, "reads", entries);
}

/// External inputs with their paths, without the addresses that components open themselves.
fn external(node: &Node) -> Vec<(String, &Input)> {
    let mut found = ports(node);
    found.retain(|(_, input)| matches!(input, Input::External { .. }) && !is_address(node, input));
    found
}

fn is_address(node: &Node, input: &Input) -> bool {
    is_component(node) && matches!(input, Input::External { location: ArtifactLocation::Uri { .. }, .. })
}

/// The artifacts a step reads with their paths; several of one port are numbered.
fn ports(node: &Node) -> Vec<(String, &Input)> {
    let artifacts = || node.inputs.iter().filter(|input| !matches!(input, Input::Parameter { .. }));
    let mut seen: IndexMap<&str, usize> = IndexMap::new();
    artifacts()
        .map(|input| {
            let name = input.name();
            let number = *seen.entry(name).and_modify(|count| *count += 1).or_insert(0);
            let repeated = artifacts().filter(|other| other.name() == name).count() > 1;
            let chosen = match input {
                Input::Artifact { path, .. } | Input::External { path, .. } => path.clone(),
                Input::Parameter { .. } => None,
            };
            let file = if repeated { format!("{name}-{number}") } else { name.to_owned() };
            (chosen.unwrap_or_else(|| format!("{INPUTS}/{file}")), input)
        })
        .collect()
}

/// The environment of a step: input parameters, what a component reads, what the settings say.
pub(crate) fn environment(context: &Context<'_>, node: &Node) -> Vec<(String, Expr)> {
    let references = node.references();
    let kept = |text: &str| {
        if context.is_local() {
            templated(text, references)
        } else {
            templated(&in_pod(text, Variables::Expand), references)
        }
    };
    let mut variables: IndexMap<String, Expr> = IndexMap::new();
    for input in &node.inputs {
        if let Input::Parameter { name, value } = input {
            variables.insert(name.clone(), kept(value));
        }
    }
    if let Action::Script { arguments: Some(arguments), .. } = &node.action {
        let uris: Vec<&str> = node.inputs.iter().filter_map(uri).collect();
        let mut marks = Marks::new(node, format!("{arguments}{}", uris.concat()));
        variables.insert(ARGS.into(), kept(&marks.value(arguments).to_string()));
        variables.insert("COULER_INPUTS".into(), Expr::text(component_inputs(context, node, &mut marks)));
        let outputs: Map<String, Value> = artifact_names(node)
            .map(|(name, path)| {
                let own = format!("{}/{}/{name}{}", folder(context), node.name, instance(node));
                (name.to_owned(), Value::String(path.cloned().unwrap_or(own)))
            })
            .collect();
        variables.insert("COULER_OUTPUTS".into(), Expr::text(Value::Object(outputs).to_string()));
        variables.insert("COULER_VALUES".into(), Expr::text(values_folder(context, node)));
        let values = marks.variables().into_iter();
        variables.extend(values.map(|(name, reference)| (name, templated(&reference, references))));
    }
    for (name, value) in &node.settings.env {
        variables.entry(name.clone()).or_insert_with(|| kept(value));
    }
    variables.into_iter().collect()
}

/// The address that a component opens itself.
fn uri(input: &Input) -> Option<&str> {
    match input {
        Input::External { location: ArtifactLocation::Uri { uri }, .. } => Some(uri),
        _ => None,
    }
}

fn artifact_names(node: &Node) -> impl Iterator<Item = (&str, Option<&String>)> {
    node.outputs.iter().filter_map(|output| match &output.kind {
        NodeOutputKind::Artifact { path, .. } => Some((output.name.as_str(), path.as_ref())),
        NodeOutputKind::Parameter { .. } => None,
    })
}

/// Port to path or address, as a JSON template; a list if the port is given several times.
fn component_inputs(context: &Context<'_>, node: &Node, marks: &mut Marks) -> String {
    let mut found: IndexMap<&str, Vec<Value>> = IndexMap::new();
    for (path, input) in ports(node) {
        let value = match input {
            Input::Artifact { step, output, path: None, .. } => {
                format!("{}/{step}/{output}", folder(context))
            }
            Input::External { location: ArtifactLocation::Uri { uri }, .. } => {
                jinja(&Template(vec![Piece::Text(marks.text(uri))]))
            }
            _ => path,
        };
        found.entry(input.name()).or_default().push(Value::String(value));
    }
    let ports: Map<String, Value> = found
        .into_iter()
        .map(|(name, mut values)| {
            let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
            (name.to_owned(), value)
        })
        .collect();
    Value::Object(ports).to_string()
}

/// Whether a step has values or files that somebody else handles.
pub(crate) fn has_any(context: &Context<'_>, node: &Node) -> bool {
    let external = |input: &Input| !matches!(input, Input::Parameter { .. });
    !node.outputs.is_empty()
        || node.inputs.iter().any(external)
        || context.is_read(node, "result")
        || is_component(node)
        || node.settings.cache.is_some()
}

/// Reuse of earlier results. The default key holds the step, everything its artifacts come from, and its values.
pub(crate) fn cache(context: &Context<'_>, node: &Node, arguments: &mut Arguments) {
    let Some(cache) = &node.settings.cache else { return };
    let key = match &cache.key {
        Some(key) => templated(key, node.references()),
        None => {
            let digest = format!("{}-{}", node.name, context.digest(&node.name));
            let mut references = node.pieces();
            if node.map.is_some() && !references.contains(&crate::api::Piece::Item(None)) {
                references.push(crate::api::Piece::Item(None));
            }
            Expr::text(
                references
                    .into_iter()
                    .fold(digest, |key, piece| format!("{key} {}", jinja(&Template(vec![piece])))),
            )
        }
    };
    set(arguments, "cache_key", key);
    if let Some(age) = cache.max_age {
        set(arguments, "cache_max_age", Expr::seconds(age.seconds()));
    }
}
