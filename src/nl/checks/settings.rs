//! A step has the settings that its own words name, and no claim, amount or account that they do not speak of.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{Check, Finding, Judged};
use crate::nl::answer::StepAnswer;
use crate::nl::document::Concept;

/// See the module.
pub(super) struct Settings;

static WORDS: LazyLock<HashMap<String, Regex>> = LazyLock::new(|| {
    let words: HashMap<String, String> =
        serde_saphyr::from_str(include_str!("../../../prompts/vocabulary/settings.yaml"))
            .expect("the built-in vocabulary is tested");
    words
        .into_iter()
        .map(|(name, words)| {
            let pattern = format!(r"(?i)(?:^|[^\p{{L}}])(?:{words})(?:$|[^\p{{L}}])");
            (name, Regex::new(&pattern).expect("the built-in vocabulary is tested"))
        })
        .collect()
});

/// "2 cpus", "16Gi of memory", "1 GPU".
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b\d+(?:\.\d+)?\s?(?:gib?|gpus?|cpus?|cores)\b|\b(?:gpu|cpu)s? \d+\b")
        .expect("the pattern is valid")
});

/// "3 retries", "retried twice", "Retries: 5".
static RETRIES: LazyLock<Regex> = LazyLock::new(|| {
    let count = r"(?:\d+|one|two|three|four|five|six|once|twice|ein|zwei|drei|zweimal|dreimal|deux|trois|dos|tres|due|tre|duas|três|twee|drie|dwa|trzy)";
    Regex::new(&format!(
        r"(?i)\b{count}x? (?:times )?(?:more )?(?:retr(?:y|ies|ys)|wiederholung\w*|reintentos?|nouvelles? tentatives?|novas? tentativas?|nuovi tentativi|ponowie\w+)|\bretr(?:y|ies|ys|ied)\b(?: up to| at most| only)?[:,]? {count}(?: |x|,|\.|$)"
    ))
    .expect("the pattern is valid")
});

/// "Timeout 20 minutes", "a 15 min timeout".
static TIMEOUT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\btime ?-?(?:out|limit)\b[: ]+(?:of )?(?:\d+|one|two|an?)\b|\b\d+[ -]?(?:s|sec\w*|m|min\w*|h|hours?)[ -]time ?-?(?:out|limit)\b")
        .expect("the pattern is valid")
});

impl Check for Settings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn about(&self) -> &'static str {
        "a step has the claims, amounts, retries, time limits and nodes that its own words name, and no others"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let own = super::layout::own_pieces(judged);
        let mut found = Vec::new();
        for (step, own) in judged.answer.all_steps().zip(&own) {
            found.extend(self.lost_claim(judged, step));
            found.extend(self.lost(judged, step, own));
            found.extend(self.strange(judged, step));
        }
        found
    }
}

impl Settings {
    /// Its quote speaks of a claim, but it has no volume.
    fn lost_claim(&self, judged: &Judged<'_>, step: &StepAnswer) -> Option<Finding> {
        let document = judged.document;
        if !step.settings.volumes.is_empty() || !WORDS["claim"].is_match(&step.text) {
            return None;
        }
        let others = judged.answer.all_steps().flat_map(|other| &other.settings.volumes);
        let claims: Vec<String> =
            others.filter_map(|volume| json!(volume)["claim"].as_str().map(str::to_owned)).collect();
        let span = document.spans(&step.text).into_iter().find(|span| {
            let words = &document.text[span.clone()];
            WORDS["claim"].is_match(&document.without_literals(span.clone()))
                && document.says(Concept::Negation, span.clone()).is_none()
                && (claims.is_empty() || claims.iter().any(|claim| words.contains(claim.as_str())))
        })?;
        let message = "its words name a claim, but it has no volume";
        Some(
            Finding::error(self.name(), Some(&step.name), message)
                .at("settings/volumes")
                .because(document, span),
        )
    }

    /// Its own words give an amount, retries or a time limit, but it has none.
    fn lost(&self, judged: &Judged<'_>, step: &StepAnswer, own: &[Range<usize>]) -> Option<Finding> {
        let settings = json!(step.settings);
        let said = json!([step.with, step.exec_while]).to_string();
        let wanted = [
            ("resources", &*AMOUNT, ["memory", "cpu", "gpu", "executor"].as_slice()),
            ("retry", &*RETRIES, ["retr", "limit", "max_"].as_slice()),
            ("timeout", &*TIMEOUT, ["timeout", "active_deadline", "limit"].as_slice()),
            ("node_selector", &WORDS["node_selector"], [].as_slice()),
            ("tolerations", &WORDS["tolerations"], [].as_slice()),
            ("service_account", &WORDS["service_account"], [].as_slice()),
        ];
        for (name, pattern, instead) in wanted {
            let kept = !settings[name].is_null()
                || instead.iter().any(|word| said.contains(word))
                || (name == "resources" && !settings["shared_memory"].is_null());
            let Some(span) = own.iter().find_map(|span| outside(judged, span, pattern)).filter(|_| !kept)
            else {
                continue;
            };
            // Whoever shares the sentence may be meant.
            let shared = judged.answer.all_steps().any(|other| {
                other.name != step.name
                    && !json!(other.settings)[name].is_null()
                    && judged
                        .document
                        .spans(&other.text)
                        .iter()
                        .any(|piece| piece.start < span.end && span.start < piece.end)
            });
            if !shared {
                let message = format!("its words give it {name}, but it has none");
                return Some(
                    Finding::error(self.name(), Some(&step.name), message)
                        .at(format!("settings/{name}"))
                        .because(judged.document, span),
                );
            }
        }
        None
    }

    /// It has amounts or a claim that neither its words nor those about the whole speak of.
    fn strange(&self, judged: &Judged<'_>, step: &StepAnswer) -> Option<Finding> {
        let settings = json!(step.settings);
        if judged.says(step, Concept::Same) {
            return None;
        }
        let words = judged.own_words(step);
        let name =
            ["resources", "node_selector", "tolerations", "service_account"].into_iter().find(|name| {
                let value = &settings[*name];
                let named = strings(value).iter().any(|text| text.len() > 2 && words.contains(text.as_str()));
                !value.is_null() && !named && !WORDS[*name].is_match(&words)
            })?;
        let message = format!("its words do not speak of {name}");
        Some(Finding::error(self.name(), Some(&step.name), message).at(format!("settings/{name}")))
    }
}

/// Where words outside of literals fulfil a pattern, without a word that takes it back.
fn outside(judged: &Judged<'_>, span: &Range<usize>, pattern: &Regex) -> Option<Range<usize>> {
    let document = judged.document;
    pattern
        .find_iter(&document.text[span.clone()])
        .map(|found| span.start + found.start()..span.start + found.end())
        .find(|place| {
            let literal = document
                .literals
                .iter()
                .any(|literal| literal.span.start < place.end && place.start < literal.span.end);
            // The clause: "no retries at all for the migration".
            let clause = document.text[span.start..place.start]
                .rfind(['.', ';', '\n'])
                .map_or(span.start, |at| span.start + at);
            !literal
                && document.says(Concept::Negation, clause..place.end).is_none()
                && !document.declares(place.start)
        })
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(map) => {
            map.iter().flat_map(|(key, item)| [vec![key.clone()], strings(item)].concat()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::{findings, run};

    #[test]
    fn settings_are_those_of_the_words() {
        let volume = json!([{"kind": "claim", "claim": "work-disk", "path": "/w"}]);
        for (text, settings, fine) in [
            ("Run fetch with 2 cpus and 4Gi.", json!({"resources": {"cpu": "2", "memory": "4Gi"}}), true),
            ("Run fetch with 2 cpus and 4Gi.", json!({}), false),
            ("Run fetch.", json!({"resources": {"gpu": 1}}), false),
            ("Run fetch, 3 retries.", json!({"retry": {"limit": 3}}), true),
            ("Run fetch, 3 retries.", json!({}), false),
            ("Run fetch, no retries.", json!({}), true),
            ("Run fetch, 4 in parallel.", json!({}), true),
            ("Run fetch with a 15 min timeout.", json!({}), false),
            ("Run fetch, claim work-disk at /w.", json!({"volumes": volume}), true),
            ("Run fetch, claim work-disk at /w.", json!({}), false),
            ("Run fetch, it does not get the claim work-disk.", json!({}), true),
        ] {
            let mut steps = json!([run("fetch", text, &[])]);
            steps[0]["settings"] = settings;
            assert_eq!(findings("settings", text, &steps).is_empty(), fine, "{text} {steps}");
        }
    }
}
