//! What is private otherwise, for the fuzz targets in `fuzz/` (built with `--cfg fuzzing` only).

pub use crate::cli::mcp_answers as mcp;
pub use crate::run::fuzzing::journal;
