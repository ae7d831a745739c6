//! Showing a running pipeline on standard error.

use std::sync::Mutex;

use console::Style;

use super::Output;
use crate::nl::{Event, Observer, Stage};

/// Prints a line for every call, and on a terminal the text as it is written.
pub(super) struct Progress<'a> {
    output: &'a Output,
    current: Mutex<(String, usize)>,
    /// Whether everything is shown that the model, each check and each pass say.
    trace: bool,
}

impl<'a> Progress<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, current: Mutex::default(), trace: false }
    }

    /// With everything that the model, each check and each pass say.
    pub(super) fn tracing(self, trace: bool) -> Self {
        Self { trace, ..self }
    }

    fn label(stage: Stage, step: Option<&str>) -> String {
        match step {
            Some(step) => format!("{:<10} {step}", stage.name()),
            None => stage.name().to_owned(),
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, (String, usize)> {
        self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Observer for Progress<'_> {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Started { stage, step } => {
                let label = Self::label(*stage, *step);
                self.output.status(&format!("{label} …"));
                *self.current() = (label, 0);
            }
            Event::Token { text } => {
                let mut current = self.current();
                current.1 += text.len();
                let tail = text.replace('\n', " ");
                self.output.status(&format!("{} … {} characters {tail}", current.0, current.1));
            }
            Event::Called { stage, step, usage } => {
                self.output.clear_status();
                self.output.message(&format!(
                    "{:<34} {:>5} tokens in ({} cached), {:>4} out, {:>5.1} s",
                    Self::label(*stage, *step),
                    usage.prompt_tokens,
                    usage.cached_tokens,
                    usage.completion_tokens,
                    usage.seconds
                ));
            }
            Event::Scored { step, score, attempt, critique } if !critique.is_empty() => {
                let style = Style::new().yellow();
                let text = format!(
                    "  {step}: score {score:.2} at attempt {attempt}; missing: {}",
                    critique.join(", ")
                );
                self.output.message(&self.output.styled(&style, &text));
            }
            Event::Said { by, text } if self.trace => {
                self.output.clear_status();
                let by = self.output.styled(&Style::new().bold(), by);
                self.output.message(&format!("{by}: {text}"));
            }
            Event::Scored { .. } | Event::Read { .. } | Event::Said { .. } => {}
            Event::Note { text } => self.output.message(&format!("note: {text}")),
        }
    }
}
