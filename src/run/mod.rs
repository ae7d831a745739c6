//! Running a workflow on this machine, step by step.
//!
//! Scripts and components run as child processes of this one, in a Python environment with everything that the
//! workflow's steps require; artifacts are files in the run's folder.

mod evaluate;
mod python;
mod runner;

pub use python::{PythonEnvironment, PythonError};
pub use runner::{RunError, RunObserver, RunSettings, StepResult, StepState, run};
