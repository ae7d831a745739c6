//! Stage 3, self-calibration (paper, Algorithm 1): a fragment gets a score in [0, 1] and is generated again, with the
//! critique, while the score is below the baseline.
//!
//! Three signals, cheapest first: the schema (hard), the literals of the step's words (deterministic), and the model's
//! own judgement as P("yes") of one token. A lost literal always falls below the default baseline of 0.7.

use serde_json::json;

use super::fragment::Fragment;
use super::literals::Literal;
use crate::api::Component;
use crate::llm::{Message, Request, Response};
use crate::nl::prompts::{PromptError, Prompts};

/// The score that a fragment gets at most when a literal is missing.
const INCOMPLETE: f64 = 0.65;
/// How much the model's own judgement weighs.
const CRITIQUE_WEIGHT: f64 = 0.25;

/// A judged fragment.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::nl) struct Score {
    pub(in crate::nl) value: f64,
    pub(in crate::nl) missing: Vec<String>,
}

/// Scores the literals: `wanted` are those that this step has to carry.
pub(in crate::nl) fn coverage(fragment: &Fragment, wanted: &[&Literal], mapped: bool) -> Score {
    let mut missing: Vec<String> = wanted
        .iter()
        .filter(|literal| !literal.appears_in(&fragment.raw))
        .map(|literal| literal.text.clone())
        .collect();
    if mapped && !fragment.raw.to_string().contains("{{item") {
        missing.push("{{item}}".to_owned());
    }
    let total = wanted.len() + usize::from(mapped);
    #[expect(clippy::cast_precision_loss, reason = "there are few literals")]
    let value = if missing.is_empty() {
        1.0
    } else {
        INCOMPLETE * (total.saturating_sub(missing.len())) as f64 / total.max(1) as f64
    };
    Score { value, missing }
}

/// What to tell the model about a score.
pub(in crate::nl) fn critique(score: &Score) -> String {
    format!("it leaves out {}. Write all of it where it belongs.", score.missing.join(", "))
}

/// The question whether a fragment says what the step asks for.
pub(in crate::nl) fn judge_request(
    text: &str,
    component: &Component,
    fragment: &Fragment,
    prompts: &Prompts,
) -> Result<Request, PromptError> {
    let answer = json!(fragment.with).to_string();
    let data = json!({"text": text, "component": component.summary, "answer": answer});
    Ok(Request {
        messages: vec![Message::user(prompts.render("critique", &data)?)],
        static_messages: 0,
        schema: None,
        max_tokens: 1,
        temperature: 0.0,
        seed: 0,
        first_token_logprobs: true,
    })
}

/// P("yes") against P("no") from the log-probabilities of the first token; `None` if neither is there.
pub(in crate::nl) fn yes_probability(response: &Response) -> Option<f64> {
    let mass = |word: &str| -> f64 {
        response
            .first_token
            .iter()
            .filter(|(token, _)| token.trim().eq_ignore_ascii_case(word))
            .map(|(_, logprob)| f64::from(*logprob).exp())
            .sum()
    };
    let (yes, no) = (mass("yes"), mass("no"));
    (yes + no > 0.0).then(|| yes / (yes + no))
}

/// The final score of a fragment.
pub(in crate::nl) fn combined(coverage: &Score, yes: Option<f64>) -> f64 {
    match yes {
        Some(yes) => coverage.value * (1.0 - CRITIQUE_WEIGHT + CRITIQUE_WEIGHT * yes),
        None => coverage.value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::literals::literals;

    #[test]
    fn a_lost_literal_falls_below_the_baseline() {
        let text = "copy s3://a/b to /data with 4 workers and 2 shards";
        let wanted = literals(text);
        let fragment = |raw| Fragment { raw, ..Fragment::default() };
        let all: Vec<&Literal> = wanted.iter().collect();
        let complete =
            coverage(&fragment(json!({"from": "s3://a/b", "to": "/data", "n": [4, 2]})), &all, false);
        assert_eq!(complete, Score { value: 1.0, missing: vec![] });
        let lost = coverage(&fragment(json!({"from": "s3://a/b", "to": "/data", "n": 4})), &all, false);
        assert_eq!(lost.missing, ["2"]);
        assert!(lost.value < 0.7 && combined(&lost, Some(1.0)) < 0.7);
        assert!(combined(&complete, Some(0.0)) >= 0.7);
    }
}
