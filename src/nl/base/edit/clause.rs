//! The wishes of a remark, one after the other.

use std::sync::LazyLock;

use regex::Regex;

use crate::nl::pattern::regex;

/// Verbs with which a wish begins.
const VERBS: &str = "add|allow|also|append|bump|cache|cancel|call|change|choose|clean|compare|compute|copy|create|cut|decrease|deduplicate|delete|deploy|ditch|do|don'?t|drop|email|encode|evaluate|exclude|export|extend|fill|filter|finally|forget|get|give|impute|include|increase|insert|join|keep|kill|leave|let|limit|load|lose|lower|mail|make|mount|measure|merge|move|never|normali[sz]e|notify|omit|only|pause|pick|pin|ping|post|predict|publish|put|raise|reduce|remove|rename|repeat|replace|report|rerun|retry|run|save|scale|schedule|scrap|score|select|send|set|shorten|skip|speed|split|standardi[sz]e|start|stop|store|swap|switch|take|tell|throw|train|tune|turn|undo|upload|use|validate|wait|write";

/// Where one sentence ends and the next begins. A dot inside of a number, a name or an address is none.
static SENTENCE: LazyLock<Regex> = LazyLock::new(|| regex(r"[.!?;]+(?:\s+|$)|\n+"));
/// "… and retry …": a second wish in the same sentence.
static SECOND: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"(?:,\s*(?:and |then |and then |but |so )?|\s(?:and|then|but|so)\s+(?:then |also |please )?)(?:(?:{VERBS})\b)"
    ))
});
static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:[\s,:–-]*(?:ok(?:ay)?|well|hmm*|mmh*|actually|please|now|so|and|but|also,|then,|no,|yes,?|sorry|oh|great|thanks?(?: you)?|on second thoughts?|by the way|btw|hey|hi|hello|next|alright)\b[\s,:!–-]*)+",
    )
});

/// Splits a remark into wishes. Text between quotes stays together.
pub(super) fn clauses(remark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for sentence in pieces(remark, &SENTENCE, false) {
        for clause in pieces(&sentence, &SECOND, true) {
            let clause = clause.trim().trim_end_matches([',', ';', '!']).trim();
            if !clause.is_empty() {
                found.push(clause.to_owned());
            }
        }
    }
    found
}

/// A wish without the words that only open it: "Okay, and please …".
pub(super) fn without_opening(clause: &str) -> &str {
    let found = OPENING.find(clause).map_or(0, |found| found.end());
    let rest = &clause[found..];
    if rest.trim().is_empty() { clause } else { rest }
}

/// The parts of a text between the hits of a pattern. With `keep`, a part begins with the verb of the hit.
fn pieces(text: &str, pattern: &Regex, keep: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut start = 0;
    for hit in pattern.find_iter(text) {
        if quoted(text, hit.start()) || hit.start() == 0 {
            continue;
        }
        if keep
            && (!wish(&text[start..hit.start()])
                || lists_steps(&text[start..hit.start()], &text[hit.end()..]))
        {
            continue;
        }
        let abbreviation = text[..hit.start()].ends_with("e.g") || text[..hit.start()].ends_with("i.e");
        if abbreviation {
            continue;
        }
        found.push(text[start..hit.start()].to_owned());
        start = if keep {
            let words = hit.as_str();
            let verb = words.rfind(|c: char| c.is_whitespace() || c == ',').map_or(0, |at| at + 1);
            hit.start() + verb
        } else {
            // A question keeps its mark.
            if hit.as_str().contains('?')
                && let Some(last) = found.last_mut()
            {
                last.push('?');
            }
            hit.end()
        };
    }
    found.push(text[start..].to_owned());
    found
}

/// Whether a text asks for something: it begins with a verb, or says what should be.
pub(super) fn is_wish(text: &str) -> bool {
    static ASKS: LazyLock<Regex> = LazyLock::new(|| {
        regex(&format!(
            r"^\W*(?:{VERBS})\b|\b(?:should|must|shall|ought|needs?|has to|have to|want|would like|please|let)\b"
        ))
    });
    ASKS.is_match(text)
}

/// "Between a and b", "after a and b": what looks like a verb is a name.
fn lists_steps(before: &str, after: &str) -> bool {
    static PAIR: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:between|both)(?: the)? [\w-]+$"));
    static LIST: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:after|before|for|than|of|needs?|requires?|on|with|from|once|until|steps?)(?: the| both)? [\w-]+$|^[\w-]+$",
        )
    });
    static ENDS: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"^\s*(?:$|[,.;:!]|(?:can|could|should|must|may|also|too|are|is|have|has|need|needs|at|in|run|both|steps?|as|as well)\b)",
        )
    });
    PAIR.is_match(before) || (LIST.is_match(before) && ENDS.is_match(after))
}

/// Whether a text is a wish of its own: "split, train and evaluate" is one, "finally, whatever happens" is none.
fn wish(text: &str) -> bool {
    static VERB: LazyLock<Regex> = LazyLock::new(|| {
        let verbs: Vec<&str> = VERBS
            .split('|')
            .filter(|verb| !["also", "do", "finally", "only", "never"].contains(verb))
            .collect();
        regex(&format!(
            r"\b(?:{}|should|must|shall|needs?|may|can|has to|have to|is|are|reads?|called)\b|\d",
            verbs.join("|")
        ))
    });
    text.split_whitespace().count() > 1 && VERB.is_match(text)
}

/// Whether a place stands between quotes.
fn quoted(text: &str, at: usize) -> bool {
    let before = &text[..at];
    before.matches('"').count() % 2 == 1 || before.matches('`').count() % 2 == 1 || {
        // An apostrophe inside of a word is none.
        let opens = before.match_indices('\'').filter(|(index, _)| {
            let left = before[..*index].chars().next_back();
            let right = before[index + 1..].chars().next();
            !(left.is_some_and(char::is_alphanumeric) && right.is_some_and(char::is_alphanumeric))
        });
        opens.count() % 2 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_told_apart() {
        assert_eq!(
            clauses("Train with 500 trees and a max depth of 8, and retry the load twice."),
            ["Train with 500 trees and a max depth of 8", "retry the load twice"]
        );
        assert_eq!(
            clauses("post \"all done. retry\" to #a; use v1.5 instead"),
            ["post \"all done. retry\" to #a", "use v1.5 instead"]
        );
        assert_eq!(clauses("why is b after a? retry it"), ["why is b after a?", "retry it"]);
        assert_eq!(without_opening("Okay, and please retry it"), "retry it");
    }
}
