//! A description, parsed once. Everything later speaks of spans of it, never of copies.

mod language;
mod line;
mod literal;
mod number;
mod quote;
mod words;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

pub use literal::Literal;
pub use number::Number;
pub use words::Concept;

/// A description and what can be read from it without knowing what it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// What it gives character by character.
    pub literals: Vec<Literal>,
    /// Its numbers, in digits and words.
    pub numbers: Vec<Number>,
    /// The numbers in front of the items of a list, as they are written.
    pub item_numbers: HashSet<String>,
    /// Its language, as a code of two letters.
    pub language: &'static str,
    /// The text with every run of white space as one space, and for each of its bytes the byte in `text`.
    plain: (String, Vec<usize>),
    /// Quotes that were looked for: every check asks for the same ones.
    known: Known,
}

impl Document {
    /// Reads a description.
    pub fn parse(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            literals: literal::literals(text),
            numbers: number::numbers(text),
            item_numbers: line::item_numbers(text),
            language: language::of(text),
            plain: quote::plain(text),
            known: Known::default(),
        }
    }

    /// Whether it is written in English.
    pub fn is_english(&self) -> bool {
        self.language == "en"
    }

    /// Where the pieces of a quote stand, in the order of the quote; pieces that stand nowhere are left out.
    pub fn spans(&self, quote: &str) -> Vec<Range<usize>> {
        let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spans) = known.get(quote) {
            return spans.clone();
        }
        let spans: Vec<Range<usize>> =
            quote::pieces(quote).into_iter().filter_map(|piece| self.span(&piece)).collect();
        known.insert(quote.to_owned(), spans.clone());
        spans
    }

    /// The pieces of a quote that do not stand in the description.
    pub fn unknown_pieces(&self, quote: &str) -> Vec<String> {
        quote::pieces(quote).into_iter().filter(|piece| self.span(piece).is_none()).collect()
    }

    /// Every place where a piece of a quote stands.
    pub fn spans_everywhere(&self, quote: &str) -> Vec<Range<usize>> {
        let pieces = quote::pieces(quote);
        pieces
            .iter()
            .flat_map(|piece| {
                self.plain
                    .0
                    .match_indices(piece.as_str())
                    .map(|(start, _)| self.origin(start..start + piece.len()))
            })
            .collect()
    }

    /// A part of the text with nothing but dots where addresses, images, paths and quotations stand: their words say
    /// nothing of the workflow.
    pub fn without_literals(&self, span: Range<usize>) -> String {
        let mut words = String::new();
        let mut last = span.start;
        for literal in &self.literals {
            if literal.span.start >= last && literal.span.end <= span.end {
                words.push_str(&self.text[last..literal.span.start]);
                words.push('…');
                last = literal.span.end;
            }
        }
        words.push_str(&self.text[last..span.end]);
        words
    }

    /// Where a part of the text speaks of a concept first.
    pub fn says(&self, concept: Concept, span: Range<usize>) -> Option<Range<usize>> {
        let found = words::find(&self.text[span.clone()], concept)?;
        Some(span.start + found.start..span.start + found.end)
    }

    /// The same, with the words of the description's own language and English only.
    pub fn says_itself(&self, concept: Concept, span: Range<usize>) -> Option<Range<usize>> {
        let found = words::find_in(&self.text[span.clone()], concept, self.language)?;
        Some(span.start + found.start..span.start + found.end)
    }

    /// The sentences: up to a full stop with space behind it, or a line's end.
    pub fn sentences(&self) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut start = 0;
        let mut characters = self.text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let end = at + character.len_utf8();
            let behind = characters.peek().is_none_or(|(_, next)| next.is_whitespace());
            if character == '\n' || "。！？".contains(character) || (".!?;".contains(character) && behind)
            {
                found.push(start..end);
                start = end;
            }
        }
        found.push(start..self.text.len());
        found.retain(|sentence| !self.text[sentence.clone()].trim().is_empty());
        found
    }

    /// The words that lead to a part of the text: from the end of the clause before it to its first words.
    pub fn lead(&self, span: Range<usize>) -> Range<usize> {
        let before = &self.text[..span.start];
        let start = before
            .rfind([',', ';', '.', '\n', '。', '，', '、'])
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let end = self.text[span.clone()]
            .char_indices()
            .filter(|(_, c)| c.is_whitespace())
            .nth(2)
            .map_or(span.end, |(at, _)| span.start + at);
        start..end
    }

    /// Whether the line around a place only declares what a step reads, writes or follows.
    pub fn declares(&self, at: usize) -> bool {
        line::declares(&self.text, at)
    }

    /// Where a piece of text stands first, white space aside.
    fn span(&self, piece: &str) -> Option<Range<usize>> {
        let start = self.plain.0.find(piece)?;
        Some(self.origin(start..start + piece.len()))
    }

    /// The bytes of the text behind a span of the text with single spaces.
    fn origin(&self, plain: Range<usize>) -> Range<usize> {
        let origin = &self.plain.1;
        let start = origin[plain.start];
        let behind = origin.get(plain.end).copied().unwrap_or(self.text.len());
        start..self.text[..behind].trim_end().len().max(start)
    }
}

/// Where quotes stand, as far as somebody has asked. It is no part of what a document is.
#[derive(Debug, Default)]
struct Known(Mutex<HashMap<String, Vec<Range<usize>>>>);

impl Clone for Known {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Known {
    fn eq(&self, _: &Self) -> bool {
        true
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
