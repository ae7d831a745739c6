//! Baselines: the whole program, or the whole manifest, in one call.

use serde_json::{Value, json};

use super::event::{Event, Stage};
use super::guard::guard;
use super::pipeline::{Pipeline, PipelineError};
use crate::api::{Program, parse_program, program_schema};
use crate::llm::{Finish, LlmError, Message, OutputSchema, Request};

/// Most tokens of a program or manifest.
const MAX_TOKENS: u32 = 2_500;

impl Pipeline<'_> {
    /// Writes the program in one call that is constrained to the schema of programs.
    ///
    /// # Errors
    /// [`PipelineError`]: no steps (a refusal), a broken or invalid program, an unreachable model.
    pub async fn direct_program(&self, description: &str) -> Result<Program, PipelineError> {
        let components: Vec<Value> = self
            .lake
            .components()
            .map(|component| {
                let properties = component.arguments.get("properties").and_then(Value::as_object);
                let names: Vec<&str> =
                    properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                json!({"name": component.name, "arguments": names.join(", "), "summary": component.summary})
            })
            .collect();
        let system = self.prompts.render("direct-program", &json!({"components": components}))?;
        let schema = OutputSchema { name: "program".into(), schema: program_schema() };
        let answer = self.direct(description, system, Some(schema)).await?;
        let value: Value = serde_json::from_str(&answer).map_err(|error| self.broken(error.to_string()))?;
        if value["steps"].as_array().is_some_and(Vec::is_empty) {
            let reason = "the program has no step".to_owned();
            return Err(PipelineError::Refused { reason, ignored: Vec::new() });
        }
        parse_program(&answer).map_err(|error| self.broken(error.to_string()))
    }

    /// Writes an Argo manifest in one call.
    ///
    /// # Errors
    /// [`PipelineError`]: a refusal, an answer that is cut off, an unreachable model.
    pub async fn direct_manifest(&self, description: &str) -> Result<String, PipelineError> {
        let system = self.prompts.render("direct-manifest", &json!({}))?;
        let answer = self.direct(description, system, None).await?;
        if answer.trim_start().starts_with("REFUSED") {
            let reason = answer.trim().trim_start_matches("REFUSED").trim().to_owned();
            return Err(PipelineError::Refused { reason, ignored: Vec::new() });
        }
        Ok(without_fence(&answer).to_owned())
    }

    async fn direct(
        &self,
        description: &str,
        system: String,
        schema: Option<OutputSchema>,
    ) -> Result<String, PipelineError> {
        let guarded = guard(description);
        if guarded.text.is_empty() {
            let reason = "it only gives orders to the assistant".to_owned();
            return Err(PipelineError::Refused { reason, ignored: guarded.ignored });
        }
        self.observer.observe(&Event::Started { stage: Stage::Direct, step: None });
        let request = Request {
            messages: vec![Message::system(system), Message::user(guarded.text)],
            static_messages: 1,
            schema,
            max_tokens: MAX_TOKENS,
            temperature: self.options.temperature,
            seed: self.options.seed,
            first_token_logprobs: false,
        };
        let response = self.call(Stage::Direct, None, &request).await?;
        if response.finish == Finish::Length {
            return Err(self.broken("the answer is too long".into()));
        }
        Ok(response.text)
    }

    fn broken(&self, reason: String) -> PipelineError {
        LlmError::BrokenOutput { model: self.model.id().to_owned(), reason }.into()
    }
}

/// The text inside a Markdown fence, or all of it.
fn without_fence(answer: &str) -> &str {
    let Some((_, rest)) = answer.split_once("```") else { return answer };
    let inner = rest.split_once('\n').map_or(rest, |(_, inner)| inner);
    inner.split_once("```").map_or(inner, |(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::without_fence;

    #[test]
    fn fences_are_taken_off() {
        assert_eq!(without_fence("Here:\n```yaml\na: 1\n```\nDone"), "a: 1\n");
        assert_eq!(without_fence("```\na: 1"), "a: 1");
        assert_eq!(without_fence("a: 1"), "a: 1");
    }
}
