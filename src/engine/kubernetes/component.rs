//! Components: the contract between their scripts and the engines.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::ports::{OUTPUTS as FOLDER, artifact_ports, chosen};
use crate::api::{ArtifactLocation, Input};
use crate::ir::{Action, Node, NodeOutputKind};

/// Annotation of what comes from a component.
pub(crate) const COMPONENT: &str = "couler.dev/component";
/// Annotation that says what a step does.
pub(crate) const DESCRIPTION: &str = "couler.dev/description";
/// Variable with the arguments, a JSON object.
pub(crate) const ARGS: &str = "COULER_ARGS";
/// Variable with a JSON object from port to path or address.
pub(crate) const INPUTS: &str = "COULER_INPUTS";
/// Variable with a JSON object from output to path.
pub(crate) const OUTPUTS: &str = "COULER_OUTPUTS";
/// Variable with the folder for scalars, one file each.
pub(crate) const VALUES: &str = "COULER_VALUES";

/// What a component reads from its environment.
pub(crate) struct Environment {
    /// Value of [`ARGS`].
    pub arguments: String,
    /// Value of [`INPUTS`].
    pub inputs: String,
    /// Value of [`OUTPUTS`].
    pub outputs: String,
}

impl Environment {
    /// The environment of a step with these arguments.
    pub(crate) fn new(node: &Node, arguments: &Value) -> Self {
        Self {
            arguments: arguments.to_string(),
            inputs: Value::Object(inputs(node)).to_string(),
            outputs: Value::Object(outputs(node)).to_string(),
        }
    }
}

/// Whether the step is a component, whose source is fixed.
pub(crate) fn is_component(node: &Node) -> bool {
    matches!(&node.action, Action::Script { arguments: Some(_), .. })
}

/// Whether the step opens the address itself, as components do.
pub(crate) fn is_address(node: &Node, location: &ArtifactLocation) -> bool {
    is_component(node) && matches!(location, ArtifactLocation::Uri { .. })
}

fn outputs(node: &Node) -> Map<String, Value> {
    let path = |kind: &NodeOutputKind, name: &str| match kind {
        NodeOutputKind::Artifact { path, .. } => Some(json!(chosen(path.as_ref(), FOLDER, name))),
        NodeOutputKind::Parameter { .. } => None,
    };
    let all = node.outputs.iter();
    all.filter_map(|output| Some((output.name.clone(), path(&output.kind, &output.name)?))).collect()
}

/// Port to path or address; a list if the port is given several times.
fn inputs(node: &Node) -> Map<String, Value> {
    let mut ports: IndexMap<&str, Vec<Value>> = IndexMap::new();
    for (_, path, input) in artifact_ports(node) {
        let value = match input {
            Input::External { location: ArtifactLocation::Uri { uri }, .. } => uri.clone(),
            _ => path,
        };
        ports.entry(input.name()).or_default().push(Value::String(value));
    }
    let one = |mut values: Vec<Value>| {
        if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
    };
    ports.into_iter().map(|(name, values)| (name.to_owned(), one(values))).collect()
}
