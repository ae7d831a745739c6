//! The way of a request, from the description to the graph.

use serde::Serialize;
use serde_json::Value;

use super::checks::Finding;
use super::event::{Event, Observer, Stage};
use super::guard::{Guarded, guard};
use super::prompts::{PromptError, Prompts};
use super::requirements::Requirements;
use super::{base, plain};
use crate::api::{Problems, Program};
use crate::ir::Workflow;
use crate::lake::Lake;
use crate::llm::{CallRecord, LanguageModel, Ledger, LlmError, Request, Response};

/// Longest static prompt of a component, in tokens.
const FRAGMENT_PROMPT_TOKENS: usize = 900;
/// Most steps of a plan of the small model, those at the end included.
const MOST_STEPS: usize = 17;

/// How the pipeline works.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineOptions {
    /// Sampling temperature; 0 is greedy.
    pub temperature: f32,
    /// Seed for temperatures above 0.
    pub seed: u64,
    /// Fragments below this score are generated again (`S_b` of the paper).
    pub baseline_score: f64,
    /// How often a fragment is generated again at most.
    pub max_regenerations: u32,
    /// Whether fragments are scored at all.
    pub calibrate: bool,
    /// Whether lost literals count.
    pub coverage: bool,
    /// Plans that are drawn at most where the first one leaves something open; 1 takes the first one.
    pub plans: u32,
    /// How the model is asked.
    pub way: Way,
    /// Checks that are not made.
    pub without_checks: Vec<String>,
    /// Passes of the small model's way that do not run.
    pub without_passes: Vec<String>,
}

/// How a model is asked for a workflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// As suits the model: [`Way::Passes`] for a small one that was not trained for it, else [`Way::Whole`].
    #[default]
    Auto,
    /// The whole workflow in one answer.
    Whole,
    /// A plan, then one fragment for each step.
    Steps,
    /// Plans and fragments narrowed to the words of the text, and passes that rewrite them.
    Passes,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            seed: 0,
            baseline_score: 0.7,
            max_regenerations: 2,
            calibrate: true,
            coverage: true,
            plans: 3,
            way: Way::Auto,
            without_checks: Vec::new(),
            without_passes: Vec::new(),
        }
    }
}

/// Why there is no workflow.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The description is empty.
    #[error("the description is empty")]
    Empty,
    /// The description asks for no workflow.
    #[error("this is not a workflow: {reason}")]
    Refused {
        /// Why.
        reason: String,
        /// Sentences that were set aside because they instruct the assistant.
        ignored: Vec<String>,
    },
    /// The model could not be used.
    #[error(transparent)]
    Model(#[from] LlmError),
    /// A prompt template is wrong.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The fragments do not fit together.
    #[error("the steps do not fit together:\n{problems}")]
    Assembly {
        /// What is wrong.
        problems: Problems,
        /// The program as far as there is one, else what the model planned.
        plan: Box<Value>,
    },
}

/// What happened to one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// The step.
    pub name: String,
    /// Its component.
    pub component: String,
    /// The score of the fragment that was taken.
    pub score: f64,
    /// How many fragments were generated.
    pub attempts: u32,
    /// Literals that none of them carried.
    pub missing: Vec<String>,
}

/// A finished request.
#[derive(Debug)]
pub struct Outcome {
    /// What the model answered: its plan, or the whole workflow.
    pub answer: Value,
    /// The program.
    pub program: Program,
    /// Its graph.
    pub workflow: Workflow,
    /// Requirements and what meets them.
    pub requirements: Requirements,
    /// Scores and attempts, step by step.
    pub steps: Vec<StepReport>,
    /// What was decided on the way.
    pub notes: Vec<String>,
    /// Sentences that were set aside because they instruct the assistant.
    pub ignored: Vec<String>,
    /// What the checks found and no repair mended.
    pub findings: Vec<Finding>,
}

/// Everything a request needs.
pub struct Pipeline<'a> {
    /// The language model.
    pub model: &'a dyn LanguageModel,
    /// The components.
    pub lake: &'a Lake,
    /// The prompt templates.
    pub prompts: &'a Prompts,
    /// How it works.
    pub options: PipelineOptions,
    /// Where calls are noted.
    pub ledger: &'a Ledger,
    /// Who listens.
    pub observer: &'a dyn Observer,
}

impl Pipeline<'_> {
    /// Turns a description into a program and its graph.
    ///
    /// # Errors
    /// [`PipelineError`]: refused descriptions, unreachable models, steps that do not fit together.
    pub async fn run(&self, description: &str) -> Result<Outcome, PipelineError> {
        if description.trim().is_empty() {
            return Err(PipelineError::Empty);
        }
        let Guarded { text, ignored } = guard(description);
        if text.is_empty() {
            let reason = "it only gives orders to the assistant".to_owned();
            return Err(PipelineError::Refused { reason, ignored });
        }
        for sentence in &ignored {
            let text = format!("set aside, because it instructs the assistant: {sentence}");
            self.observer.observe(&Event::Note { text: &text });
        }
        let made = match self.way() {
            Way::Passes => self.by_passes(&text).await,
            way => self.plainly(&text, way).await,
        };
        match made {
            Ok(mut outcome) => {
                outcome.program.description = Some(text.clone());
                outcome.workflow.description = Some(text);
                Ok(Outcome { ignored, ..outcome })
            }
            Err(PipelineError::Refused { reason, .. }) => Err(PipelineError::Refused { reason, ignored }),
            Err(error) => Err(error),
        }
    }

    /// How this model is asked.
    pub(in crate::nl) fn way(&self) -> Way {
        match self.options.way {
            Way::Auto if self.model.capabilities().needs_passes => Way::Passes,
            Way::Auto => Way::Whole,
            way => way,
        }
    }

    /// The first request that [`Pipeline::run`] would make, for `--dry-run`.
    ///
    /// # Errors
    /// A prompt template is wrong.
    pub fn plan_request(
        description: &str,
        lake: &Lake,
        prompts: &Prompts,
        options: &PipelineOptions,
    ) -> Result<Request, PromptError> {
        let text = guard(description).text;
        match options.way {
            Way::Auto | Way::Passes => base::first_request(&text, lake, prompts, options),
            way => plain::first_request(&text, lake, prompts, options, way),
        }
    }

    /// A bound of the tokens of a whole request whose plan prompt has `prompt_bytes` bytes: a token is at least one
    /// byte of UTF-8, but three bytes are a safe average; every stage may be repeated.
    pub fn token_bound(prompt_bytes: usize, description_bytes: usize, options: &PipelineOptions) -> usize {
        let attempts = options.max_regenerations as usize + 1;
        let plan = prompt_bytes.div_ceil(3) + base::PLAN_TOKENS as usize;
        let fragment = FRAGMENT_PROMPT_TOKENS + description_bytes + base::FRAGMENT_TOKENS as usize;
        let further = options.plans.saturating_sub(1) as usize;
        (attempts + further) * plan + attempts * MOST_STEPS * fragment
    }

    pub(in crate::nl) async fn call(
        &self,
        stage: Stage,
        step: Option<&str>,
        request: &Request,
    ) -> Result<Response, LlmError> {
        let prompt: usize =
            request.messages.iter().map(|message| self.model.count_tokens(&message.content)).sum();
        self.ledger.admit(prompt as u64 + u64::from(request.max_tokens))?;
        let response =
            self.model.complete(request, &|text| self.observer.observe(&Event::Token { text })).await?;
        self.observer.observe(&Event::Called { stage, step, usage: &response.usage });
        self.observer.observe(&Event::Said { by: "model", text: &response.text });
        self.ledger.record(CallRecord {
            stage: stage.name().to_owned(),
            step: step.map(str::to_owned),
            model: self.model.id().to_owned(),
            usage: response.usage,
        });
        Ok(response)
    }
}
