//! The edit operations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{Function, Problems, Step};

/// One change of a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// A new step. It waits for what its `after` names.
    Add {
        /// The step.
        step: Box<Step>,
        /// Steps that wait for it from now on, in the place of what they share with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        before: Vec<String>,
        /// Whether it runs at the end, whatever happened.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        at_end: bool,
    },
    /// A step goes; whoever waited for it waits for what it waited for.
    Remove {
        /// The step.
        step: String,
    },
    /// A step calls another function; its place, condition and settings stay.
    Replace {
        /// The step.
        step: String,
        /// What it calls from now on.
        run: Function,
    },
    /// A step gets another name, wherever it is named.
    Rename {
        /// The step.
        step: String,
        /// Its new name.
        to: String,
    },
    /// A step waits for exactly these steps, apart from those whose values it reads.
    Rewire {
        /// The step.
        step: String,
        /// What it waits for.
        after: Vec<String>,
    },
    /// A field gets a value.
    Set {
        /// The step; the workflow as a whole if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// JSON pointer inside of it, for example `/settings/retry/limit`, `/run/with/target` or `/schedule`.
        field: String,
        /// The value.
        value: Value,
    },
    /// A field goes.
    Unset {
        /// The step; the workflow as a whole if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// JSON pointer inside of it.
        field: String,
    },
}

impl Edit {
    /// Sets a field of a step.
    pub(crate) fn set(step: &str, field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Set { step: Some(step.to_owned()), field: field.into(), value: value.into() }
    }

    /// Removes a field of a step.
    pub(crate) fn unset(step: &str, field: impl Into<String>) -> Self {
        Self::Unset { step: Some(step.to_owned()), field: field.into() }
    }

    /// Sets a field of the workflow.
    pub(crate) fn set_workflow(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Set { step: None, field: field.into(), value: value.into() }
    }

    /// Removes a field of the workflow.
    pub(crate) fn unset_workflow(field: impl Into<String>) -> Self {
        Self::Unset { step: None, field: field.into() }
    }

    /// The step that it is about, under the name it has afterwards.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Add { step, .. } => Some(&step.name),
            Self::Rename { to, .. } => Some(to),
            Self::Remove { step } | Self::Replace { step, .. } | Self::Rewire { step, .. } => Some(step),
            Self::Set { step, .. } | Self::Unset { step, .. } => step.as_deref(),
        }
    }
}

/// An edit that cannot be carried out. The program is as it was.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EditError {
    /// There is no such step.
    #[error("there is no step {step:?}; {known}")]
    UnknownStep {
        /// The name given.
        step: String,
        /// The steps that exist.
        known: String,
    },
    /// The name is taken.
    #[error("there is a step {step:?} already; choose another name")]
    Taken {
        /// The name.
        step: String,
    },
    /// The field cannot be changed this way.
    #[error("{field:?} cannot be changed: {reason}")]
    Field {
        /// The JSON pointer.
        field: String,
        /// Why.
        reason: String,
    },
    /// The last step cannot go.
    #[error("{step:?} is the only step; a workflow needs at least one")]
    LastStep {
        /// The step.
        step: String,
    },
    /// Other steps read what the step writes.
    #[error("{step:?} cannot go: {readers} read its output; change or remove them first")]
    StillRead {
        /// The step.
        step: String,
        /// Who reads it.
        readers: String,
    },
    /// The changed program is not valid.
    #[error("the change does not fit:\n{0}")]
    Invalid(#[from] Problems),
    /// A step changed that no edit speaks of. This would be a fault of couler.
    #[error("the step {step:?} would change although nothing was said about it; nothing was changed")]
    Unrelated {
        /// The step.
        step: String,
    },
}
