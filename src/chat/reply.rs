//! What a turn answers.

use serde::{Deserialize, Serialize};

/// What kind of answer it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyKind {
    /// The program changed.
    Changed,
    /// A change is proposed; `/apply` makes it count.
    Proposed,
    /// A question was answered.
    Answer,
    /// A question to the user.
    Question,
    /// Nothing changed.
    #[default]
    Unchanged,
    /// Nothing changed although something was asked for: not understood, or impossible.
    NotDone,
    /// It failed; the session is as it was.
    Failed,
    /// The user stopped it; the session is as it was.
    Stopped,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Its kind.
    pub kind: ReplyKind,
    /// The text for people.
    pub text: String,
    /// What the user can choose from, where it is a question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What people should know beside the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Reply {
    /// An answer without choices and notes.
    pub fn new(kind: ReplyKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), ..Self::default() }
    }
}
