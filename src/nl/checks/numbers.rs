//! Every number of the description has its place in a step that quotes it.

use std::sync::LazyLock;

use regex::Regex;

use super::content::Content;
use super::{Check, Finding, Judged};
use crate::nl::answer::StepAnswer;
use crate::nl::document::{Document, Number};

/// See the module.
pub(super) struct Numbers;

impl Check for Numbers {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn about(&self) -> &'static str {
        "every number in digits stands, in whatever unit, in a step that quotes it or in what the whole has"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let steps: Vec<(&StepAnswer, Content)> =
            judged.answer.all_steps().map(|step| (step, Content::of_step(step))).collect();
        let whole = Content::of_whole(judged.answer);
        let mut all = whole.clone();
        for (_, content) in &steps {
            all.extend(content);
        }
        let document = judged.document;
        let mut found = Vec::new();
        for group in groups(document) {
            let span = group[0].span.start..group[group.len() - 1].span.end;
            if judged.asks_for_nothing(span.clone())
                || document.declares(span.start)
                || is_name(document, &span)
                || document.item_numbers.contains(&document.text[span.clone()])
            {
                continue;
            }
            let owners = judged.owners(span.clone());
            // "1 master": a job has one of itself.
            let of_job = |name: &&str| {
                steps.iter().any(|(step, _)| step.name == **name && step.task.starts_with("job."))
            };
            if document.text[span.clone()] == *"1" && owners.iter().any(of_job) {
                continue;
            }
            if owners.is_empty() && !judged.is_about_whole(span.clone()) {
                continue;
            }
            let percent = document.text[span.end..].trim_start().to_lowercase().starts_with(['%', '％', 'p']);
            let values = meanings(&group, percent);
            let share = percent || group.len() > 1;
            let mut contents = steps.iter().filter(|(step, _)| owners.contains(&step.name.as_str()));
            let near = in_other_words(&values);
            let kept = contents.any(|(_, content)| content.holds_number(&near))
                || whole.holds_number(&with_afternoon(&values))
                // What a share is taken of may stand at another step: "train on the 80 %".
                || ((owners.is_empty() || share) && all.holds_number(&values))
                || (values[0] >= 10.0 && values[0] < 100.0 && all.holds_number(&[values[0] / 100.0, 1.0 - values[0] / 100.0]));
            // "When all 32 are done": the number of another step, whose own words give it again, or how often it runs.
            let elsewhere = || {
                let runs = steps.iter().filter_map(|(step, _)| step.map.as_ref()?.over.count());
                #[expect(clippy::cast_precision_loss, reason = "at most 10,000 items")]
                let counted = runs.into_iter().any(|count| super::content::near(values[0], count as f64));
                let again = document.numbers.iter().any(|other| {
                    let owners = judged.owners(other.span.clone());
                    other.span != span
                        && other.values[0].to_bits() == values[0].to_bits()
                        && steps.iter().any(|(step, content)| {
                            owners.contains(&step.name.as_str()) && content.holds_number(&other.values)
                        })
                });
                counted || again
            };
            if !kept && !elsewhere() {
                let text = &document.text[span.clone()];
                let owner = owners.first().copied();
                found.push(
                    Finding::error(self.name(), owner, format!("{text:?} has no place"))
                        .because(document, span),
                );
            }
        }
        found
    }
}

/// Numbers that are a name of something: of a document, of a percentile, of the port of a step in the background.
static NAME_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:note|no\.?|nr\.?|number|document|version|revision|rev\.?|part|section|chapter|package|appendix|ticket|issue|ports?)\s*#?$")
        .expect("the pattern is valid")
});
static NAME_BEHIND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:th|st|nd|rd|\.|e|º|°)?[ -](?:percentile|perzentil|centile|quantile?|percentil)")
        .expect("the pattern is valid")
});

fn is_name(document: &Document, span: &std::ops::Range<usize>) -> bool {
    NAME_BEFORE.is_match(&document.text[..span.start]) || NAME_BEHIND.is_match(&document.text[span.end..])
}

/// Numbers in digits; those joined by a slash, colon or the like (80/20, 16:30) are one group.
fn groups(document: &Document) -> Vec<Vec<&Number>> {
    let mut groups: Vec<Vec<&Number>> = Vec::new();
    for number in document.numbers.iter().filter(|number| number.digits && stands_alone(document, number)) {
        let joined = groups.last().and_then(|group| group.last()).is_some_and(|last| {
            let between = &document.text[last.span.end..number.span.start];
            let joined = between.len() <= 3 && between.chars().all(|c| "/:.-–hx×%,".contains(c));
            // 8 to 2, 8 zu 2: parts of a whole.
            let parts = between.len() <= 8 && adds_up(last, number);
            !between.is_empty() && (joined || parts)
        });
        match groups.last_mut().filter(|_| joined) {
            Some(group) => group.push(number),
            None => groups.push(vec![number]),
        }
    }
    groups
}

fn adds_up(first: &Number, second: &Number) -> bool {
    let sum = first.values[0] + second.values[0];
    super::content::near(sum, 10.0) || super::content::near(sum, 100.0) || super::content::near(sum, 1.0)
}

/// Not a part of a literal or of a word.
fn stands_alone(document: &Document, number: &Number) -> bool {
    let inside = document
        .literals
        .iter()
        .any(|literal| literal.span.start <= number.span.start && number.span.end <= literal.span.end);
    let before = document.text[..number.span.start].chars().next_back();
    // 70/15/15: a part of a whole.
    let parts = document.text[..number.span.start]
        .trim_end_matches(['/', ':'])
        .ends_with(|c: char| c.is_ascii_digit());
    let glued = !parts
        && before.is_some_and(|c| c.is_ascii_alphabetic() || "_#@=-/.:".contains(c) && !c.is_whitespace());
    !inside && !glued
}

/// What numbers may have become: a share, its counterpart, their part of the whole.
fn meanings(group: &[&Number], percent: bool) -> Vec<f64> {
    let mut values: Vec<f64> = group.iter().flat_map(|number| number.values.iter().copied()).collect();
    let sum: f64 = group.iter().filter_map(|number| number.values.first()).sum();
    for value in values.clone() {
        if percent {
            values.extend([value / 100.0, 1.0 - value / 100.0]);
        }
        if group.len() > 1 {
            values.extend([value / sum, value / 100.0, value + 12.0]);
        }
        if value < 1.0 {
            values.push(1.0 - value);
        }
    }
    values
}

/// What a number may have become in its own step: a share, one attempt less, an hour of the afternoon.
fn in_other_words(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .flat_map(|value| {
            [*value, value / 100.0, 1.0 - value / 100.0, value / 10.0, 1.0 - value / 10.0, value - 1.0]
        })
        .collect()
}

/// The hour of an afternoon.
fn with_afternoon(values: &[f64]) -> Vec<f64> {
    values.iter().flat_map(|value| [*value, value + 12.0]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::{findings, run};

    #[test]
    fn numbers_that_are_names_need_no_place() {
        for (text, fine) in [
            ("fetch prints the 95th percentile", true),
            ("As in note 47: fetch", true),
            ("fetch talks to it at port 6379", true),
            ("fetch with 12 rounds", false),
        ] {
            assert_eq!(
                findings("numbers", text, &json!([run("fetch", text, &[])])).is_empty(),
                fine,
                "{text}"
            );
        }
    }
}
