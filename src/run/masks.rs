//! Secrets that are kept out of logs, values, messages and records.
//!
//! A secret is found as it is, line by line, and as programs usually write it down: base64 at every alignment,
//! URL-encoded, inside JSON. A step that encrypts, splits or rearranges a secret before it prints it is not found out.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for a secret.
const MASK: &str = "***";
/// Secrets that are shorter would mask ordinary text.
const SHORTEST: usize = 4;
/// The same for the lines of a longer secret, and for parts of its base64 form.
const SHORTEST_PART: usize = 6;
/// What web forms leave as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Finds secrets.
#[derive(Debug, Clone, Default)]
pub(super) struct Masks {
    finder: Option<AhoCorasick>,
    longest: usize,
}

impl Masks {
    /// Masks for all forms of some secrets.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets.filter(|secret| secret.len() >= SHORTEST) {
            collect_forms(secret, &mut forms);
            let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_PART);
            lines.for_each(|line| collect_forms(line, &mut forms));
        }
        let longest = forms.iter().map(String::len).max().unwrap_or(0);
        let build = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
        // Only more forms than memory could hold would not become a finder.
        let finder = (!forms.is_empty()).then(build).and_then(Result::ok);
        Self { finder, longest }
    }

    /// A text without secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        let Some(finder) = &self.finder else { return text.to_owned() };
        let mut clean = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut clean, |_, _, clean| {
            clean.push_str(MASK);
            true
        });
        clean
    }

    /// Replaces secrets in a stream. What could be the beginning of one is held back until more is known, or until
    /// this is the last piece.
    pub(super) fn clean_piece(&self, held: &mut Vec<u8>, bytes: &[u8], last: bool) -> Vec<u8> {
        let Some(finder) = &self.finder else { return bytes.to_vec() };
        held.extend_from_slice(bytes);
        let certain = if last { held.len() } else { held.len().saturating_sub(self.longest - 1) };
        let mut clean = Vec::with_capacity(held.len());
        let mut at = 0;
        for found in finder.find_iter(&*held).take_while(|found| found.start() < certain) {
            clean.extend_from_slice(&held[at..found.start()]);
            clean.extend_from_slice(MASK.as_bytes());
            at = found.end();
        }
        if at < certain {
            clean.extend_from_slice(&held[at..certain]);
            at = certain;
        }
        held.drain(..at);
        clean
    }
}

fn collect_forms(secret: &str, forms: &mut BTreeSet<String>) {
    forms.insert(secret.to_owned());
    let json = serde_json::Value::from(secret).to_string();
    forms.insert(json[1..json.len() - 1].to_owned());
    let encoded = utf8_percent_encode(secret, UNRESERVED).to_string();
    for encoded in [lower_escapes(&encoded), encoded] {
        forms.insert(encoded.replace("%20", "+"));
        forms.insert(encoded);
    }
    for skipped in 0..3 {
        forms.extend(base64_inside(secret.as_bytes(), skipped));
    }
}

/// The characters that a secret certainly has in the base64 form of a text in which it stands behind some bytes; their
/// number counts modulo three. Both alphabets.
fn base64_inside(secret: &[u8], before: usize) -> Vec<String> {
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
    let encoded = STANDARD_NO_PAD.encode(&padded);
    let start = [0, 2, 3][before];
    // The last character depends on what follows, unless the secret ends where a character does.
    let end = padded.len() * 4 / 3;
    let Some(inside) = encoded.get(start..end).filter(|inside| inside.len() >= SHORTEST_PART) else {
        return Vec::new();
    };
    vec![inside.to_owned(), inside.replace('+', "-").replace('/', "_")]
}

fn lower_escapes(encoded: &str) -> String {
    let mut lower = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = rest.find('%') {
        let end = (at + 3).min(rest.len());
        lower.push_str(&rest[..at]);
        lower.push_str(&rest[at..end].to_lowercase());
        rest = &rest[end..];
    }
    lower + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_found() {
        let secret = "s3cr3t/with spaces+\"quotes\"";
        let masks =
            Masks::new([secret, "-----BEGIN KEY-----\nabcdef012345\n-----END KEY-----", "abc"].into_iter());
        let base64 = base64::engine::general_purpose::STANDARD;
        let mut texts = vec![
            secret.to_owned(),
            serde_json::json!({"key": secret}).to_string(),
            "s3cr3t%2Fwith%20spaces%2B%22quotes%22".into(),
            "s3cr3t%2fwith+spaces%2b%22quotes%22".into(),
            "the line abcdef012345 alone".into(),
        ];
        for before in ["", "u", "us", "user:"] {
            for after in ["", "x", "xy"] {
                texts.push(base64.encode(format!("{before}{secret}{after}")));
            }
        }
        for text in texts {
            let clean = masks.clean(&text);
            assert!(clean.contains(MASK), "{text}");
            let decoded = clean.split(MASK).map(|part| base64.decode(part).unwrap_or_default());
            assert!(
                decoded
                    .into_iter()
                    .all(|part| !part.windows(6).any(|six| secret.as_bytes().windows(6).any(|s| s == six)))
            );
        }
        assert_eq!(masks.clean("abc is too short"), "abc is too short");
        assert_eq!(Masks::default().clean("text"), "text");
    }

    #[test]
    fn pieces_of_any_length_hide_nothing() {
        let masks = Masks::new(["token-1234", "token-12345678"].into_iter());
        let text = b"a token-1234 b token-12345678 c token-123";
        for size in 1..text.len() {
            let (mut held, mut clean) = (Vec::new(), Vec::new());
            for piece in text.chunks(size) {
                clean.extend(masks.clean_piece(&mut held, piece, false));
            }
            clean.extend(masks.clean_piece(&mut held, b"", true));
            assert_eq!(String::from_utf8(clean).unwrap(), "a *** b *** c token-123", "{size}");
        }
    }
}
