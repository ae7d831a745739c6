//! What a failure means: repeat it, wait longer, give up, or change the workflow.

mod patterns;
mod retry;

pub use patterns::{Advice, PatternError, Patterns, Sign};
pub(super) use retry::{as_seconds, wait_before_next};

/// Who failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The step itself: its exit code, its missing outputs, its time limit.
    Step,
    /// What should have run it: the interpreter, the packages, the image, the disk.
    Infrastructure,
    /// What it was asked to do cannot be done; another attempt would be the same.
    Request,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    /// For people; secrets are masked.
    pub(super) message: String,
    pub(super) cause: Cause,
    pub(super) advice: Option<Advice>,
}

impl Failure {
    pub(super) fn infrastructure(message: impl Into<String>) -> Self {
        Self { message: message.into(), cause: Cause::Infrastructure, advice: None }
    }

    pub(super) fn request(message: impl Into<String>) -> Self {
        Self { message: message.into(), cause: Cause::Request, advice: None }
    }
}
