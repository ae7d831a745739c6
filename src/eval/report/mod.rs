//! Reports of a run: for the terminal, as Markdown, as a page and for continuous integration; and of two runs.
//!
//! Names, descriptions, failures and manifests are untrusted data: every form escapes them in its own way.

mod comparison;
mod html;
mod junit;
mod markdown;
mod plot;
mod table;
mod text;

#[cfg(test)]
mod tests;

pub use comparison::comparison;
pub use html::{ReportError, html};
pub use junit::junit;
pub use markdown::markdown;
pub use table::table;
