//! How long a workflow takes, split or not, with a number of workers, delayed gates and failures.

mod chart;
mod engine;
mod event;
#[cfg(test)]
mod properties;
mod svg;

pub use chart::text_chart;
pub use engine::simulate;
pub use svg::svg_chart;

use super::split::Partition;

/// How parts wait for each other.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// One workflow.
    Unsplit,
    /// A step waits only for the steps that it needs, those of other parts included.
    Gated(&'a Partition),
    /// A part starts when all parts that it waits for have ended.
    Barrier(&'a Partition),
}

/// What a simulation assumes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumptions {
    /// Instances of steps that run at the same time; no limit if absent.
    pub workers: Option<usize>,
    /// Seconds from the end of a step or part to the start of what waits for it in another part.
    pub latency: f64,
    /// Probability that an attempt fails, from 0 to 1.
    pub failures: f64,
    /// Decides which attempts fail. The same seed fails the same attempts, split or not.
    pub seed: u64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self { workers: None, latency: 0.0, failures: 0.0, seed: 0 }
    }
}

/// One attempt of one instance of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt {
    /// The task.
    pub task: usize,
    /// The worker, from 0.
    pub worker: usize,
    /// When it started, in seconds.
    pub start: f64,
    /// When it ended, in seconds.
    pub end: f64,
    /// Whether it failed.
    pub failed: bool,
}

/// What happened in a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Seconds until the last attempt ended.
    pub makespan: f64,
    /// All attempts, by start.
    pub attempts: Vec<Attempt>,
    /// Workers that were ever busy.
    pub workers: usize,
    /// Tasks whose last attempt failed.
    pub failed: Vec<usize>,
    /// Tasks that never started because something they wait for failed.
    pub not_run: usize,
}

impl Simulation {
    /// Share of the time of the workers in which they worked, from 0 to 1; 0 if nothing ran.
    pub fn utilization(&self) -> f64 {
        let busy: f64 = self.attempts.iter().map(|attempt| attempt.end - attempt.start).sum();
        let available = self.makespan * super::number::as_f64(self.workers);
        if available > 0.0 { busy / available } else { 0.0 }
    }

    /// Attempts that failed.
    pub fn failures(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.failed).count()
    }
}
