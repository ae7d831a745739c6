//! Days and times of day that words give.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::Regex;

use super::content::near;
use crate::nl::document::Document;

static WORDS: LazyLock<HashMap<String, Regex>> = LazyLock::new(|| {
    let words: HashMap<String, Vec<String>> =
        serde_saphyr::from_str(include_str!("../../../prompts/vocabulary/calendar.yaml"))
            .expect("the built-in vocabulary is tested");
    words.into_iter().map(|(name, phrases)| (name, pattern(&phrases))).collect()
});

/// Phrases of languages with spaces as whole words, others anywhere.
fn pattern(phrases: &[String]) -> Regex {
    let of = |dense: bool| -> Vec<String> {
        let phrases = phrases.iter().filter(|phrase| phrase.chars().any(|c| u32::from(c) >= 0x2E80) == dense);
        phrases.map(|phrase| regex::escape(phrase)).collect()
    };
    let (spaced, dense) = (of(false).join("|"), of(true).join("|"));
    let dense = if dense.is_empty() { String::new() } else { format!("|{dense}") };
    Regex::new(&format!(r"(?i)(?:^|[^\p{{L}}\p{{N}}])(?:{spaced})(?:$|[^\p{{L}}\p{{N}}]){dense}"))
        .expect("escaped phrases are a pattern")
}

/// A time of day in digits: 16:45, 5h45, 06.40.
static CLOCK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(\d{1,2})(?::|\.|h)(\d{2})\b").expect("the pattern is valid"));
static HALF_DAY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b\d{1,2} ?(?:am|pm|a\.m\.|p\.m\.|uhr|o'clock)").expect("the pattern is valid")
});

/// Words that may be a day of the week: misspelt in English, with an ending in languages that have many.
static OTHER_DAY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:[a-z]{3,6}d[ai]y?s?|mon|tus?e?|we?d?n|thu?r|fri|sat|sun)\b|niedziel|poniedzia|wtor|środ|czwart|piąt|sobo|pazar|salı|çarşamba|perşembe|cuma")
        .expect("the pattern is valid")
});
static DASH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\p{L}\s?[-–]\s?\p{L}").expect("the pattern is valid"));

/// Whether words speak of a concept of the calendar.
pub(super) fn says(text: &str, concept: &str) -> bool {
    WORDS.get(concept).is_some_and(|pattern| pattern.is_match(text))
}

/// Whether words give a time of day.
pub(super) fn gives_time(text: &str) -> bool {
    CLOCK.is_match(text) || HALF_DAY.is_match(text) || says(text, "noon") || says(text, "midnight")
}

/// Whether words name days of the week.
pub(super) fn gives_days(text: &str) -> bool {
    says(text, "workdays") || !named(text).is_empty()
}

fn named(text: &str) -> BTreeSet<u32> {
    (0..7).filter(|day| says(text, &day.to_string())).collect()
}

/// What is wrong with the days of the week of a cron expression.
pub(super) fn wrong_days(text: &str, cron: &str) -> Option<String> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [_, _, of_month, _, of_week] = fields[..] else { return None };
    let (said, workdays) = (named(text), says(text, "workdays"));
    let Some(days) = days(of_week) else {
        let everyday = of_month == "*" && (workdays || !said.is_empty());
        return everyday.then(|| "it runs on every day, but the text names days of the week".to_owned());
    };
    if said.is_empty() && !workdays {
        // A day that is spelled in another way.
        let whole = says(text, "weeks") || days.len() == 7 || OTHER_DAY.is_match(text);
        return (!whole).then(|| "the text names no day of the week".to_owned());
    }
    if (says(text, "spans") || DASH.is_match(text) || workdays) && !said.is_empty() {
        // "Monday to Friday": the ends must be there.
        let ends = said.iter().filter(|day| days.contains(day)).count();
        return (ends == 0).then(|| "the days are not those of the text".to_owned());
    }
    // "The midnight between Friday and Saturday" is one of the two.
    if says(text, "between") && days.is_subset(&said) {
        return None;
    }
    let wanted: BTreeSet<u32> = if workdays { said.into_iter().chain(1..6).collect() } else { said };
    (wanted != days).then(|| "the days are not those of the text".to_owned())
}

/// The days of a field of a cron expression; nothing for all.
fn days(field: &str) -> Option<BTreeSet<u32>> {
    const NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let day = |text: &str| -> Option<u32> {
        let lower = text.to_lowercase();
        let name = NAMES.iter().position(|name| *name == lower);
        name.and_then(|at| u32::try_from(at).ok()).or_else(|| lower.parse::<u32>().ok()).map(|day| day % 8)
    };
    let mut days = BTreeSet::new();
    for part in field.split(',') {
        match part.split_once('-') {
            Some((low, high)) => days.extend((day(low)?..=day(high)?).map(|day| day % 7)),
            None => {
                days.insert(day(part)? % 7);
            }
        }
    }
    Some(days)
}

/// What is wrong with the time of day of a cron expression.
pub(super) fn wrong_time(said: &Document, cron: &str) -> Option<String> {
    let text = said.text.as_str();
    let mut fields = cron.split_whitespace();
    let (minute, hour) = (fields.next()?, fields.next()?);
    let clocks: Vec<(f64, f64)> = CLOCK
        .captures_iter(text)
        .filter_map(|found| Some((found[1].parse().ok()?, found[2].parse().ok()?)))
        .filter(|(hour, minute): &(f64, f64)| *hour <= 24.0 && *minute < 60.0)
        .collect();
    let (minute_value, hour_value) = (minute.parse::<f64>().ok(), hour.parse::<f64>().ok());
    if minute == "*" && !says(text, "minutes") {
        return Some("it runs every minute".to_owned());
    }
    let hourly = says(text, "hourly");
    if hour == "*" {
        return (!clocks.is_empty() && !hourly)
            .then(|| "it runs every hour, but the text gives a time".to_owned());
    }
    if (minute.starts_with("*/") || hourly) && hour_value.is_some() && !gives_time(text) {
        return Some("it runs in one hour only".to_owned());
    }
    let (Some(minute), Some(hour)) = (minute_value, hour_value) else { return None };
    if !clocks.is_empty() {
        let kept = clocks.iter().any(|(h, m)| near(*m, minute) && same_hour(*h, hour));
        return (!kept).then(|| "the text gives another time".to_owned());
    }
    // Numbers of these languages are not read as a whole.
    if ["zh", "ja", "ko", "tr", "pl"].contains(&said.language)
        && said.numbers.iter().any(|number| !number.digits)
    {
        return None;
    }
    let numbers: Vec<f64> = numbers(said);
    let spoken = !numbers.is_empty() || says(text, "noon") || says(text, "midnight");
    let readable =
        said.numbers.iter().any(|number| number.digits) || hour_from(text, &numbers, minute, hour).is_some();
    if !spoken || !(readable || said.is_english()) {
        return None;
    }
    (!explained(text, &numbers, minute, hour))
        .then(|| "the time does not come from the description".to_owned())
}

fn same_hour(said: f64, hour: f64) -> bool {
    near(said, hour) || (said < 12.5 && near((said + 12.0) % 24.0, hour)) || near(said % 24.0, hour)
}

/// The numbers outside of literals; each is used once.
fn numbers(said: &Document) -> Vec<f64> {
    let inside = |span: &std::ops::Range<usize>| {
        said.literals.iter().any(|literal| literal.span.start <= span.start && span.end <= literal.span.end)
    };
    let outside = said.numbers.iter().filter(|number| !inside(&number.span));
    outside.filter_map(|number| number.values.first().copied()).collect()
}

/// The number that gives an hour; a usize beyond the list where a word does.
fn hour_from(text: &str, numbers: &[f64], minute: f64, hour: f64) -> Option<usize> {
    // "Half past", "quarter to" and the like name the hour before or behind.
    let to = minute >= 20.0;
    let at = numbers.iter().position(|number| {
        same_hour(*number, hour) || (to && (same_hour(number - 1.0, hour) || near(number + 11.0, hour)))
    });
    let word = (near(hour, 12.0) && says(text, "noon"))
        || (near(hour, 0.0) && says(text, "midnight"))
        || (to && near(hour, 23.0) && says(text, "midnight"))
        || (to && near(hour, 11.0) && says(text, "noon"));
    at.or(word.then_some(usize::MAX))
}

/// Whether one number gives the hour and another one, or none, the minute.
fn explained(text: &str, numbers: &[f64], minute: f64, hour: f64) -> bool {
    let gives_minute = |number: f64| {
        [number, 60.0 - number, number * 60.0, 60.0 - number * 60.0]
            .into_iter()
            .any(|reading| near(reading, minute))
    };
    let hours: Vec<usize> = (0..numbers.len())
        .filter(|at| hour_from(text, &numbers[*at..=*at], minute, hour).is_some())
        .chain(hour_from(text, &[], minute, hour))
        .collect();
    hours.iter().any(|used| {
        let rest: Vec<(usize, f64)> =
            numbers.iter().copied().enumerate().filter(|(at, _)| at != used).collect();
        let sums = rest.windows(2).filter(|pair| pair[1].0 == pair[0].0 + 1).map(|pair| pair[0].1 + pair[1].1);
        near(minute, 0.0) || rest.iter().map(|(_, number)| *number).chain(sums).any(gives_minute)
    })
        // "Eighteen", "twenty two": an hour of two words.
        || numbers.windows(2).any(|pair| {
            same_hour(pair[0] + pair[1], hour) && (near(minute, 0.0) || numbers.iter().any(|n| gives_minute(*n)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_words() {
        for (text, cron, fine) in [
            ("every day at 16:45", "45 16 * * *", true),
            ("every day at 16:45", "6 16 * * *", false),
            ("daily at 5h45", "45 5 * * *", true),
            ("at a quarter to five in the afternoon", "45 16 * * *", true),
            ("at half past one in the night", "5 1 * * *", false),
            ("at half past one in the night", "30 1 * * *", true),
            ("at twenty to eight in the evening", "40 19 * * *", true),
            ("at twenty to eight in the evening", "40 1 * * *", false),
            ("daily at noon", "0 12 * * *", true),
            ("daily at noon", "0 1 * * *", false),
            ("on the hour, every hour", "0 * * * *", true),
            ("on the hour, every hour", "0 1 * * *", false),
            ("every 20 minutes", "*/20 * * * *", true),
            ("every 20 minutes", "*/20 1 * * *", false),
            ("at 6 in the evening, at most 3 hours", "0 18 * * *", true),
            ("ogni mattina alle sette e mezza", "30 7 * * *", true),
            ("ogni mattina alle sette e mezza", "5 7 * * *", false),
            ("halb sechs am Abend", "30 17 * * *", true),
            ("every 6 hours", "0 */6 * * *", true),
            ("from 8 to 20, hourly", "0 8-20 * * *", true),
        ] {
            assert_eq!(wrong_time(&Document::parse(text), cron).is_none(), fine, "{text}: {cron}");
        }
    }

    #[test]
    fn days_are_those_of_the_words() {
        for (text, cron, fine) in [
            ("every Sunday", "0 4 * * 0", true),
            ("every Sunday", "0 4 * * 3", false),
            ("every Sunday", "0 4 * * *", false),
            ("every day", "0 4 * * 1", false),
            ("every 6 hours", "0 */6 * * 1", false),
            ("weekdays", "0 4 * * 1-5", true),
            ("weekdays", "0 4 * * *", false),
            ("Monday to Friday", "0 4 * * 1-5", true),
            ("weekly", "0 4 * * 1", true),
            ("Wednesdays and Sundays", "0 4 * * 0,3", true),
            ("on the 3rd of each month", "0 4 3 * 1", false),
            ("on the 3rd of each month", "0 4 3 * *", true),
            ("每周日凌晨两点", "0 2 * * 0", true),
        ] {
            assert_eq!(wrong_days(text, cron).is_none(), fine, "{text}: {cron}");
        }
    }
}
