//! What goes: steps, settings, conditions, values of lists.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::read::{Context, Wish};
use super::steps::Meant;
use crate::api::{Function, Step};
use crate::nl::base::cues::asked_for;
use crate::nl::base::evidence::mentioned_choices;
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

/// (verb, object), or (object, verb).
static REMOVES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    vec![
        regex(
            r"^(?:please |just |also |then |so |let'?s |can you |could you )*(?:remove|delete|drop|get rid of|take (?:out|away|off)|throw (?:out|away)|leave (?:out|away)|omit|skip|kill|cut(?: out)?|eliminate|scrap|forget(?: about)?|lose|ditch|cancel|turn off|switch off|disable|stop) (.+)$",
        ),
        regex(
            r"\b(?:i|we|you|one) (?:really )?(?:do(?: not|n'?t)|no longer|never|did(?: not|n'?t)) (?:really |actually )?(?:need|want|have to|use)(?: to)? (.+)$",
        ),
        regex(
            r"^(?:there (?:is|'s) )?(?:no need for|no more|no|without|never) (.+?)(?: any ?more| any longer| at all| after all| needed| necessary| please| for now)*\W*$",
        ),
        regex(
            r"^(.+?) (?:(?:can|could|should|may|must|has to|have to) (?:go(?: too| away| now| as well)*\W*$|be (?:removed|deleted|dropped|left out|skipped|omitted))|(?:is|are|'s) (?:not|no longer|n'?t) (?:needed|necessary|required|wanted)|is(?:n'?t| not) needed|(?:is|are) (?:unnecessary|superfluous|redundant|useless|not needed))\b.*$",
        ),
        regex(
            r"^(?:please )?(?:take|throw|leave|cut|turn|switch) (.+?) (?:out|away|off)(?: of (?:the )?[\w ]+)?\W*$",
        ),
        regex(
            r"^do(?: not|n'?t) (?:ever )?((?:retry|cache|split|evaluate|validate|deploy|clean|notify|report|scale|limit|send|mail|post|time) ?.*)$",
        ),
    ]
});
/// A setting by its words, and its fields.
static FIELDS: LazyLock<Vec<(Regex, &'static [&'static str])>> = LazyLock::new(|| {
    let fields: [(&str, &[&str]); 14] = [
        (r"\bback-?off\b|\bwait(?:ing)? between\b", &["/settings/retry/backoff"]),
        (r"\bretr(?:y|ies|ying)\b|\brepeat", &["/settings/retry"]),
        (r"\btime-?\s?(?:out|limit)s?\b|\bdeadline\b", &["/settings/timeout"]),
        (r"\bgpus?\b", &["/settings/resources/gpu"]),
        (r"\bmemory\b|\bram\b", &["/settings/resources/memory"]),
        (r"\bcpus?\b|\bcores?\b", &["/settings/resources/cpu"]),
        (r"\bresources?\b", &["/settings/resources"]),
        (r"\bcach(?:e|ed|ing)\b", &["/settings/cache"]),
        (r"\bnode ?selectors?\b|\bnode labels?\b", &["/settings/node_selector"]),
        (r"\btolerations?\b", &["/settings/tolerations"]),
        (r"\bservice ?account\b", &["/settings/service_account"]),
        (r"\bsecrets?\b", &["/settings/secrets"]),
        (r"\b(?:volumes?|mounts?)\b", &["/settings/volumes"]),
        (r"\b(?:conditions?|threshold|gate)\b", &["/when"]),
    ];
    fields.into_iter().map(|(pattern, fields)| (regex(pattern), fields)).collect()
});
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| regex(r"\b((?-i:[A-Z][A-Z0-9_]+))\b"));
/// "Cut the time limit to 10 minutes", "skip it unless …" remove nothing.
static NOT_ALL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:to|by) (?:at most )?\d|\b(?:unless|until|if|when|while|without|after|before|longer|more than|at most)\b",
    )
});
/// "the cooking step" names a step, whether or not there is one.
static CALLED_STEP: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\b(?:the )?["'`]?([a-z][a-z0-9_-]*)["'`]? (?:step|task)\b"#));
const NO_NAMES: [&str; 26] = [
    "this", "that", "each", "every", "first", "second", "third", "last", "final", "next", "previous",
    "which", "what", "another", "new", "any", "the", "a", "one", "same", "whole", "per", "single", "extra",
    "more", "other",
];

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let object = REMOVES.iter().find_map(|pattern| {
        pattern.captures(context.clause.trim()).and_then(|found| Some(found.get(1)?.as_str().to_owned()))
    })?;
    // What follows behind a comma is a reason.
    let object = object.split([',', ';', ':']).next().unwrap_or_default();
    let object = object.trim_end_matches([',', '.', '!', ' ']);
    if NOT_ALL.is_match(object) {
        return None;
    }
    let setting = setting(context, object);
    if setting.is_some() {
        return setting;
    }
    if let Some(wish) = item(context, object) {
        return Some(wish);
    }
    // "Drop duplicates" asks for a step; "drop the cleaning step" speaks of one.
    let called = CALLED_STEP.captures(object);
    let by_name = context.steps.names().iter().any(|name| words(object).any(|word| word == name));
    if called.is_none() && !by_name && !asked_for(context.clause, context.steps.lake).is_empty() {
        let places = context.steps.named(object);
        let strong = places.iter().any(|place| place.steps.iter().any(|name| context.steps.at_end(name)));
        let notices =
            asked_for(context.clause, context.steps.lake).iter().all(|name| name.starts_with("notify."));
        if !(strong || (notices && !places.is_empty())) {
            return None;
        }
    }
    if context.chosen.is_none() && stays(context, object) {
        return None;
    }
    let about = Context { clause: object, ..*context };
    match about.target() {
        Meant::Steps(steps) if !steps.is_empty() => {
            // A pronoun may stand for the step; other words that name nothing may not.
            if context.chosen.is_none() && context.steps.named(object).is_empty() && !pronoun(object) {
                return unknown(context, object);
            }
            Some(Wish::Edits(steps.into_iter().map(|step| Edit::Remove { step }).collect()))
        }
        Meant::Unclear(steps) => Some(Wish::Which { steps }),
        _ => unknown(context, object),
    }
}

/// "Never skip it", "I don't want it to wait" remove nothing.
static KEPT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:never|not|don'?t) (?:skip|drop|remove|delete|omit|leave out)\b|\bto (?:wait|run|start|depend|come|go|be|have|use)\b",
    )
});
/// "Drop accuracy from evaluate": something of a step, not the step.
static PART_OF: LazyLock<Regex> = LazyLock::new(|| regex(r"^(.*?)\b(?:from|of|in|inside|within)\b(.*)$"));
/// Words that name nothing.
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:the|a|an|this|that|these|those|both|all|every|each|any|one|ones|steps?|tasks?|whole|please)\b",
    )
});

/// Whether a text that names a step asks for something else than that the step goes.
fn stays(context: &Context<'_>, object: &str) -> bool {
    let named = |text: &str| context.steps.names().iter().any(|name| words(text).any(|word| word == name));
    let part_of = || {
        PART_OF.captures(object).is_some_and(|found| {
            !named(&found[1])
                && named(&found[2])
                && PLAIN.replace_all(&found[1], " ").contains(char::is_alphanumeric)
        })
    };
    named(object) && (KEPT.is_match(context.clause) || part_of())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).filter(|word| !word.is_empty())
}

fn pronoun(text: &str) -> bool {
    ["it", "that", "this", "them", "that one", "this one", "that step", "this step", "it again"]
        .contains(&text.trim().to_lowercase().as_str())
}

/// The text names a step that does not exist.
pub(super) fn unknown(context: &Context<'_>, text: &str) -> Option<Wish> {
    let called = CALLED_STEP.captures(text)?;
    let name = called[1].to_lowercase();
    if NO_NAMES.contains(&name.as_str()) || !context.steps.named(text).is_empty() {
        return None;
    }
    Some(Wish::Impossible(format!(
        "there is no {name} step; the steps are {}",
        context.steps.names().join(", ")
    )))
}

/// "No retries", "the time limit can go".
fn setting(context: &Context<'_>, object: &str) -> Option<Wish> {
    let bare = context.steps.without_names(object);
    let (_, fields) = FIELDS.iter().find(|(pattern, _)| pattern.is_match(&bare))?;
    let has = |step: &Step, field: &str| {
        serde_json::to_value(step).ok().and_then(|json| json.pointer(field).cloned()).is_some()
    };
    let with: Vec<&Step> = context
        .steps
        .program
        .steps
        .iter()
        .chain(&context.steps.program.on_exit)
        .filter(|step| fields.iter().any(|field| has(step, field)))
        .collect();
    // A variable by its name.
    let named = context.steps.named(context.clause);
    let target: Vec<&Step> = if named.is_empty() && context.chosen.is_none() {
        let focused: Vec<&Step> =
            with.iter().filter(|step| context.focus.contains(&step.name)).copied().collect();
        if focused.is_empty() { with.clone() } else { focused }
    } else {
        context.target_steps()
    };
    let target: Vec<&Step> =
        target.into_iter().filter(|step| fields.iter().any(|field| has(step, field))).collect();
    if target.is_empty() {
        return Some(Wish::Already("there is nothing of the kind to remove".into()));
    }
    if target.len() > 1 && named.is_empty() && !super::steps::all_meant(context.clause) {
        return Some(Wish::Which { steps: target.iter().map(|step| step.name.clone()).collect() });
    }
    Some(Wish::Edits(
        target.iter().flat_map(|step| fields.iter().map(|field| Edit::unset(&step.name, *field))).collect(),
    ))
}

/// A variable, or one value of a list: "drop accuracy from the metrics".
fn item(context: &Context<'_>, object: &str) -> Option<Wish> {
    // Whoever names a step means the step.
    if words(object).any(|word| context.steps.get(word).is_some()) {
        return None;
    }
    for step in context.steps.program.steps.iter().chain(&context.steps.program.on_exit) {
        for found in VARIABLE.captures_iter(object) {
            if step.settings.env.contains_key(&found[1]) {
                return Some(Wish::Edits(vec![Edit::unset(
                    &step.name,
                    format!("/settings/env/{}", &found[1]),
                )]));
            }
        }
        let Function::Component(call) = &step.run else { continue };
        // Only where the step itself is not what goes.
        if context
            .steps
            .named(object)
            .iter()
            .any(|place| place.steps.contains(&step.name) && object.to_lowercase().contains("step"))
        {
            continue;
        }
        for (argument, value) in &call.with {
            let Value::Array(items) = value else { continue };
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            let found = mentioned_choices(&texts, object);
            let by_text: Vec<&str> = texts
                .iter()
                .filter(|text| {
                    found.iter().any(|other| other == *text)
                        || words(object).any(|word| word.eq_ignore_ascii_case(text))
                })
                .copied()
                .collect();
            let whole = by_text.len() == texts.len() || by_text.is_empty();
            if !whole {
                let rest: Vec<Value> = texts
                    .iter()
                    .filter(|text| !by_text.contains(text))
                    .map(|text| Value::from(*text))
                    .collect();
                return Some(Wish::Edits(vec![Edit::set(&step.name, format!("/run/with/{argument}"), rest)]));
            }
        }
    }
    None
}
