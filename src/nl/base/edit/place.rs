//! New steps: which components a wish asks for, and where they go.

use std::sync::LazyLock;

use regex::Regex;

use super::read::{Addition, Context, Wish};
use super::steps::{Meant, Steps, image_of};
use crate::api::{PortType, Task};
use crate::ir::Components;
use crate::nl::base::algorithms::named_algorithms;
use crate::nl::base::cues::asked_for;
use crate::nl::base::exit::{ALWAYS, FAILURE};
use crate::nl::base::literals::{LiteralKind, literals};
use crate::nl::pattern::regex;

/// Where new steps go.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Place {
    /// They wait for these.
    pub(super) after: Vec<String>,
    /// These wait for them.
    pub(super) before: Vec<String>,
    /// They run at the end whatever happened.
    pub(super) at_end: bool,
    /// Their condition.
    pub(super) when: Option<String>,
}

/// Words that ask for something in addition.
pub(super) static ADDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:add|append|insert|include|another|additional|additionally|extra|as well|too|also|besides|in addition|compete|candidates?|contest|take part|alongside|second|third|join in|forgot|missing)\b",
    )
});
/// Words that certainly ask for a new step.
static NEW: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:add|append|insert|forgot|create|introduce|put in|another (?:step|task|model|container))\b")
});
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b((?:right|directly|immediately|straight) )?(?:after|behind|following|once|as soon as|when)\b(.+)$",
    )
});
static BEFORE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:before|ahead of|prior to|in front of)\b(.+)$"));
static BETWEEN: LazyLock<Regex> = LazyLock::new(|| regex(r"\bbetween\b(.+?)\band\b(.+)$"));
static BESIDE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:next to|beside|alongside|in parallel (?:with|to)|parallel to|at the same time as|together with)\b(.+)$",
    )
});
static FIRST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:first(?: of all)?|at the (?:very )?(?:beginning|start)|to begin with|up front|initially|(?:start|begin)(?:ning)? (?:it |everything )?(?:with|by))\b",
    )
});
static LAST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:at the (?:very )?end|finally|last(?:ly)?|in the end|afterwards|after (?:that|everything|all)|then|when (?:it|everything|all) is (?:done|finished))\b",
    )
});

/// Verbs and nouns of tasks whose words are too common to be certain in a long description, but are in a short wish.
static VERBS: LazyLock<Vec<(Regex, &'static str, bool)>> = LazyLock::new(|| {
    [
        (
            r"\b(?:deploy|ship|roll ?out|release|serve|put (?:it|the model) into production)\b",
            "model.deploy",
            true,
        ),
        (r"\b(?:save|store|upload|persist|export|keep|write|copy|copies|back ?up)\b", "data.save", true),
        (r"\b(?:load|read|ingest|import|fetch)\b", "data.load", true),
        (r"\b(?:evaluat\w*|assess\w*|measure)\b", "model.evaluate", false),
        (r"\b(?:e-?mail|mail)\b", "notify.email", false),
        (r"\bsplit\b", "data.split", false),
        (r"\bregister\b", "model.register", false),
        (r"\bcompare (?:them|the models|all models|both)\b", "model.compare", false),
        (r"\b(?:pick|select|choose|keep) the best\b", "model.select", false),
        (r"\b(?:an?|the|html|markdown|short|final|summary|weekly|monthly|daily|some) (?:\w+ )?(?:report|summary)\b|\breport at the end\b", "report.write", false),
        (r"\bpredict\b", "model.predict", false),
    ]
    .into_iter()
    .map(|(pattern, component, address)| (regex(pattern), component, address))
    .collect()
});

/// Whether the words of a wish ask for a step that is not there yet.
pub(super) fn asks_for_more(context: &Context<'_>) -> bool {
    ADDS.is_match(context.clause) || NEW.is_match(context.clause) || !wanted(context).is_empty()
}

/// Images of the wish that no step runs.
pub(super) fn wanted_images(context: &Context<'_>) -> Vec<String> {
    let known: Vec<&str> = context
        .steps
        .program
        .steps
        .iter()
        .chain(&context.steps.program.on_exit)
        .filter_map(|step| image_of(&step.run))
        .collect();
    crate::nl::base::images::images(context.clause)
        .into_iter()
        .filter(|image| image.text.contains(':') && !image.text.contains("://"))
        .map(|image| image.text)
        .filter(|image| !known.contains(&image.as_str()))
        .collect()
}

/// The components that a wish asks for, each with its words.
fn wanted(context: &Context<'_>) -> Vec<(String, String)> {
    let text = context.clause;
    let lake = context.steps.lake;
    let images = wanted_images(context);
    if !images.is_empty() {
        return images
            .iter()
            .map(|image| ("container.run".to_owned(), words_of(text, image, &images)))
            .collect();
    }
    // What comes before or after is the place, not the wish.
    let wish = without_place(text);
    let algorithms = named_algorithms(&wish);
    if !algorithms.is_empty() {
        return algorithms
            .into_iter()
            .filter(|(component, _)| lake.component(component).is_some())
            .map(|(component, words)| (component.to_owned(), words.to_owned()))
            .collect();
    }
    let mut cued = asked_for(&wish, lake);
    cued.dedup();
    if !cued.is_empty() {
        return cued.into_iter().map(|component| (component.to_owned(), text.to_owned())).collect();
    }
    let address =
        literals(text).iter().any(|literal| matches!(literal.kind, LiteralKind::Uri | LiteralKind::Image));
    VERBS
        .iter()
        .find(|(pattern, component, needs)| {
            // A step may be called by the verb.
            let found = pattern.find(&wish);
            found.is_some_and(|found| context.steps.get(&found.as_str().to_lowercase()).is_none())
                && (address || !needs)
                && lake.component(component).is_some()
        })
        .map(|(_, component, _)| ((*component).to_owned(), text.to_owned()))
        .into_iter()
        .collect()
}

/// The words around one of several images.
fn words_of(text: &str, image: &str, all: &[String]) -> String {
    let Some(start) = text.find(image) else { return text.to_owned() };
    let end = all
        .iter()
        .filter_map(|other| {
            text[start + image.len()..].find(other.as_str()).map(|at| start + image.len() + at)
        })
        .min()
        .unwrap_or(text.len());
    let words = &text[start..end];
    if all.len() == 1 {
        format!("run {words}")
    } else {
        format!("run {}", words.trim_end_matches([' ', ',']).trim_end_matches(" and"))
    }
}

/// A text without where its wish goes.
fn without_place(text: &str) -> String {
    let mut rest = text.to_owned();
    for pattern in [&BETWEEN, &BEFORE, &AFTER, &BESIDE] {
        // "After X, do Y" opens with the place.
        if let Some(found) = pattern.find(&rest) {
            if found.start() < 3 {
                let end = rest.find(',').map_or(0, |comma| comma + 1);
                rest = rest[end..].to_owned();
            } else {
                rest.truncate(found.start());
            }
        }
    }
    rest
}

/// Whether a wish asks for a step of a kind that the program does not have.
pub(super) fn is_new(context: &Context<'_>) -> bool {
    let wanted = wanted(context);
    !wanted.is_empty() && wanted.iter().any(|(component, _)| !exists(context, component))
}

fn exists(context: &Context<'_>, component: &str) -> bool {
    let called = |step: &crate::api::Step| super::steps::component_name(&step.run) == Some(component);
    component != "container.run"
        && context.steps.program.steps.iter().chain(&context.steps.program.on_exit).any(called)
}

/// "Add …", and images that no step runs yet.
pub(super) fn read_explicit(context: &Context<'_>) -> Option<Wish> {
    let wanted = wanted(context);
    let image = !wanted_images(context).is_empty();
    let algorithm =
        !named_algorithms(&without_place(context.clause)).is_empty() && ADDS.is_match(context.clause);
    // "Add F1 to the metrics" is a value of a step that is there.
    let fills = super::arguments::fits_step(context);
    ((NEW.is_match(context.clause) && !fills) || image || algorithm).then_some(())?;
    if wanted.is_empty() {
        return NEW.is_match(context.clause).then(|| Wish::Add(addition(context, Vec::new())));
    }
    Some(Wish::Add(addition(context, wanted)))
}

/// Wishes whose words ask for a component that no step has yet.
pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let wanted = wanted(context);
    let trains = |name: &str| {
        context.steps.lake.component(name).is_some_and(|component| component.task == Task::Train)
    };
    let learns = context
        .steps
        .program
        .steps
        .iter()
        .any(|step| context.steps.component(step).is_some_and(|component| component.task == Task::Train));
    // A second model is added only where the words say so.
    if learns && wanted.iter().any(|(component, _)| trains(component)) {
        return None;
    }
    let new = !wanted.is_empty() && wanted.iter().all(|(component, _)| !exists(context, component));
    // A value of a step that is there is no new step.
    (new && !super::arguments::fits_step(context)).then(|| Wish::Add(addition(context, wanted)))
}

fn addition(context: &Context<'_>, components: Vec<(String, String)>) -> Addition {
    let place = place(context, &components);
    Addition { text: context.clause.to_owned(), components, place }
}

/// Where new steps go: as the text says, else where steps of their kind usually stand.
pub(super) fn place(context: &Context<'_>, components: &[(String, String)]) -> Place {
    let text = context.clause;
    let notice = components.iter().all(|(name, _)| name.starts_with("notify."));
    if ALWAYS.is_match(text) || (FAILURE.is_match(text) && (notice || components.is_empty())) {
        let when =
            (!ALWAYS.is_match(text)).then(|| format!("{}.status != 'Succeeded'", crate::api::WORKFLOW));
        return Place { at_end: true, when, ..Place::default() };
    }
    let task = components
        .first()
        .and_then(|(name, _)| context.steps.lake.component(name))
        .map(|component| component.task);
    let mut found = stated(context, task).unwrap_or_else(|| usual(context.steps, task, text));
    let condition = super::condition::stated_of_new(context);
    if let Some((condition, steps)) = condition {
        // What the condition reads is finished before.
        for step in steps {
            if !found.after.contains(&step) && found.before.is_empty() {
                found.after.push(step);
            }
        }
        found.when = Some(condition);
    }
    found
}

/// Whether a step changes the table that flows through it, so that what follows reads its result.
fn transforms(task: Option<Task>) -> bool {
    matches!(task, Some(Task::Clean | Task::Feature | Task::Aggregate | Task::Join | Task::Split))
}

fn stated(context: &Context<'_>, task: Option<Task>) -> Option<Place> {
    let text = context.clause;
    let steps = |text: &str| match context.steps.meant(text) {
        Meant::Steps(names) | Meant::Unclear(names) => {
            names.into_iter().filter(|name| !context.steps.at_end(name)).collect::<Vec<String>>()
        }
        Meant::Nothing => Vec::new(),
    };
    if let Some(found) = BETWEEN.captures(text) {
        let (after, before) = (steps(&found[1]), steps(&found[2]));
        if !after.is_empty() && !before.is_empty() {
            return Some(Place { after, before: before.into_iter().take(1).collect(), ..Place::default() });
        }
    }
    if let Some(found) = BESIDE.captures(text) {
        let other = steps(&found[1]);
        if let Some(step) = other.first().and_then(|name| context.steps.get(name)) {
            return Some(Place { after: step.after.clone(), ..Place::default() });
        }
    }
    if let Some(found) = BEFORE.captures(text) {
        let before = steps(&found[1]);
        if !before.is_empty() {
            let after = shared(context.steps, &before);
            return Some(Place { after, before, ..Place::default() });
        }
    }
    if let Some(found) = AFTER.captures(text) {
        // "After transform, run …": the place ends at the comma.
        let words = found[2].split(',').next().unwrap_or_default().to_owned();
        let after = steps(&words);
        if !after.is_empty() {
            let inline = found.get(1).is_some() || transforms(task);
            let before = if inline { followers(context.steps, &after) } else { Vec::new() };
            return Some(Place { after, before, ..Place::default() });
        }
    }
    if FIRST.is_match(text) {
        return Some(first(context.steps, task));
    }
    (LAST.is_match(text) && !transforms(task))
        .then(|| Place { after: ends(context.steps), ..Place::default() })
}

/// What all of these wait for.
fn shared(steps: &Steps<'_>, names: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let after = steps.get(name).map(|step| step.after.clone()).unwrap_or_default();
        found.extend(after.into_iter().filter(|earlier| !found.contains(earlier)).collect::<Vec<_>>());
    }
    found
}

fn followers(steps: &Steps<'_>, names: &[String]) -> Vec<String> {
    steps
        .program
        .steps
        .iter()
        .filter(|step| step.after.iter().any(|earlier| names.contains(earlier)))
        .map(|step| step.name.clone())
        .collect()
}

/// Steps that nothing waits for.
fn ends(steps: &Steps<'_>) -> Vec<String> {
    let waited: Vec<String> = steps.program.steps.iter().flat_map(crate::api::direct_dependencies).collect();
    steps.program.steps.iter().map(|step| step.name.clone()).filter(|name| !waited.contains(name)).collect()
}

/// At the beginning: in front of everything, or behind what loads the data where data are needed.
fn first(steps: &Steps<'_>, task: Option<Task>) -> Place {
    let roots: Vec<String> = steps
        .program
        .steps
        .iter()
        .filter(|step| step.after.is_empty())
        .map(|step| step.name.clone())
        .collect();
    if transforms(task) {
        let before = followers(steps, &roots);
        return Place { after: roots, before, ..Place::default() };
    }
    Place { before: roots, ..Place::default() }
}

/// Where steps of a kind usually stand.
fn usual(steps: &Steps<'_>, task: Option<Task>, text: &str) -> Place {
    let of = |tasks: &[Task]| -> Vec<String> {
        steps
            .program
            .steps
            .iter()
            .filter(|step| steps.component(step).is_some_and(|component| tasks.contains(&component.task)))
            .map(|step| step.name.clone())
            .collect()
    };
    let trains = of(&[Task::Train, Task::Tune]);
    match task {
        Some(Task::Train | Task::Tune) if !trains.is_empty() => {
            let before = followers(steps, &trains)
                .into_iter()
                .filter(|name| {
                    steps.get(name).and_then(|step| steps.component(step)).is_some_and(|component| {
                        component.inputs.iter().any(|port| port.port_type == PortType::Model && port.many)
                    })
                })
                .collect();
            Place { after: shared(steps, &trains), before, ..Place::default() }
        }
        Some(Task::Evaluate) => {
            let models = of(&[Task::Select, Task::Train, Task::Tune]);
            Place { after: models.last().cloned().into_iter().collect(), ..Place::default() }
        }
        task if transforms(task) => {
            // In front of the first step that splits or learns.
            let learns = of(&[Task::Split, Task::Train, Task::Tune]);
            let Some(first) = learns.first() else {
                return Place { after: ends(steps), ..Place::default() };
            };
            let after = steps.get(first).map(|step| step.after.clone()).unwrap_or_default();
            let before = learns
                .iter()
                .filter(|name| steps.get(name).is_some_and(|step| step.after == after))
                .cloned()
                .collect();
            Place { after, before, ..Place::default() }
        }
        _ if FIRST.is_match(text) => first(steps, task),
        _ => Place { after: ends(steps), ..Place::default() },
    }
}
