//! Settings of steps: retries, time limits, resources, environment, placement, caching.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::read::{Context, Wish};
use super::steps::Meant;
use crate::api::Step;
use crate::nl::base::answer::SettingsAnswer;
use crate::nl::base::literals::literals;
use crate::nl::base::settings::{durations, mentioned, settings_schema};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

pub(super) static SERVICE_ACCOUNT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\bservice[- ]?account\s*(?:(?:of|for) (?:\w+ ){1,3}?(?:is|should be|=|:) )?(?:called |named |is |should be |to |: ?|= ?)*["'`]?([a-z0-9][a-z0-9._-]*[a-z0-9])|["'`]?([a-z0-9][a-z0-9._-]*[a-z0-9])["'`]? as (?:its |the )?service[- ]?account"#,
    )
});
/// "Try it up to 4 more times", "3 more attempts", "again if it fails".
static TRIES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:try|run|repeat|attempt)(?:ing)?\b[^.;\d]{0,40}?\b(\d+) (?:more |further |additional )?(?:times?|attempts?|tries|goes)\b|\banother (\d+) (?:goes|tries|attempts|chances|shots|times)\b|\b(\d+) (?:more |further |additional |extra )?(?:attempts|tries|retries|retrys)\b|\bretr(?:y|ies|ied|ying)\b[^.;\d]{0,30}?\b(\d+)\b|\b(\d+)[- ]?(?:x|fold) retr",
    )
});
/// "Don't fail the workflow if evaluate fails".
static TOLERATES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:do(?:es)?(?: not|n'?t)|should(?: not|n'?t)|must(?: not|n'?t)|never|not) (?:fail|stop|abort|break|kill|end|give up)\b[^.;]{0,40}\b(?:if|when|because)\b[^.;]{0,40}\b(?:fails?|breaks?|crashes)\b|\b(?:go on|goes on|continue|carry on|keep going|proceed)\b[^.;]{0,40}\b(?:if|when|though|although|even)\b[^.;]{0,40}\bfails?\b|\b(?:may|can|is allowed to|is free to) fail\b|\bignore\b[^.;]{0,30}\bfail\w*\b|\b(?:fails?|failure)\b[^.;]{0,30}\b(?:is no problem|does not matter|doesn't matter|be ignored|is fine|is ok(?:ay)?)\b",
    )
});
static ONCE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:retr(?:y|ied|ies|ying)|try|tried|run|repeat\w*)\b[^.;]{0,24}\b(?:once(?: more)?|again|one more time)\b(?:[^.;]{0,20}\b(?:fail|break|error|crash))?|\bone retry\b",
    )
});
static TWICE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:retr(?:y|ied|ies|ying)|try|tried|repeat\w*|attempt\w*)\b[^.;]{0,24}\btwice\b|\btwo retries\b|\btwice if\b",
    )
});
/// "May take two hours".
static MAY_TAKE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:may|can|should|must|is allowed to|might|has|have|get|gets|give)\b[^.;]{0,24}\b(?:take|run|last|use|need|for|at most|up to|only|no more than|longer than|have|time)\b|\btime-?\s?(?:out|limit)\b|\blonger than\b|\bat most\b|\bafter\b|\bdeadline\b",
    )
});
static BACKOFF: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:wait\w*|back-?off|paus\w+|delay\w*|apart)\b"));
static FOREVER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\bcach\w*|\breus\w*|\bmemoi\w*|\bremember\b|\brecomput\w*"));

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    // A name that happens to be a word of a setting is no setting.
    let text = context.clause;
    if let Some(wish) = no_value(context) {
        return Some(wish);
    }
    let names = names(text, context);
    let tries = TRIES.is_match(text) || ONCE.is_match(text) || TWICE.is_match(text);
    if names.is_empty() && !tries && !TOLERATES.is_match(text) {
        return None;
    }
    if let Some(wish) = relative(context) {
        return Some(wish);
    }
    let steps = match context.target() {
        Meant::Steps(steps) => steps,
        // A setting without a value says nothing yet.
        Meant::Unclear(steps) => {
            let step = context.steps.get(steps.first()?)?;
            stated(text, step, context)?;
            return Some(Wish::Which { steps });
        }
        Meant::Nothing => {
            let step = context.steps.program.steps.first()?;
            stated(text, step, context)?;
            // A text that names a step that is not there means none of the others.
            return super::remove::unknown(context, text)
                .or_else(|| Some(Wish::Which { steps: context.steps.names() }));
        }
    };
    if context.chosen.is_none()
        && context.steps.named(text).is_empty()
        && let Some(impossible) = super::remove::unknown(context, text)
    {
        return Some(impossible);
    }
    let mut edits = Vec::new();
    for name in &steps {
        let step = context.steps.get(name)?;
        edits.extend(stated(text, step, context)?);
    }
    Some(if edits.is_empty() { Wish::Already("it is set so already".into()) } else { Wish::Edits(edits) })
}

/// "Set the timeout of train to banana": a setting that is named, with a value that it cannot have.
fn no_value(context: &Context<'_>) -> Option<Wish> {
    static GIVEN: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:set|change|put|make)\b[^.;:=]*?\b(time-?\s?(?:out|limit)|retr(?:y|ies)|memory|cpus?|gpus?)(?: (?:limit|count|request)s?)?(?: (?:of|for|on) [^.;:=]{1,40}?)?\s*(?:\bto\b|=|:)\s*(.+?)\W*$",
        )
    });
    static NOT: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:no|none|zero|off|an? \w+|seconds?|minutes?|hours?|days?|weeks?|never|unlimited|same|as|default|half|double|max\w*|min\w*)\b",
        )
    });
    let found = GIVEN.captures(context.clause)?;
    let value = found[2].trim();
    let negative = value.starts_with('-') && value[1..].starts_with(|c: char| c.is_ascii_digit());
    let read = value.contains(|c: char| c.is_ascii_digit()) || !durations(value).is_empty();
    if !negative && (read || NOT.is_match(value) || value.split_whitespace().count() > 3) {
        return None;
    }
    let (name, possible) = match found[1].to_lowercase().as_str() {
        word if word.starts_with("time") => ("length of time", "90 seconds, 30 minutes or 2 hours"),
        word if word.starts_with("retr") => ("number of retries", "0, 1 or 3"),
        "memory" => ("amount of memory", "512Mi or 4Gi"),
        word if word.starts_with("cpu") => ("number of CPUs", "500m, 1 or 4"),
        _ => ("number of GPUs", "1 or 2"),
    };
    Some(Wish::Impossible(format!("\"{value}\" is no {name}; possible is for example {possible}")))
}

/// "Extend the timeout by 10 minutes".
fn relative(context: &Context<'_>) -> Option<Wish> {
    static BY: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:(increase|extend|raise|lengthen|prolong|add)|(reduce|shorten|lower|decrease|cut))\w*\b[^.;]*\btime-?\s?(?:out|limit)\b[^.;]*\bby\b(.+)$",
        )
    });
    let found = BY.captures(context.clause)?;
    let amount = durations(&found[3]).first()?.parse::<crate::api::Duration>().ok()?.seconds();
    let mut edits = Vec::new();
    for step in context.target_steps() {
        let Some(known) = &step.settings.timeout else {
            return Some(Wish::Impossible(format!(
                "{} has no time limit yet; say how long it may take",
                step.name
            )));
        };
        let seconds = if found.get(1).is_some() {
            known.seconds() + amount
        } else {
            known.seconds().saturating_sub(amount)
        };
        edits.push(Edit::set(&step.name, "/settings/timeout", format!("{}s", seconds.max(1))));
    }
    (!edits.is_empty()).then_some(Wish::Edits(edits))
}

fn names(text: &str, context: &Context<'_>) -> Vec<&'static str> {
    let mapped = context.target_steps().iter().any(|step| step.map.is_some());
    let repeated = context.target_steps().iter().any(|step| step.exec_while.is_some());
    let own = own_resources(context);
    let mut names = mentioned(text, mapped, repeated, own);
    if names.is_empty() && !durations(text).is_empty() && MAY_TAKE.is_match(text) {
        names.push("timeout");
    }
    names
}

/// Distributed jobs have resources as arguments.
fn own_resources(context: &Context<'_>) -> bool {
    context.target_steps().iter().any(|step| has_own_resources(step, context))
}

fn has_own_resources(step: &Step, context: &Context<'_>) -> bool {
    context
        .steps
        .component(step)
        .is_some_and(|component| component.arguments.pointer("/properties/gpus_per_replica").is_some())
}

/// The edits that a text states for a step; `None` if it states none.
fn stated(text: &str, step: &Step, context: &Context<'_>) -> Option<Vec<Edit>> {
    let own = has_own_resources(step, context);
    let names = names(text, context);
    let known = literals(text);
    let schema = settings_schema(&names, text, &known);
    let mut answer = Map::new();
    for name in &names {
        let property = schema.pointer(&format!("/properties/{name}/anyOf/0"))?;
        let value = match *name {
            "cache" => {
                if !FOREVER.is_match(text) {
                    continue;
                }
                Some(durations(text).first().map_or(json!("forever"), |age| json!(age)))
            }
            "background" => Some(json!(true)),
            // These are read from the text below.
            "continue_on_failure" | "node" | "tolerate" | "mounts" | "secrets" | "service_account" => None,
            "env" => Some(json!([])),
            "backoff" => {
                BACKOFF.is_match(text).then(|| durations(text).first().map(|age| json!(age))).flatten()
            }
            _ => only(property),
        };
        if let Some(value) = value {
            answer.insert((*name).to_owned(), value);
        }
    }
    if let Some(found) = TRIES.captures(text) {
        let count =
            found.iter().skip(1).flatten().next().and_then(|number| number.as_str().parse::<u32>().ok());
        if let Some(count) = count {
            answer.insert("retries".into(), json!(count));
        }
    } else if TWICE.is_match(text) {
        answer.insert("retries".into(), json!(2));
    } else if ONCE.is_match(text) && !answer.contains_key("retries") {
        answer.insert("retries".into(), json!(1));
    }
    let waits = answer.contains_key("backoff");
    if waits
        && !answer.contains_key("retries")
        && let Some(retry) = &step.settings.retry
    {
        answer.insert("retries".into(), json!(retry.limit));
    }
    // A time to wait is no time limit.
    if waits && answer.get("timeout") == answer.get("backoff") {
        answer.remove("timeout");
    }
    let mut answer: SettingsAnswer = serde_json::from_value(Value::Object(answer)).ok()?;
    answer.read_from(text, own);
    if TOLERATES.is_match(text) {
        answer.continue_on_failure = Some(true);
    }
    if let Some(found) = SERVICE_ACCOUNT.captures(text) {
        answer.service_account = found.get(1).or(found.get(2)).map(|name| name.as_str().to_owned());
    }
    let parallel = answer.parallel.filter(|_| step.map.is_some());
    let limit = answer.limit.filter(|_| step.exec_while.is_some());
    let (retries, limit_of_loop) = (answer.retries, limit);
    let edits = merged(step, &json!(answer.into_settings()), retries.is_some() && waits);
    let mut edits = edits;
    if let Some(parallel) = parallel {
        edits.push(Edit::set(&step.name, "/map/parallelism", parallel));
    }
    if let Some(limit) = limit_of_loop {
        edits.push(Edit::set(&step.name, "/exec_while/limit", limit));
    }
    if edits.is_empty() {
        return None;
    }
    let same = |edit: &Edit| {
        let Edit::Set { field, value, .. } = edit else { return false };
        serde_json::to_value(step).ok().and_then(|json| json.pointer(field).cloned()).as_ref() == Some(value)
    };
    edits.retain(|edit| !same(edit));
    Some(edits)
}

/// The only value that a schema allows.
fn only(schema: &Value) -> Option<Value> {
    let list = schema["enum"].as_array()?;
    (list.len() == 1).then(|| list[0].clone())
}

/// Settings that are new or other than they were, field by field.
fn merged(step: &Step, settings: &Value, backoff: bool) -> Vec<Edit> {
    let empty = Map::new();
    let mut edits = Vec::new();
    for (name, value) in settings.as_object().unwrap_or(&empty) {
        let field = format!("/settings/{name}");
        match (name.as_str(), value) {
            ("retry", Value::Object(retry)) => {
                edits.push(Edit::set(&step.name, format!("{field}/limit"), retry["limit"].clone()));
                if let Some(value) = retry.get("backoff").filter(|_| backoff) {
                    edits.push(Edit::set(&step.name, format!("{field}/backoff"), value.clone()));
                }
            }
            ("resources" | "env" | "labels" | "annotations" | "node_selector", Value::Object(map)) => {
                for (key, value) in map {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    edits.push(Edit::set(&step.name, format!("{field}/{key}"), value.clone()));
                }
            }
            ("secrets" | "volumes" | "tolerations", Value::Array(items)) => {
                let known = serde_json::to_value(&step.settings).ok();
                let known =
                    known.as_ref().and_then(|known| known[name].as_array().cloned()).unwrap_or_default();
                let new: Vec<Value> = items.iter().filter(|item| !known.contains(item)).cloned().collect();
                if !new.is_empty() {
                    edits.push(Edit::set(&step.name, field, [known, new].concat()));
                }
            }
            _ => edits.push(Edit::set(&step.name, field, value.clone())),
        }
    }
    edits
}
