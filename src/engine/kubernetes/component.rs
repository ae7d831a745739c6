//! Components: the contract between their scripts and the engines.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::ports::{OUTPUTS as FOLDER, artifact_ports, chosen};
use crate::api::{ArtifactLocation, Input, Piece, References, Template};
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

/// Start of the names of variables with what is known only at run time. Put into the JSON of [`ARGS`] it could break it,
/// so a mark such as `@COULER_ARG_1@` stands there, which the runtime of components replaces.
pub(crate) const VALUE: &str = "COULER_ARG_";

/// JSON texts with a mark for each reference, and what the marks stand for.
pub(crate) struct Marks {
    references: References,
    /// All that the user wrote, where no mark may stand.
    written: String,
    number: usize,
    found: Vec<(Piece, String)>,
}

impl Marks {
    /// For the texts of a step; `written` holds all of them.
    pub(crate) fn new(node: &Node, written: String) -> Self {
        Self { references: node.references(), written, number: 0, found: Vec::new() }
    }

    /// A value with marks in its texts.
    pub(crate) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, item)| (key.clone(), self.value(item))).collect())
            }
            other => other.clone(),
        }
    }

    /// A text with marks.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let pieces = Template::parse(text, self.references).0;
        let marked = pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => text,
            other => format!("@{}@", self.variable(other)),
        });
        marked.collect()
    }

    fn variable(&mut self, piece: Piece) -> String {
        if let Some((_, name)) = self.found.iter().find(|(known, _)| *known == piece) {
            return name.clone();
        }
        loop {
            self.number += 1;
            let name = format!("{VALUE}{}", self.number);
            if !self.written.contains(&format!("@{name}@")) {
                self.found.push((piece, name.clone()));
                return name;
            }
        }
    }

    /// The variables that the marks stand for, each a reference.
    pub(crate) fn variables(self) -> Vec<(String, String)> {
        let reference = |piece| Template(vec![piece]).to_string();
        self.found.into_iter().map(|(piece, name)| (name, reference(piece))).collect()
    }
}

/// Puts into the texts of a step, read back from a manifest, what its marks stand for.
pub(crate) fn unmarked(texts: &mut [String], variables: &[(String, String)]) {
    for (name, value) in variables {
        let mark = format!("@{name}@");
        for text in texts.iter_mut().filter(|text| text.contains(&mark)) {
            *text = text.replace(&mark, value);
        }
    }
}

/// What a component reads from its environment.
pub(crate) struct Environment {
    /// Value of [`ARGS`].
    pub arguments: String,
    /// Value of [`INPUTS`].
    pub inputs: String,
    /// Value of [`OUTPUTS`].
    pub outputs: String,
    /// The variables that marks stand for, each a reference.
    pub values: Vec<(String, String)>,
}

impl Environment {
    /// The environment of a step with these arguments.
    pub(crate) fn new(node: &Node, arguments: &Value) -> Self {
        let inputs = Value::Object(inputs(node));
        let mut marks = Marks::new(node, format!("{arguments}{inputs}"));
        Self {
            arguments: marks.value(arguments).to_string(),
            inputs: marks.value(&inputs).to_string(),
            outputs: Value::Object(outputs(node)).to_string(),
            values: marks.variables(),
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
