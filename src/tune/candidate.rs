//! A configuration worth trying.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Origin;

/// Losses that a language model expects on held-back rows, from the beginning to the end of a training (Algorithm 4 of
/// the paper).
pub type PredictedLog = Vec<f64>;

/// A configuration worth trying.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Hyperparameters by the library's names; empty for its default.
    pub params: Map<String, Value>,
    /// Who proposes it.
    pub origin: Origin,
    /// Why it is worth trying.
    pub reason: String,
    /// Its loss on other data sets as a ratio to the library's default, if that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_elsewhere: Option<f64>,
    /// What a language model expects of it: a guess, not a measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<PredictedLog>,
}

impl Candidate {
    /// The loss that a language model expects at the end.
    pub fn predicted_loss(&self) -> Option<f64> {
        self.predicted.as_ref()?.iter().copied().min_by(f64::total_cmp)
    }

    /// The hyperparameters in one line.
    pub fn described(&self) -> String {
        described(&self.params)
    }
}

/// Hyperparameters in one line.
pub(super) fn described(params: &Map<String, Value>) -> String {
    if params.is_empty() {
        return "the library's default".to_owned();
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    params.iter().map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ")
}
