//! Configurations proven on many data sets. The file is made by `make tuning` (tests/bench/tuning/learn.py).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::TuneError;
use crate::cards::ModelTask;

const BUILT_IN: &str = include_str!("../../cards/portfolio.json");
/// The version that the file starts with.
const VERSION: &str = "couler/portfolio/v1";

/// Portfolios by model and task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portfolio {
    /// Always `couler/portfolio/v1`.
    pub version: String,
    /// One for each model and task.
    pub portfolios: Vec<ModelPortfolio>,
}

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPortfolio {
    /// The name of its card.
    pub model: String,
    /// For which task.
    pub task: ModelTask,
    /// On how many data sets it was learned.
    pub data_sets: u32,
    /// In how many splits of each.
    pub splits: u32,
    /// The choice without any trial.
    pub prior: Prior,
    /// What to try beside the default, in this order.
    pub entries: Vec<Entry>,
}

/// The choice without any trial.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Hyperparameters by the library's names.
    pub params: Map<String, Value>,
    /// Geometric mean of its loss divided by the loss of the library's default, each data set judged with the choice
    /// that the others make, without the data set that speaks most for it.
    pub ratio: f64,
}

/// A configuration to try.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Hyperparameters by the library's names; the number of trees is left to early stopping.
    pub params: Map<String, Value>,
    /// Trees that early stopping kept in the median.
    pub rounds: Option<u32>,
    /// Geometric mean of the loss of this configuration alone, trained on fewer rows, divided by the default's.
    pub ratio: f64,
    /// The same for the best in validation of the default, those before and this one.
    pub ratio_with_those_before: f64,
}

impl Portfolio {
    /// The one that ships.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn built_in() -> Self {
        Self::read(BUILT_IN).expect("the built-in portfolio is valid")
    }

    /// Reads a portfolio from JSON.
    ///
    /// # Errors
    /// It is no JSON of this form, or of another version.
    pub fn read(text: &str) -> Result<Self, TuneError> {
        let portfolio: Self =
            serde_json::from_str(text).map_err(|error| TuneError::Portfolio { reason: error.to_string() })?;
        if portfolio.version != VERSION {
            let reason = format!("its version is {:?}, not {VERSION}", portfolio.version);
            return Err(TuneError::Portfolio { reason });
        }
        Ok(portfolio)
    }

    /// What is known of a model for a task.
    pub fn of(&self, model: &str, task: ModelTask) -> Option<&ModelPortfolio> {
        self.portfolios.iter().find(|portfolio| portfolio.model == model && portfolio.task == task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::Library;

    #[test]
    fn the_built_in_portfolio_is_within_the_cards() {
        let (portfolio, library) = (Portfolio::built_in(), Library::built_in());
        assert_eq!(portfolio.portfolios.len(), 6);
        for part in &portfolio.portfolios {
            let (card, _) = library.models().find(|(card, _)| card.name == part.model).unwrap();
            assert!(part.data_sets >= 10 && part.entries.len() >= 2, "{}", part.model);
            assert!(
                (0.5..1.1).contains(&part.prior.ratio),
                "{} {:?}: {}",
                part.model,
                part.task,
                part.prior.ratio
            );
            let tuned = card.tuned.iter().flat_map(|tuned| tuned.values.keys());
            let known: Vec<&String> =
                card.hyperparameters.iter().map(|parameter| &parameter.name).chain(tuned).collect();
            let params = part.entries.iter().map(|entry| &entry.params).chain([&part.prior.params]);
            for name in params.flat_map(serde_json::Map::keys) {
                assert!(known.contains(&name), "{}: {name}", part.model);
            }
        }
    }

    #[test]
    fn another_version_or_form_is_refused() {
        assert!(Portfolio::read("{\"version\": \"couler/portfolio/v9\", \"portfolios\": []}").is_err());
        assert!(Portfolio::read("[]").is_err());
    }
}
