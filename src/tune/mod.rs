//! Hyperparameters: candidates from proven priors, cards and the language model; short real trainings that decide.
//!
//! [`targets`] finds the training steps of a program, [`candidates`] lists what is worth trying (the library's default
//! always among it), [`Trials`] is how they are tried and what that decides, [`apply`] writes the
//! choice into the step with its origin. Without data [`propose`] writes the prior, labelled as not measured. The
//! portfolio is learned and judged by `tests/bench/tuning` (docs/tuning.md).

mod apply;
mod candidate;
mod candidates;
mod error;
mod fan_out;
mod origin;
mod plot;
mod portfolio;
mod predict;
mod propose;
mod space;
mod target;
mod trials;

pub use apply::{Choice, apply, fits};
pub use candidate::{Candidate, PredictedLog};
pub use candidates::{CandidateRequest, candidates};
pub use error::TuneError;
pub use fan_out::{SearchParts, SharedSearch, share_searches};
pub use origin::{ORIGIN, Origin, origins};
pub use plot::plot;
pub use portfolio::{Entry, ModelPortfolio, Portfolio, Prior};
pub use predict::{Prediction, prediction_request, read_prediction};
pub use propose::{Data, Proposal, look, propose};
pub use space::fill_spaces;
pub(crate) use target::data_source;
pub use target::{Target, targets};
pub use trials::{Decision, TrialOutcome, TrialSettings, Trials, trial_name};
