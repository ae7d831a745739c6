//! Asking for a workflow: in one answer, or a plan and then one fragment for each step.

use futures::future::join_all;
use serde_json::{Value, json};

use super::judged::Verdict;
use super::signature::signature;
use crate::api::{Component, Problems};
use crate::ir::Components;
use crate::lake::Lake;
use crate::llm::{Finish, LlmError, Message, OutputSchema, Request};
use crate::nl::answer::{
    FragmentAnswer, StepAnswer, WorkflowAnswer, fragment_schema, plan_schema, whole_schema,
};
use crate::nl::checks::Severity;
use crate::nl::document::Document;
use crate::nl::event::{Event, Stage};
use crate::nl::pipeline::{Outcome, Pipeline, PipelineError, PipelineOptions, StepReport, Way};
use crate::nl::prompts::{PromptError, Prompts};
use crate::nl::requirements::{Requirement, Requirements};

/// Most tokens of a plan or workflow: 60 steps of 100 tokens, and twice that for what surrounds them.
const WORKFLOW_TOKENS: u32 = 16_000;
/// Most tokens of a fragment.
const FRAGMENT_TOKENS: u32 = 4_000;

/// The first request of this way.
pub(in crate::nl) fn first_request(
    text: &str,
    lake: &Lake,
    prompts: &Prompts,
    options: &PipelineOptions,
    way: Way,
) -> Result<Request, PromptError> {
    let plan = way == Way::Steps;
    let tasks: Vec<String> = lake.components().map(|component| signature(component, plan)).collect();
    let system = prompts.render("workflow", &json!({"plan": plan, "tasks": tasks}))?;
    let schema = if plan { plan_schema(lake) } else { whole_schema(lake) };
    Ok(Request {
        messages: vec![Message::system(system), Message::user(text)],
        static_messages: 1,
        schema: Some(OutputSchema { name: if plan { "plan" } else { "workflow" }.into(), schema }),
        max_tokens: WORKFLOW_TOKENS,
        temperature: options.temperature,
        seed: options.seed,
        first_token_logprobs: false,
    })
}

impl Pipeline<'_> {
    /// Asks plainly: the answer stands, the checks judge it, and what they find is asked again.
    pub(in crate::nl) async fn plainly(&self, text: &str, way: Way) -> Result<Outcome, PipelineError> {
        let document = Document::parse(text);
        self.observer.observe(&Event::Started { stage: Stage::Decompose, step: None });
        let request = first_request(text, self.lake, self.prompts, &self.options, way)?;
        let mut answer = self.workflow_answer(&request).await?;
        if way == Way::Steps {
            let fragments = self.fragments(text, &answer).await?;
            answer.fill(fragments);
        }
        let verdict = Verdict::of(answer, &document, self.lake, &self.options.without_checks);
        verdict.tell(self.observer);
        let verdict = self.repaired(&request, verdict, &document).await?;
        self.observer.observe(&Event::Started { stage: Stage::Assemble, step: None });
        outcome(verdict, &document)
    }

    /// Judges an answer to a description and asks the model again for what is wrong, as [`Pipeline::run`] does.
    ///
    /// # Errors
    /// [`PipelineError`]: the model cannot be used.
    pub async fn mend(
        &self,
        description: &str,
        answer: &WorkflowAnswer,
    ) -> Result<WorkflowAnswer, PipelineError> {
        let document = Document::parse(description);
        let request = first_request(description, self.lake, self.prompts, &self.options, Way::Whole)?;
        let verdict = Verdict::of(answer.clone(), &document, self.lake, &self.options.without_checks);
        Ok(self.repaired(&request, verdict, &document).await?.answer)
    }

    async fn workflow_answer(&self, request: &Request) -> Result<WorkflowAnswer, PipelineError> {
        let mut last = String::new();
        for attempt in 0..=self.options.max_regenerations {
            let mut request = request.clone();
            if attempt > 0 {
                request.messages.push(Message::user(format!(
                    "Your last answer could not be read: {last}. Answer again, with JSON of the form given."
                )));
            }
            let response = self.call(Stage::Decompose, None, &request).await?;
            if response.finish == Finish::Length {
                last = "it is too long".into();
                continue;
            }
            match read_workflow(&response.text) {
                Ok(Answered::Workflow(answer)) if answer.steps.is_empty() && answer.on_exit.is_empty() => {
                    last = "it has no step".into();
                }
                Ok(Answered::Workflow(answer)) => return Ok(*answer),
                Ok(Answered::Refused(reason)) => {
                    return Err(PipelineError::Refused { reason, ignored: Vec::new() });
                }
                Err(error) => last = error,
            }
        }
        Err(LlmError::BrokenOutput { model: self.model.id().to_owned(), reason: last }.into())
    }

    async fn fragments(
        &self,
        text: &str,
        plan: &WorkflowAnswer,
    ) -> Result<Vec<FragmentAnswer>, PipelineError> {
        let tasks = plan.all_steps().map(|step| self.fragment(text, plan, step));
        if self.model.capabilities().concurrent {
            return join_all(tasks).await.into_iter().collect();
        }
        let mut fragments = Vec::new();
        for task in tasks {
            fragments.push(task.await?);
        }
        Ok(fragments)
    }

    /// One fragment. An answer that stays unreadable becomes an empty fragment, which the checks then judge.
    async fn fragment(
        &self,
        text: &str,
        plan: &WorkflowAnswer,
        step: &StepAnswer,
    ) -> Result<FragmentAnswer, PipelineError> {
        let Some(component) = self.lake.component(&step.task) else { return Ok(FragmentAnswer::default()) };
        self.observer.observe(&Event::Started { stage: Stage::Generate, step: Some(&step.name) });
        let mut request = self.fragment_request(text, plan, step, component)?;
        for _ in 0..=self.options.max_regenerations {
            let response = self.call(Stage::Generate, Some(&step.name), &request).await?;
            match serde_json::from_str::<FragmentAnswer>(&response.text) {
                Ok(fragment) => return Ok(fragment),
                Err(error) => {
                    request.messages.push(Message::assistant(response.text));
                    request
                        .messages
                        .push(Message::user(format!("That could not be read: {error}. Answer again.")));
                }
            }
        }
        Ok(FragmentAnswer::default())
    }

    fn fragment_request(
        &self,
        text: &str,
        plan: &WorkflowAnswer,
        step: &StepAnswer,
        component: &Component,
    ) -> Result<Request, PromptError> {
        let examples: Vec<Value> = component
            .examples
            .iter()
            .map(|example| json!({"text": example.text, "answer": json!({"with": example.arguments}).to_string()}))
            .collect();
        let data = json!({"task": signature(component, false), "examples": examples});
        let system = self.prompts.render("fragment-wide", &data)?;
        let user = format!(
            "Description:\n{text}\n\nPlan: {}\n\nThe step to fill in: {}",
            serde_json::to_string(&plan.plan()).unwrap_or_default(),
            serde_json::to_string(step).unwrap_or_default()
        );
        Ok(Request {
            messages: vec![Message::system(system), Message::user(user)],
            static_messages: 1,
            schema: Some(OutputSchema { name: "fragment".into(), schema: fragment_schema(component) }),
            max_tokens: FRAGMENT_TOKENS,
            temperature: self.options.temperature,
            seed: self.options.seed,
            first_token_logprobs: false,
        })
    }
}

/// What a model says to a description.
enum Answered {
    Workflow(Box<WorkflowAnswer>),
    Refused(String),
}

fn read_workflow(text: &str) -> Result<Answered, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let fields = value.as_object_mut().ok_or("it is no JSON object")?;
    if fields.remove("workflow") == Some(Value::Bool(false)) {
        let reason = fields.get("reason").and_then(Value::as_str).unwrap_or("no step was found in it");
        return Ok(Answered::Refused(reason.to_owned()));
    }
    serde_json::from_value(value)
        .map(|answer| Answered::Workflow(Box::new(answer)))
        .map_err(|error| error.to_string())
}

fn outcome(verdict: Verdict, document: &Document) -> Result<Outcome, PipelineError> {
    let answer = json!(verdict.answer);
    let requirements = requirements(&verdict, document);
    let (Some(program), Some(workflow)) = (verdict.program.clone(), verdict.workflow) else {
        let problems = verdict
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| {
                let path = finding.place.step.clone().unwrap_or_default();
                crate::api::Problem::new(
                    path,
                    &finding.message,
                    finding.suggestion.clone().unwrap_or_default(),
                )
            })
            .collect();
        let plan = verdict.program.map_or(answer, |program| json!(program));
        return Err(PipelineError::Assembly { problems: Problems(problems), plan: Box::new(plan) });
    };
    let wrong = |name: &str| -> Vec<String> {
        verdict
            .findings
            .iter()
            .filter(|finding| finding.place.step.as_deref() == Some(name))
            .map(|finding| finding.message.clone())
            .collect()
    };
    let steps = verdict
        .answer
        .all_steps()
        .map(|step| {
            let missing = wrong(&step.name);
            let score = if missing.is_empty() { 1.0 } else { 0.0 };
            StepReport { name: step.name.clone(), component: step.task.clone(), score, attempts: 1, missing }
        })
        .collect();
    let notes = workflow.notes.clone();
    Ok(Outcome {
        answer,
        program,
        workflow,
        requirements,
        steps,
        notes,
        ignored: Vec::new(),
        findings: verdict.findings,
    })
}

/// Every quote with the steps that it belongs to.
fn requirements(verdict: &Verdict, document: &Document) -> Requirements {
    let mut all: Vec<(usize, Requirement)> = Vec::new();
    let mut add = |text: &str, name: &str| {
        for span in document.spans(text) {
            let quote = document.text[span.clone()].to_owned();
            match all.iter_mut().find(|(_, requirement)| requirement.quote == quote) {
                Some((_, requirement)) => requirement.met_by.push(name.to_owned()),
                None => all.push((
                    span.start,
                    Requirement { quote, met_by: vec![name.to_owned()], missing: Vec::new() },
                )),
            }
        }
    };
    for step in verdict.answer.all_steps() {
        add(&step.text, &step.name);
    }
    for quote in &verdict.answer.about_whole {
        add(quote, "workflow");
    }
    all.sort_by_key(|(start, _)| *start);
    Requirements {
        all: all.into_iter().map(|(_, requirement)| requirement).collect(),
        ..Requirements::default()
    }
}
