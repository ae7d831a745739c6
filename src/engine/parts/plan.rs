//! What an engine is told about parts, and what it answers.

use super::super::GeneratedFile;

/// The parts of a workflow, and when their steps may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPlan {
    /// Names of the steps of each part; a part comes after all that it waits for.
    pub parts: Vec<Vec<String>>,
    /// When steps start.
    pub admission: Admission,
}

/// When the steps of a part may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Each step when what it waits for is done, wherever that ran.
    Gated {
        /// Most pods that wait at gates at the same time, on engines where waiting takes a pod. Parts are opened in
        /// order, as many as keep to it, but always one: the first part that is not done waits for nothing.
        waiting: usize,
    },
    /// All together, when every part that one of them waits for is done.
    Barrier,
}

impl Admission {
    /// Gates with the default limit of waiting pods.
    pub const GATED: Self = Self::Gated { waiting: 100 };
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
