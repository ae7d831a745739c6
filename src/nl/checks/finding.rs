//! What a check found.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::nl::document::Document;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// People should look at it.
    Warning,
    /// The answer is wrong: the call is made again.
    Error,
}

/// Where an answer is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The step; the workflow as a whole if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The field, for example `with/target`; empty for the whole step.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// Words of the description that speak for a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// First byte in the description.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// The words.
    pub text: String,
}

/// A fault of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// The words that say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Finding {
    /// An error at a step, or of the whole.
    pub fn error(check: &'static str, step: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            check,
            severity: Severity::Error,
            place: Place { step: step.map(str::to_owned), field: String::new() },
            message: message.into(),
            evidence: None,
            suggestion: None,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// With the field that is wrong.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.place.field = field.into();
        self
    }

    /// With the words of the description that say so.
    #[must_use]
    pub fn because(mut self, document: &Document, span: Range<usize>) -> Self {
        let text = document.text[span.clone()].to_owned();
        self.evidence = Some(Evidence { start: span.start, end: span.end, text });
        self
    }

    /// With what would mend it.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place.step {
            Some(step) => write!(formatter, "{step}")?,
            None => formatter.write_str("the workflow")?,
        }
        if !self.place.field.is_empty() {
            write!(formatter, " ({})", self.place.field)?;
        }
        write!(formatter, ": {}", self.message)?;
        if let Some(evidence) = &self.evidence {
            write!(formatter, " (the text says {:?})", evidence.text)?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(formatter, "; {suggestion}")?;
        }
        Ok(())
    }
}
