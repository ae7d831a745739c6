//! A description, parsed once. Everything later speaks of spans of it, never of copies.

mod quote;

use std::ops::Range;

/// A description and what can be read from it without knowing what it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// The text with every run of white space as one space, and for each of its bytes the byte in `text`.
    plain: (String, Vec<usize>),
}

impl Document {
    /// Reads a description.
    pub fn parse(text: &str) -> Self {
        Self { text: text.to_owned(), plain: quote::plain(text) }
    }

    /// Where the pieces of a quote stand, in the order of the quote; pieces that stand nowhere are left out.
    pub fn spans(&self, quote: &str) -> Vec<Range<usize>> {
        quote::pieces(quote).into_iter().filter_map(|piece| self.span(&piece)).collect()
    }

    /// The pieces of a quote that do not stand in the description.
    pub fn unknown_pieces(&self, quote: &str) -> Vec<String> {
        quote::pieces(quote).into_iter().filter(|piece| self.span(piece).is_none()).collect()
    }

    /// Where a piece of text stands first, white space aside.
    fn span(&self, piece: &str) -> Option<Range<usize>> {
        let (plain, origin) = &self.plain;
        let start = plain.find(piece)?;
        let end = start + piece.len();
        let behind = origin.get(end).copied().unwrap_or(self.text.len());
        Some(origin[start]..self.text[..behind].trim_end().len().max(origin[start]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_found_whatever_the_line_breaks() {
        let document = Document::parse("Load  a.csv,\n  then train.\nÜbung: mail it.");
        let spans = document.spans("a.csv, then train … mail it");
        let words: Vec<&str> = spans.into_iter().map(|span| &document.text[span]).collect();
        assert_eq!(words, ["a.csv,\n  then train", "mail it"]);
        assert_eq!(document.unknown_pieces("Load a.csv … fly"), ["fly"]);
    }
}
