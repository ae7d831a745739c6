//! Measuring generation quality: suites of descriptions with checks on the recovered graph.

mod check;
mod suite;

pub use check::{Verdict, check};
pub use suite::{Case, Checks, ExpectedLoop, ExpectedStep, StepCount, Suite, SuiteError};
