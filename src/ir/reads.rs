//! What a step reads through its texts and conditions.

use super::{Action, Node, NodeOutputKind};
use crate::api::{ArtifactLocation, Condition, Input, MapItems, Operand, Piece};

impl Node {
    /// Every text of it that may hold references; nested values are JSON.
    pub fn texts(&self) -> Vec<String> {
        let mut found = Vec::new();
        match &self.action {
            Action::Container { image, command, args, working_dir } => {
                found.push(image.clone());
                found.extend(command.iter().chain(args).chain(working_dir).cloned());
            }
            Action::Script { source, arguments: None, .. } => found.push(source.clone()),
            Action::Script { arguments: Some(arguments), .. } => found.push(arguments.to_string()),
            Action::Job { job } => found.push(serde_json::to_string(job).unwrap_or_default()),
        }
        let cache_key = self.settings.cache.as_ref().and_then(|cache| cache.key.clone());
        found.extend(self.settings.env.values().cloned().chain(cache_key));
        let located = |location: &ArtifactLocation| serde_json::to_string(location).unwrap_or_default();
        for input in &self.inputs {
            match input {
                Input::Parameter { value, .. } => found.push(value.clone()),
                Input::External { location, .. } => found.push(located(location)),
                Input::Artifact { .. } => {}
            }
        }
        for output in &self.outputs {
            if let NodeOutputKind::Artifact { store: Some(location), .. } = &output.kind {
                found.push(located(location));
            }
        }
        found
    }

    /// The references in its texts, each once, in order.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut found: Vec<Piece> = Vec::new();
        for text in self.texts().iter().filter(|text| text.contains("{{")) {
            for piece in self.template(text).0 {
                if !matches!(piece, Piece::Text(_)) && !found.contains(&piece) {
                    found.push(piece);
                }
            }
        }
        found
    }

    /// The scalars that it reads, as (step, output); its own are left out. How a step ended is one of them.
    pub fn scalars(&self) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for piece in self.pieces() {
            if let Piece::Output { step, output } = piece {
                found.push((step, output));
            }
        }
        let conditions =
            self.condition.iter().chain(self.exec_while.as_ref().map(|repeat| &repeat.condition));
        for operand in conditions.flat_map(Condition::operands) {
            if let Operand::Output { step, output } = operand {
                found.push((step.clone(), output.clone()));
            }
        }
        if let Some(MapItems::Output { step, output }) = self.map.as_ref().map(|map| &map.over) {
            found.push((step.clone(), output.clone()));
        }
        found.retain(|(step, _)| step != &self.name);
        found
    }
}
