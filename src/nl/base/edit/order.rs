//! What waits for what: "B after A", "A and B at the same time", "B needs A no longer".

use std::sync::LazyLock;

use regex::Regex;

use super::place;
use super::read::{Context, Wish};
use super::steps::Meant;
use crate::api::{ancestors, direct_dependencies};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

/// "A does not wait for B".
static INDEPENDENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(.+?)\b(?:(?:does|do|should|must|need|shall|can|may|is|has)(?: not|n'?t)|never|no longer|needn'?t|without)\b[^.;]{0,20}?\b(?:wait(?:s|ing)?(?: for| on)?|depends?(?: on)?|needs?|requires?|be (?:run |executed )?after|come after)\b(.+)$|^(.+?)\b(?:is|are|be|runs?) independent (?:of|from)\b(.+)$",
    )
});
/// "A after B": (how, B).
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(.+?)\b(?:(right |directly |immediately |straight |only )?(?:after|behind|following|once|as soon as)|(?:(?:should|must|has to|have to|needs? to|shall|will|can|may) )?(only )?(?:waits? (?:for|on|until)|depends? on|needs?|requires?|comes? after))\b(.+)$",
    )
});
static AFTER_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:(only )?(?:after|once|when|as soon as)) (.+?)(?: (?:is|are|has|have)(?: been)? (?:done|finished|complete\w*|over|ready|through)| finishes| finished)?,? (?:then )?(?:please )?(?:run|start|do|execute|comes?|go(?:es)?) (.+)$",
    )
});
/// "A only when B is done": (A, only, B).
static DONE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(.+?)\b(only )?(?:when|once|after|as soon as|until) (.+?) (?:is|are|has|have)(?: been)? (?:all |both )?(?:done|finished|complete\w*|over|ready|through|trained|there|ended)\W*$",
    )
});
static BEFORE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(.+?)\b(?:before|ahead of|prior to|in front of|precedes?)\b(.+)$"));
static TOGETHER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:in parallel|at the same time|at once|simultaneously|concurrently|side by side|next to each other|beside each other|together)\b|\bparallel\b",
    )
});
static BESIDE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(.+?)\b(?:next to|beside|alongside|in parallel (?:with|to)|parallel to|at the same time as|together with|concurrently with|while)\b(.+)$",
    )
});
/// The step waits for nothing else.
static EXACT: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:right|directly|immediately|straight|only|already|as soon as|belongs?|move|goes|put|place)\b")
});
/// What may stand in front of an order beside the step itself.
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:run|runs|start|starts|started|execute\w*|do|does|put|place|move|let|make|have|should|must|shall|can|could|may|might|has|have|needs?|to|be|is|are|come|comes|go|goes|belongs?|only|already|right|directly|immediately|straight|and|or|the|a|an|step|steps|task|both|all|please|again|it|that|this|them|they|each|every|training|trainings|will|ought|want|i|we|you|also|too|as|well|done|finish|finishes|finished|complete|completes|end|ends|first|happen|happens|not|no|now|instead|then)\b",
    )
});

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause.trim_end_matches('!');
    if let Some(found) = INDEPENDENT.captures(text) {
        let (step, other) =
            (found.get(1).or(found.get(3))?.as_str(), found.get(2).or(found.get(4))?.as_str());
        return independent(context, step, other);
    }
    if let Some(found) = AFTER_FIRST.captures(text) {
        let steps = steps_of(context, &found[3])?;
        let others = others_of(context, &found[2])?;
        return wait(context, &steps, &others, found.get(1).is_some());
    }
    if let Some(found) = DONE.captures(text)
        && let Some((steps, others)) = steps_of(context, &found[1]).zip(others_of(context, &found[3]))
    {
        return wait(context, &steps, &others, false);
    }
    if let Some(found) = BESIDE.captures(text) {
        if let Some((steps, others)) = steps_of(context, &found[1]).zip(others_of(context, &found[2])) {
            return beside(context, &steps, &others);
        }
        // "It belongs after A and can run next to B."
        if let Some(first) = AFTER.captures(&found[1]) {
            let others = others_of(context, &first[4])?;
            return wait(context, &steps_of(context, &first[1])?, &others, true);
        }
    }
    if TOGETHER.is_match(text)
        && let Some(steps) = steps_of(context, &TOGETHER.replace_all(text, " "))
        && steps.len() > 1
    {
        return together(context, &steps);
    }
    if let Some(found) = BEFORE.captures(text)
        && let Some((steps, others)) = steps_of(context, &found[1]).zip(others_of(context, &found[2]))
    {
        let moved = EXACT.is_match(&found[1]) && found[1].to_lowercase().contains("move");
        return before(context, &steps, &others, moved);
    }
    let found = AFTER.captures(text)?;
    let steps = steps_of(context, &found[1])?;
    let others = others_of(context, &found[4])?;
    let exact = found.get(2).is_some() || found.get(3).is_some() || EXACT.is_match(&found[1]);
    wait(context, &steps, &others, exact)
}

/// The steps that the first part of an order is about: nothing but steps and plain words may stand there.
fn steps_of(context: &Context<'_>, text: &str) -> Option<Vec<String>> {
    if let Some(chosen) = context.chosen {
        return Some(vec![chosen.to_owned()]);
    }
    let rest = context.steps.without_names(text);
    let rest = PLAIN.replace_all(&rest, " ");
    if rest.chars().any(char::is_alphanumeric) || !place::wanted_images(context).is_empty() {
        return None;
    }
    match context.steps.meant(text) {
        Meant::Steps(steps) => Some(steps),
        Meant::Unclear(_) => None,
        Meant::Nothing => {
            let known: Vec<String> =
                context.focus.iter().filter(|name| context.steps.get(name).is_some()).cloned().collect();
            (!known.is_empty()).then_some(known)
        }
    }
}

fn others_of(context: &Context<'_>, text: &str) -> Option<Vec<String>> {
    match context.steps.meant(text) {
        // "After the trainings": all of them.
        Meant::Steps(steps) | Meant::Unclear(steps) => Some(steps),
        Meant::Nothing => {
            let pronoun =
                [" it", " that", " this", " them"].iter().any(|word| text.trim_end().ends_with(word));
            let known: Vec<String> =
                context.focus.iter().filter(|name| context.steps.get(name).is_some()).cloned().collect();
            (pronoun && !known.is_empty()).then_some(known)
        }
    }
}

fn wait(context: &Context<'_>, steps: &[String], others: &[String], exact: bool) -> Option<Wish> {
    let before = ancestors(context.steps.program);
    let mut edits = Vec::new();
    for name in steps {
        let step = context.steps.get(name)?;
        let others: Vec<&String> = others.iter().filter(|other| *other != name).collect();
        if others.is_empty() {
            return None;
        }
        let reached = |other: &String| before.get(name).is_some_and(|all| all.contains(other));
        let after: Vec<String> = if exact {
            others.iter().map(|other| (*other).clone()).collect()
        } else {
            if others.iter().all(|other| reached(other) && step.after.contains(*other)) {
                continue;
            }
            let mut after = step.after.clone();
            after.extend(
                others.iter().filter(|other| !step.after.contains(**other)).map(|other| (*other).clone()),
            );
            after
        };
        if after != step.after {
            edits.push(Edit::Rewire { step: name.clone(), after });
        }
    }
    if edits.is_empty() {
        return Some(Wish::Already(format!("{} waits for {} already", steps.join(", "), others.join(", "))));
    }
    Some(Wish::Edits(edits))
}

fn before(context: &Context<'_>, steps: &[String], others: &[String], moved: bool) -> Option<Wish> {
    if !moved {
        return wait(context, others, steps, false);
    }
    // A step that moves takes the place in front of the other one.
    let mut edits = Vec::new();
    for name in steps {
        let step = context.steps.get(name)?;
        for other in &context.steps.program.steps {
            if other.after.contains(name) && !others.contains(&other.name) {
                edits.push(Edit::Rewire {
                    step: other.name.clone(),
                    after: without(&other.after, name, &step.after),
                });
            }
        }
        let first = context.steps.get(others.first()?)?;
        let waits = without(&first.after, name, &step.after);
        edits.push(Edit::Rewire { step: name.clone(), after: waits });
        for other in others {
            edits.push(Edit::Rewire { step: other.clone(), after: vec![name.clone()] });
        }
    }
    Some(Wish::Edits(edits))
}

/// A list with one name replaced by others.
fn without(list: &[String], name: &str, with: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for earlier in list {
        let new: &[String] = if earlier == name { with } else { std::slice::from_ref(earlier) };
        found.extend(new.iter().filter(|name| !found.contains(name)).cloned().collect::<Vec<_>>());
    }
    found
}

fn independent(context: &Context<'_>, step: &str, other: &str) -> Option<Wish> {
    let steps = steps_of(context, step)?;
    let others = others_of(context, other)?;
    let mut edits = Vec::new();
    for name in &steps {
        let step = context.steps.get(name)?;
        let mut after = step.after.clone();
        for other in &others {
            // What it waited for through the other one it waits for still.
            let earlier: Vec<String> = context.steps.get(other).map(direct_dependencies).unwrap_or_default();
            after = without(&after, other, &earlier);
        }
        if after != step.after {
            edits.push(Edit::Rewire { step: name.clone(), after });
        }
        let mut bare = step.clone();
        bare.after.clear();
        if let Some(read) = direct_dependencies(&bare).iter().find(|read| others.contains(read)) {
            return Some(Wish::Impossible(format!(
                "{name} reads a value of {read}, so it has to wait for it; change its condition or arguments first"
            )));
        }
    }
    if edits.is_empty() {
        return Some(Wish::Already(format!("{} does not wait for {}", steps.join(", "), others.join(", "))));
    }
    Some(Wish::Edits(edits))
}

/// Steps that run side by side wait for what the first of them waits for.
fn together(context: &Context<'_>, steps: &[String]) -> Option<Wish> {
    let mut ordered: Vec<&String> = steps.iter().collect();
    let before = ancestors(context.steps.program);
    ordered.sort_by_key(|name| before.get(*name).map_or(0, std::collections::HashSet::len));
    let (first, rest) = ordered.split_first()?;
    let rest: Vec<String> = rest.iter().map(|name| (*name).clone()).collect();
    beside(context, &rest, std::slice::from_ref(first))
}

fn beside(context: &Context<'_>, steps: &[String], others: &[String]) -> Option<Wish> {
    let other = context.steps.get(others.first()?)?;
    let mut edits = Vec::new();
    for name in steps.iter().filter(|name| !others.contains(name)) {
        let step = context.steps.get(name)?;
        let after: Vec<String> = other.after.iter().filter(|earlier| *earlier != name).cloned().collect();
        if after != step.after {
            edits.push(Edit::Rewire { step: name.clone(), after });
        }
    }
    if edits.is_empty() {
        return Some(Wish::Already("these steps do not wait for each other".into()));
    }
    Some(Wish::Edits(edits))
}
