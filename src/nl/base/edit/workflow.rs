//! Settings of the workflow as a whole.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::read::{Context, Wish};
use crate::api::Program;
use crate::nl::base::plan::Plan;
use crate::nl::base::whole::{read_access, read_limits};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:workflow|pipeline|dag|the whole|entire|whole thing|overall|(?:all|every|each) (?:of the |the )?(?:steps?|pods?|tasks?|images)|everything)\b",
    )
});
static NAMESPACE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\bnamespace (?:is |to |called |named |should be |= ?|: ?)*["'`]?([a-z0-9][a-z0-9-]*[a-z0-9])|\bin (?:the )?["'`]?((?:[a-su-z0-9]|t[a-gi-z0-9-])[a-z0-9-]*[a-z0-9])["'`]? namespace\b"#,
    )
});
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\blabels?\b[^.;=]{0,12}?["'`]?\b([a-z0-9][a-z0-9./-]*)=([a-z0-9][a-z0-9._-]*[a-z0-9])"#)
});
static NO_LIMIT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:no|without|remove|drop|lift|delete|forget|get rid of)\b[^.;]{0,30}\b(?:(parallelism|steps? at (?:once|the same time|a time)|concurrency)|(time ?limit|deadline|time ?out))",
    )
});
static PULL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\bpull(?:s|ed|ing)?\b[^.;]{0,40}\b(?:secrets?|credentials?)\b|\b(?:pull|registry)[- ]?(?:secret|credential)",
    )
});

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause;
    let mut edits = Vec::new();
    let mut plan = Plan::default();
    read_limits(&mut plan, text, &mut Vec::new());
    let limits = plan.parallelism.is_some() || plan.time_limit.is_some();
    if let Some(found) = NO_LIMIT.captures(text).filter(|_| !limits) {
        if found.get(1).is_some() {
            return Some(Wish::Edits(vec![Edit::unset_workflow("/settings/parallelism")]));
        }
        if WHOLE.is_match(text) {
            return Some(Wish::Edits(vec![Edit::unset_workflow("/settings/time_limit")]));
        }
    }
    if let Some(parallelism) = plan.parallelism {
        edits.push(Edit::set_workflow("/settings/parallelism", parallelism));
    }
    let named = !context.steps.named(text).is_empty();
    if let Some(limit) = plan.time_limit.filter(|_| !named || WHOLE.is_match(text)) {
        edits.push(Edit::set_workflow("/settings/time_limit", limit));
    }
    if let Some(found) = NAMESPACE.captures(text) {
        let name = found.get(1).or(found.get(2)).map_or("", |name| name.as_str());
        edits.push(Edit::set_workflow("/settings/namespace", name));
    }
    if WHOLE.is_match(text) || PULL.is_match(text) {
        edits.extend(access(context.steps.program, text));
    }
    if let Some(found) = LABEL.captures(text).filter(|_| WHOLE.is_match(text)) {
        let field = format!("/settings/labels/{}", found[1].replace('~', "~0").replace('/', "~1"));
        edits.push(Edit::set_workflow(field, &found[2]));
    }
    if super::steps::all_meant(text)
        && let Some(found) = super::setting::SERVICE_ACCOUNT.captures(text)
        && let Some(name) = found.get(1).or(found.get(2))
        && !edits
            .iter()
            .any(|edit| matches!(edit, Edit::Set { field, .. } if field.ends_with("service_account")))
    {
        edits.push(Edit::set_workflow("/settings/service_account", name.as_str()));
    }
    (!edits.is_empty()).then_some(Wish::Edits(edits))
}

/// Pull secrets, service accounts, labels and annotations, read as the description of a whole workflow is.
fn access(program: &Program, text: &str) -> Vec<Edit> {
    let mut bare = Program { steps: Vec::new(), on_exit: Vec::new(), ..program.clone() };
    let before = json!(bare.settings);
    read_access(&mut bare, text);
    let after = json!(bare.settings);
    let empty = serde_json::Map::new();
    let fields = after.as_object().unwrap_or(&empty);
    fields
        .iter()
        .filter(|(name, value)| before.get(name.as_str()) != Some(*value))
        // "The service account of every step" names none.
        .filter(|(_, value)| {
            !value.as_str().is_some_and(|text| ["of", "for", "in", "on", "as"].contains(&text))
        })
        .map(|(name, value): (&String, &Value)| {
            Edit::set_workflow(format!("/settings/{name}"), value.clone())
        })
        .collect()
}
