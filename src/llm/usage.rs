//! What calls cost: tokens, seconds, money, and a budget over them.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::LlmError;

/// What one call took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens of the prompt, the cached ones included.
    pub prompt_tokens: u32,
    /// Tokens of the prompt whose key/value state was already there.
    pub cached_tokens: u32,
    /// New tokens of the answer.
    pub completion_tokens: u32,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Cost in US dollars, where a price is known.
    pub dollars: Option<f64>,
}

impl Usage {
    /// Prompt tokens that had to be computed, plus new tokens.
    pub fn uncached_tokens(&self) -> u32 {
        self.prompt_tokens.saturating_sub(self.cached_tokens).saturating_add(self.completion_tokens)
    }

    /// The sum of two usages; an unknown price stays unknown only when both are.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
            seconds: self.seconds + other.seconds,
            dollars: match (self.dollars, other.dollars) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
            },
        }
    }
}

/// Price of a model in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Per million prompt tokens.
    pub prompt: f64,
    /// Per million cached prompt tokens.
    pub cached: f64,
    /// Per million new tokens.
    pub completion: f64,
}

impl Price {
    /// The cost of `usage` in US dollars.
    pub fn dollars(&self, usage: &Usage) -> f64 {
        let fresh = f64::from(usage.prompt_tokens.saturating_sub(usage.cached_tokens));
        (fresh * self.prompt
            + f64::from(usage.cached_tokens) * self.cached
            + f64::from(usage.completion_tokens) * self.completion)
            / 1e6
    }
}

/// Limits on what a request may spend; `None` means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Most tokens (prompt and new) over all calls.
    pub tokens: Option<u64>,
    /// Most US dollars over all calls.
    pub dollars: Option<f64>,
}

/// One finished call, for the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRecord {
    /// The pipeline stage: `decompose`, `generate`, `calibrate`, …
    pub stage: String,
    /// The step it was about, if any.
    pub step: Option<String>,
    /// The model's identifier.
    pub model: String,
    /// What it took.
    pub usage: Usage,
}

/// Adds up the calls of a request and refuses calls that would exceed the budget.
#[derive(Debug, Default)]
pub struct Ledger {
    budget: Budget,
    calls: Mutex<Vec<CallRecord>>,
}

impl Ledger {
    /// An empty ledger with a budget.
    pub fn new(budget: Budget) -> Self {
        Self { budget, calls: Mutex::default() }
    }

    /// Whether a call of at most `tokens` tokens may still be made.
    ///
    /// # Errors
    /// [`LlmError::Budget`] when it could exceed the limit.
    pub fn admit(&self, tokens: u64) -> Result<(), LlmError> {
        let total = self.total();
        let spent = u64::from(total.prompt_tokens) + u64::from(total.completion_tokens);
        if let Some(limit) = self.budget.tokens
            && spent + tokens > limit
        {
            return Err(LlmError::Budget {
                spent: format!("{spent} tokens"),
                limit: format!("{limit} tokens"),
            });
        }
        if let Some(limit) = self.budget.dollars
            && total.dollars.unwrap_or(0.0) >= limit
        {
            return Err(LlmError::Budget {
                spent: format!("${:.4}", total.dollars.unwrap_or(0.0)),
                limit: format!("${limit:.4}"),
            });
        }
        Ok(())
    }

    /// Notes a finished call.
    pub fn record(&self, call: CallRecord) {
        self.lock().push(call);
    }

    /// The calls so far, in order of completion.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.lock().clone()
    }

    /// The sum of all calls.
    pub fn total(&self) -> Usage {
        self.lock().iter().fold(Usage::default(), |sum, call| sum.plus(&call.usage))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<CallRecord>> {
        self.calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
