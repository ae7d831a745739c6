//! What the pipeline tells while it works.

use serde::Serialize;

use crate::llm::Usage;

/// The stages of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Description to plan.
    Decompose,
    /// Step to fragment.
    Generate,
    /// Fragment to score.
    Calibrate,
    /// Fragments to program and graph.
    Assemble,
    /// A remark to edits.
    Edit,
    /// The whole program or manifest in one call, a baseline.
    Direct,
}

impl Stage {
    /// The name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decompose => "decompose",
            Self::Generate => "generate",
            Self::Calibrate => "calibrate",
            Self::Assemble => "assemble",
            Self::Edit => "edit",
            Self::Direct => "direct",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A stage began, for a step or for the whole.
    Started {
        /// The stage.
        stage: Stage,
        /// The step, if it is about one.
        step: Option<&'a str>,
    },
    /// A remark was read without the model, by this form.
    Read {
        /// The form.
        form: &'a str,
    },
    /// What the model, a check or a pass said, for who wants to follow all of it.
    Said {
        /// Who: `model`, `check literals`, `pass read-exit`.
        by: &'a str,
        /// What.
        text: &'a str,
    },
    /// The model wrote this.
    Token {
        /// The text.
        text: &'a str,
    },
    /// A call of the model ended.
    Called {
        /// The stage.
        stage: Stage,
        /// The step, if it is about one.
        step: Option<&'a str>,
        /// What it took.
        usage: &'a Usage,
    },
    /// A fragment was scored.
    Scored {
        /// The step.
        step: &'a str,
        /// The score in [0, 1].
        score: f64,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// What is wrong with it.
        critique: &'a [String],
    },
    /// Something people should know.
    Note {
        /// The text.
        text: &'a str,
    },
}

/// Listens to a running pipeline.
pub trait Observer: Send + Sync {
    /// Called in the order of events.
    fn observe(&self, event: &Event<'_>);
}

/// Listens to nothing.
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &Event<'_>) {}
}
