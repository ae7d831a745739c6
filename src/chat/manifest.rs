//! What a change does to the files of each engine.

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::api::Program;
use crate::engine::{GenerateOptions, engines};
use crate::ir::{Components, lower};
use crate::tune::{SearchParts, share_searches};

/// What a change does to one engine's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestChange {
    /// The engine.
    pub engine: String,
    /// New lines.
    pub added: usize,
    /// Lines that are gone.
    pub removed: usize,
    /// Why the engine cannot express the new program.
    pub refused: Option<String>,
    /// The unified difference.
    #[serde(skip)]
    pub unified: String,
}

/// The files of an engine as one text.
pub(super) fn manifest(
    program: &Program,
    engine: &dyn crate::engine::Engine,
    components: &dyn Components,
) -> Result<String, String> {
    let mut program = program.clone();
    share_searches(&mut program, SearchParts::default());
    let workflow = lower(&program, components).map_err(|problems| problems.to_string())?;
    let files = engine.generate(&workflow, &GenerateOptions::default()).map_err(|error| error.to_string())?;
    Ok(files.into_iter().map(|file| file.content).collect())
}

/// What a change does to the files of every engine.
pub fn manifest_changes(
    before: Option<&Program>,
    after: &Program,
    components: &dyn Components,
) -> Vec<ManifestChange> {
    engines()
        .iter()
        .map(|engine| {
            let old =
                before.map(|program| manifest(program, engine.as_ref(), components).unwrap_or_default());
            let name = engine.name().to_owned();
            match manifest(after, engine.as_ref(), components) {
                Err(reason) => ManifestChange {
                    engine: name,
                    added: 0,
                    removed: 0,
                    refused: Some(reason),
                    unified: String::new(),
                },
                Ok(new) => compared(name, old.as_deref().unwrap_or_default(), &new),
            }
        })
        .collect()
}

fn compared(engine: String, old: &str, new: &str) -> ManifestChange {
    let diff = TextDiff::from_lines(old, new);
    // A manifest that moves into another one is indented, not changed.
    let bare = |text: &str| text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
    let (old_bare, new_bare) = (bare(old), bare(new));
    let moved = TextDiff::from_lines(&old_bare, &new_bare);
    let count = |tag: ChangeTag| moved.iter_all_changes().filter(|change| change.tag() == tag).count();
    ManifestChange {
        added: count(ChangeTag::Insert),
        removed: count(ChangeTag::Delete),
        refused: None,
        unified: diff.unified_diff().context_radius(2).header(&engine, &engine).to_string(),
        engine,
    }
}

/// One line about all engines.
pub(super) fn in_one_line(changes: &[ManifestChange]) -> String {
    let parts: Vec<String> = changes
        .iter()
        .map(|change| match &change.refused {
            Some(reason) => format!(
                "{}: cannot express it ({})",
                change.engine,
                reason.lines().next().unwrap_or_default()
            ),
            None => format!("{} +{} −{}", change.engine, change.added, change.removed),
        })
        .collect();
    format!("manifest lines: {}", parts.join(", "))
}
