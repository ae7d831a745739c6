//! Step settings in plain words: which ones a text speaks of, their schema, and what they become.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::literals::{Literal, LiteralKind};

/// One setting that a text may speak of.
struct Setting {
    name: &'static str,
    about: &'static str,
    pattern: &'static str,
}

/// A setting is offered to the model only if the text gives reason to: small models fill in everything they are offered.
const SETTINGS: [Setting; 17] = [
    Setting {
        name: "retries",
        about: "number of retries",
        pattern: r"\bretr(y|ies|ied)|\battempts?\b|\btries\b|\bwiederhol|\bversuch|\bréessa|\breintent|\btwice if it fails",
    },
    Setting {
        name: "backoff",
        about: "first wait between retries, like 30s",
        pattern: r"\bback-?off|\bwait(ing|s)?\b.{0,30}\b(between|before|after)|\bexponential",
    },
    Setting {
        name: "timeout",
        about: "most time for the step, like 30m or 2h",
        pattern: r"\btime-?\s?out|\btime limit|\bat most\b.{0,20}\b(sec|min|hour|day)|\blonger than\b|\bwithin \d|\bgive up\b.{0,20}\bafter|\b(kill|stop|abort|cancel)\w* (it )?(after|if)|\bdeadline|\bzeitlimit|\bhöchstens\b.{0,20}(minute|stunde)|\bdélai|\btiempo",
    },
    Setting { name: "gpus", about: "number of GPUs", pattern: r"\bgpus?\b" },
    Setting {
        name: "cpu",
        about: "CPU cores, like 4 or 500m",
        pattern: r"\bcpus?\b|\bcores?\b|\bvcpus?\b|\bkerne",
    },
    Setting {
        name: "memory",
        about: "memory, like 16Gi",
        pattern: r"\bmemory\b|\bram\b|\b\d+\s?[GMT]i?B?\b|\bspeicher\b|\bmémoire|\bmemoria",
    },
    Setting {
        name: "parallel",
        about: "most instances at the same time",
        pattern: r"\bat (a|the same) time|\bin parallel\b|\bat once\b|\bparallelism\b|\bconcurrent|\bgleichzeitig",
    },
    Setting {
        name: "cache",
        about: "how long its result may be reused, like 1d; forever if not said",
        pattern: r"\bcach|\bmemoi[sz]|\breus(e|ing)\b|\bzwischenspeicher|\bremember|\bnot (?:be )?(?:re-?)?(?:computed|run|executed|calculated) again|\brecomput|\bkeep (?:its|the) (?:result|output|outcome)|en caché|mettre en cache|zwischen.?gespeichert",
    },
    Setting {
        name: "env",
        about: "environment variables",
        pattern: r"\benv(ironment)?\b|\bvariables?\b|\b[A-Z][A-Z0-9_]+=|\bumgebungsvariable",
    },
    Setting {
        name: "secrets",
        about: "environment variables whose value is a key of a secret",
        pattern: r"\bsecrets?\b|\bcredentials?\b|\bgeheimnis",
    },
    Setting {
        name: "mounts",
        about: "persistent volume claims with their mount paths",
        pattern: r"\bmount|\bvolumes?\b|\bpvc\b|\bclaim\b",
    },
    Setting {
        name: "node",
        about: "node labels",
        pattern: r"\bnodes?\b|\bnode-?selector|\blabel(l?ed)?\b|\bknoten",
    },
    Setting { name: "tolerate", about: "taints", pattern: r"\btolerat|\btaint" },
    Setting { name: "service_account", about: "service account", pattern: r"\bservice[ -]?account" },
    Setting {
        name: "background",
        about: "true if it keeps running in the background",
        pattern: r"\bdaemon|\bbackground\b|\bsidecar",
    },
    Setting {
        name: "continue_on_failure",
        about: "true if the others go on although it fails",
        pattern: r"\b(even|also) if it fails|\bcontinue (on|even)|\bignore (its )?failure|\bmay fail\b|\bgo on\b",
    },
    Setting {
        name: "limit",
        about: "most repetitions",
        pattern: r"\bat most\b|\bmaximum\b|\bmax\b|\bup to\b|\blimit\b|\bhöchstens",
    },
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    SETTINGS
        .iter()
        .map(|setting| {
            let cased = setting.name == "env" || setting.name == "memory";
            let insensitive = if cased { "" } else { "(?i)" };
            Regex::new(&format!("{insensitive}{}", setting.pattern)).expect("the pattern is valid")
        })
        .collect()
});

/// Whether a text speaks of any setting.
pub(in crate::nl) fn mentions_setting(text: &str) -> bool {
    SETTINGS
        .iter()
        .zip(PATTERNS.iter())
        .any(|(setting, pattern)| setting.name != "limit" && pattern.is_match(text))
}

/// Names of the settings that a text speaks of.
pub(in crate::nl) fn mentioned(
    text: &str,
    mapped: bool,
    repeated: bool,
    own_resources: bool,
) -> Vec<&'static str> {
    SETTINGS
        .iter()
        .zip(PATTERNS.iter())
        .filter(|(setting, pattern)| match setting.name {
            "parallel" => mapped && pattern.is_match(text),
            "limit" => repeated && (pattern.is_match(text) || text.contains("times")),
            // Distributed jobs have these as arguments.
            "gpus" | "cpu" | "memory" => !own_resources && pattern.is_match(text),
            _ => pattern.is_match(text),
        })
        .map(|(setting, _)| setting.name)
        .collect()
}

/// What a setting means, for the prompt.
pub(in crate::nl) fn about(name: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.about)
}

const WORDS: [(&str, u32); 12] = [
    ("once", 1),
    ("one", 1),
    ("twice", 2),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("ten", 10),
    ("twelve", 12),
];

/// Whole numbers that a text gives, as digits or words.
pub(in crate::nl) fn whole_numbers(text: &str, literals: &[Literal]) -> Vec<u32> {
    let lower = text.to_lowercase();
    let mut numbers: Vec<u32> = literals
        .iter()
        .filter(|literal| literal.kind == LiteralKind::Number && text.contains(&literal.text))
        .filter_map(|literal| literal.number().filter(|n| n.fract() == 0.0 && (1.0..100_000.0).contains(n)))
        .map(|number| format!("{number:.0}").parse().unwrap_or(1))
        .collect();
    for word in lower.split(|c: char| !c.is_alphabetic()) {
        numbers.extend(WORDS.iter().filter(|(name, _)| *name == word).map(|(_, number)| *number));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn unit(pattern: &str) -> Regex {
    Regex::new(&format!(r"(?i)\b(\d+|{})\s+(?:\w+\s+)?(?:{pattern})", number_words()))
        .expect("the pattern is valid")
}

fn number_words() -> String {
    WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join("|")
}

static GPUS: LazyLock<Regex> = LazyLock::new(|| unit(r"gpus?\b"));
static CPUS: LazyLock<Regex> = LazyLock::new(|| unit(r"v?cpus?\b|v?cores?\b|kerne\b"));
static TIMES: LazyLock<Regex> =
    LazyLock::new(|| unit(r"times\b|retries\b|attempts\b|tries\b|repetitions\b|mal\b|fois\b|veces\b"));
/// "2x", "x3".
static FACTOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(\d+) ?x\b").expect("the pattern is valid"));
static AT_A_TIME: LazyLock<Regex> = LazyLock::new(|| {
    unit(r"at (?:a|the same|one) time|in parallel|at once|concurrent|simultaneous|gleichzeitig")
});
static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)\b(\d+|(?:an?|{})[\s-])[\s-]?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?|sekunden?|minuten?|stunden?|tagen?|heures?|jours?|secondes?|horas?|días?|minutos?)\b",
        number_words()
    ))
    .expect("the pattern is valid")
});
static MEMORY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(\d+)\s?(gi|gib|gb|g|gigabytes?|gigs?|mi|mib|mb|megabytes?|ti|tb)\b")
        .expect("the pattern is valid")
});

fn number_of(word: &str) -> Option<u32> {
    let word = word.trim_end_matches([' ', '-']).to_lowercase();
    let spelled = WORDS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    word.parse().ok().or(spelled).or_else(|| word.starts_with('a').then_some(1))
}

/// Numbers in front of a unit.
fn numbers_by_unit(text: &str, pattern: &Regex) -> Vec<u32> {
    let mut found: Vec<u32> =
        pattern.captures_iter(text).filter_map(|captures| number_of(&captures[1])).collect();
    let lower = text.to_lowercase();
    if pattern.as_str() == TIMES.as_str() {
        found.extend(lower.contains("twice").then_some(2));
        found.extend(FACTOR.captures_iter(text).filter_map(|captures| captures[1].parse::<u32>().ok()));
    }
    found.dedup();
    found
}

/// Durations that a text states: "20 minutes" is `20m`.
pub(in crate::nl) fn durations(text: &str) -> Vec<String> {
    let mut found: Vec<String> = DURATION
        .captures_iter(text)
        .filter_map(|captures| {
            let number = number_of(&captures[1]).filter(|number| *number > 0)?;
            let unit = captures[2].to_lowercase();
            Some(match unit.as_bytes()[0] {
                b'w' => format!("{}d", number * 7),
                b't' | b'j' | b'd' => format!("{number}d"),
                _ if unit.starts_with("st") || unit.starts_with('h') => format!("{number}h"),
                b'm' => format!("{number}m"),
                _ => format!("{number}s"),
            })
        })
        .collect();
    found.dedup();
    found
}

/// Memory sizes that a text states: "8 GB" is `8Gi`.
pub(in crate::nl) fn memory_sizes(text: &str) -> Vec<String> {
    let mut found: Vec<String> = MEMORY
        .captures_iter(text)
        .map(|captures| {
            let unit = match captures[2].to_lowercase().as_bytes()[0] {
                b'm' => "Mi",
                b't' => "Ti",
                _ => "Gi",
            };
            format!("{}{unit}", &captures[1])
        })
        .collect();
    found.dedup();
    found
}

/// The JSON schema of the given settings; each may be null.
pub(in crate::nl) fn settings_schema(names: &[&str], text: &str, literals: &[Literal]) -> Value {
    let numbers = whole_numbers(text, literals);
    let near = |pattern: &Regex| -> Value {
        let close = numbers_by_unit(text, pattern);
        match (close.is_empty(), numbers.is_empty()) {
            (false, _) => json!({"enum": close}),
            (true, false) => json!({"enum": numbers}),
            (true, true) => json!({"type": "integer", "minimum": 1, "maximum": 1000}),
        }
    };
    let stated = durations(text);
    let duration = if stated.is_empty() {
        json!({"type": "string", "pattern": "^[1-9][0-9]{0,3}[smhd]$"})
    } else {
        json!({"enum": stated})
    };
    let sizes = memory_sizes(text);
    let word =
        |most: u32| json!({"type": "string", "pattern": format!("^[A-Za-z0-9][A-Za-z0-9._/-]{{0,{most}}}$")});
    let object = |fields: &[(&str, Value)], required: &[&str]| {
        let properties: Map<String, Value> =
            fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    };
    let list = |item: Value| json!({"type": "array", "items": item, "minItems": 1, "maxItems": 6});
    let variable = json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,40}$"});
    let mut properties = Map::new();
    for name in names {
        let schema = match *name {
            "gpus" => near(&GPUS),
            "retries" | "limit" => near(&TIMES),
            "parallel" => near(&AT_A_TIME),
            "backoff" | "timeout" => duration.clone(),
            "cache" => json!({"anyOf": [{"const": "forever"}, duration.clone()]}),
            "cpu" if !numbers_by_unit(text, &CPUS).is_empty() => {
                let cores: Vec<String> = numbers_by_unit(text, &CPUS).iter().map(u32::to_string).collect();
                json!({"enum": cores})
            }
            "memory" if !sizes.is_empty() => json!({"enum": sizes}),
            "cpu" => json!({"type": "string", "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2}|00m|50m)?$"}),
            "memory" => json!({"type": "string", "pattern": "^[0-9]{1,4}(Gi|Mi|G|M)$"}),
            "env" => list(object(
                &[("name", variable.clone()), ("value", json!({"type": "string", "maxLength": 80}))],
                &["name", "value"],
            )),
            "secrets" => list(object(
                &[("env", variable.clone()), ("secret", word(60)), ("key", word(60))],
                &["env", "secret", "key"],
            )),
            "mounts" => list(object(
                &[
                    ("claim", word(60)),
                    ("path", json!({"type": "string", "pattern": "^/[A-Za-z0-9._/-]{1,60}$"})),
                ],
                &["claim", "path"],
            )),
            "node" => list(object(&[("label", word(60)), ("value", word(60))], &["label", "value"])),
            "tolerate" => list(object(
                &[
                    ("key", word(60)),
                    ("value", word(60)),
                    ("effect", json!({"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]})),
                ],
                &["key"],
            )),
            "service_account" => word(60),
            _ => json!({"type": "boolean"}),
        };
        properties.insert((*name).to_owned(), json!({"anyOf": [schema, {"type": "null"}]}));
    }
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TolerationOperator;
    use crate::nl::base::answer::SettingsAnswer;
    use crate::nl::base::literals::literals;

    #[test]
    fn only_what_is_mentioned_is_offered() {
        assert_eq!(mentioned("train xgboost to predict churn", false, false, false), Vec::<&str>::new());
        assert_eq!(
            mentioned("train with 2 GPUs and 16Gi, retry twice, timeout 30 minutes", false, false, false),
            ["retries", "timeout", "gpus", "memory"]
        );
    }

    #[test]
    fn numbers_come_from_the_text() {
        let text = "retry three times, at most 20 minutes";
        assert_eq!(whole_numbers(text, &literals(text)), [3, 20]);
    }

    #[test]
    fn answers_become_settings() {
        let answer: SettingsAnswer = serde_json::from_value(json!({
            "retries": 3, "timeout": "30m", "env": [{"name": "A", "value": "b"}],
            "tolerate": [{"key": "gpu", "effect": "NoSchedule"}], "cache": "1d"
        }))
        .unwrap();
        let settings = answer.into_settings();
        assert_eq!(settings.retry.unwrap().limit, 3);
        assert_eq!(settings.timeout.unwrap().seconds(), 1800);
        assert_eq!(settings.cache.unwrap().max_age.unwrap().seconds(), 86_400);
        assert_eq!(settings.tolerations[0].operator, TolerationOperator::Exists);
    }
}
