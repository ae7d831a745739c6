//! What an engine is told about parts, and what it answers.

use std::collections::HashMap;

use super::super::GeneratedFile;

/// The parts of a workflow, and when their steps may start.
#[derive(Debug, Clone, PartialEq)]
pub struct PartPlan {
    /// Names of the steps of each part; a part comes after all that it waits for.
    pub parts: Vec<Vec<String>>,
    /// When steps start.
    pub admission: Admission,
    /// Seconds from the start to the end of each step if nothing else is in its way; gates are put together by them. Of
    /// steps that are not named nothing is known.
    pub ends: HashMap<String, f64>,
}

/// When the steps of a part may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Each step when what it waits for is done, wherever that ran. A part is opened when everything is done that the
    /// parts before it wait for.
    Gated {
        /// Most gates of a part, on engines where waiting takes a pod. Where more would be needed, those that open at
        /// about the same time are put together, and open when all of them would be open.
        gates: usize,
    },
    /// All together, when every part that one of them waits for is done.
    Barrier,
}

impl Admission {
    /// Gates with their usual number.
    pub const GATED: Self = Self::Gated { gates: 16 };
}

/// What an engine runs instead of one workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartFiles {
    /// The files, the one that starts everything last.
    pub files: Vec<GeneratedFile>,
    /// Bytes of each part as the engine gets it, and of the workflow that starts them as the last one.
    pub bytes: Vec<usize>,
    /// How to start it and what it needs, for people.
    pub notes: Vec<String>,
}
