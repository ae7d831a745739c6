//! Quotes: words of a description, possibly in several pieces.

use crate::nl::answer::GAP;

/// The text with every run of white space as one space, and the origin of each of its bytes.
pub(super) fn plain(text: &str) -> (String, Vec<usize>) {
    let mut plain = String::with_capacity(text.len());
    let mut origin = Vec::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if !character.is_whitespace() {
            plain.push(character);
            origin.extend(at..at + character.len_utf8());
        } else if !plain.ends_with(' ') && !plain.is_empty() {
            plain.push(' ');
            origin.push(at);
        }
    }
    (plain, origin)
}

/// The pieces of a quote, white space as in [`plain`].
pub(super) fn pieces(quote: &str) -> Vec<String> {
    quote
        .split(GAP)
        .map(|piece| plain(piece.trim()).0.trim().to_owned())
        .filter(|piece| !piece.is_empty() && piece != "…")
        .collect()
}
