//! The way of the small model: decompose, rewrite, generate, calibrate, assemble.

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::{Value, json};

use super::assemble::{Assembled, assemble};
use super::calibrate::{Score, combined, coverage, critique, judge_request, yes_probability};
use super::certain::with_stated;
use super::clauses::{Assigned, assign};
use super::decompose::{plan_request, read_plan};
use super::doubts::doubts;
use super::fragment::{Fragment, Rejected, Sampling, fragment_task, read_fragment};
use super::literals::{Literal, literals};
use super::numbers::with_digits;
use super::plan::{Plan, PlannedStep};
use super::slots::{StepContext, takes_address};
use super::whole::read_access;
use crate::api::Program;
use crate::ir::{Components, Workflow};
use crate::lake::Lake;
use crate::llm::{Finish, LlmError, Request};
use crate::nl::event::{Event, Stage};
use crate::nl::pipeline::{Outcome, Pipeline, PipelineError, PipelineOptions, StepReport};
use crate::nl::prompts::{PromptError, Prompts};
use crate::nl::requirements::{Part, trace};

/// The first request of this way.
pub(in crate::nl) fn first_request(
    text: &str,
    lake: &Lake,
    prompts: &Prompts,
    options: &PipelineOptions,
) -> Result<Request, PromptError> {
    plan_request(&with_digits(text).0, lake, prompts, options.temperature, options.seed)
}

impl Pipeline<'_> {
    pub(in crate::nl) async fn by_passes(&self, description: &str) -> Result<Outcome, PipelineError> {
        let (text, spelled) = with_digits(description);
        let text = text.as_str();
        let (plan, mut notes) = self.decompose(text).await?;
        let known = literals(text);
        let steps = Self::prepare(text, &plan, &known);
        let generated = self.generate_all(text, &plan, &steps, &known, &spelled).await?;
        self.assemble(text, plan, steps, generated, &mut notes)
    }

    pub(in crate::nl) async fn decompose(&self, text: &str) -> Result<(Plan, Vec<String>), PipelineError> {
        self.observer.observe(&Event::Started { stage: Stage::Decompose, step: None });
        let mut last = String::new();
        for attempt in 0..=self.options.max_regenerations {
            // A second attempt at temperature 0 would give the same broken answer.
            let temperature =
                if attempt == 0 { self.options.temperature } else { self.options.temperature.max(0.5) };
            let seed = self.options.seed + u64::from(attempt);
            let request = plan_request(text, self.lake, self.prompts, temperature, seed)?;
            let response = self.call(Stage::Decompose, None, &request).await?;
            match read_plan(&response.text, self.lake) {
                _ if response.finish == Finish::Length => last = "the plan is too long".into(),
                Err(error) => last = error,
                Ok(plan) if !plan.workflow || plan.steps.is_empty() => {
                    let reason = plan.reason.unwrap_or_else(|| "no step was found in it".into());
                    return Err(PipelineError::Refused { reason, ignored: Vec::new() });
                }
                Ok(plan) if super::invented::is_made_up(&plan, text) => {
                    let reason = "it says too little: no step can be read from it".to_owned();
                    return Err(PipelineError::Refused { reason, ignored: Vec::new() });
                }
                Ok(mut plan) => {
                    let notes = self.tidy(&mut plan, text);
                    return self.choose(text, plan, notes).await;
                }
            }
        }
        Err(LlmError::BrokenOutput { model: self.model.id().to_owned(), reason: last }.into())
    }

    /// Draws further plans while the best one leaves something of the description open; the one that leaves the least
    /// open is taken, the first one where they do not differ.
    async fn choose(
        &self,
        text: &str,
        plan: Plan,
        notes: Vec<String>,
    ) -> Result<(Plan, Vec<String>), PipelineError> {
        let mut open = doubts(&plan, text, self.lake);
        let mut best = (plan, notes);
        for draw in 1..self.options.plans {
            if open.is_empty() {
                break;
            }
            let temperature = self.options.temperature.max(PLAN_TEMPERATURE);
            let seed = self.options.seed + 100 + u64::from(draw);
            let request = plan_request(text, self.lake, self.prompts, temperature, seed)?;
            let response = self.call(Stage::Decompose, None, &request).await?;
            let Ok(mut plan) = read_plan(&response.text, self.lake) else { continue };
            if response.finish == Finish::Length || !plan.workflow || plan.steps.is_empty() {
                continue;
            }
            let mut notes = self.tidy(&mut plan, text);
            let fewer = doubts(&plan, text, self.lake);
            if fewer.len() < open.len() {
                notes.push(format!(
                    "another plan was taken, because the first one left open: {}",
                    open.join("; ")
                ));
                open = fewer;
                best = (plan, notes);
            }
        }
        Ok(best)
    }

    /// Gives every step its words: the quote of the plan and the left-over clauses that speak of it.
    pub(in crate::nl) fn prepare(text: &str, plan: &Plan, known: &[Literal]) -> Vec<PreparedStep> {
        let quotes: Vec<&str> = plan.all_steps().map(|step| step.text.as_str()).collect();
        let used = used_by_plan(plan);
        let Assigned { extra, .. } = assign(text, &quotes, known, &|literal| literal.appears_in(&used));
        plan.all_steps()
            .zip(extra)
            .map(|(step, extra)| {
                let mut words = step.text.clone();
                for clause in extra {
                    words.push_str(". ");
                    words.push_str(&clause);
                }
                PreparedStep { planned: step.clone(), text: words }
            })
            .collect()
    }

    pub(in crate::nl) async fn generate_all(
        &self,
        description: &str,
        plan: &Plan,
        steps: &[PreparedStep],
        known: &[Literal],
        spelled: &[String],
    ) -> Result<Vec<Generated>, PipelineError> {
        let texts: Vec<&str> = steps.iter().map(|step| step.text.as_str()).collect();
        let parameters: Vec<String> =
            plan.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let used = used_by_plan(plan);
        let tasks = steps.iter().enumerate().map(|(index, step)| {
            let others: Vec<&str> = texts
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, text)| *text)
                .collect();
            let readers: Vec<&str> = steps
                .iter()
                .enumerate()
                .filter(|(other, step)| {
                    *other != index && self.lake.component(&step.planned.task).is_some_and(takes_address)
                })
                .map(|(_, step)| step.text.as_str())
                .collect();
            let used = &used;
            let parameters = &parameters;
            async move {
                let items: Vec<String> = step
                    .planned
                    .each
                    .as_ref()
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                    .collect();
                let context = StepContext {
                    text: &step.text,
                    description,
                    literals: known,
                    other_texts: &others,
                    reader_texts: &readers,
                    items: &items,
                    mapped: step.planned.each.is_some(),
                    parameters,
                    spelled,
                    relaxed: false,
                };
                self.generate(step, &context, used).await
            }
        });
        if self.model.capabilities().concurrent {
            return join_all(tasks).await.into_iter().collect();
        }
        let mut generated = Vec::with_capacity(steps.len());
        for task in tasks {
            generated.push(task.await?);
        }
        Ok(generated)
    }

    /// Algorithm 1 of the paper: generate, score, and try again with the critique while the score is too low.
    pub(in crate::nl) async fn generate(
        &self,
        step: &PreparedStep,
        context: &StepContext<'_>,
        used_by_plan: &Value,
    ) -> Result<Generated, PipelineError> {
        let name = step.planned.name.as_str();
        let component = self.lake.component(&step.planned.task).ok_or_else(|| LlmError::BrokenOutput {
            model: self.model.id().to_owned(),
            reason: format!("the plan names a task that is not there: {:?}", step.planned.task),
        })?;
        let own = literals(context.text);
        let wanted: Vec<&Literal> = own
            .iter()
            .filter(|literal| !literal.appears_in(used_by_plan) && !context.spelled.contains(&literal.text))
            .collect();
        let mut best: Option<Generated> = None;
        let mut rejected: Option<Rejected> = None;
        for attempt in 0..=self.options.max_regenerations {
            self.observer.observe(&Event::Started { stage: Stage::Generate, step: Some(name) });
            let temperature =
                if attempt < 2 { self.options.temperature } else { self.options.temperature.max(0.4) };
            let sampling = Sampling { temperature, seed: self.options.seed + u64::from(attempt) };
            let context = &StepContext { relaxed: attempt > 0, ..*context };
            let task =
                fragment_task(&step.planned, component, context, rejected.as_ref(), self.prompts, sampling)?;
            let response = self.call(Stage::Generate, Some(name), &task.request).await?;
            let fragment = match read_fragment(&response.text, &task.schema) {
                Ok(fragment) => {
                    let declared = [context.parameters, &task.parameters].concat();
                    with_stated(fragment, component, context, &declared)
                }
                Err(error) => {
                    self.observer.observe(&Event::Scored {
                        step: name,
                        score: 0.0,
                        attempt: attempt + 1,
                        critique: std::slice::from_ref(&error),
                    });
                    rejected = Some(Rejected { answer: shortened(&response.text), critique: error });
                    continue;
                }
            };
            let found = self.score(&fragment, &wanted, context);
            let value = self.judge(&found, step, component, &fragment).await?;
            self.observer.observe(&Event::Scored {
                step: name,
                score: value,
                attempt: attempt + 1,
                critique: &found.missing,
            });
            rejected = Some(Rejected { answer: shortened(&response.text), critique: critique(&found) });
            let candidate = Generated {
                fragment,
                parameters: task.parameters,
                report: StepReport {
                    name: name.to_owned(),
                    component: component.name.clone(),
                    score: value,
                    attempts: attempt + 1,
                    missing: found.missing,
                },
            };
            if best.as_ref().is_none_or(|best| candidate.report.score > best.report.score) {
                best = Some(candidate);
            }
            if value >= self.options.baseline_score || !self.options.calibrate {
                break;
            }
        }
        best.ok_or_else(|| {
            let reason = format!("step {name}: no attempt gave usable arguments");
            LlmError::BrokenOutput { model: self.model.id().to_owned(), reason }.into()
        })
    }

    fn score(&self, fragment: &Fragment, wanted: &[&Literal], context: &StepContext<'_>) -> Score {
        let wanted = if self.options.coverage { wanted } else { &[] };
        let mut score = coverage(fragment, wanted, context.mapped && !context.items.is_empty());
        // Items of a list stand in the plan, not in the step.
        score.missing.retain(|missing| !context.items.contains(missing));
        if score.missing.is_empty() {
            score.value = 1.0;
        }
        score
    }

    /// Asks the model itself only where the cheaper signals leave a doubt: no literal to check against.
    async fn judge(
        &self,
        found: &Score,
        step: &PreparedStep,
        component: &crate::api::Component,
        fragment: &Fragment,
    ) -> Result<f64, PipelineError> {
        let certain =
            !found.missing.is_empty() || fragment.with.is_empty() || !literals(&step.text).is_empty();
        if certain || !self.options.calibrate || !self.model.capabilities().logprobs {
            return Ok(found.value);
        }
        self.observer.observe(&Event::Started { stage: Stage::Calibrate, step: Some(&step.planned.name) });
        let request = judge_request(&step.text, component, fragment, self.prompts)?;
        let response = self.call(Stage::Calibrate, Some(&step.planned.name), &request).await?;
        Ok(combined(found, yes_probability(&response)))
    }

    fn assemble(
        &self,
        text: &str,
        plan: Plan,
        steps: Vec<PreparedStep>,
        generated: Vec<Generated>,
        notes: &mut Vec<String>,
    ) -> Result<Outcome, PipelineError> {
        self.observer.observe(&Event::Started { stage: Stage::Assemble, step: None });
        let fragments: Vec<Fragment> = generated.iter().map(|generated| generated.fragment.clone()).collect();
        let mut seen = HashSet::new();
        let parameters: Vec<String> = generated
            .iter()
            .flat_map(|generated| generated.parameters.iter().cloned())
            .filter(|name| seen.insert(name.clone()))
            .collect();
        let assembled = assemble(&plan, &fragments, &parameters, self.lake);
        let Assembled { mut program, workflow, notes: more } = match assembled {
            Ok(assembled) => assembled,
            Err(problems) => return Err(PipelineError::Assembly { problems, plan: Box::new(json!(plan)) }),
        };
        read_access(&mut program, text);
        let mut workflow = workflow;
        workflow.settings.clone_from(&program.settings);
        program.description = Some(text.to_owned());
        notes.extend(more);
        let requirements = trace(text, &parts(&program, &steps));
        let steps = generated.into_iter().map(|generated| generated.report).collect();
        let workflow = Workflow { description: program.description.clone(), ..workflow };
        Ok(Outcome {
            answer: json!(plan),
            program,
            workflow,
            requirements,
            steps,
            notes: std::mem::take(notes),
            ignored: Vec::new(),
            findings: Vec::new(),
        })
    }
}

/// Temperature of further plans: at 0 they would all be the same.
const PLAN_TEMPERATURE: f32 = 0.6;

pub(in crate::nl) struct PreparedStep {
    pub(in crate::nl) planned: PlannedStep,
    pub(in crate::nl) text: String,
}

pub(in crate::nl) struct Generated {
    pub(in crate::nl) fragment: Fragment,
    pub(in crate::nl) parameters: Vec<String>,
    pub(in crate::nl) report: StepReport,
}

/// What the plan itself says besides the quotes: conditions, items, schedule, parameters.
fn used_by_plan(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan.all_steps().map(|step| json!([step.when, step.each, step.until])).collect();
    json!([steps, plan.parameters, plan.parallelism, plan.time_limit, plan.schedule, plan.timezone])
}

fn parts<'a>(program: &'a Program, steps: &[PreparedStep]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = program
        .steps
        .iter()
        .chain(&program.on_exit)
        .zip(steps)
        .map(|(step, prepared)| {
            let mut content = json!(step);
            // The quote proves nothing.
            content.as_object_mut().map(|map| map.remove("description"));
            Part { name: &step.name, text: prepared.text.clone(), content }
        })
        .collect();
    let schedule_words = program.schedule.as_ref().map_or("", |_| SCHEDULE_WORDS);
    parts.push(Part {
        name: "workflow",
        text: schedule_words.to_owned(),
        content: json!([program.schedule, program.parameters, program.settings]),
    });
    parts
}

const SCHEDULE_WORDS: &str = "every each day daily week weekly hour hourly month monthly monday tuesday wednesday \
    thursday friday saturday sunday night nightly morning noon midnight weekday weekdays schedule o'clock minutes";

fn shortened(text: &str) -> String {
    text.chars().take(400).collect()
}
