//! Dataset and model cards: Markdown with YAML front matter, in the conventions of Hugging Face.
//!
//! Ours ([`DatasetCard`], [`ModelCard`]) are read strictly and checked; cards written elsewhere are read leniently, with
//! warnings ([`read_card`]). A card is data: nothing in it is executed or followed. [`profile_file`] makes a dataset card
//! from the data itself.

mod card;
mod check;
mod dataset;
mod error;
mod front_matter;
mod lenient;
mod library;
mod matching;
mod model;
mod profile;
mod template;
mod write;

pub use card::{Card, ReadCard, read_card};
pub use check::check_card;
pub use dataset::{DatasetCard, DatasetTask, Feature, FeatureType, Label, Modality, Split};
pub use error::CardError;
pub use library::Library;
pub use matching::{Found, Match};
pub use model::{Condition, Hyperparameter, HyperparameterType, ModelCard, ModelTask, Scale, TunedDefault};
pub use profile::{Profile, ProfileOptions, card_of_profile, profile_file};
pub use template::template;
pub use write::write_card;

/// The version that every card of ours starts with.
pub const CARD_VERSION: &str = "couler/card/v1";
