//! Writing a card.

use serde::Serialize;

use super::{Card, CardError};

/// A card as Markdown with front matter; reading it gives the same card.
///
/// # Errors
/// A value has no form in YAML.
pub fn write_card(card: &Card, text: &str) -> Result<String, CardError> {
    let yaml = match card {
        Card::Dataset(card) => to_yaml(card),
        Card::Model(card) => to_yaml(card),
    }?;
    let text = text.trim();
    let body = if text.is_empty() { String::new() } else { format!("{text}\n") };
    Ok(format!("---\n{}\n---\n{body}", yaml.trim_end()))
}

fn to_yaml(card: &impl Serialize) -> Result<String, CardError> {
    serde_saphyr::to_string(card).map_err(|error| CardError::Syntax { reason: error.to_string() })
}
