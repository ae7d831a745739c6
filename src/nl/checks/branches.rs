//! Branches go the way that their own words say: conditions that are lost, that fit the other branch, or that nothing can fulfil.

use std::ops::Range;

use super::content::near;
use super::layout::own_pieces;
use super::{Check, Finding, Judged, exclusive};
use crate::api::{Comparison, Condition, Literal, Operand};
use crate::nl::answer::StepAnswer;
use crate::nl::document::{Concept, Document};

/// See the module.
pub(super) struct Branches;

impl Check for Branches {
    fn name(&self) -> &'static str {
        "branches"
    }

    fn about(&self) -> &'static str {
        "a step whose own words begin with a case has its condition, in the direction of the words"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let own = own_pieces(judged);
        let at_exit = judged.answer.steps.len();
        let mut found = Vec::new();
        for (index, (step, own)) in judged.answer.all_steps().zip(&own).enumerate() {
            let Some(when) = &step.when else {
                found.extend(lost(judged, step, own, index >= at_exit));
                continue;
            };
            found.extend(turned(judged, step, own, when));
            found.extend(never(judged, step, when));
        }
        found
    }
}

/// The beginning of a piece: as far as its first wish.
fn beginning(document: &Document, piece: &Range<usize>) -> Range<usize> {
    let text = &document.text[piece.clone()];
    let end = text.char_indices().nth(32).map_or(text.len(), |(at, _)| at);
    piece.start..piece.start + end
}

/// Whether a place lies in a literal.
fn quoted(document: &Document, place: &Range<usize>) -> bool {
    document.literals.iter().any(|literal| literal.span.start < place.end && place.start < literal.span.end)
}

/// Its words begin with a case, but it has no condition.
fn lost(judged: &Judged<'_>, step: &StepAnswer, own: &[Range<usize>], at_exit: bool) -> Option<Finding> {
    let document = judged.document;
    let settings = &step.settings;
    if step.exec_while.is_some()
        || settings.retry.is_some()
        || settings.timeout.is_some()
        || settings.continue_on_failure
    {
        return None;
    }
    let says = |concept: Concept, span: &Range<usize>| {
        document.says_itself(concept, span.clone()).filter(|place| !quoted(document, place))
    };
    let word = own.iter().find_map(|piece| {
        let place = says(Concept::Case, &beginning(document, piece))?;
        let clause = piece.start..piece.start + clause_length(&document.text[piece.clone()]);
        let ends = says(Concept::Success, &clause).is_some() || says(Concept::Failure, &clause).is_some();
        // "If it went well" says no more than the order does; a step at the end runs in any case without a condition.
        let plain = says(Concept::Success, &clause).is_some() && says(Concept::All, &clause).is_none();
        let counts = if at_exit { ends } else { !plain };
        let always = says(Concept::Always, piece).is_some();
        (counts && !always).then_some(place)
    })?;
    // A step whose quote holds the same word has the condition.
    let shared = judged.answer.all_steps().any(|other| {
        other.name != step.name
            && other.when.is_some()
            && document.spans(&other.text).iter().any(|span| span.start <= word.start && word.end <= span.end)
    });
    (!shared).then(|| {
        Finding::error("branches", Some(&step.name), "its words begin with a case, but it has no condition")
            .at("when")
            .because(document, word)
    })
}

/// Up to the first comma or colon, at least to where a wish may begin.
fn clause_length(text: &str) -> usize {
    text.char_indices().skip(8).find(|(_, c)| ",:;，：\n→".contains(*c)).map_or(text.len(), |(at, _)| at)
}

/// Its condition is the other way round than its own words.
fn turned(judged: &Judged<'_>, step: &StepAnswer, own: &[Range<usize>], when: &Condition) -> Option<Finding> {
    let document = judged.document;
    let wrong = |message: &str, span: Range<usize>| {
        Finding::error("branches", Some(&step.name), message).at("when").because(document, span)
    };
    // "Otherwise": some other step has the case that this one has not.
    let otherwise = own.iter().find_map(|piece| {
        let start = piece.start
            ..piece.start
                + clause_length(&document.text[piece.clone()]).min(beginning(document, piece).len());
        document.says_itself(Concept::Otherwise, start)
    });
    if let Some(place) = otherwise {
        let others: Vec<&Condition> = judged
            .answer
            .all_steps()
            .filter(|other| other.name != step.name)
            .filter_map(|other| other.when.as_ref())
            .collect();
        let understood = others.iter().all(|other| comparable(other)) && comparable(when);
        if !others.is_empty() && understood && !others.iter().any(|other| exclusive(other, when)) {
            return Some(wrong("it is the other case, but its condition excludes no other step", place));
        }
    }
    if let Some(fails) = ends(when) {
        let clause =
            own.iter().map(|piece| piece.start..piece.start + clause_length(&document.text[piece.clone()]));
        for clause in clause.filter(|clause| document.says_itself(Concept::Case, clause.clone()).is_some()) {
            let says = |concept| {
                document.says_itself(concept, clause.clone()).is_some_and(|place| !quoted(document, &place))
            };
            let (bad, good) = (says(Concept::Failure), says(Concept::Success));
            if bad != good && bad != fails && !says(Concept::Negation) {
                return Some(wrong("its condition is for the other end than its words", clause));
            }
        }
    }
    for (comparison, constant) in constants(when) {
        let places: Vec<&Range<usize>> = document
            .numbers
            .iter()
            .filter(|number| {
                number.values.iter().any(|value| near(*value, constant) || near(*value / 100.0, constant))
            })
            .map(|number| &number.span)
            .filter(|span| own.iter().any(|piece| piece.start <= span.start && span.end <= piece.end))
            .filter(|span| !quoted(document, span))
            .collect();
        let [place] = places[..] else { continue };
        // The words may be those of the other branch.
        let other = judged.answer.all_steps().any(|other| {
            other.name != step.name
                && other.when.is_some()
                && document
                    .spans(&other.text)
                    .iter()
                    .any(|span| span.start <= place.start && place.end <= span.end)
        });
        let mixed = own.iter().any(|piece| document.says_itself(Concept::Otherwise, piece.clone()).is_some());
        if other || mixed {
            continue;
        }
        let around = clause_around(&document.text, place);
        let says = |concept| document.says_itself(concept, around.clone()).is_some();
        let (more, less) = (says(Concept::More), says(Concept::Less));
        let asks_more = matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual);
        if more != less && more != asks_more && !says(Concept::Negation) && !says(Concept::Until) {
            let message = format!("it compares with {}, but its words say the opposite", comparison.symbol());
            return Some(wrong(&message, around));
        }
    }
    None
}

/// A few words around a number, in its clause.
fn clause_around(text: &str, place: &Range<usize>) -> Range<usize> {
    let before = &text[..place.start];
    let start = before
        .char_indices()
        .rev()
        .take(28)
        .take_while(|(at, c)| {
            !(",;:\n(，；：".contains(*c) || (*c == '.' && before[*at + 1..].starts_with(' ')))
        })
        .last()
        .map_or(place.start, |(at, _)| at);
    let behind = &text[place.end..];
    let end = behind.char_indices().take(14).find(|(_, c)| ",;:.\n)，；：。".contains(*c)).map(|(at, _)| at);
    let end = end.unwrap_or_else(|| behind.char_indices().nth(14).map_or(behind.len(), |(at, _)| at));
    start..place.end + end
}

/// All steps that it waits for run only where it does not.
fn never(judged: &Judged<'_>, step: &StepAnswer, when: &Condition) -> Option<Finding> {
    let awaited: Vec<&StepAnswer> =
        judged.answer.all_steps().filter(|other| step.after.contains(&other.name)).collect();
    let apart = |other: &&StepAnswer| other.when.as_ref().is_some_and(|other| exclusive(other, when));
    (!awaited.is_empty() && awaited.iter().all(apart)).then(|| {
        let message = format!("it follows {}, which never runs when it does", awaited[0].name);
        Finding::error("branches", Some(&step.name), message).at("when")
    })
}

/// Whether a condition holds when a step or the workflow failed (true) or went well (false), if it is about that.
fn ends(condition: &Condition) -> Option<bool> {
    let Condition::Compare {
        left: Operand::Output { output, .. },
        comparison,
        right: Operand::Literal(literal),
    } = condition
    else {
        return None;
    };
    let failed = match literal.text() {
        "Failed" => true,
        "Succeeded" => false,
        _ => return None,
    };
    let same = match comparison {
        Comparison::Equal => true,
        Comparison::NotEqual => false,
        _ => return None,
    };
    (output == "status").then_some(failed == same)
}

/// Comparisons with numbers by size.
fn constants(condition: &Condition) -> Vec<(Comparison, f64)> {
    match condition {
        Condition::Compare { comparison, right: Operand::Literal(Literal::Number(number)), .. }
            if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) =>
        {
            number.parse().map(|number| (*comparison, number)).into_iter().collect()
        }
        Condition::And(parts) | Condition::Or(parts) => parts.iter().flat_map(constants).collect(),
        _ => Vec::new(),
    }
}

/// Whether all of it compares with constants.
fn comparable(condition: &Condition) -> bool {
    match condition {
        Condition::Compare { right, .. } => matches!(right, Operand::Literal(_)),
        Condition::In { .. } => true,
        Condition::And(parts) | Condition::Or(parts) => parts.iter().all(comparable),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::nl::checks::testing::findings;

    #[test]
    fn branches_go_the_way_of_their_words() {
        let text = "Run `probe` in a/b:1, it prints the value score. If score is above 0.8, run `ship` in a/b:1. \
                    Otherwise run `tell` in a/b:1.";
        let steps = |ship: Option<&str>, tell: Option<&str>| {
            json!([
                {"text": "Run `probe` in a/b:1, it prints the value score.", "name": "probe", "task": "container.run",
                 "with": {"image": "a/b:1", "command": ["probe"]}, "outputs": [{"name": "score", "source": {"kind": "parameter", "path": "/tmp/score"}}]},
                {"text": "If score is above 0.8, run `ship` in a/b:1.", "name": "ship", "task": "container.run",
                 "after": ["probe"], "when": ship, "with": {"image": "a/b:1", "command": ["ship"]}},
                {"text": "Otherwise run `tell` in a/b:1.", "name": "tell", "task": "container.run",
                 "after": ["probe"], "when": tell, "with": {"image": "a/b:1", "command": ["tell"]}}
            ])
        };
        for (ship, tell, fine) in [
            (Some("probe.score > 0.8"), Some("probe.score <= 0.8"), true),
            (None, Some("probe.score <= 0.8"), false),
            (Some("probe.score > 0.8"), None, false),
            (Some("probe.score < 0.8"), Some("probe.score >= 0.8"), false),
            (Some("probe.score > 0.8"), Some("probe.score > 0.8"), false),
        ] {
            assert_eq!(findings("branches", text, &steps(ship, tell)).is_empty(), fine, "{ship:?} {tell:?}");
        }
        // How an attempt ends is a matter of retries, and "if" of a time limit no condition.
        for (text, settings) in [
            ("If it fails, run `probe` in a/b:1 again, up to 2 times.", json!({"retry": {"limit": 2}})),
            ("If it takes longer than 5 minutes, stop `probe` in a/b:1.", json!({"timeout": "5m"})),
        ] {
            let steps = json!([{"text": text, "name": "probe", "task": "container.run", "settings": settings,
                                "with": {"image": "a/b:1", "command": ["probe"]}}]);
            assert_eq!(findings("branches", text, &steps), Vec::<String>::new(), "{text}");
        }
    }
}
