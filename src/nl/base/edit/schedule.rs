//! When the workflow starts by itself.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::read::{Context, Wish};
use crate::nl::base::literals::{LiteralKind, literals};
use crate::nl::base::schedule::{explicit_schedule, stated_schedule, timezone};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

static QUOTED: LazyLock<Regex> = LazyLock::new(|| regex(r#""[^"]*"|“[^”]*”|«[^»]*»"#));
static OFF: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:no|without|remove|drop|delete|forget|cancel|get rid of|take (?:out|away)|don'?t need|no longer need|skip)\b[^.;]{0,24}\b(?:schedule|cron\w*|timer|timetable)\b|\b(?:schedule|cron)\b[^.;]{0,20}\b(?:can go|away|out|not needed|is not needed)\b|(?:\bnot|n'?t|\bno longer|\bstop)\b[^.;]{0,20}\b(?:run|start|running|starting)(?:s|ning)? (?:it |this )?(?:by itself|automatically|on a schedule)\b|\b(?:start|run|launch|trigger) (?:it |this )?(?:by hand|manually|only by hand)\b",
    )
});
static PAUSE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:pause|suspend|halt|switch off|turn off|disable|freeze)\b[^.;]{0,30}\b(?:schedule|cron|timer|automatic (?:runs|starts))\b|\b(?:switch|turn|put) (?:the |its )?(?:schedule|cron|timer) (?:off|on hold)\b",
    )
});
static RESUME: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:resume|unpause|reactivate|switch on|turn on|enable)\b[^.;]{0,30}\b(?:schedule|cron|timer)\b")
});
static OVERLAP: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:old|previous|last|earlier|another|other)(?: one| run)?\b[^.;]{0,30}\b(?:still|not (?:done|finished)|running|going|unfinished|in progress)|\b(?:over-?lap\w*|two runs at (?:once|the same time))\b",
    )
});
static FORBID: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:never|not|n't|no|skip|without|forbid|must not|wait)\b"));
static REPLACE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:stop|cancel|kill|abort|replace|end) (?:the |an? )?(?:old|previous|last|earlier|running)\b")
});
static CLOCK: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(\d{1,2})(?::(\d{2}))?\s*(a\.?m\.?|p\.?m\.?|o'?clock|h|uhr)?\b"));
static ONLY_TIME: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:make (?:it|that|this)|better|rather|not|instead|start|run|move|shift|change|at|earlier|later)\b",
    )
});
static MIDNIGHT: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(midnight|noon)\b"));
static CRON: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?:^|[\s`'(])((?:[\d*][\d*,/-]*)(?: [\d*][\d*,/-]*){3} (?:[\d*][\d*,/-]*|[a-z]{3}(?:-[a-z]{3})?))(?:$|[\s`'),.])",
    )
});

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    // The title "Weekly reviews" starts nothing; a cron expression is one in quotation marks, too.
    let unquoted = QUOTED.replace_all(context.clause, " … ");
    let text = if CRON.is_match(context.clause) { context.clause } else { &unquoted };
    let current = context.steps.program.schedule.as_ref();
    if PAUSE.is_match(text) || RESUME.is_match(text) {
        current?;
        return Some(Wish::Edits(vec![Edit::set_workflow("/schedule/suspend", PAUSE.is_match(text))]));
    }
    if OFF.is_match(text) {
        if current.is_none() {
            return Some(Wish::Already("there is no schedule".into()));
        }
        return Some(Wish::Edits(vec![Edit::unset_workflow("/schedule")]));
    }
    if current.is_some() && OVERLAP.is_match(text) {
        let policy = if REPLACE.is_match(text) {
            "replace"
        } else if FORBID.is_match(text) {
            "forbid"
        } else {
            "allow"
        };
        return Some(Wish::Edits(vec![Edit::set_workflow("/schedule/concurrency", policy)]));
    }
    if let Some(wish) = no_time(context) {
        return Some(wish);
    }
    // "At most 30 minutes" and "retry every 5 minutes" are no schedules.
    let setting = !crate::nl::base::settings::mentioned(text, false, false, false).is_empty();
    let stated = CRON
        .captures(text)
        .map(|found| (found[1].to_owned(), timezone(text)))
        .or_else(|| stated_schedule(text).map(|stated| (stated.cron, stated.timezone)));
    let starts = explicit_schedule(text) || CRON.is_match(text) || weekday_only(text) || current.is_some();
    if let Some((cron, zone)) = stated.filter(|_| starts && !setting) {
        let cron = keep_time(cron, text, current.and_then(|schedule| schedule.cron.first()));
        let mut edits = vec![Edit::set_workflow("/schedule/cron", json!([cron]))];
        if let Some(zone) = zone {
            edits.push(Edit::set_workflow("/schedule/timezone", zone));
        }
        return Some(Wish::Edits(edits));
    }
    let current = current?;
    if let Some(zone) = timezone(text).filter(|_| !setting) {
        let mut edits = vec![Edit::set_workflow("/schedule/timezone", zone)];
        edits.extend(other_time(text, current.cron.first()?));
        return Some(Wish::Edits(edits));
    }
    // The tag of an image is no time.
    let address = literals(text)
        .iter()
        .any(|literal| matches!(literal.kind, LiteralKind::Image | LiteralKind::Uri | LiteralKind::Email));
    (ONLY_TIME.is_match(text) && !setting && !address && context.steps.named(text).is_empty())
        .then(|| other_time(text, current.cron.first()?))
        .flatten()
        .map(|edit| Wish::Edits(vec![edit]))
}

/// "Schedule it at 25:00": there is no such time.
fn no_time(context: &Context<'_>) -> Option<Wish> {
    static AT: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:schedul\w*|run|start|launch|trigger|every|daily|weekly|make it|move it|nightly)\b[^.;]*?\b(?:at|to|around|from|by)\s+(\d{1,3})(?::(\d{2,3}))?\s*(a\.?m\.?|p\.?m\.?|o'?clock|h|uhr)?(?:$|[\s,.!?;)])",
        )
    });
    let found = AT.captures(context.clause)?;
    let clock = found.get(2).is_some() || found.get(3).is_some();
    // A number without minutes is an hour only where nothing follows: "at 30 second intervals" names no time.
    let last = context.clause[found.get(0)?.end()..].trim().is_empty();
    let ordered = clock || (last && context.clause.to_lowercase().contains("schedul"));
    let hour: u32 = found[1].parse().ok()?;
    let minute: u32 = found.get(2).map_or(Some(0), |minute| minute.as_str().parse().ok())?;
    let half = found.get(3).is_some_and(|half| half.as_str().to_lowercase().starts_with(['a', 'p']));
    let last = if half { 12 } else { 23 };
    if !ordered || ((hour <= last || (hour == 24 && minute == 0 && !half)) && minute < 60) {
        return None;
    }
    let whole = found.get(1)?.start()..found.get(3).or(found.get(2)).or(found.get(1))?.end();
    Some(Wish::Impossible(format!(
        "{} is no time of day: hours go from 0 to {last}, minutes from 0 to 59; write for example \"every day at 6:30\"",
        &context.clause[whole]
    )))
}

/// "Only on Saturdays" orders a start as much as "every Saturday" does.
fn weekday_only(text: &str) -> bool {
    static DAYS: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:on|only|instead|rather|better)\b[^.;]{0,20}\b(?:(?:sun|mon|tues|wednes|thurs|fri|satur)days?|weekdays|weekends)\b|\b(?:sun|mon|tues|wednes|thurs|fri|satur)days\b",
        )
    });
    DAYS.is_match(text)
}

/// A new day without an hour keeps the hour that there was.
fn keep_time(cron: String, text: &str, old: Option<&String>) -> String {
    let timed = CLOCK.is_match(text) || MIDNIGHT.is_match(text) || text.to_lowercase().contains("night");
    let (Some(old), false) = (old, timed) else { return cron };
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split(' ').collect(), cron.split(' ').collect());
    let plain = |field: &&str| field.chars().all(|c| c.is_ascii_digit());
    if old.len() == 5 && new.len() == 5 && old[..2].iter().all(plain) && new[..2].iter().all(plain) {
        return [old[0], old[1], new[2], new[3], new[4]].join(" ");
    }
    cron
}

/// "Make it 3:30 instead of 2": another hour on the same days.
fn other_time(text: &str, cron: &str) -> Option<Edit> {
    let fields: Vec<&str> = cron.split(' ').collect();
    let [old_minute, old_hour, days @ ..] = &fields[..] else { return None };
    let wanted = crate::nl::base::edit::replace::wanted(text);
    let (hour, minute) = if let Some(found) = MIDNIGHT.captures(&wanted) {
        (if found[1].eq_ignore_ascii_case("noon") { 12 } else { 0 }, 0)
    } else {
        let found = CLOCK.captures(&wanted)?;
        // A number without minutes or a word of time is a number.
        let before = wanted[..found.get(0)?.start()].trim_end().to_lowercase();
        let at =
            ["at", "to", "around", "until", "it", "that", "by"].iter().any(|word| before.ends_with(word));
        let word = found.get(2).is_some() || found.get(3).is_some() || at;
        word.then_some(())?;
        let hour: u32 = found[1].parse().ok()?;
        let minute = found.get(2).map_or(Some(0), |minute| minute.as_str().parse().ok())?;
        match found.get(3).map(|half| half.as_str().to_lowercase()) {
            Some(half) if half.starts_with('p') && hour < 12 => (hour + 12, minute),
            Some(half) if half.starts_with('a') && hour == 12 => (0, minute),
            _ => (hour, minute),
        }
    };
    let changed = format!("{minute} {hour} {}", days.join(" "));
    let differs = *old_minute != minute.to_string() || *old_hour != hour.to_string();
    (hour < 24 && minute < 60 && differs).then(|| Edit::set_workflow("/schedule/cron", json!([changed])))
}
