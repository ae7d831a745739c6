//! Why nothing can be tuned.

/// A program or candidate that cannot be tuned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TuneError {
    /// No step trains a model that is known.
    #[error("no step of the program trains a model with a card")]
    NoTarget,
    /// The step is not there, or trains nothing.
    #[error("there is no training step {name:?}; there is {}", .known.join(", "))]
    UnknownStep {
        /// The step asked for.
        name: String,
        /// Training steps.
        known: Vec<String>,
    },
    /// The model cannot be trained in a short trial.
    #[error("{model} cannot be tried in short trainings yet")]
    NotTriable {
        /// Its card.
        model: String,
    },
    /// No column to predict is given.
    #[error("step {step:?} does not say which column it predicts")]
    NoLabel {
        /// The step.
        step: String,
    },
    /// The hyperparameters are known when the workflow runs only.
    #[error("step {step:?} takes its hyperparameters from a reference, so there is nothing to choose")]
    Reference {
        /// The step.
        step: String,
    },
    /// The portfolio cannot be used.
    #[error("the portfolio cannot be read: {reason}")]
    Portfolio {
        /// What is wrong.
        reason: String,
    },
    /// The model answered with something else.
    #[error("the language model's answer cannot be used: {reason}")]
    Answer {
        /// What is wrong.
        reason: String,
    },
    /// No trial came to an end.
    #[error("no trial ended with a loss: {reason}")]
    NoTrial {
        /// What the first of them said.
        reason: String,
    },
}

impl TuneError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoTarget => {
                "xgboost.train, lightgbm.train and sklearn.train can be tuned; `couler cards list --kind model` shows the cards"
            }
            Self::UnknownStep { .. } => "name one of them with --step",
            Self::NotTriable { .. } => {
                "`couler cards show NAME` has its ranges and usual values; tune.search and tune.katib search on their own"
            }
            Self::NoLabel { .. } => "give the step its `target`",
            Self::Reference { .. } => "write its `params` out, or leave them away",
            Self::Portfolio { .. } => "leave --portfolio out to use the one built in",
            Self::Answer { .. } => "try again, or leave --ask-model out",
            Self::NoTrial { .. } => {
                "look at the data and the target; `couler cards profile FILE --label COLUMN` checks them"
            }
        }
    }
}
