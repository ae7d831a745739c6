//! Measuring generation quality: suites of descriptions with checks on the recovered graph.

mod check;
mod compare;
mod conversation;
pub mod edits;
pub mod faults;
pub mod fidelity;
pub mod gold;
mod log;
pub mod repairs;
pub mod report;
mod run;
mod sample;
mod scripted;
pub mod statistics;
mod suite;
mod summary;

pub use check::{Scores, Verdict, check};
pub use compare::{Comparison, Conclusion, Difference, compare};
pub use conversation::{TurnCase, TurnResult};
pub use log::{LogError, LogWriter, RunLog};
pub use run::{Evaluation, EvaluationOptions, InfrastructureError};
pub use sample::{FailedStage, LOG_VERSION, Mode, RunHeader, Sample, SampleOutcome};
pub use suite::{Case, Checks, ExpectedLoop, ExpectedSchedule, ExpectedStep, StepCount, Suite, SuiteError};
pub use summary::{CaseSummary, Figures, Summary, TurnFigures};
