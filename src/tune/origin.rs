//! Where a value comes from, kept as annotations of the step: programs stay valid, and every engine carries them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::api::Step;

/// Beginning of the annotations that say where an argument's value comes from: `couler/origin.ARGUMENT`.
pub const ORIGIN: &str = "couler/origin.";

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The user said so.
    User,
    /// The library's default.
    Default,
    /// A portfolio learned on many data sets.
    Portfolio,
    /// Tuned values of the model card.
    Tuned,
    /// Drawn from the ranges of the model card.
    Card,
    /// The language model.
    Model,
}

impl Origin {
    /// The word in annotations.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Default => "default",
            Self::Portfolio => "portfolio",
            Self::Tuned => "tuned default of the card",
            Self::Card => "card",
            Self::Model => "language model",
        }
    }
}

/// The arguments of a step whose origin is noted, with what is noted.
pub fn origins(step: &Step) -> IndexMap<&str, &str> {
    let notes = step.settings.annotations.iter();
    notes.filter_map(|(key, value)| Some((key.strip_prefix(ORIGIN)?, value.as_str()))).collect()
}
