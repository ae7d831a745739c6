//! A map has all items that the description lists.

use super::{Check, Finding, Judged};
use crate::api::MapItems;

/// See the module.
pub(super) struct Items;

/// Words between the last two items of a list.
const JOINED: [&str; 22] = [
    "and", "or", "und", "oder", "et", "ou", "y", "o", "e", "ed", "en", "of", "i", "oraz", "lub", "ve",
    "veya", "och", "eller", "an", "&", "plus",
];

impl Check for Items {
    fn name(&self) -> &'static str {
        "items"
    }

    fn about(&self) -> &'static str {
        "a map has every item of the list that its words give"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for step in judged.answer.all_steps() {
            let Some(MapItems::List { items }) = step.map.as_ref().map(|map| &map.over) else { continue };
            let items: Vec<String> = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect();
            for span in judged.document.spans(&step.text) {
                if let Some(lost) = lost(&judged.document.text[span], &items) {
                    let message = format!("the item {lost:?} is not among those of its map");
                    found.push(Finding::error(self.name(), Some(&step.name), message).at("map/over/items"));
                }
            }
        }
        found
    }
}

/// The one word of a list of items that is none of them.
fn lost(text: &str, items: &[String]) -> Option<String> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || ",;、，()\"'`“”„".contains(c))
        .map(|word| word.trim_matches(['.', ':', '!', '?']))
        .filter(|word| !word.is_empty() && !JOINED.contains(&word.to_lowercase().as_str()))
        .collect();
    let known = |word: &&str| items.iter().any(|item| item == *word);
    let places: Vec<usize> = (0..words.len()).filter(|at| known(&words[*at])).collect();
    let runs: Vec<&[usize]> = places.chunk_by(|a, b| b - a <= 2).collect();
    let longest = runs.iter().max_by_key(|run| run.len())?;
    if longest.len() < items.len().min(3) || longest.len() + 1 < items.len() {
        return None;
    }
    let (first, last) = (longest[0], longest[longest.len() - 1]);
    let strange: Vec<&str> = (first..=last).map(|at| words[at]).filter(|word| !known(word)).collect();
    match strange[..] {
        [word] if alike(word, &items[0]) => Some(word.to_owned()),
        // The first or last item is lost: its neighbour looks like it.
        [] => [first.checked_sub(1), Some(last + 1)]
            .into_iter()
            .flatten()
            .filter_map(|at| words.get(at))
            .find(|word| number_like(word) && items.iter().all(|item| number_like(item)))
            .map(|word| (*word).to_owned()),
        _ => None,
    }
}

fn number_like(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

fn alike(word: &str, item: &str) -> bool {
    number_like(word) == number_like(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_item_is_seen() {
        let items = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            lost("for lille, nantes, rennes and metz, do it", &items(&["lille", "rennes", "metz"])),
            Some("nantes".into())
        );
        assert_eq!(lost("for lille, nantes and metz, do it", &items(&["lille", "nantes", "metz"])), None);
        assert_eq!(lost("seeds 1, 2, 3 and 4", &items(&["1", "2", "3"])), Some("4".into()));
    }
}
