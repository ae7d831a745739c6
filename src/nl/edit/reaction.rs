//! What becomes of a remark, and what a conversation was about.

use serde::{Deserialize, Serialize};

use super::apply::Applied;
use super::operation::Edit;
use crate::nl::checks::Finding;

/// A remark and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The remark.
    pub remark: String,
    /// What became of it: the edits, or the words of the answer.
    pub outcome: String,
}

/// What a conversation was about so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Focus {
    /// The steps spoken of last: what "it" means.
    #[serde(default)]
    pub steps: Vec<String>,
    /// The last wish, for "the other one, too".
    #[serde(default)]
    pub last: Option<String>,
    /// The step chosen when asked which one is meant.
    #[serde(default)]
    pub chosen: Option<String>,
    /// The last remarks, the oldest first.
    #[serde(default)]
    pub said: Vec<Said>,
}

/// How many remarks are remembered: as far back as people refer to without saying what they mean.
const REMEMBERED: usize = 8;

impl Focus {
    /// Remembers a remark and what became of it.
    pub fn remember(&mut self, remark: &str, outcome: impl Into<String>) {
        self.said.push(Said { remark: remark.to_owned(), outcome: outcome.into() });
        let surplus = self.said.len().saturating_sub(REMEMBERED);
        self.said.drain(..surplus);
    }
}

/// What became of a remark.
#[derive(Debug)]
pub enum Reaction {
    /// The program changed.
    Changed {
        /// The edits.
        edits: Vec<Edit>,
        /// The program with them carried out.
        applied: Box<Applied>,
        /// What the conversation is about now.
        focus: Focus,
        /// What people should know.
        notes: Vec<String>,
        /// What the checks found and no repair mended.
        findings: Vec<Finding>,
    },
    /// A question was answered; nothing changed.
    Answer(String),
    /// It is not clear which step is meant; nothing changed.
    Question {
        /// The question.
        text: String,
        /// The steps to choose from.
        choices: Vec<String>,
        /// The wish to read again with the answer.
        remark: String,
    },
    /// Nothing changed, for this reason, and nothing had to.
    Unchanged(String),
    /// Nothing changed although something was asked for: it was not understood, or cannot be done.
    NotDone(String),
    /// The last change is to be taken back.
    Undo,
}
