//! Finding the cards that a description, a path, a table or a training step means.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Card, DatasetCard, Library, ModelCard, Profile};

/// Why a card was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The file has the name that the card gives.
    Path,
    /// The text names it.
    Name,
    /// The columns are those of the card.
    Content,
    /// The component trains this model.
    Component,
}

impl Match {
    /// In words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Path => "by its file",
            Self::Name => "by its name",
            Self::Content => "by its columns",
            Self::Component => "by its component",
        }
    }
}

/// A card with why it was taken.
#[derive(Debug, PartialEq)]
pub struct Found<'a, T> {
    /// The card.
    pub card: &'a T,
    /// Where it is from.
    pub place: &'a str,
    /// Why.
    pub by: Match,
}

// A derive would ask that the card itself can be copied.
impl<T> Clone for Found<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Found<'_, T> {}

/// Share of columns that must be the same for a match by content.
const SAME_COLUMNS: f64 = 0.8;

impl Library {
    /// The dataset card that fits best: content over path over name, because a file may be called anything.
    ///
    /// A path fits only as far as the content does not speak against it.
    pub fn dataset_for(
        &self,
        text: &str,
        path: Option<&str>,
        profile: Option<&Profile>,
    ) -> Option<Found<'_, DatasetCard>> {
        let by_path = path.and_then(|path| self.datasets().find(|(card, _)| has_file(card, path)));
        if let Some((card, place)) = by_path
            && profile.is_none_or(|profile| card.features.is_empty() || similarity(card, profile) >= 0.5)
        {
            return Some(Found { card, place, by: Match::Path });
        }
        if let Some(profile) = profile {
            let mut best: Option<(f64, Found<'_, DatasetCard>)> = None;
            for (card, place) in self.datasets() {
                let same = similarity(card, profile);
                if same >= SAME_COLUMNS && best.as_ref().is_none_or(|(before, _)| same > *before) {
                    best = Some((same, Found { card, place, by: Match::Content }));
                }
            }
            // A table that was looked at is what it is, whatever the text calls it.
            return best.map(|(_, found)| found);
        }
        if path.is_some() {
            return None;
        }
        let (card, place) =
            longest(self.datasets(), |card| Card::Dataset(Box::new(card.clone())).names(), text)?;
        Some(Found { card, place, by: Match::Name })
    }

    /// The card of the model that a component trains with these arguments.
    pub fn model_of(&self, component: &str, arguments: &Map<String, Value>) -> Option<Found<'_, ModelCard>> {
        let fits = |card: &ModelCard| {
            card.component.as_deref() == Some(component)
                && card.component_arguments.iter().all(|(name, value)| arguments.get(name) == Some(value))
        };
        let (card, place) = self
            .models()
            .filter(|(card, _)| fits(card))
            .max_by_key(|(card, _)| card.component_arguments.len())?;
        Some(Found { card, place, by: Match::Component })
    }

    /// The model card that a text names.
    pub fn model_named(&self, text: &str) -> Option<Found<'_, ModelCard>> {
        let (card, place) = longest(self.models(), |card| Card::Model(Box::new(card.clone())).names(), text)?;
        Some(Found { card, place, by: Match::Name })
    }
}

/// The card whose longest name stands in the text.
fn longest<'a, T>(
    cards: impl Iterator<Item = (&'a T, &'a str)>,
    names: impl Fn(&T) -> Vec<String>,
    text: &str,
) -> Option<(&'a T, &'a str)> {
    let words = words(text);
    cards
        .filter_map(|(card, place)| {
            let length = names(card).iter().filter(|name| says(&words, name)).map(String::len).max()?;
            Some((length, card, place))
        })
        .max_by_key(|(length, ..)| *length)
        .map(|(_, card, place)| (card, place))
}

/// The words of a text, lower-case, with blanks around and between them; dashes and underscores part words.
fn words(text: &str) -> String {
    let plain: String =
        text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    format!(" {} ", plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn says(text: &str, name: &str) -> bool {
    let name = words(name);
    name.len() > 3 && text.contains(&name)
}

/// Whether the path ends in one of the card's files, or the file is called like the card, whatever its format.
fn has_file(card: &DatasetCard, path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let stem = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    let called = |name: &str| words(name) == words(stem) && !stem.is_empty();
    card.files.iter().any(|file| path == file || path.ends_with(&format!("/{file}")))
        || called(&card.name)
        || card.aliases.iter().any(|alias| called(alias))
}

/// Share of columns that card and table have in common, 0 to 1.
fn similarity(card: &DatasetCard, profile: &Profile) -> f64 {
    let plain = |name: &str| name.to_lowercase().replace([' ', '-', '.'], "_");
    let ours: HashSet<String> = card.features.iter().map(|feature| plain(&feature.name)).collect();
    let theirs: HashSet<String> = profile.columns.iter().map(|column| plain(&column.name)).collect();
    let all = ours.union(&theirs).count();
    #[expect(clippy::cast_precision_loss, reason = "numbers of columns are small")]
    if ours.len() < 2 || all == 0 { 0.0 } else { ours.intersection(&theirs).count() as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_data_set_is_found_by_file_and_by_name_but_not_by_parts_of_words() {
        let library = Library::built_in();
        let found = |text: &str, path: Option<&str>| {
            library.dataset_for(text, path, None).map(|found| (found.card.name.clone(), found.by))
        };
        assert_eq!(found("", Some("eval/data/churn.csv")), Some(("churn".into(), Match::Path)));
        assert_eq!(found("", Some("s3://bucket/x/iris.csv")), Some(("iris".into(), Match::Path)));
        assert_eq!(found("", Some("gs://lake/census_income.parquet")), Some(("adult".into(), Match::Path)));
        assert_eq!(found("train a ResNet on CIFAR-10", None), Some(("cifar-10".into(), Match::Name)));
        assert_eq!(
            found("train a ResNet on cifar 100 images", None),
            Some(("cifar-100".into(), Match::Name))
        );
        assert_eq!(found("the irises of siris", None), None);
        assert_eq!(found("like MNIST", Some("data/mine.csv")), None, "the file is not the MNIST of the text");
    }

    #[test]
    fn a_model_is_found_by_component_and_arguments() {
        let library = Library::built_in();
        let name = |component: &str, arguments: Value| {
            let arguments = arguments.as_object().unwrap().clone();
            library.model_of(component, &arguments).map(|found| found.card.name.clone())
        };
        assert_eq!(name("xgboost.train", json!({})), Some("xgboost".into()));
        assert_eq!(
            name("sklearn.train", json!({"estimator": "random_forest"})),
            Some("random-forest".into())
        );
        assert_eq!(name("data.load", json!({})), None);
        assert_eq!(library.model_named("fine-tune BERT on IMDB").unwrap().card.name, "bert");
    }
}
