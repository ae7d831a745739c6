//! Finding the components that a text speaks of (BM25 over names, summaries, phrases and examples).

use bm25::{Document, SearchEngineBuilder, Tokenizer};

use super::Lake;
use crate::api::Component;

/// A component with its score.
#[derive(Debug, Clone)]
pub struct Hit<'a> {
    /// The component.
    pub component: &'a Component,
    /// BM25 score; comparable within one search only.
    pub score: f32,
}

/// Words without case and plural endings.
#[derive(Default)]
struct Words;

impl Tokenizer for Words {
    fn tokenize(&self, text: &str) -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| {
                let plural = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
                if plural { word[..word.len() - 1].to_owned() } else { word.to_owned() }
            })
            .collect()
    }
}

impl Lake {
    /// The `limit` components that fit `query` best, best first.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit<'_>> {
        let components: Vec<&Component> = self.components().collect();
        let documents: Vec<Document<usize>> = components
            .iter()
            .enumerate()
            .map(|(id, component)| {
                let examples: Vec<&str> =
                    component.examples.iter().map(|example| example.text.as_str()).collect();
                let contents = format!(
                    "{} {} {} {}",
                    component.name,
                    component.summary,
                    component.phrases.join(" "),
                    examples.join(" ")
                );
                Document { id, contents }
            })
            .collect();
        let engine =
            SearchEngineBuilder::<usize, u32, Words>::with_tokenizer_and_documents(Words, documents).build();
        engine
            .search(query, limit)
            .into_iter()
            .map(|hit| Hit { component: components[hit.document.id], score: hit.score })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_lead_to_their_component() {
        let lake = Lake::built_in();
        for (query, expected) in [
            ("train an xgboost model", "xgboost.train"),
            ("drop duplicate rows and fill missing values", "data.clean"),
            ("send a slack message", "notify.slack"),
            ("build the image with kaniko", "image.build"),
        ] {
            let names: Vec<&str> =
                lake.search(query, 3).iter().map(|hit| hit.component.name.as_str()).collect();
            assert!(names.contains(&expected), "{query}: {names:?}");
        }
    }
}
