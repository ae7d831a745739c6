//! "Depends on: a, b", "after 3 and 4", "beside step 2": what the text says of a step's place in so many words.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::layout::Layout;
use super::{Check, Finding, Judged};
use crate::nl::document::Document;

/// See the module.
pub(super) struct Declared;

/// A label and its list, up to the end of the line or sentence.
static DEPENDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)(?:depends on|depends|needs|after|hängt ab von|abhängig von|nach|dépend de|depende de|dipende da|hangt af van|zależy od|beror på|依存|依赖)\s*[:：]\s*([^\n.;]+)")
        .expect("the pattern is valid")
});

/// "After 3 and 4", in the middle of a sentence: only numbers of items.
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:after|nach|après|dopo|después de|depois de|efter|needs|waits for|depends on)\s+(?:steps?\s+|schritt(?:en)?\s+)?((?:\d+)(?:\s*(?:,|and|&|und|et|y|e)\s*\d+)*)\s*(?:[.,;:)\n]|$|only\b|as well\b|and beside\b|is (?:done|through|ready)\b|are (?:done|through|ready)\b)")
        .expect("the pattern is valid")
});

/// "Beside step 3", "next to train-forest", "at the same time as 2".
static BESIDE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:beside|next to|alongside|at the same time as|in parallel (?:with|to)|parallel (?:with|to|zu)|neben)\s+(?:steps?\s+|schritt\s+)?([\p{L}\d][\p{L}\d_-]*)")
        .expect("the pattern is valid")
});

/// The head of an item of a list, with its label: `3.`, `Step 04`, `Step B:`.
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?mi)^[^\p{L}\p{N}\n]{0,6}(?:(?:step|stage|schritt|étape|etape|paso|passo|etapa|stap|krok|adım|steg)\s+(\d+|[A-Z])\b|(\d+)[.):\s–—-])")
        .expect("the pattern is valid")
});

/// The end of a paragraph, or the head of a line about a step.
static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?mi)\n[ \t]*\n|^(?:step|schritt|étape|paso|passo|etapa|stap|krok|steg)\b")
        .expect("the pattern is valid")
});

/// Words for no step at all.
const NOTHING: [&str; 18] = [
    "nothing", "none", "no step", "nichts", "keine", "keinem", "rien", "aucune", "nada", "ninguno",
    "ninguna", "niente", "nessuno", "geen", "nic", "yok", "inget", "-",
];

impl Check for Declared {
    fn name(&self) -> &'static str {
        "declared"
    }

    fn about(&self) -> &'static str {
        "steps wait for the numbers and names that the text gives behind \"depends on\", \"after\" and \"beside\""
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let Some(layout) = Layout::of(judged) else { return Vec::new() };
        let named = Named::of(judged, &layout);
        let mut found = Vec::new();
        for index in 0..layout.steps.len() {
            judge_step(judged, &layout, &named, index, &mut found);
        }
        found
    }
}

/// Whether a step's own words have a list of what it waits for.
pub(super) fn says_what_it_waits_for(document: &Document, own: &[Range<usize>]) -> bool {
    own.iter().any(|span| DEPENDS.is_match(&document.text[span.clone()]))
}

/// What is wrong with the waits of one step.
fn judge_step(
    judged: &Judged<'_>,
    layout: &Layout<'_>,
    named: &Named,
    index: usize,
    found: &mut Vec<Finding>,
) {
    let placed = &layout.steps[index];
    let name = Some(placed.step.name.as_str());
    let error = |message: String| Finding::error("declared", name, message).at("after");
    let lists: Vec<Listed> =
        placed.own.iter().flat_map(|span| named.lists(&judged.document.text[span.clone()])).collect();
    // One item that became several steps says for each of them only a part: "respectively", or one behind the other.
    let alone = !(0..layout.steps.len()).any(|other| other != index && named.same_block(index, other));
    for wanted in lists.iter().flat_map(|list| &list.steps).filter(|_| alone) {
        let kept = wanted.iter().any(|other| *other == index || placed.before.contains(other));
        if !kept && let Some(other) = wanted.first() {
            let other = &layout.steps[*other].step.name;
            found.push(
                error(format!("it does not wait for {other}, although it depends on it"))
                    .suggest(format!("add {other} to after")),
            );
        }
    }
    // What it waits for beyond the list; only a list that is understood as a whole can tell.
    if let [list] = &lists[..]
        && list.complete
        && alone
    {
        for extra in placed.waits.iter().copied().filter(|other| !placed.reads.contains(other)) {
            let known = list.steps.iter().flatten().any(|wanted| {
                *wanted == extra
                    || layout.steps[*wanted].before.contains(&extra)
                    || named.same_block(*wanted, extra)
            });
            if !known {
                let other = &layout.steps[extra].step.name;
                found.push(
                    error(format!("it waits for {other}, which it does not depend on"))
                        .suggest(format!("take {other} out of after")),
                );
            }
        }
    }
    let beside = placed.own.iter().flat_map(|span| named.beside(&judged.document.text[span.clone()]));
    for other in beside.filter(|other| *other != index && layout.ordered(index, *other)) {
        let other = &layout.steps[other].step.name;
        found.push(error(format!("it runs beside {other}, so neither waits for the other")));
    }
}

/// What a list names.
struct Listed {
    /// For each entry the steps that it may mean.
    steps: Vec<Vec<usize>>,
    /// Whether every entry is understood.
    complete: bool,
}

/// Names and numbers that the text uses for steps.
struct Named {
    names: HashMap<String, usize>,
    /// Steps by the label of the item that holds their words.
    labels: HashMap<String, Vec<usize>>,
    /// For each step the paragraph of the text that holds its words.
    blocks: Vec<usize>,
}

impl Named {
    fn of(judged: &Judged<'_>, layout: &Layout<'_>) -> Self {
        let names = layout.steps.iter().enumerate().map(|(index, placed)| (plain(&placed.step.name), index));
        let mut items: Vec<(usize, String)> = ITEM
            .captures_iter(&judged.document.text)
            .filter_map(|captures| {
                let label = captures.get(1).or_else(|| captures.get(2))?;
                Some((captures.get(0)?.start(), plain(label.as_str())))
            })
            .collect();
        // A number at the beginning of some line is no item.
        if items.len() < 3 {
            items.clear();
        }
        let item_of: Vec<Option<usize>> = layout
            .steps
            .iter()
            .map(|placed| items.iter().rposition(|(start, _)| *start <= placed.place + 8))
            .collect();
        let mut labels: HashMap<String, Vec<usize>> = HashMap::new();
        for (item, (_, label)) in items.iter().enumerate() {
            let steps = (0..item_of.len()).filter(|index| item_of[*index] == Some(item));
            labels.entry(label.clone()).or_default().extend(steps);
        }
        let heads = BLOCK.find_iter(&judged.document.text).map(|head| head.end());
        let starts: Vec<usize> = heads.chain(items.iter().map(|(start, _)| *start)).collect();
        let block =
            |place: usize| starts.iter().filter(|start| **start <= place + 8).max().copied().unwrap_or(0);
        let blocks = layout.steps.iter().map(|placed| block(placed.place)).collect();
        Self { names: names.collect(), labels, blocks }
    }

    /// Whether the words of two steps stand in the same paragraph or item.
    fn same_block(&self, first: usize, second: usize) -> bool {
        self.blocks[first] == self.blocks[second]
    }

    fn lists(&self, text: &str) -> Vec<Listed> {
        let labelled = DEPENDS.captures_iter(text).map(|captures| self.list(&captures[1]));
        let mut found: Vec<Listed> = labelled.flatten().collect();
        if found.is_empty() && !self.labels.is_empty() {
            let free = AFTER.captures_iter(text).filter_map(|captures| self.list(&captures[1]));
            found.extend(free.filter(|list| list.complete));
        }
        found
    }

    /// Reads "steps 3 and 4", "a, b", "nothing"; nothing if no entry is understood.
    fn list(&self, text: &str) -> Option<Listed> {
        let text = text.trim().to_lowercase();
        if NOTHING.contains(&text.as_str()) {
            return Some(Listed { steps: Vec::new(), complete: true });
        }
        let mut listed = Listed { steps: Vec::new(), complete: true };
        let words = [" and ", " und ", " et ", " y ", " e ", " en ", " i ", " ve ", " och "];
        let joined = words.iter().fold(text, |text, word| text.replace(word, ","));
        for entry in joined.split([',', '+', '&', '、']).map(plain).filter(|entry| !entry.is_empty()) {
            if entry.starts_with("all-") && entry.split('-').count() < 4 && !listed.steps.is_empty() {
                continue;
            }
            match self.entry(entry.strip_prefix("all-of-").unwrap_or(&entry)) {
                Some(steps) => listed.steps.extend(steps),
                None => listed.complete = false,
            }
        }
        (!listed.steps.is_empty()).then_some(listed)
    }

    fn entry(&self, entry: &str) -> Option<Vec<Vec<usize>>> {
        if let Some(index) = self.names.get(entry) {
            return Some(vec![vec![*index]]);
        }
        let steps = |label: &str| self.labels.get(&plain(label)).filter(|steps| !steps.is_empty()).cloned();
        if let Some(steps) = steps(entry) {
            return Some(vec![steps]);
        }
        let (low, high) = entry.split_once("-to-").or_else(|| entry.split_once('-'))?;
        let (low, high): (u32, u32) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        (low < high && high - low < 100)
            .then(|| (low..=high).map(|label| steps(&label.to_string())).collect())?
    }

    fn beside(&self, text: &str) -> Vec<usize> {
        BESIDE
            .captures_iter(text)
            .filter_map(|captures| {
                let word = plain(&captures[1]);
                let labelled = || match self.labels.get(&word).map(Vec::as_slice) {
                    Some([one]) => Some(*one),
                    _ => None,
                };
                self.names.get(&word).copied().or_else(labelled)
            })
            .collect()
    }
}

/// In small letters, with dashes for spaces, without the word for a step and zeros in front.
fn plain(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let word = ["steps ", "step ", "schritte ", "schritt ", "paso ", "étape ", "passo "]
        .iter()
        .find_map(|word| lower.strip_prefix(word))
        .unwrap_or(&lower);
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).replace(['_', ' '], "-");
    let number = word.trim_start_matches('0');
    if word.chars().all(|c| c.is_ascii_digit()) && !number.is_empty() { number.to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::{findings, run};

    #[test]
    fn lists_are_kept() {
        let text = "Step 1. fetch\nDepends on: nothing\nStep 2. lint\nDepends on: Step 1\nStep 3. test\n\
                    Depends on: 1. Runs beside step 2.\nStep 4. ship\nDepends on: 2 and 3";
        let pieces: Vec<String> =
            text.split("Step ").filter(|piece| piece.contains('.')).map(str::to_owned).collect();
        let lines = [
            "Step 1. fetch\nDepends on: nothing",
            "Step 2. lint\nDepends on: Step 1",
            "Step 3. test\nDepends on: 1. Runs beside step 2.",
            "Step 4. ship\nDepends on: 2 and 3",
        ];
        assert!(pieces.len() >= 4);
        for (lint, test, ship, fine) in [
            (vec!["fetch"], vec!["fetch"], vec!["lint", "test"], true),
            (vec!["fetch"], vec!["fetch"], vec!["lint"], false),
            (vec!["fetch"], vec!["lint"], vec!["lint", "test"], false),
            (vec![], vec!["fetch"], vec!["lint", "test"], false),
        ] {
            let steps = json!([
                run("fetch", lines[0], &[]),
                run("lint", lines[1], &lint),
                run("test", lines[2], &test),
                run("ship", lines[3], &ship)
            ]);
            assert_eq!(findings("declared", text, &steps).is_empty(), fine, "{lint:?} {test:?} {ship:?}");
        }
    }
}
