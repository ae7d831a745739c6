//! What the command line reports when it does not succeed, and with which exit code.

use crate::api::DocumentError;
use crate::chat::StoreError;
use crate::engine::EngineError;
use crate::lake::LakeError;
use crate::llm::LlmError;
use crate::nl::PipelineError;

/// A failed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    message: String,
    hint: String,
}

/// The documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed = 1,
    Usage = 2,
    Refused = 3,
    Unavailable = 4,
    Insufficient = 5,
    /// Ctrl-C, as shells report it.
    Interrupted = 130,
}

impl Failure {
    fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }

    /// It was tried and did not work (1).
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message, hint)
    }

    /// Wrong usage (2).
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message, hint)
    }

    /// The request is not to be met (3).
    pub fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message, hint)
    }

    /// The model or a service could not be used (4).
    pub fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message, hint)
    }

    /// There is too little evidence to say (5).
    pub fn insufficient(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Insufficient, message, hint)
    }

    /// Another hint for a failure that the user caused by stopping.
    #[must_use]
    pub fn with_hint_if_interrupted(self, hint: &str) -> Self {
        if self.kind == Kind::Interrupted { Self { hint: hint.to_owned(), ..self } } else { self }
    }

    /// Stopped by the user.
    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "stopped", "nothing was written")
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.kind as u8
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl From<LlmError> for Failure {
    fn from(error: LlmError) -> Self {
        let kind = match &error {
            LlmError::UnknownModel { .. } => Kind::Usage,
            LlmError::Budget { .. } | LlmError::ContextLength { .. } | LlmError::Io { .. } => Kind::Failed,
            LlmError::Cancelled => Kind::Interrupted,
            _ => Kind::Unavailable,
        };
        let hint = error.hint();
        Self::new(kind, error.to_string(), hint)
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Model(error) => error.into(),
            PipelineError::Empty => Self::usage(
                error.to_string(),
                "say what the workflow should do, for example: couler nl \"train xgboost on data.csv to predict churn\"",
            ),
            PipelineError::Refused { ref ignored, .. } => {
                let mut hint =
                    "describe the steps of a workflow: what to load, train, evaluate, run".to_owned();
                if !ignored.is_empty() {
                    hint.push_str(&format!(
                        "; set aside, because it instructs the assistant: {}",
                        ignored.join(" ")
                    ));
                }
                Self::refused(error.to_string(), hint)
            }
            PipelineError::Prompt(_) => {
                Self::failed(error.to_string(), "check the files given with --prompts")
            }
            PipelineError::Assembly { .. } => Self::failed(
                error.to_string(),
                "say more about these steps, or try a larger model with --model",
            ),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::refused(error.to_string(), "change the step, or choose another engine with --engine")
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        Self::failed(error.to_string(), "`couler schema` prints the schema of programs")
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        match &error {
            StoreError::Unknown { .. } | StoreError::Nothing => Self::usage(error.to_string(), hint),
            _ => Self::failed(error.to_string(), hint),
        }
    }
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        Self::failed(error.to_string(), "`couler lake show NAME` prints a component to learn from")
    }
}
