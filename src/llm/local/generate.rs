//! One generation: prompt, constrained sampling, forced tokens in batches.

use std::sync::atomic::Ordering;
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llguidance::Matcher;

use super::chat::prompt;
use super::grammar::Grammars;
use super::prefix::{Prefixes, decode};
use super::{Event, Job};
use crate::llm::{Finish, LlmError, Response, Usage};

/// Nucleus of tokens from which samples are drawn at temperatures above 0.
const TOP_P: f32 = 0.95;
/// How many first-token candidates are reported.
const TOP_CANDIDATES: usize = 8;

pub(super) struct Generation<'a, 'model> {
    model: &'a LlamaModel,
    context: &'a mut LlamaContext<'model>,
    grammars: &'a Grammars,
    prefixes: &'a mut Prefixes,
    job: &'a Job,
    id: &'a str,
    random: fastrand::Rng,
    bytes: Vec<u8>,
    sent: usize,
    new_tokens: u32,
}

impl<'a, 'model> Generation<'a, 'model> {
    pub(super) fn new(
        model: &'a LlamaModel,
        context: &'a mut LlamaContext<'model>,
        grammars: &'a Grammars,
        prefixes: &'a mut Prefixes,
        job: &'a Job,
        id: &'a str,
    ) -> Self {
        let random = fastrand::Rng::with_seed(job.request.seed);
        Self {
            model,
            context,
            grammars,
            prefixes,
            job,
            id,
            random,
            bytes: Vec::new(),
            sent: 0,
            new_tokens: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<Response, LlmError> {
        let started = Instant::now();
        let request = &self.job.request;
        let prompt = prompt(self.model, request)?;
        let room = self.context.n_ctx() as usize;
        if prompt.tokens.len() + request.max_tokens as usize > room {
            return Err(LlmError::ContextLength {
                tokens: prompt.tokens.len() + request.max_tokens as usize,
                limit: room,
            });
        }
        let mut matcher =
            request.schema.as_ref().map(|schema| self.grammars.matcher(&schema.schema)).transpose()?;
        let reused = self.prefixes.prepare(self.context, &prompt.tokens, prompt.static_tokens)?;
        let start = self.prefixes.len();
        self.feed(&prompt.tokens[start..])?;
        let first_token = if request.first_token_logprobs { self.candidates() } else { Vec::new() };
        let finish = self.generate(matcher.as_mut())?;
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        if let Some(error) = matcher.and_then(|matcher| matcher.get_error()) {
            return Err(LlmError::BrokenOutput { model: self.id.to_owned(), reason: error });
        }
        let count = |tokens: usize| u32::try_from(tokens).unwrap_or(u32::MAX);
        let usage = Usage {
            prompt_tokens: count(prompt.tokens.len()),
            cached_tokens: count(reused),
            completion_tokens: self.new_tokens,
            seconds: started.elapsed().as_secs_f64(),
            dollars: None,
        };
        Ok(Response { text, finish, usage, first_token })
    }

    fn generate(&mut self, mut matcher: Option<&mut Matcher>) -> Result<Finish, LlmError> {
        let limit = self.job.request.max_tokens;
        loop {
            if self.job.cancelled.load(Ordering::Relaxed) {
                return Err(LlmError::Cancelled);
            }
            if self.new_tokens >= limit {
                return Ok(Finish::Length);
            }
            let token = self.next_token(matcher.as_deref_mut())?;
            if self.model.vocab().is_eog(token) {
                return Ok(Finish::Stop);
            }
            let mut accepted = vec![token];
            if let Some(matcher) = matcher.as_deref_mut() {
                accepted.extend(advance(matcher, token, self.id)?);
            }
            self.accept(&accepted);
            if matcher.as_ref().is_some_and(|matcher| matcher.is_stopped()) {
                return Ok(Finish::Stop);
            }
            self.feed(&accepted)?;
        }
    }

    /// The next token: the most likely one at temperature 0, else a sample.
    fn next_token(&mut self, matcher: Option<&mut Matcher>) -> Result<LlamaToken, LlmError> {
        let mask = match matcher {
            Some(matcher) => Some(matcher.compute_mask_or_eos().map_err(|error| LlmError::BrokenOutput {
                model: self.id.to_owned(),
                reason: error.to_string(),
            })?),
            None => None,
        };
        let temperature = self.job.request.temperature;
        let logits = self.context.get_logits();
        let allowed = logits.iter().enumerate().filter(|(index, _)| {
            mask.as_ref().is_none_or(|mask| mask.is_allowed(u32::try_from(*index).unwrap_or(0)))
        });
        let chosen = if temperature <= 0.0 {
            allowed.max_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index)
        } else {
            sample(allowed.map(|(index, logit)| (index, *logit)).collect(), temperature, self.random.f32())
        };
        let index = chosen.ok_or_else(|| LlmError::Engine("no token is allowed".into()))?;
        Ok(LlamaToken(i32::try_from(index).map_err(|error| LlmError::Engine(error.to_string()))?))
    }

    /// The most likely next tokens with their log-probabilities.
    fn candidates(&self) -> Vec<(String, f32)> {
        let logits = self.context.get_logits();
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
        let mut best: Vec<(usize, f32)> = logits.iter().copied().enumerate().collect();
        best.select_nth_unstable_by(TOP_CANDIDATES, |a, b| b.1.total_cmp(&a.1));
        best.truncate(TOP_CANDIDATES);
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        best.into_iter()
            .filter_map(|(index, logit)| {
                let token = LlamaToken(i32::try_from(index).ok()?);
                let piece = self.model.vocab().token_to_piece(token, false, None);
                Some((String::from_utf8_lossy(&piece).into_owned(), logit - largest - total.ln()))
            })
            .collect()
    }

    fn accept(&mut self, tokens: &[LlamaToken]) {
        for token in tokens {
            self.bytes.extend(self.model.vocab().token_to_piece(*token, false, None));
            self.new_tokens += 1;
        }
        // A character may be spread over several tokens: send whole ones only.
        let complete = match std::str::from_utf8(&self.bytes[self.sent..]) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        if complete > 0 {
            let text = String::from_utf8_lossy(&self.bytes[self.sent..self.sent + complete]).into_owned();
            self.sent += complete;
            let _ = self.job.events.send(Event::Text(text));
        }
    }

    fn feed(&mut self, tokens: &[LlamaToken]) -> Result<(), LlmError> {
        decode(self.context, tokens, self.prefixes.len())?;
        self.prefixes.extend(tokens);
        Ok(())
    }
}

/// Tells the matcher about a token and returns the tokens that must follow.
fn advance(matcher: &mut Matcher, token: LlamaToken, id: &str) -> Result<Vec<LlamaToken>, LlmError> {
    matcher
        .consume_token(token.0.cast_unsigned())
        .map_err(|error| LlmError::BrokenOutput { model: id.to_owned(), reason: error.to_string() })?;
    if matcher.is_stopped() {
        return Ok(Vec::new());
    }
    Ok(matcher.consume_ff_tokens().into_iter().map(|token| LlamaToken(token.cast_signed())).collect())
}

/// Draws a token from the nucleus; `point` is uniform in [0, 1).
fn sample(mut candidates: Vec<(usize, f32)>, temperature: f32, point: f32) -> Option<usize> {
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
    let largest = candidates.first()?.1;
    let weights: Vec<f32> =
        candidates.iter().map(|(_, logit)| ((logit - largest) / temperature).exp()).collect();
    let total: f32 = weights.iter().sum();
    let mut nucleus = 0.0;
    let mut kept = 0;
    while kept < weights.len() && nucleus < TOP_P * total {
        nucleus += weights[kept];
        kept += 1;
    }
    let mut left = point * nucleus;
    for (candidate, weight) in candidates.iter().zip(&weights).take(kept) {
        left -= weight;
        if left <= 0.0 {
            return Some(candidate.0);
        }
    }
    candidates.get(kept.saturating_sub(1)).map(|candidate| candidate.0)
}

#[cfg(test)]
mod tests {
    use super::sample;

    #[test]
    fn samples_stay_in_the_nucleus() {
        let candidates = vec![(7, 10.0), (3, 9.0), (5, -20.0)];
        for step in 0..100u8 {
            let drawn = sample(candidates.clone(), 1.0, f32::from(step) / 100.0).unwrap();
            assert_ne!(drawn, 5);
        }
        assert_eq!(sample(candidates.clone(), 0.01, 0.99), Some(7));
        assert_eq!(sample(candidates, 1.0, 0.99), Some(3));
    }
}
