//! No step is cut off: what the text tells in one go hangs together.

use std::collections::HashSet;

use super::layout::Layout;
use super::{Check, Finding, Judged};
use crate::nl::document::Concept;
use serde_json::{Value, json};

/// See the module.
pub(super) struct Connected;

/// Tasks that are done for the steps behind them only.
const FOR_OTHERS: [&str; 10] = [
    "data.load",
    "data.clean",
    "data.filter",
    "data.split",
    "data.join",
    "data.select",
    "features.",
    "wait.",
    "git.clone",
    "model.load",
];

impl Check for Connected {
    fn name(&self) -> &'static str {
        "connected"
    }

    fn about(&self) -> &'static str {
        "no step stands apart from the others, is joined only in part, or prepares what nobody uses"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let Some(layout) = Layout::of(judged) else { return Vec::new() };
        let mut found = apart(judged, &layout);
        if found.is_empty() {
            found = unused(judged, &layout);
            found.extend(half_joined(&layout));
        }
        found
    }
}

/// A group of steps that neither waits for another group nor is waited for, although no word says so.
fn apart(judged: &Judged<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    let groups = groups(layout);
    let Some(first) = layout.by_place().first().copied() else { return Vec::new() };
    let mut found = Vec::new();
    for group in groups.iter().filter(|group| !group.contains(&first)) {
        let same = groups.iter().any(|other| other != group && work(layout, other) == work(layout, group));
        let beginnings: Vec<usize> =
            group.iter().copied().filter(|index| layout.steps[*index].waits.is_empty()).collect();
        let alone = beginnings.iter().any(|index| stands_alone(judged, layout, *index));
        if same || alone || beginnings.is_empty() {
            continue;
        }
        let step = layout.steps[beginnings[0]].step;
        let span = layout.steps[beginnings[0]].own.first().cloned().unwrap_or_default();
        let message = "nothing connects it with the steps before it: what does it wait for?";
        found.push(
            Finding::error("connected", Some(&step.name), message).at("after").because(judged.document, span),
        );
    }
    found
}

/// Steps that hang together, as groups.
fn groups(layout: &Layout<'_>) -> Vec<HashSet<usize>> {
    let mut groups: Vec<HashSet<usize>> = Vec::new();
    for (index, placed) in layout.steps.iter().enumerate() {
        let mut joined: HashSet<usize> = placed.waits.iter().copied().chain([index]).collect();
        groups.retain(|group| {
            let apart = group.is_disjoint(&joined);
            if !apart {
                joined.extend(group);
            }
            apart
        });
        groups.push(joined);
    }
    groups
}

/// What the steps of a group do, names and last words aside: groups that do the same are a series.
fn work(layout: &Layout<'_>, group: &HashSet<usize>) -> Vec<String> {
    let mut all: Vec<String> = group
        .iter()
        .map(|index| {
            let step = layout.steps[*index].step;
            let command = step.with.get("command").and_then(Value::as_array);
            let head: Vec<&Value> = command.into_iter().flatten().take(1).collect();
            json!([step.task, step.with.get("image"), head]).to_string()
        })
        .collect();
    all.sort();
    all
}

/// Whether the text says that a step waits for nothing.
fn stands_alone(judged: &Judged<'_>, layout: &Layout<'_>, index: usize) -> bool {
    layout.sentence_says(index, Concept::Beside)
        || layout.sentence_says(index, Concept::Together)
        || super::declared::says_what_it_waits_for(judged.document, &layout.steps[index].own)
}

/// A step that only prepares something for others, and nobody waits for it.
fn unused(judged: &Judged<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    let at_exit = json!(judged.answer.on_exit).to_string();
    layout
        .steps
        .iter()
        .enumerate()
        .filter(|(index, placed)| {
            let prepares = FOR_OTHERS.iter().any(|task| placed.step.task.starts_with(task));
            prepares
                && layout.steps.len() > 1
                && layout.followers(*index).next().is_none()
                && layout.steps.iter().any(|other| other.place > placed.place)
                && !at_exit.contains(&placed.step.name)
        })
        .map(|(_, placed)| {
            let message = "nothing waits for it, so it is done for nobody";
            Finding::error("connected", Some(&placed.step.name), message)
                .suggest("let the step that goes on from there wait for it")
        })
        .collect()
}

/// "When both are done": a step waits for one of two that run beside each other, and nothing waits for the other.
fn half_joined(layout: &Layout<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, placed) in layout.steps.iter().enumerate() {
        if placed.waits.is_empty() || !layout.says(index, Concept::All) {
            continue;
        }
        let left_out = layout.steps.iter().enumerate().find(|(other, candidate)| {
            let beside = |brother: &usize| {
                let brother = &layout.steps[*brother];
                let same = |a: &[usize], b: &[usize]| {
                    a.len() == b.len() && a.iter().all(|waited| b.contains(waited))
                };
                same(&brother.waits, &candidate.waits) && brother.step.task == candidate.step.task
            };
            *other != index
                && candidate.step.when.is_none()
                && candidate.place < placed.place
                && !placed.before.contains(other)
                && layout.followers(*other).next().is_none()
                && placed.waits.iter().any(beside)
        });
        if let Some((_, left_out)) = left_out {
            let message =
                format!("it does not wait for {}, although it follows all of them", left_out.step.name);
            found.push(
                Finding::error("connected", Some(&placed.step.name), message)
                    .at("after")
                    .suggest(format!("add {} to after", left_out.step.name)),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::{findings, run};

    #[test]
    fn steps_hang_together() {
        let text = "Run fetch, then lint and test side by side. When both are done ship.";
        let of = |lint: &[&str], test: &[&str], ship: &[&str]| {
            json!([
                run("fetch", "Run fetch", &[]),
                run("lint", "then lint", lint),
                run("test", "test", test),
                run("ship", "When both are done ship.", ship)
            ])
        };
        for (steps, fine) in [
            (of(&["fetch"], &["fetch"], &["lint", "test"]), true),
            (of(&["fetch"], &["fetch"], &["lint"]), false),
            (of(&["fetch"], &["fetch"], &[]), false),
        ] {
            assert_eq!(findings("connected", text, &steps).is_empty(), fine, "{steps}");
        }
        // A series of jobs that have nothing to do with each other.
        let text = "Run fetch north. Run fetch south.";
        let steps = json!([run("fetch", "Run fetch north", &[]), run("fetch-2", "Run fetch south", &[])]);
        let mut steps = steps;
        steps[1]["with"]["command"] = json!(["fetch", "south"]);
        assert_eq!(findings("connected", text, &steps), Vec::<String>::new());
    }
}
