//! What a step reads through its texts and conditions.

use crate::api::{Input, MapItems, Operand, Piece, Template};
use crate::ir::{Action, Node, NodeOutputKind};

/// Every text of a node that may hold references.
pub(crate) fn texts(node: &Node) -> Vec<String> {
    let mut found = Vec::new();
    match &node.action {
        Action::Container { image, command, args, working_dir } => {
            found.push(image.clone());
            found.extend(command.iter().chain(args).chain(working_dir).cloned());
        }
        Action::Script { source, arguments: None, .. } => found.push(source.clone()),
        Action::Script { arguments: Some(arguments), .. } => found.push(arguments.to_string()),
        Action::Job { job } => found.push(serde_json::to_string(job).unwrap_or_default()),
    }
    let cache_key = node.settings.cache.as_ref().and_then(|cache| cache.key.clone());
    found.extend(node.settings.env.values().cloned().chain(cache_key));
    let located =
        |location: &crate::api::ArtifactLocation| serde_json::to_string(location).unwrap_or_default();
    for input in &node.inputs {
        match input {
            Input::Parameter { value, .. } => found.push(value.clone()),
            Input::External { location, .. } => found.push(located(location)),
            Input::Artifact { .. } => {}
        }
    }
    for output in &node.outputs {
        if let NodeOutputKind::Artifact { store: Some(location), .. } = &output.kind {
            found.push(located(location));
        }
    }
    found
}

/// The references in the texts of a node, each once, in order.
pub(crate) fn references(node: &Node) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    for text in texts(node) {
        for piece in Template::parse(&text, node.map.is_some()).0 {
            if !matches!(piece, Piece::Text(_)) && !found.contains(&piece) {
                found.push(piece);
            }
        }
    }
    found
}

/// The scalars that a node reads, as (step, output); its own are left out.
pub(crate) fn scalars(node: &Node) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for piece in references(node) {
        if let Piece::Output { step, output } = piece {
            found.push((step, output));
        }
    }
    let conditions = node.condition.iter().chain(node.exec_while.as_ref().map(|repeat| &repeat.condition));
    for operand in conditions.flat_map(crate::api::Condition::operands) {
        if let Operand::Output { step, output } = operand {
            found.push((step.clone(), output.clone()));
        }
    }
    if let Some(MapItems::Output { step, output }) = node.map.as_ref().map(|map| &map.over) {
        found.push((step.clone(), output.clone()));
    }
    found.retain(|(step, _)| step != &node.name);
    found
}
