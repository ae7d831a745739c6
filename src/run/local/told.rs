//! Places that a step was told to write to: its declared outputs and the paths among its arguments.
//!
//! What a script says by itself is no permission, and neither is what another step wrote: an argument that is made of
//! another step's output may be a path, but nobody has said that this step may write there.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::outputs;
use crate::api::{Piece, References, Template};
use crate::ir::{Action, Node};
use crate::run::prepare::Prepared;

pub(super) fn places(node: &Node, prepared: &Prepared, folder: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        node.outputs.iter().filter_map(|output| outputs::declared(output, folder)).collect();
    let Action::Script { arguments: Some(written), .. } = &node.action else { return places };
    let Some(filled) = &prepared.arguments else { return places };
    let mut open = vec![(written, filled)];
    while let Some(pair) = open.pop() {
        match pair {
            (Value::String(written), Value::String(filled)) if !filled.contains('\n') => {
                let path = filled.strip_prefix("file://").unwrap_or(filled);
                if path.starts_with(['/', '.']) && is_the_users(written) {
                    places.push(folder.join(path));
                }
            }
            (Value::Array(written), Value::Array(filled)) => open.extend(written.iter().zip(filled)),
            (Value::Object(written), Value::Object(filled)) => {
                open.extend(filled.iter().filter_map(|(key, value)| Some((written.get(key)?, value))));
            }
            _ => {}
        }
    }
    places
}

/// Whether nothing in a text comes from a step. Items may.
fn is_the_users(written: &str) -> bool {
    let pieces = Template::parse(written, References::ValuesAndItem).0;
    !pieces.iter().any(|piece| matches!(piece, Piece::Output { .. } | Piece::Item(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_wrote_is_no_permission() {
        assert!(is_the_users("/data/{{parameters.name}}.csv"));
        assert!(!is_the_users("{{steps.a.result}}") && !is_the_users("/data/{{item.path}}"));
    }
}
