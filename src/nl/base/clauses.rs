//! Aligning the words of a plan with the words of the description, and giving left-over words to a step.
//!
//! A plan quotes the description step by step. Words that no step quotes ("Retry the load three times." at the end)
//! would be lost; here they are handed to the step that they most likely speak of.

use super::literals::Literal;
use super::settings::mentions_setting;

/// A word with its place in the text.
#[derive(Debug, Clone)]
struct Word {
    text: String,
    start: usize,
    end: usize,
    sentence: usize,
}

fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut sentence = 0;
    let mut start = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        // A dot inside of `0.9` or `data.csv` belongs to the word.
        let inner = character.is_alphanumeric()
            || (start.is_some()
                && "._-/:@#=%".contains(character)
                && next.is_some_and(|next| next.is_alphanumeric() || "/_".contains(next)));
        if inner {
            start.get_or_insert(at);
        }
        let finished = !inner || next.is_none();
        if finished && let Some(from) = start.take() {
            let end = if inner { at + character.len_utf8() } else { at };
            found.push(Word { text: text[from..end].to_lowercase(), start: from, end, sentence });
        }
        if ".!?;\n".contains(character) && !inner && next.is_none_or(char::is_whitespace) {
            sentence += 1;
        }
    }
    found
}

/// What each step was given beyond its own quote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::nl) struct Assigned {
    /// For each step, the clauses added to it.
    pub(in crate::nl) extra: Vec<Vec<String>>,
    /// Clauses that speak of the workflow as a whole.
    pub(in crate::nl) workflow: Vec<String>,
}

/// Longest common runs of words between `text` and the description, as index ranges of the description's words.
fn align(description: &[Word], text: &[Word]) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let mut stack = vec![((0, description.len()), (0, text.len()))];
    while let Some(((a0, a1), (b0, b1))) = stack.pop() {
        let mut best = (0, 0, 0);
        for i in a0..a1 {
            for j in b0..b1 {
                let run = (0..(a1 - i).min(b1 - j))
                    .take_while(|offset| description[i + offset].text == text[j + offset].text)
                    .count();
                if run > best.2 {
                    best = (i, j, run);
                }
            }
        }
        let (i, j, run) = best;
        let telling = run >= 2 || (run == 1 && description[i].text.chars().count() > 3);
        if run > 0 && telling {
            blocks.push((i, i + run));
            stack.push(((a0, i), (b0, j)));
            stack.push(((i + run, a1), (j + run, b1)));
        }
    }
    blocks.sort_unstable();
    blocks
}

/// A run of words that no step quotes.
struct Run {
    from: usize,
    to: usize,
}

/// Hands every left-over clause that carries a literal or a setting to a step.
///
/// `steps` holds the quote of each step; `elsewhere` tells whether a literal is already used by the plan itself (in a
/// condition, a list of items, the schedule).
pub(in crate::nl) fn assign(
    description: &str,
    steps: &[&str],
    literals: &[Literal],
    elsewhere: &dyn Fn(&Literal) -> bool,
) -> Assigned {
    let described = words(description);
    let mut owner: Vec<Option<usize>> = vec![None; described.len()];
    for (step, text) in steps.iter().enumerate() {
        for (from, to) in align(&described, &words(text)) {
            for slot in &mut owner[from..to] {
                slot.get_or_insert(step);
            }
        }
    }
    let mut assigned = Assigned { extra: vec![Vec::new(); steps.len()], workflow: Vec::new() };
    for run in runs(&described, &owner) {
        let (start, end) = (described[run.from].start, described[run.to - 1].end);
        let clause = &description[start..end];
        let carries =
            literals.iter().any(|l| l.start < end && l.end > start && !elsewhere(l) && !quoted(l, steps))
                || mentions_setting(clause);
        if !carries {
            continue;
        }
        let clause = clause.to_owned();
        match target(&described, &owner, &run, steps, description) {
            Target::Step(step) => assigned.extra[step].push(clause),
            Target::AllSteps => assigned.extra.iter_mut().for_each(|extra| extra.push(clause.clone())),
            Target::Workflow => assigned.workflow.push(clause),
        }
    }
    assigned
}

fn quoted(literal: &Literal, steps: &[&str]) -> bool {
    steps.iter().any(|step| step.contains(&literal.text))
}

fn runs(described: &[Word], owner: &[Option<usize>]) -> Vec<Run> {
    let mut found = Vec::new();
    let mut from = 0;
    for at in 0..=described.len() {
        let breaks = at == described.len()
            || owner[at].is_some()
            || (at > from && described[at].sentence != described[at - 1].sentence);
        if breaks {
            if at > from {
                found.push(Run { from, to: at });
            }
            from = if at < described.len() && owner[at].is_none() { at } else { at + 1 };
        }
    }
    found
}

enum Target {
    Step(usize),
    AllSteps,
    Workflow,
}

fn target(
    described: &[Word],
    owner: &[Option<usize>],
    run: &Run,
    steps: &[&str],
    description: &str,
) -> Target {
    let sentence = described[run.from].sentence;
    let whole: Vec<&Word> = described.iter().filter(|word| word.sentence == sentence).collect();
    let text = description[whole[0].start..whole[whole.len() - 1].end].to_lowercase();
    let of = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if of(&[
        "all steps",
        "each step",
        "both steps",
        "both of them",
        "all of them",
        "beiden schritten",
        "les deux étapes",
        "ambos pasos",
        "every step",
        "all tasks",
        "every task",
        "each task",
        "alle schritte",
        "jeder schritt",
    ]) {
        return Target::AllSteps;
    }
    // Words of the same sentence that a step quotes, nearest before the run, else nearest after it.
    let before =
        (0..run.from).rev().take_while(|at| described[*at].sentence == sentence).find_map(|at| owner[at]);
    let after = (run.to..described.len())
        .take_while(|at| described[*at].sentence == sentence)
        .find_map(|at| owner[at]);
    // A sentence of one step only is about that step.
    let mut owners: Vec<usize> =
        owner.iter().zip(described).filter(|(_, w)| w.sentence == sentence).filter_map(|(o, _)| *o).collect();
    let telling = owner.iter().zip(described).any(|(owner, word)| {
        word.sentence == sentence && owner.is_some() && word.text.contains(['/', ':', '_'])
    });
    owners.sort_unstable();
    owners.dedup();
    if let ([only], true) = (&owners[..], telling) {
        return Target::Step(*only);
    }
    // An indented line belongs to the line that it stands under.
    if is_indented(description, described[run.from].start)
        && let Some(step) = owner[..run.from].iter().rev().find_map(|owner| *owner)
    {
        return Target::Step(step);
    }
    let quoted_here =
        owner.iter().zip(described).filter(|(o, w)| w.sentence == sentence && o.is_some()).count();
    if quoted_here * 2 >= whole.len() - (run.to - run.from).min(whole.len())
        && let Some(step) = before.or(after)
        && quoted_here > 1
    {
        return Target::Step(step);
    }
    let named = best_overlap(&text, steps);
    if let Some(step) = named.or(before).or(after) {
        return Target::Step(step);
    }
    if of(&["workflow", "pipeline", "at a time", "at once", "at the same time", "in total", "whole"]) {
        return Target::Workflow;
    }
    let last = owner[..run.from].iter().rev().find_map(|owner| *owner);
    last.map_or(Target::Workflow, Target::Step)
}

/// Whether the line of a place is indented deeper than the line before it, or than the one above that, down to which
/// all are indented alike.
fn is_indented(description: &str, at: usize) -> bool {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let start = description[..at].rfind('\n').map_or(0, |end| end + 1);
    let own = depth(&description[start..]);
    let mut above = description[..start].lines().rev().filter(|line| !line.trim().is_empty()).map(depth);
    own > 0 && above.find(|other| *other != own).is_some_and(|other| other < own)
}

/// The step that shares most telling words with the sentence, if any shares one.
fn best_overlap(sentence: &str, steps: &[&str]) -> Option<usize> {
    let stem = |word: &str| word.chars().take(5).collect::<String>();
    let told: Vec<String> = words(sentence)
        .iter()
        .filter(|word| word.text.chars().count() > 3)
        .map(|word| stem(&word.text))
        .collect();
    let shared = |text: &str| {
        words(text)
            .iter()
            .filter(|word| told.contains(&stem(&word.text)) && word.text.chars().count() > 3)
            .count()
    };
    let best =
        steps.iter().enumerate().map(|(index, text)| (shared(text), std::cmp::Reverse(index))).max()?;
    (best.0 > 0).then_some(best.1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::literals::literals;

    fn given(description: &str, steps: &[&str]) -> Assigned {
        assign(description, steps, &literals(description), &|_| false)
    }

    #[test]
    fn a_sentence_at_the_end_goes_to_the_step_it_names() {
        let assigned = given(
            "Load s3://a/b.csv, train xgboost and deploy the model. Retry the training 3 times.",
            &["Load s3://a/b.csv", "train xgboost", "deploy the model"],
        );
        assert_eq!(assigned.extra, [vec![], vec!["Retry the training 3 times".to_owned()], vec![]]);
    }

    #[test]
    fn words_inside_a_sentence_go_to_their_neighbour() {
        let assigned = given(
            "Run acme/a:1 on the data with 2 GPUs, then run acme/b:2.",
            &["Run acme/a:1 on the data", "then run acme/b:2"],
        );
        assert_eq!(assigned.extra, [vec!["with 2 GPUs".to_owned()], vec![]]);
    }

    #[test]
    fn indented_lines_belong_to_the_line_above() {
        let assigned = given(
            "load a.csv\nGridSearch, cv = 6\n  num_leaves in [15, 63]\n  learning_rate in [0.02, 0.2]\nreport it",
            &["load a.csv", "GridSearch, cv = 6", "report it"],
        );
        assert_eq!(assigned.extra[1].len(), 2, "{assigned:?}");
    }

    #[test]
    fn nothing_is_added_when_all_is_quoted() {
        let assigned = given("Load a.csv and train xgboost.", &["Load a.csv", "train xgboost"]);
        assert_eq!(assigned, Assigned { extra: vec![vec![], vec![]], workflow: vec![] });
    }

    #[test]
    fn every_step_means_every_step() {
        let assigned = given(
            "Load a.csv, train xgboost. Every step should be retried 2 times.",
            &["Load a.csv", "train xgboost"],
        );
        assert!(assigned.extra.iter().all(|extra| extra.len() == 1), "{assigned:?}");
    }
}
