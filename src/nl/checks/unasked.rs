//! No step waits for one that the text does not put before it.

use std::sync::LazyLock;

use regex::Regex;

use super::layout::Layout;
use super::{Check, Finding, Judged};
use crate::nl::document::Concept;

/// See the module.
pub(super) struct Unasked;

/// Tasks whose order between two of the same kind follows from nothing but the text.
static ALIKE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\.train$|^model\.(?:evaluate|cross_validate|register)$|^data\.(?:load|load_sql|download)$|^tune\.",
    )
    .expect("the pattern is valid")
});

/// What stands between the parts of a fork: `[a || b]`.
static FORK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[`'\x22)]?\s*(?:\|\|?|∥)\s*[`'\x22(]?").expect("the pattern is valid"));

/// What stands between the items of a list.
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[`'\x22“”]?\s*(?:,|\+|&|、|和|と|and|und|et|y|e|en|i|ve|och|, and)\s*[`'\x22“”]?$")
        .expect("the pattern is valid")
});

/// What stands between the last two items of a list.
static ANDED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[`'\x22“”]?\s*,?\s*(?:\+|&|、|和|と|and|und|et|y|e|en|i|ve|och)\s*[`'\x22“”]?$")
        .expect("the pattern is valid")
});

/// Chains as people draw them.
static ARROW: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"->|→|=>|⇒|➜").expect("the pattern is valid"));

impl Check for Unasked {
    fn name(&self) -> &'static str {
        "unasked"
    }

    fn about(&self) -> &'static str {
        "no step waits for one that the text tells later, or beside it"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let Some(layout) = Layout::of(judged) else { return Vec::new() };
        let mut found = Vec::new();
        for (second, placed) in layout.steps.iter().enumerate() {
            for first in placed.waits.iter().copied() {
                if placed.reads.contains(&first) || layout.implied(first, second) {
                    continue;
                }
                let Some(why) = reason(judged, &layout, first, second) else { continue };
                let name = &layout.steps[first].step.name;
                found.push(
                    Finding::error(
                        self.name(),
                        Some(&placed.step.name),
                        format!("it waits for {name}, {why}"),
                    )
                    .at("after")
                    .suggest(format!("take {name} out of after")),
                );
            }
        }
        found
    }
}

fn reason(judged: &Judged<'_>, layout: &Layout<'_>, first: usize, second: usize) -> Option<&'static str> {
    if forked(judged, layout, first, second) {
        return Some("which stands beside it");
    }
    let related =
        [Concept::After, Concept::Then, Concept::All].into_iter().any(|concept| layout.says(second, concept));
    if listed_together(judged, layout, first, second) {
        return Some("although the text lets them run at the same time");
    }
    let (one, other) = (layout.steps[first].step, layout.steps[second].step);
    let chained = layout.says(second, Concept::Then) || arrow_before(judged, layout, second);
    if one.task == other.task
        && !chained
        && ALIKE.is_match(&one.task)
        && layout.steps[first].own == layout.steps[second].own
    {
        return Some("which the same words ask for");
    }
    if related || names(judged, layout, first, second) {
        return None;
    }
    if told_later(judged, layout, first, second) {
        return Some("of which the text speaks only later");
    }
    // Whoever only tells people about one outcome holds up nobody.
    if one.task.starts_with("notify.") && one.when.is_some() && other.when != one.when {
        return Some("which only tells people about one outcome");
    }
    (one.task == other.task && ALIKE.is_match(&one.task) && !chained)
        .then_some("which does the same kind of work and gives it nothing")
}

/// Whether all words of the first step stand behind all words of the second, in a text that draws no chain.
fn told_later(judged: &Judged<'_>, layout: &Layout<'_>, first: usize, second: usize) -> bool {
    let begin = layout.steps[first].own.iter().map(|span| span.start).min();
    let end = layout.steps[second].own.iter().map(|span| span.end).max();
    begin.zip(end).is_some_and(|(begin, end)| begin >= end)
        && !layout.says(first, Concept::Before)
        && !ARROW.is_match(&judged.document.text)
}

/// Whether the words of the second step name the first.
fn names(judged: &Judged<'_>, layout: &Layout<'_>, first: usize, second: usize) -> bool {
    let words: String = layout.steps[second]
        .own
        .iter()
        .map(|span| judged.document.text[span.clone()].to_lowercase() + "\n")
        .collect();
    layout.steps[first].step.name.split('-').filter(|part| part.chars().count() > 2).any(|part| {
        words
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| word == part || word.strip_suffix('s') == Some(part))
    })
}

fn arrow_before(judged: &Judged<'_>, layout: &Layout<'_>, index: usize) -> bool {
    let place = layout.steps[index].place;
    let before = judged.document.text[..place].trim_end_matches(['`', ' ', '"', '(', '\n']);
    before.ends_with(['>', '→', '⇒', '➜'])
}

/// Whether two steps stand in the same brackets, parted by a bar.
fn forked(judged: &Judged<'_>, layout: &Layout<'_>, first: usize, second: usize) -> bool {
    let text = judged.document.text.as_str();
    layout.steps[first].own.iter().any(|a| {
        layout.steps[second].own.iter().any(|b| {
            let (low, high) = if a.start < b.start { (a, b) } else { (b, a) };
            // The bar may belong to the second piece.
            let behind =
                high.start + text[high.start..high.end].char_indices().nth(4).map_or(0, |(at, _)| at);
            low.end <= high.start
                && text[..low.end].rfind('[').is_some_and(|open| !text[open..low.end].contains(']'))
                && high.start - low.end <= 4
                && FORK.is_match(text[low.end..behind].trim())
        })
    })
}

/// Two neighbours of a list whose steps run at the same time: "a and b side by side", "side by side: a, b".
fn listed_together(judged: &Judged<'_>, layout: &Layout<'_>, first: usize, second: usize) -> bool {
    let document = judged.document;
    let pairs =
        layout.steps[first].own.iter().flat_map(|a| layout.steps[second].own.iter().map(move |b| (a, b)));
    pairs.into_iter().any(|(a, b)| {
        let (low, high) = if a.start < b.start { (a, b) } else { (b, a) };
        if low.end > high.start {
            return false;
        }
        let between = document.text[low.end..high.start].trim();
        let Some(sentence) = document.sentences().into_iter().find(|sentence| sentence.contains(&low.start))
        else {
            return false;
        };
        let Some(word) = document.says(Concept::Together, sentence) else { return false };
        let chained = |from: usize, to: usize| {
            let said = from.min(to)..from.max(to);
            document.says(Concept::Then, said.clone()).is_some()
                || document.says(Concept::After, said.clone()).is_some()
                || ARROW.is_match(&document.text[said])
        };
        if word.start >= high.start {
            ANDED.is_match(between) && word.start <= high.end + 12 && !chained(low.end, word.start)
        } else {
            let opened = document.text[word.start.min(low.start)..low.start].contains([':', '：', '[', '(']);
            word.end <= low.start && opened && LISTED.is_match(between) && !chained(word.end, high.start)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::{findings, run};

    #[test]
    fn nobody_waits_without_a_reason() {
        for (text, first, second, fine) in [
            ("Run pull. Then lint and test at the same time.", "lint", "test at the same time", false),
            ("Run pull. Then lint, test.", "lint", "test", true),
            ("pull -> [lint || test]", "[lint", "|| test]", false),
            ("pull. At the same time: lint, test.", "lint", "test", false),
        ] {
            let steps = json!([
                run("pull", "pull", &[]),
                run("lint", first, &["pull"]),
                run("test", second, &["lint"])
            ]);
            assert_eq!(findings("unasked", text, &steps).is_empty(), fine, "{text}");
        }
        for (text, fine) in [("Run ship. Run pull.", false), ("Run ship. Before that run pull.", true)] {
            let steps = json!([
                run("pull", text.split(". ").nth(1).unwrap(), &[]),
                run("ship", "Run ship", &["pull"])
            ]);
            assert_eq!(findings("unasked", text, &steps).is_empty(), fine, "{text}");
        }
    }
}
