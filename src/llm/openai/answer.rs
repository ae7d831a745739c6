//! Making sense of what came back: pieces of a stream, and JSON among prose.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::dialect::SentSchema;
use super::failure::Failure;
use super::strict::drop_nulls;
use super::wire::{Choice, Chunk, Logprobs, WireUsage};
use crate::llm::{Finish, OutputSchema};

/// Longest answer, in bytes: far more than any limit of tokens that is asked for.
const LONGEST_ANSWER: usize = 16 << 20;

/// How many brackets of an answer may be the start of its JSON: each may be looked through to the end.
const MOST_STARTS: usize = 100;

/// An answer in the making.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub text: String,
    pub refusal: String,
    /// `None` until the server says why it ended: a stream that stops before is cut off.
    pub finish: Option<Finish>,
    pub usage: Option<WireUsage>,
    /// Most likely first tokens, best first.
    pub first_token: Vec<(String, f32)>,
}

impl Answer {
    /// Adds one event of the stream, or a whole answer.
    pub(super) fn take(&mut self, chunk: Chunk) -> Result<(), Failure> {
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(Failure::in_stream(&error));
        }
        if chunk.usage.is_some() {
            self.usage = chunk.usage;
        }
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            self.take_choice(choice);
        }
        if self.text.len() + self.refusal.len() > LONGEST_ANSWER {
            return Err(Failure::Garbage(format!("the answer has more than {LONGEST_ANSWER} bytes")));
        }
        Ok(())
    }

    fn take_choice(&mut self, choice: Choice) {
        if let Some(piece) = choice.delta.or(choice.message) {
            self.text.push_str(piece.content.as_deref().unwrap_or_default());
            self.refusal.push_str(piece.refusal.as_deref().unwrap_or_default());
        }
        if self.first_token.is_empty() {
            self.first_token = choice.logprobs.map(first_token).unwrap_or_default();
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("length") => self.finish = Some(Finish::Length),
            Some(_) => self.finish = Some(Finish::Stop),
        }
    }
}

fn first_token(logprobs: Logprobs) -> Vec<(String, f32)> {
    let Some(first) = logprobs.content.into_iter().flatten().next() else { return Vec::new() };
    let own = first.logprob.map(|logprob| (first.token, logprob));
    let top = first.top_logprobs.into_iter().flatten();
    let mut tokens: Vec<(String, f32)> = top.filter_map(|t| Some((t.token, t.logprob?))).collect();
    if tokens.is_empty() {
        tokens.extend(own);
    }
    tokens.sort_by(|a, b| b.1.total_cmp(&a.1));
    tokens
}

/// The first JSON value in an answer that should have been nothing else: within a code fence, or after some
/// prose.
///
/// What a reasoning model thinks aloud (up to `</think>`) is skipped. `None` when there is no complete JSON
/// value.
pub fn find_json(text: &str) -> Option<&str> {
    let text = text.rfind("</think>").map_or(text, |end| &text[end + "</think>".len()..]).trim();
    let mut starts = text.match_indices(['{', '[']).map(|(at, _)| at).take(MOST_STARTS);
    let whole = json_prefix(text).filter(|json| json.len() == text.len());
    whole.or_else(|| fenced(text)).or_else(|| starts.find_map(|at| json_prefix(&text[at..])))
}

/// The content of the first code fence, if it is JSON.
fn fenced(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("```")?;
    let (_language, body) = after.split_once('\n')?;
    json_prefix(body.trim_start())
}

fn json_prefix(text: &str) -> Option<&str> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(&text[..values.byte_offset()])
}

/// The answer as JSON of the original schema; `None` when there is no JSON in it.
pub(super) fn to_original_schema(text: &str, schema: &OutputSchema, sent: SentSchema) -> Option<String> {
    let found = find_json(text)?;
    if !sent.strict && !sent.wrapped {
        return Some(found.to_owned());
    }
    let mut value: Value = serde_json::from_str(found).ok()?;
    if sent.wrapped {
        value = value.get_mut("answer").map(Value::take).unwrap_or(value);
    }
    if sent.strict {
        value = drop_nulls(value, &schema.schema);
    }
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_found_among_prose_and_fences() {
        let cases = [
            (r#"{"a": 1}"#, Some(r#"{"a": 1}"#)),
            ("  [1, 2]\n", Some("[1, 2]")),
            ("```json\n{\"a\": \"```\"}\n```\nDone.", Some("{\"a\": \"```\"}")),
            ("Here {you} are: {\"a\": {\"b\": \"}\"}} and more }", Some("{\"a\": {\"b\": \"}\"}}")),
            ("<think>{\"not\": 1}</think>\n{\"a\": 2}", Some("{\"a\": 2}")),
            ("As a list: [{\"a\": 1}]", Some("[{\"a\": 1}]")),
            ("{\"a\": 1", None),
            ("no JSON here", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(find_json(text), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_of_brackets_is_soon_given_up() {
        let started = std::time::Instant::now();
        assert_eq!(find_json(&"[".repeat(200_000)), None);
        assert!(started.elapsed() < std::time::Duration::from_secs(10));
    }

    #[test]
    fn wrapped_and_strict_answers_become_original_ones() {
        let schema = OutputSchema {
            name: "s".into(),
            schema: json!({"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}]}),
        };
        let sent = SentSchema { strict: true, wrapped: true };
        let text = to_original_schema(r#"{"answer": {"b": null, "a": "x"}}"#, &schema, sent);
        assert_eq!(text.as_deref(), Some(r#"{"a":"x"}"#));
    }

    #[test]
    fn first_tokens_are_sorted_and_may_be_missing() {
        let chunk: Chunk = serde_json::from_value(json!({"choices": [{"delta": {"content": "yes"}, "logprobs": {"content": [
            {"token": "yes", "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": -2.0}, {"token": "yes", "logprob": -0.1}]}
        ]}}]}))
        .expect("valid");
        let mut answer = Answer::default();
        answer.take(chunk).expect("no error inside");
        assert_eq!(answer.first_token, vec![("yes".to_owned(), -0.1), ("no".to_owned(), -2.0)]);
        assert_eq!(answer.finish, None);
    }
}
