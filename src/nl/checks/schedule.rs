//! The schedule has the times that the description gives.

use std::sync::LazyLock;

use regex::Regex;

use super::calendar;
use super::content::near;
use super::{Check, Finding, Judged};
use crate::nl::base::schedule::{explicit_schedule, stated_schedule, timezone};
use crate::nl::document::Document;

/// Words that a time zone has in many languages.
static ZONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\p{Lu}\p{L}+(?:'s)? [Tt]ime\b|\b(?:UTC|GMT|CET|CEST|EST|EDT|PST|PDT|CST|IST|JST)\b|(?i:heure d[e'’] ?\p{L}+|hora d[eo] \p{L}+|ora di \p{L}+|\p{L}+er Zeit\b|Ortszeit|saatiyle|czasu \p{L}+|\p{L}+ tid\b|\p{L}+se tijd)|\b(?i:time ?zone|timzone|zeitzone|fuseau|(?:europe|america|asia|africa|australia|pacific|atlantic)/[a-z])|\b(?i:\d ?(?:am|pm|a\.m\.|p\.m\.)|noon|midnight|\d:\d\d),? (?i:in )?\p{L}+(?: time\b|$)|(?i:a\.m\.|p\.m\.|[ap]m) in \p{Lu}\p{L}+|时间|時間 ?\(|현지")
        .expect("the pattern is valid")
});

/// See the module.
pub(super) struct Schedule;

impl Check for Schedule {
    fn name(&self) -> &'static str {
        "schedule"
    }

    fn about(&self) -> &'static str {
        "the schedule is there and has the times and the zone that the description gives"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        let document = judged.document;
        let spans: Vec<_> =
            judged.answer.about_whole.iter().flat_map(|quote| document.spans(quote)).collect();
        let words: Vec<&str> = spans.iter().map(|span| &document.text[span.clone()]).collect();
        let words = words.join(". ");
        let Some(schedule) = &judged.answer.schedule else {
            let ordered = explicit_schedule(&words)
                && (stated_schedule(&words).is_some() || words.chars().any(|c| c.is_ascii_digit()));
            if ordered || spans.iter().any(|span| tells_when(&document.without_literals(span.clone()))) {
                found.push(
                    Finding::error(self.name(), None, "the text gives a schedule, but there is none")
                        .at("schedule"),
                );
            }
            return found;
        };
        let stated = stated_schedule(&words).filter(|_| schedule.cron.len() == 1);
        if let Some(stated) = stated
            && differs(&stated.cron, &schedule.cron[0])
            && !gives_day_of_month(&words, &schedule.cron[0])
        {
            let message = format!("{:?} is not what the text says", schedule.cron[0]);
            found.push(
                Finding::error(self.name(), None, message)
                    .at("schedule/cron")
                    .suggest(format!("it says {:?}", stated.cron)),
            );
        }
        if let Some(zone) = timezone(&words).filter(|zone| schedule.timezone.as_ref() != Some(zone)) {
            found.push(
                Finding::error(self.name(), None, format!("the time zone is not {zone}"))
                    .at("schedule/timezone")
                    .suggest(format!("set it to {zone}")),
            );
        }
        if schedule.timezone.is_none() && ZONE.is_match(&words) {
            found.push(
                Finding::error(self.name(), None, "the text gives a time zone, but there is none")
                    .at("schedule/timezone"),
            );
        }
        let said = Document::parse(&words);
        for cron in &schedule.cron {
            let wrong = [calendar::wrong_days(&words, cron), calendar::wrong_time(&said, cron)];
            for message in wrong.into_iter().flatten() {
                let message = format!("{cron:?}: {message}");
                found.push(Finding::error(self.name(), None, message).at("schedule/cron"));
            }
        }
        found
    }
}

/// Whether the day of the month, where there is one, is a number of the words.
fn gives_day_of_month(words: &str, cron: &str) -> bool {
    let day = cron.split(' ').nth(2).and_then(|day| day.parse::<f64>().ok());
    day.is_some_and(|day| {
        Document::parse(words)
            .numbers
            .iter()
            .any(|number| number.values.iter().any(|value| near(*value, day)))
    })
}

/// Whether words about the whole tell when it runs: at least two of a repetition, days, a time and a zone.
fn tells_when(words: &str) -> bool {
    let signs = [
        calendar::says(words, "repeated"),
        calendar::gives_days(words),
        calendar::gives_time(words),
        ZONE.is_match(words),
    ];
    signs.into_iter().filter(|sign| *sign).count() >= 2 && !calendar::says(words, "by_hand")
}

/// Whether the days differ although the time is read alike. Lists are not read.
fn differs(stated: &str, answered: &str) -> bool {
    let fields = |cron: &str| -> Vec<String> { cron.split(' ').map(str::to_owned).collect() };
    let (stated, answered) = (fields(stated), fields(answered));
    let same_time = stated[..2] == answered[..2];
    // "Weekly" without a day is read as Monday, which proves nothing.
    let assumed = stated[4] == "1";
    same_time
        && !assumed
        && stated[2..]
            .iter()
            .zip(&answered[2..])
            .any(|(a, b)| a != b && a != "*" && !b.contains(',') && !b.contains('-'))
}
