//! A new step whose port nothing feeds waits for the nearest step that could.

use crate::api::Program;
use crate::ir::Components;
use crate::nl::base::assemble::provider;
use crate::nl::edit::{Applied, Edit, EditError, apply};

/// Carries edits out; new steps are given the predecessors that their ports need.
pub(super) fn apply_fed(
    program: &Program,
    edits: &[Edit],
    components: &dyn Components,
) -> Result<Applied, EditError> {
    let mut edits = edits.to_vec();
    let mut notes = Vec::new();
    let new = edits.iter().filter(|edit| matches!(edit, Edit::Add { .. } | Edit::Replace { .. })).count();
    for _ in 0..new * 2 {
        let problems = match apply(program, &edits, components) {
            Err(EditError::Invalid(problems)) => problems,
            done => return done.map(|applied| with_notes(applied, notes)),
        };
        let fed = problems.0.iter().any(|problem| {
            let port = problem.message.split('"').nth(1).unwrap_or_default();
            feed(program, &mut edits, &problem.path, port, components).is_some_and(|provider| {
                notes.push(format!("{} runs after {provider}, whose output it needs", problem.path));
                true
            })
        });
        if !fed {
            return Err(EditError::Invalid(problems));
        }
    }
    apply(program, &edits, components).map(|applied| with_notes(applied, notes))
}

fn with_notes(mut applied: Applied, mut notes: Vec<String>) -> Applied {
    notes.append(&mut applied.notes);
    applied.notes = notes;
    applied
}

/// Lets a step wait for one that can feed a port of it; gives that one.
fn feed(
    program: &Program,
    edits: &mut Vec<Edit>,
    name: &str,
    port: &str,
    components: &dyn Components,
) -> Option<String> {
    let sketch = crate::nl::edit::sketch(program, edits);
    let index = sketch.steps.iter().position(|step| step.name == name)?;
    let concerned = |edit: &&mut Edit| {
        matches!(edit, Edit::Add { .. } | Edit::Replace { .. }) && edit.subject() == Some(name)
    };
    let edit = edits.iter_mut().find(concerned)?;
    let provider = provider(components, &sketch, index, port)?;
    if let Edit::Add { step, .. } = edit {
        step.after.push(provider.clone());
    } else {
        let mut after = sketch.steps[index].after.clone();
        after.push(provider.clone());
        edits.push(Edit::Rewire { step: name.to_owned(), after });
    }
    Some(provider)
}
