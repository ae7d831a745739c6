//! Why a card or a data file cannot be used.

use std::path::PathBuf;

/// A card or a data file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A card is larger than any card should be.
    #[error("the card has {bytes} bytes; a card may have {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// There is no front matter to read.
    #[error("the text has no front matter: it must start with a line `---`, YAML, and another line `---`")]
    NoFrontMatter,
    /// The front matter is no usable YAML, or refers to itself without end.
    #[error("the front matter cannot be read: {reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// A card of ours with wrong, contradictory or impossible values.
    #[error("the card has {} faults:\n{}", .faults.len(), .faults.join("\n"))]
    Faults {
        /// Each with its place and what to write instead.
        faults: Vec<String>,
    },
    /// A data file that is no table.
    #[error("{path} cannot be read as a table: {reason}")]
    Table {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The label column is not in the table.
    #[error("the table has no column {column:?}; it has {}", .columns.join(", "))]
    NoColumn {
        /// The column asked for.
        column: String,
        /// Those that exist.
        columns: Vec<String>,
    },
    /// There is no card of this name.
    #[error("there is no card {name:?}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Names that are like it.
        near: Vec<String>,
    },
}

impl CardError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { .. } => "check the path".into(),
            Self::TooLarge { .. } => {
                "keep the front matter and a short description; move the rest to another file".into()
            }
            Self::NoFrontMatter => "`couler cards new dataset NAME` prints a card to start from".into(),
            Self::Syntax { .. } => "correct the YAML between the two lines `---`".into(),
            Self::Faults { .. } => {
                "correct them; `couler cards show iris` prints a card to learn from".into()
            }
            Self::Table { .. } => {
                "csv with a header line, JSON lines and parquet (uncompressed, snappy) can be profiled".into()
            }
            Self::NoColumn { .. } => "name one of these with --label".into(),
            Self::Unknown { near, .. } if near.is_empty() => "`couler cards list` shows all".into(),
            Self::Unknown { near, .. } => format!("do you mean {}?", near.join(", ")),
        }
    }
}
