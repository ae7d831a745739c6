//! The code lake: components that are both the reference shown to the model and the code that runs.

mod load;
mod search;

pub use load::{Lake, LakeError};
pub use search::Hit;
