//! Reading schedules: "every weekday at 6:30 Berlin time" is `30 6 * * 1-5` in `Europe/Berlin`.
//!
//! What can be read with certainty is taken from the text; everything else is left to the model.

use std::sync::LazyLock;

use regex::Regex;

use crate::nl::pattern::regex;
/// A schedule that a text states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nl) struct StatedSchedule {
    pub(in crate::nl) cron: String,
    pub(in crate::nl) timezone: Option<String>,
}

const DAYS: [(&str, &str); 54] = [
    ("sunday", "0"),
    ("monday", "1"),
    ("tuesday", "2"),
    ("wednesday", "3"),
    ("thursday", "4"),
    ("friday", "5"),
    ("saturday", "6"),
    ("sonntag", "0"),
    ("montag", "1"),
    ("dienstag", "2"),
    ("mittwoch", "3"),
    ("donnerstag", "4"),
    ("freitag", "5"),
    ("samstag", "6"),
    ("dimanche", "0"),
    ("lundi", "1"),
    ("mardi", "2"),
    ("mercredi", "3"),
    ("jeudi", "4"),
    ("vendredi", "5"),
    ("samedi", "6"),
    ("domingo", "0"),
    ("lunes", "1"),
    ("martes", "2"),
    ("miércoles", "3"),
    ("jueves", "4"),
    ("viernes", "5"),
    ("sábado", "6"),
    ("segunda-feira", "1"),
    ("terça-feira", "2"),
    ("quarta-feira", "3"),
    ("quinta-feira", "4"),
    ("sexta-feira", "5"),
    ("domenica", "0"),
    ("lunedì", "1"),
    ("martedì", "2"),
    ("mercoledì", "3"),
    ("giovedì", "4"),
    ("venerdì", "5"),
    ("sabato", "6"),
    ("niedziel", "0"),
    ("poniedział", "1"),
    ("wtorek", "2"),
    ("środ", "3"),
    ("czwartek", "4"),
    ("piątek", "5"),
    ("sobot", "6"),
    ("zondag", "0"),
    ("maandag", "1"),
    ("dinsdag", "2"),
    ("woensdag", "3"),
    ("donderdag", "4"),
    ("vrijdag", "5"),
    ("zaterdag", "6"),
];

const ZONES: [(&str, &str); 34] = [
    ("utc", "UTC"),
    ("gmt", "UTC"),
    ("berlin", "Europe/Berlin"),
    ("london", "Europe/London"),
    ("paris", "Europe/Paris"),
    ("madrid", "Europe/Madrid"),
    ("rome", "Europe/Rome"),
    ("vienna", "Europe/Vienna"),
    ("zurich", "Europe/Zurich"),
    ("amsterdam", "Europe/Amsterdam"),
    ("brussels", "Europe/Brussels"),
    ("stockholm", "Europe/Stockholm"),
    ("warsaw", "Europe/Warsaw"),
    ("lisbon", "Europe/Lisbon"),
    ("dublin", "Europe/Dublin"),
    ("athens", "Europe/Athens"),
    ("istanbul", "Europe/Istanbul"),
    ("moscow", "Europe/Moscow"),
    ("new york", "America/New_York"),
    ("eastern time", "America/New_York"),
    ("chicago", "America/Chicago"),
    ("central time", "America/Chicago"),
    ("denver", "America/Denver"),
    ("los angeles", "America/Los_Angeles"),
    ("pacific time", "America/Los_Angeles"),
    ("toronto", "America/Toronto"),
    ("sao paulo", "America/Sao_Paulo"),
    ("tokyo", "Asia/Tokyo"),
    ("shanghai", "Asia/Shanghai"),
    ("beijing", "Asia/Shanghai"),
    ("singapore", "Asia/Singapore"),
    ("hong kong", "Asia/Hong_Kong"),
    ("mumbai", "Asia/Kolkata"),
    ("sydney", "Australia/Sydney"),
];

static EVERY_N: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:every|each|alle|toutes les|cada) (\d{1,2}) ?(minuten?|mins?|minutes|hours?|hrs?|stunden|heures|horas|minutos|days?|tage|jours)\b",
    )
});
static HOURLY: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(every hour|hourly|each hour|once an hour|jede stunde|stündlich|toutes les heures|cada hora)\b")
});
static MINUTELY: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(every minute|each minute|jede minute)\b"));
static HALF_HOUR: LazyLock<Regex> = LazyLock::new(|| regex(r"\bevery half(?: an)? hour\b"));
static DAILY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(every ?day|each day|daily|every (?:single )?(?:night|morning|evening|afternoon|midnight|noon)|each (?:night|morning|evening)|nightly|once a day|jeden (?:tag|morgen|abend)|jede nacht|täglich|chaque (?:jour|nuit|matin|soir)|tous les (?:jours|matins|soirs)|quotidien\w*|cada (?:día|noche|mañana|dia|noite)|todos los días|todas las (?:noches|mañanas)|todos os dias|todas as (?:noites|manhãs)|diariamente|ogni (?:giorno|notte|mattina|sera)|tutti i giorni|quotidianamente|codziennie|każdego dnia|co noc|elke (?:dag|nacht|ochtend|avond)|dagelijks)\b",
    )
});
static WEEKDAYS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(every weekday|each weekday|on weekdays|weekdays|(?:every|each) (?:work(?:ing)? ?day|business day)|monday (?:to|through|until|-) friday|mon-fri|jeden werktag|werktags|an werktagen)\b",
    )
});
static WEEKENDS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(every weekend|on weekends|saturdays? and sundays?)\b"));
static WEEKLY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(weekly|every week|once a week|each week|wöchentlich|jede woche)\b"));
static MONTHLY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(monthly|every month|each month|once a month|of (?:the|every|each) month|monatlich|jeden monat|chaque mois|cada mes)\b",
    )
});
static MONTH_DAY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:on )?(?:the )?(\d{1,2})(?:st|nd|rd|th)\b|\bday (\d{1,2})\b"));
static FIRST_DAY: LazyLock<Regex> = LazyLock::new(|| regex(r"\bfirst (?:day|of)\b"));
static DAY_LIST: LazyLock<Regex> = LazyLock::new(|| {
    let names: Vec<String> = DAYS.iter().map(|(name, _)| format!(r"{name}\w*")).collect();
    let day = format!("(?:{})", names.join("|"));
    regex(&format!(
        r"\b(?:every|each|on|jede[nrs]?|am|chaque|le|tous les|cada|todos? (?:los|las|os|as)|los|el|à|às|aos?|na|ogni|di|każd\w*|co|w|we|elke|op|only)\s+({day}(?:(?:\s*,\s*|\s+(?:and|&|und|et|y|e|i|en)\s+|,\s*and\s+){day})*)"
    ))
});
/// "Sundays at noon".
static PLURAL_DAYS: LazyLock<Regex> = LazyLock::new(|| {
    let day = "(?:sun|mon|tues|wednes|thurs|fri|satur)day(?:s| (?:mornings|evenings|nights|afternoons))";
    regex(&format!(r"\b{day}(?:(?:,\s*(?:and\s+)?|\s+(?:and|&)\s+){day})*\b"))
});
/// The weekday of Chinese and Japanese texts.
static CJK_DAY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?:每|毎)?(?:周|星期|礼拜|週)([一二三四五六日天])|毎週([日月火水木金土])曜"));
static CJK_DAILY: LazyLock<Regex> = LazyLock::new(|| regex(r"每天|每日|毎日|每晚|毎晩|每早|毎朝"));
static CJK_TIME: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(下午|晚上|夜晚|午後|夜)?(\d{1,2})\s*(?:[:：]\s*(\d{2})|[点點時时](?:(\d{1,2})\s*分|半)?)")
});
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:at|um|à|a las?|às|as|alle|all'|gegen|by|om|o|o godz\w*\.?|@)\s+(\d{1,2})(?:[:.h](\d{2}))?\s*(a\.?m\.?|p\.?m\.?|uhr|h\b|heures?|horas?|ore|uur|o'clock)?",
    )
});
static BARE_TIME: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(\d{1,2}):(\d{2})\s*(a\.?m\.?|p\.?m\.?)?|\b(\d{1,2})\s*(a\.?m\.?|p\.?m\.?)\b")
});
static TWICE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(twice|two times|three times|\d+ times) (a|per|each|every) (day|week|hour)"));

/// The schedule that the text states, if it can be read with certainty.
pub(in crate::nl) fn stated_schedule(text: &str) -> Option<StatedSchedule> {
    if TWICE.is_match(text) {
        return None;
    }
    Some(StatedSchedule { cron: cron(text)?, timezone: timezone(text) })
}

/// Whether the text orders a repeated start in so many words ("every day", "daily at 8"), so that a plan without one is
/// wrong. "Daily prices" alone is no order.
pub(in crate::nl) fn explicit_schedule(text: &str) -> bool {
    static ORDER: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(every|each|jede[nrs]?|chaque|cada|tous les|toutes les|todos los|todas las|todos os|ogni|każd\w*|elke|alle) (single )?(\d+ )?(minute|hour|day|night|morning|evening|week|weekday|weekend|month|(sun|mon|tues|wednes|thurs|fri|satur)day|minuten?|stunden?|tag|nacht|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|woche|monat|jour|nuit|semaine|mois|día|noche|semana|mes|dia|noite|giorno|notte|settimana|mese|lun\w+|mar\w+|mié\w+|mer\w+|jue\w+|jeu\w+|vie\w+|ven\w+|sáb\w+|sam\w+|dom\w+|segunda|terça|quarta|quinta|sexta|gio\w+|dag|week|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag)",
        )
    });
    ORDER.is_match(text)
        || (PLURAL_DAYS.is_match(text) && cron(text).is_some())
        || cjk_cron(text).is_some()
        || (TIME.is_match(text) && cron(text).is_some())
}

/// Whether the text speaks of a repeated start at all; without any such word a schedule was invented.
pub(in crate::nl) fn speaks_of_schedule(text: &str) -> bool {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(every|each|daily|nightly|weekly|monthly|hourly|schedul\w*|cron\w*|weekdays?|per (?:day|week|hour)|a (?:day|week|month)|jede\w*|täglich|wöchentlich|monatlich|stündlich|alle \d|chaque|tous les|toutes les|cada|todos los|diari\w*|on (?:sun|mon|tues|wednes|thurs|fri|satur)day|(?:sun|mon|tues|wednes|thurs|fri|satur)day(?:s| (?:mornings|evenings|nights|afternoons))|midnight|o'clock|yearly|annually)\b|\d \* \*|每|毎",
        )
    });
    WORDS.is_match(text)
}

/// Chinese and Japanese schedules: "每天凌晨2点", "毎週月曜9時".
fn cjk_cron(text: &str) -> Option<String> {
    let day = CJK_DAY.captures(text).and_then(|found| {
        let name = found.get(1).or(found.get(2))?.as_str();
        "日一二三四五六"
            .chars()
            .position(|c| name.starts_with(c))
            .or_else(|| "日月火水木金土".chars().position(|c| name.starts_with(c)))
            .or((name == "天").then_some(0))
    });
    if day.is_none() && !CJK_DAILY.is_match(text) {
        return None;
    }
    let found = CJK_TIME.captures(text)?;
    let hour: u32 = found[2].parse().ok()?;
    let minute = found.get(3).or(found.get(4)).and_then(|minute| minute.as_str().parse().ok());
    let minute: u32 = minute.unwrap_or(if found[0].ends_with('半') { 30 } else { 0 });
    let hour = if found.get(1).is_some() && hour < 12 { hour + 12 } else { hour };
    let day = day.map_or_else(|| "*".to_owned(), |day| day.to_string());
    (hour < 24 && minute < 60).then(|| format!("{minute} {hour} * * {day}"))
}

fn cron(text: &str) -> Option<String> {
    if let Some(found) = cjk_cron(text) {
        return Some(found);
    }
    if let Some(found) = EVERY_N.captures(text) {
        let number: u32 = found[1].parse().ok()?;
        let unit = found[2].to_lowercase();
        return match unit.chars().next()? {
            'm' if (1..60).contains(&number) && 60 % number == 0 => Some(format!("*/{number} * * * *")),
            'h' | 's' if (1..24).contains(&number) && 24 % number == 0 => Some(format!("0 */{number} * * *")),
            _ => None,
        };
    }
    if HALF_HOUR.is_match(text) {
        return Some("*/30 * * * *".into());
    }
    if MINUTELY.is_match(text) {
        return Some("* * * * *".into());
    }
    if HOURLY.is_match(text) {
        return Some("0 * * * *".into());
    }
    let days = weekdays(text);
    let monthly = MONTHLY.is_match(text);
    let daily = DAILY.is_match(text);
    if days.is_none() && !monthly && !daily && !WEEKLY.is_match(text) {
        return None;
    }
    let (hour, minute) = time(text)?;
    if monthly {
        let stated =
            MONTH_DAY.captures(text).and_then(|c| c.get(1).or(c.get(2))?.as_str().parse::<u32>().ok());
        let day = stated.or(FIRST_DAY.is_match(text).then_some(1)).unwrap_or(1);
        return (1..=31).contains(&day).then(|| format!("{minute} {hour} {day} * *"));
    }
    let days = days.unwrap_or_else(|| if daily { "*".into() } else { "1".into() });
    Some(format!("{minute} {hour} * * {days}"))
}

fn weekdays(text: &str) -> Option<String> {
    if WEEKDAYS.is_match(text) {
        return Some("1-5".into());
    }
    if WEEKENDS.is_match(text) {
        return Some("0,6".into());
    }
    let list = match DAY_LIST.captures(text) {
        Some(captures) => captures.get(1)?.as_str().to_lowercase(),
        None => PLURAL_DAYS.find(text)?.as_str().to_lowercase(),
    };
    let mut days: Vec<&str> =
        DAYS.iter().filter(|(name, _)| list.contains(name)).map(|(_, number)| *number).collect();
    days.sort_unstable();
    (!days.is_empty()).then(|| days.join(","))
}

/// Hour and minute; words like "night" stand for midnight if no time is given.
fn time(text: &str) -> Option<(u32, u32)> {
    let number = |found: Option<regex::Match<'_>>| found.and_then(|found| found.as_str().parse::<u32>().ok());
    let lower = text.to_lowercase();
    if let Some(time) = spoken_time(&lower) {
        return Some(time);
    }
    let found = TIME
        .captures(text)
        .map(|c| (number(c.get(1)), number(c.get(2)), c.get(3).map(|m| m.as_str().to_lowercase())))
        .or_else(|| {
            BARE_TIME.captures(text).map(|c| {
                let hour = number(c.get(1)).or(number(c.get(4)));
                (hour, number(c.get(2)), c.get(3).or(c.get(5)).map(|m| m.as_str().to_lowercase()))
            })
        });
    if let Some((Some(hour), minute, half)) = found {
        let half = half.unwrap_or_default();
        let evening = ["in the evening", "in the afternoon", "every evening", "each evening", "abends"]
            .iter()
            .any(|w| lower.contains(w));
        let hour = match hour {
            12 if half.starts_with('a') => 0,
            12 => 12,
            _ if half.starts_with('p') || (evening && hour < 12) => hour + 12,
            _ => hour,
        };
        let minute = minute.unwrap_or(0);
        return (hour < 24 && minute < 60).then_some((hour, minute));
    }
    let at_noon = lower.contains("noon") && !lower.contains("afternoon");
    if at_noon {
        return Some((12, 0));
    }
    // "every morning" has no hour of its own: the model decides. A day, week or month without a time begins at midnight.
    let vague = ["morning", "evening", "afternoon", "morgen", "abend", "matin", "soir"]
        .iter()
        .any(|word| lower.contains(word));
    (!vague).then_some((0, 0))
}

/// "Half past one at night", "a quarter to six in the evening", "at seven".
fn spoken_time(lower: &str) -> Option<(u32, u32)> {
    static SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
        regex(&format!(
            r"\b(half past|quarter past|quarter to|at) ({}|\d{{1,2}})\b(?: (o'clock))?(?: in the (morning|afternoon|evening)| (at night)| ?(a\.?m\b|p\.?m\b))?",
            HOURS.join("|")
        ))
    });
    static MINUTES: LazyLock<Regex> = LazyLock::new(|| {
        regex(&format!(
            r"\b({hours}|twenty|twenty-five|\d{{1,2}}) (?:minutes )?(past|to) ({hours}|\d{{1,2}})\b(?: o'clock)?(?: (in the morning)| (?:in the (?:afternoon|evening)|at night)| ?(a\.?m\b)| ?p\.?m\b)",
            hours = HOURS.join("|")
        ))
    });
    if let Some(found) = MINUTES.captures(lower) {
        let minute = match &found[1] {
            "twenty" => 20,
            "twenty-five" => 25,
            word => hour_of(word)?,
        };
        let hour = hour_of(&found[3]).filter(|hour| *hour <= 12 && (1..60).contains(&minute))?;
        let early =
            found.get(4).is_some() || found.get(5).is_some() || (lower.contains("at night") && hour < 6);
        let hour = if early { hour % 12 } else { hour % 12 + 12 };
        return Some(if &found[2] == "past" { (hour, minute) } else { ((hour + 23) % 24, 60 - minute) });
    }
    let found = SPOKEN.captures(lower)?;
    let word = &found[2];
    let spelled = spelled_hour(word);
    // "At 7" is read with its minutes elsewhere.
    let hour = match spelled {
        Some(hour) => hour,
        None if &found[1] == "at" => return None,
        None => word.parse().ok().filter(|hour| (1..24).contains(hour))?,
    };
    let late = lower.contains("evenings")
        || lower.contains("afternoons")
        || found.get(4).is_some_and(|part| part.as_str() != "morning")
        || found.get(6).is_some_and(|half| half.as_str().starts_with('p'))
        || (found.get(5).is_some() && hour > 6 && hour < 12);
    let hour = if late && hour < 12 { hour + 12 } else { hour };
    Some(match &found[1] {
        "half past" => (hour, 30),
        "quarter past" => (hour, 15),
        "quarter to" => ((hour + 23) % 24, 45),
        _ => (hour, 0),
    })
}

fn spelled_hour(word: &str) -> Option<u32> {
    HOURS.iter().position(|hour| *hour == word).and_then(|at| u32::try_from(at + 1).ok())
}

fn hour_of(word: &str) -> Option<u32> {
    spelled_hour(word).or_else(|| word.parse().ok())
}

const HOURS: [&str; 12] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// The zone that the text names: `Europe/Berlin`, "Berlin time", "UTC".
pub(in crate::nl) fn timezone(text: &str) -> Option<String> {
    static IANA: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(?:Europe|America|Asia|Africa|Australia|Pacific|Atlantic)/[A-Z][A-Za-z]+(?:[_/][A-Z][A-Za-z]+)*\b|\bEtc/UTC\b")
            .expect("the pattern is valid")
    });
    if let Some(found) = IANA.find(text) {
        return Some(found.as_str().to_owned());
    }
    let lower = text.to_lowercase();
    ZONES.iter().find_map(|(name, zone)| {
        let at = lower.find(name)?;
        let before = lower[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let rest = &lower[at + name.len()..];
        let after = rest.chars().next().is_none_or(|c| !c.is_alphanumeric());
        let said = ["heure de", "heure d'", "hora de", "ora di", "time in", "time of", "czasu", "horário de"];
        let timely = *zone == "UTC"
            || said.iter().any(|word| lower[..at].trim_end().ends_with(word))
            || name.ends_with("time")
            || rest.trim_start().starts_with("time")
            || rest.trim_start().starts_with("zeit");
        (before && after && timely).then(|| (*zone).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_certain() {
        for (text, cron) in [
            ("Every weekday at 6:30 in the morning, Berlin time", "30 6 * * 1-5"),
            ("every Sunday at 4 pm read", "0 16 * * 0"),
            ("run it every night at 2", "0 2 * * *"),
            ("each day at 12 am", "0 0 * * *"),
            ("every 15 minutes check", "*/15 * * * *"),
            ("every 6 hours", "0 */6 * * *"),
            ("hourly", "0 * * * *"),
            ("on Mondays and Thursdays at 18:45", "45 18 * * 1,4"),
            ("on the 1st of every month at 3am", "0 3 1 * *"),
            ("nightly", "0 0 * * *"),
            ("Sundays at noon, New York time", "0 12 * * 0"),
            ("on the 15th of every month at half past one at night", "30 1 15 * *"),
            ("Thursday evenings at a quarter past 9 (Sydney time)", "15 21 * * 4"),
            ("every Friday at quarter to 6 in the evening", "45 17 * * 5"),
            ("jeden Montag um 7 Uhr", "0 7 * * 1"),
            ("daily at 8 in the evening", "0 20 * * *"),
            ("todos los lunes a las 7", "0 7 * * 1"),
            ("chaque vendredi à 18h30", "30 18 * * 5"),
            ("toda segunda-feira? cada segunda-feira às 6h", "0 6 * * 1"),
            ("ogni giorno alle 5", "0 5 * * *"),
            ("每天凌晨2点", "0 2 * * *"),
            ("每周一早上8点30分", "30 8 * * 1"),
            ("毎週月曜9時", "0 9 * * 1"),
        ] {
            assert_eq!(stated_schedule(text).map(|s| s.cron).as_deref(), Some(cron), "{text}");
        }
    }

    #[test]
    fn leaves_the_rest_to_the_model() {
        for text in [
            "train xgboost on data.csv",
            "for each region run it",
            "twice a day at 6",
            "every morning",
            "every 7 minutes",
        ] {
            assert_eq!(stated_schedule(text), None, "{text}");
        }
    }

    #[test]
    fn zones_need_a_reason() {
        assert_eq!(timezone("at 6:30 Berlin time").as_deref(), Some("Europe/Berlin"));
        assert_eq!(timezone("at 6:30 UTC").as_deref(), Some("UTC"));
        assert_eq!(timezone("in America/New_York").as_deref(), Some("America/New_York"));
        assert_eq!(timezone("à 4 h, heure de Paris").as_deref(), Some("Europe/Paris"));
        assert_eq!(timezone("weather data of Paris, every day"), None);
    }
}
