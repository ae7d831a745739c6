//! The words of a step as the description has them: whole quotations, and nothing of the next step.

use super::plan::{Plan, PlannedStep};

/// Where the words of a step stand in the description, if they stand there once.
fn place(step: &PlannedStep, description: &str) -> Option<std::ops::Range<usize>> {
    let words = step.text.trim();
    let mut found = description.match_indices(words).map(|(at, _)| at..at + words.len());
    let first = found.next().filter(|_| !words.is_empty())?;
    found.next().is_none().then_some(first)
}

/// Mends the ends of the quotes: a quotation that is cut off is completed (`with the subject` is followed by
/// `"Sales are up"`), and what the next step says is left to it.
pub(in crate::nl) fn mend_quotes(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    for index in 0..plan.steps.len() + plan.finally.len() {
        complete(step_mut(plan, index), description, changes);
    }
    lengthen(plan, description, changes);
    leave_to_the_next(plan, description, changes);
}

fn step_mut(plan: &mut Plan, index: usize) -> &mut PlannedStep {
    let steps = plan.steps.len();
    if index < steps { &mut plan.steps[index] } else { &mut plan.finally[index - steps] }
}

/// Longest words of a step that a plan may give; longer ones were cut off.
const LONGEST: usize = 255;

/// Words that were cut off at the longest length go on up to the next step.
fn lengthen(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let places: Vec<_> = plan.all_steps().map(|step| place(step, description)).collect();
    for index in 0..places.len() {
        let Some(own) = &places[index] else { continue };
        if step_mut(plan, index).text.chars().count() < LONGEST {
            continue;
        }
        let starts = places.iter().flatten().map(|place| place.start).filter(|start| *start >= own.end);
        let end = starts.min().unwrap_or(description.len());
        let whole = description[own.start..end].trim_end_matches([' ', '\n', ',', '.', ';']);
        if whole.len() > own.len() {
            let step = step_mut(plan, index);
            changes.push(format!("{}: its words go on", step.name));
            whole.clone_into(&mut step.text);
        }
    }
}

const QUOTES: [(char, char); 5] = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('`', '`')];

fn complete(step: &mut PlannedStep, description: &str, changes: &mut Vec<String>) {
    let Some(place) = place(step, description) else { return };
    let rest = &description[place.end..];
    let opening = rest.trim_start_matches([' ', ':']);
    let Some(first) = opening.chars().next() else { return };
    let Some((_, close)) = QUOTES.iter().find(|(open, _)| *open == first) else { return };
    // An odd number of straight quotes: the text ends inside of a quotation, whose closing mark this is.
    let inside = first == *close && step.text.matches(first).count() % 2 == 1;
    let length = if inside { 0 } else { opening[first.len_utf8()..].find(*close).unwrap_or(usize::MAX) };
    if length > 200 {
        return;
    }
    let end =
        rest.len() - opening.len() + first.len_utf8() + if inside { 0 } else { length + close.len_utf8() };
    changes.push(format!("{}: its quotation was completed", step.name));
    description[place.start..place.end + end].clone_into(&mut step.text);
}

/// Cuts the tail of a step that is the whole of a later one.
fn leave_to_the_next(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let places: Vec<_> = plan.all_steps().map(|step| place(step, description)).collect();
    for index in 0..places.len() {
        let Some(own) = &places[index] else { continue };
        let next = places
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .filter_map(|(_, place)| place.as_ref())
            .filter(|place| own.start < place.start && place.start < own.end && place.end >= own.end)
            .map(|place| place.start)
            .min();
        let Some(next) = next else { continue };
        let mut kept = description[own.start..next]
            .trim_end_matches(|c: char| !c.is_alphanumeric() && !")\"'”»`".contains(c));
        for word in ["and then", "and", "then", "else", "otherwise", "und", "dann", "et", "puis", "y", "e"] {
            let Some(shorter) = kept.strip_suffix(word) else { continue };
            if shorter.ends_with(|c: char| !c.is_alphanumeric()) {
                kept = shorter.trim_end_matches(|c: char| !c.is_alphanumeric() && !")\"'”»`".contains(c));
            }
        }
        if kept.split_whitespace().count() > 1 {
            let step = step_mut(plan, index);
            changes.push(format!("{}: its last words belong to another step", step.name));
            kept.clone_into(&mut step.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    #[test]
    fn a_cut_quotation_is_completed() {
        let text = "otherwise mail a@b.example with the subject \"not deployed\", then stop";
        let mut plan = chain(&[("notify.email", "mail a@b.example with the subject")]);
        mend_quotes(&mut plan, text, &mut Vec::new());
        assert_eq!(plan.steps[0].text, "mail a@b.example with the subject \"not deployed\"");
    }

    #[test]
    fn words_of_the_next_step_are_left_to_it() {
        let text = "r2 under 0.4? shout \"useless\" into #ml (slack). else register it as v2";
        let mut plan = chain(&[("notify.slack", text), ("model.register", "register it as v2")]);
        mend_quotes(&mut plan, text, &mut Vec::new());
        assert_eq!(plan.steps[0].text, "r2 under 0.4? shout \"useless\" into #ml (slack)");
        assert_eq!(plan.steps[1].text, "register it as v2");
    }
}
