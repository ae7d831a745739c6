//! The schedule has the times that the description gives.

use std::sync::LazyLock;

use regex::Regex;

use super::content::near;
use super::{Check, Finding, Judged};
use crate::nl::base::schedule::{explicit_schedule, stated_schedule, timezone};
use crate::nl::document::Document;

/// Words that a time zone has in many languages.
static ZONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\p{Lu}\p{L}+(?:'s)? [Tt]ime\b|\b(?:UTC|GMT|CET|CEST|EST|EDT|PST|PDT|CST|IST|JST)\b|(?i:heure d[e'’] ?\p{L}+|hora d[eo] \p{L}+|ora di \p{L}+|\p{L}+er Zeit\b|Ortszeit|saatiyle|czasu \p{L}+|\p{L}+ tid\b|\p{L}+se tijd)|时间|時間 ?\(|현지")
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
            if explicit_schedule(&words)
                && (stated_schedule(&words).is_some() || words.chars().any(|c| c.is_ascii_digit()))
            {
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
        // Times that are spelled out in words are not read in every language.
        let inside = |span: &std::ops::Range<usize>| {
            said.literals
                .iter()
                .any(|literal| literal.span.start <= span.start && span.end <= literal.span.end)
        };
        let digits = said.numbers.iter().any(|number| number.digits && !inside(&number.span));
        for cron in schedule.cron.iter().filter(|_| digits) {
            for (field, value) in cron.split(' ').take(2).enumerate() {
                let Ok(value) = value.parse::<f64>() else { continue };
                if !gives(&said, value, field == 1) {
                    let message = format!("{value} of {cron:?} does not come from the description");
                    found.push(Finding::error(self.name(), None, message).at("schedule/cron"));
                }
            }
        }
        found
    }
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

/// Whether the words give a minute or hour: as it is, of the afternoon, "quarter past", "twenty to", "half" of the hour before.
fn gives(said: &Document, value: f64, hour: bool) -> bool {
    if value.abs() < f64::EPSILON || (hour && near(value, 12.0)) {
        return true;
    }
    let numbers: Vec<f64> = said.numbers.iter().flat_map(|number| number.values.iter().copied()).collect();
    // "eighteen forty", "twenty five": neighbours add up.
    let sums = numbers.windows(2).map(|pair| pair[0] + pair[1]);
    numbers.iter().copied().chain(sums).any(|number| {
        let readings = if hour {
            vec![number, number + 12.0, number - 1.0, number + 11.0]
        } else {
            vec![number, 60.0 - number, number * 60.0, 60.0 - number * 60.0]
        };
        readings.into_iter().any(|reading| near(reading, value))
    })
}
