//! Reading a card, strictly if it is ours, leniently if it is not.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::front_matter::{parse, read_bounded, split};
use super::lenient::foreign;
use super::{CARD_VERSION, CardError, DatasetCard, ModelCard, check_card};

/// A card of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Card {
    /// Of a data set.
    Dataset(Box<DatasetCard>),
    /// Of a model.
    Model(Box<ModelCard>),
}

impl Serialize for Card {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Dataset(card) => card.serialize(serializer),
            Self::Model(card) => card.serialize(serializer),
        }
    }
}

impl Card {
    /// Its unique name.
    pub fn name(&self) -> &str {
        match self {
            Self::Dataset(card) => &card.name,
            Self::Model(card) => &card.name,
        }
    }

    /// `dataset` or `model`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dataset(_) => "dataset",
            Self::Model(_) => "model",
        }
    }

    /// All names that mean it, lower-case.
    pub fn names(&self) -> Vec<String> {
        let (name, pretty, aliases) = match self {
            Self::Dataset(card) => (&card.name, &card.pretty_name, &card.aliases),
            Self::Model(card) => (&card.name, &card.pretty_name, &card.aliases),
        };
        let mut names: Vec<String> =
            [name].into_iter().chain(pretty).chain(aliases).map(|name| name.to_lowercase()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// One line about it.
    pub fn summary(&self) -> &str {
        match self {
            Self::Dataset(card) => card.description.as_deref(),
            Self::Model(card) => card.description.as_deref(),
        }
        .unwrap_or_default()
    }
}

/// A card with its text and what was odd about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadCard {
    /// What it says.
    pub card: Card,
    /// The Markdown below the front matter: for people only.
    #[serde(skip)]
    pub text: String,
    /// What was missing, odd or left out.
    pub warnings: Vec<String>,
}

/// Reads a card from its text. One with `version: couler/card/v1` is read strictly, any other leniently; `fallback`
/// names a card that gives no name of its own.
///
/// # Errors
/// [`CardError`]: no front matter, unreadable or excessive YAML, faults in a card of ours.
pub fn read_card(text: &str, fallback: &str) -> Result<ReadCard, CardError> {
    let (yaml, body) = split(text)?;
    let value = parse(yaml)?;
    if value.get("version").is_some_and(|version| version == CARD_VERSION) {
        let card = strict(value)?;
        let faults = check_card(&card);
        if !faults.is_empty() {
            return Err(CardError::Faults { faults });
        }
        return Ok(ReadCard { card, text: body.to_owned(), warnings: Vec::new() });
    }
    let (card, warnings) = foreign(&value, body, fallback)?;
    Ok(ReadCard { card, text: body.to_owned(), warnings })
}

impl ReadCard {
    /// Reads a card from its file.
    ///
    /// # Errors
    /// As [`read_card`], or the file cannot be read or is too large.
    pub fn from_file(path: &Path) -> Result<Self, CardError> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        // The name of a repository's README is that of its folder.
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
        let fallback = if stem.eq_ignore_ascii_case("readme") { folder.unwrap_or(stem) } else { stem };
        read_card(&read_bounded(path)?, &fallback)
    }
}

fn strict(value: Value) -> Result<Card, CardError> {
    let fault = |error: serde_json::Error| CardError::Faults { faults: vec![error.to_string()] };
    match value.get("kind").and_then(Value::as_str) {
        Some("dataset") => Ok(Card::Dataset(Box::new(DatasetCard::deserialize(value).map_err(fault)?))),
        Some("model") => Ok(Card::Model(Box::new(ModelCard::deserialize(value).map_err(fault)?))),
        other => {
            let found = other.map_or("missing".to_owned(), |kind| format!("{kind:?}"));
            Err(CardError::Faults { faults: vec![format!("kind is {found}; write dataset or model")] })
        }
    }
}
