//! What is private otherwise, for the fuzz targets in `fuzz/` (built with `--cfg fuzzing` only).

use crate::cli::Environment;

pub use crate::run::fuzzing::journal;

/// Messages of another assistant, one a line.
pub fn mcp(messages: &[u8]) {
    let _ = crate::cli::mcp_answers(messages, &Environment::default());
}
