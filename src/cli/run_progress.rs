//! Showing a run: one line for each running step, one for each that ended, and a summary.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::Style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Output;
use super::output::{harmless, plain};
use crate::run::{RunObserver, RunReport, StepResult, StepState};

/// More steps than this are not told one by one if nothing had to be done for them.
const MANY: usize = 40;
/// Most characters of a value in the summary.
const LONGEST_VALUE: usize = 80;

/// Prints what happens.
pub(super) struct RunProgress<'a> {
    output: &'a Output,
    steps: usize,
    bars: MultiProgress,
    running: Mutex<HashMap<String, ProgressBar>>,
}

impl<'a> RunProgress<'a> {
    pub(super) fn new(output: &'a Output, steps: usize) -> Self {
        Self { output, steps, bars: MultiProgress::new(), running: Mutex::default() }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, ProgressBar>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, text: &str) {
        if self.output.is_terminal() {
            // A terminal that is gone shows nothing, and nobody misses it.
            let _ = self.bars.println(harmless(text));
        } else {
            self.output.message(text);
        }
    }

    /// The counts, the longest chain, the metrics and the models.
    pub(super) fn summary(&self, report: &RunReport, id: &str) {
        let count = |state| report.count(state);
        let mut text = format!("{} steps: {} ran", report.steps.len(), count(StepState::Succeeded));
        for (state, word) in [
            (StepState::Cached, "cached"),
            (StepState::Skipped, "skipped"),
            (StepState::Failed, "failed"),
            (StepState::Omitted, "omitted"),
            (StepState::Stopped, "stopped"),
        ] {
            if count(state) > 0 || state == StepState::Cached {
                text.push_str(&format!(", {} {word}", count(state)));
            }
        }
        text.push_str(&format!("; {:.1} s", report.seconds));
        let cached = report.steps.iter().filter(|step| step.state == StepState::Cached);
        let saved: f64 = cached.map(|step| step.seconds).sum();
        if saved >= 0.1 {
            text.push_str(&format!(", {saved:.1} s saved"));
        }
        self.output.message(&text);
        if report.critical_path.len() > 1 {
            let path: Vec<&str> = report.critical_path.iter().take(12).map(String::as_str).collect();
            let more = if report.critical_path.len() > 12 { " → …" } else { "" };
            self.output.message(&format!(
                "longest chain: {}{more} ({:.1} s)",
                path.join(" → "),
                report.critical_seconds
            ));
        }
        for step in report.steps.iter().take(MANY * 5) {
            if !step.values.is_empty() {
                let values: Vec<String> =
                    step.values.iter().map(|(name, value)| format!("{name}={}", shortened(value))).collect();
                self.output.message(&format!("{}: {}", step.name, values.join(", ")));
            }
            for model in &step.models {
                if let Some(path) = step.artifacts.get(model).filter(|path| path.exists()) {
                    self.output.message(&format!("{}: {model} in {}", step.name, path.display()));
                }
            }
        }
        self.output.message(&format!("run {id}; `couler logs {id} STEP` shows what a step printed"));
    }
}

/// A value in the summary; the whole is in the JSON.
fn shortened(value: &str) -> String {
    let value = plain(value);
    match value.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    }
}

/// What a step printed last.
fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

impl RunObserver for RunProgress<'_> {
    fn message(&self, text: &str) {
        self.line(text);
    }

    fn started(&self, step: &str, item: Option<usize>, attempt: u32) {
        if !self.output.is_terminal() {
            return;
        }
        let mut label = step.to_owned();
        if let Some(item) = item {
            label.push_str(&format!(" [{item}]"));
        }
        if attempt > 1 {
            label.push_str(&format!(" (attempt {attempt})"));
        }
        let mut running = self.running();
        let bar = running.entry(step.to_owned()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
            let bar = ProgressBar::new_spinner();
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            let bar = self.bars.add(bar);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        bar.set_message(plain(&label));
    }

    fn retrying(&self, step: &str, attempt: u32, seconds: f64, message: &str) {
        let last = plain(message.lines().last().unwrap_or_default());
        let text = format!("{step}: attempt {attempt} failed ({last}); again in {seconds:.0} s");
        self.line(&self.output.styled(&Style::new().yellow(), &text));
    }

    fn finished(&self, result: &StepResult) {
        if let Some(bar) = self.running().remove(&result.name) {
            bar.finish_and_clear();
        }
        let (style, word) = match result.state {
            StepState::Succeeded => (Style::new().green(), "done"),
            StepState::Cached => (Style::new().cyan(), "cached"),
            StepState::Skipped => (Style::new().dim(), "skipped"),
            StepState::Omitted => (Style::new().dim(), "omitted"),
            StepState::Failed => (Style::new().red(), "failed"),
            StepState::Stopped => (Style::new().yellow(), "stopped"),
        };
        if self.steps > MANY && result.state == StepState::Cached {
            return;
        }
        let word = self.output.styled(&style, &format!("{word:<8}"));
        let text = match &result.message {
            Some(message) if result.state == StepState::Failed => message.lines().next().unwrap_or_default(),
            _ => last_line(&result.result),
        };
        // What a step prints does not steer the terminal.
        let shown: String = plain(text).chars().take(100).collect();
        let worked = matches!(result.state, StepState::Succeeded | StepState::Cached);
        let time = if worked { format!("{:>6.1} s", result.seconds) } else { " ".repeat(8) };
        self.line(&format!("{word}{:<24} {time}  {shown}", result.name));
    }
}
