//! Asking a model what a remark changes.

use petgraph::visit::EdgeRef;
use serde_json::{Value, json};

use super::answer::{RemarkAnswer, remark_schema};
use super::apply::{Applied, apply};
use super::judged::judge_edits;
use super::operation::Edit;
use super::reaction::{Focus, Reaction};
use crate::api::{ComponentRun, Program};
use crate::ir::{Carry, Workflow, lower};
use crate::llm::{LlmError, Message, OutputSchema, Request};
use crate::nl::base::edit::Reader;
use crate::nl::checks::{Finding, Severity};
use crate::nl::event::{Event, Stage};
use crate::nl::guard::guard;
use crate::nl::pipeline::{Pipeline, PipelineError, Way};
use crate::nl::plain::signature;

/// Most tokens of an answer: sixty edits.
const MAX_TOKENS: u32 = 8_000;

/// Edits programs as remarks say.
pub struct Editor<'a> {
    /// Model, components, prompts and where calls are noted.
    pub pipeline: Pipeline<'a>,
}

/// What a model's answer comes to, and what is wrong with it.
struct Attempt {
    answer: RemarkAnswer,
    applied: Option<Applied>,
    faults: Vec<String>,
    findings: Vec<Finding>,
}

impl Editor<'_> {
    /// What a remark does to a program. Nothing of the program changes that the remark does not speak of.
    ///
    /// # Errors
    /// [`PipelineError`]: the model cannot be used, or the budget is spent.
    pub async fn react(
        &self,
        program: &Program,
        remark: &str,
        focus: &Focus,
    ) -> Result<Reaction, PipelineError> {
        let guarded = guard(remark);
        if remark.trim().is_empty() {
            return Err(PipelineError::Empty);
        }
        if guarded.text.trim().is_empty() {
            return Ok(Reaction::Unchanged(
                "it only gives orders to the assistant; say what the workflow should do".into(),
            ));
        }
        let ignored: Vec<String> = guarded
            .ignored
            .iter()
            .map(|sentence| format!("set aside, because it instructs the assistant: {sentence}"))
            .collect();
        if self.pipeline.way() == Way::Passes {
            return Reader { pipeline: &self.pipeline }.react(program, &guarded.text, focus, ignored).await;
        }
        self.asked(program, &guarded.text, focus, ignored).await
    }

    /// The model's answer stands; what cannot be carried out, and what the checks find, is asked again.
    async fn asked(
        &self,
        program: &Program,
        remark: &str,
        focus: &Focus,
        notes: Vec<String>,
    ) -> Result<Reaction, PipelineError> {
        let pipeline = &self.pipeline;
        pipeline.observer.observe(&Event::Started { stage: Stage::Edit, step: None });
        let mut request = self.request(program, remark, focus)?;
        let mut best: Option<Attempt> = None;
        let mut unread = String::new();
        for attempt in 0..=pipeline.options.max_regenerations {
            let response = pipeline.call(Stage::Edit, None, &request).await?;
            request.messages.push(Message::assistant(response.text.clone()));
            let faults = match serde_json::from_str::<RemarkAnswer>(&response.text) {
                Ok(answer) => {
                    let next = self.attempt(program, remark, answer);
                    let same = best.as_ref().is_some_and(|best| best.answer == next.answer);
                    let better = best.as_ref().is_none_or(|best| {
                        next.faults.is_empty() && next.findings.len() <= best.findings.len()
                            || !best.faults.is_empty()
                    });
                    if better {
                        best = Some(next);
                    }
                    let wrong = best.as_ref().map(Attempt::wrong).unwrap_or_default();
                    if wrong.is_empty() || same {
                        break;
                    }
                    wrong
                }
                Err(error) => {
                    unread = error.to_string();
                    vec![format!("it could not be read: {unread}")]
                }
            };
            pipeline.observer.observe(&Event::Scored {
                step: "workflow",
                score: 0.0,
                attempt: attempt + 1,
                critique: &faults,
            });
            request.messages.push(Message::user(format!(
                "Your answer has faults:\n- {}\nAnswer again, whole and in the same form. If you are sure that a fault is none, answer as before.",
                faults.join("\n- ")
            )));
        }
        match best {
            Some(best) => Ok(concluded(best, remark, focus, notes)),
            None => {
                Err(LlmError::BrokenOutput { model: pipeline.model.id().to_owned(), reason: unread }.into())
            }
        }
    }

    fn request(&self, program: &Program, remark: &str, focus: &Focus) -> Result<Request, PipelineError> {
        let pipeline = &self.pipeline;
        let tasks: Vec<String> = pipeline
            .lake
            .components()
            .filter(|component| !matches!(component.run, ComponentRun::Function { .. }))
            .map(|component| signature(component, false))
            .collect();
        let system = pipeline.prompts.render("remark", &json!({"tasks": tasks}))?;
        let mut shown = json!(program);
        // What was asked for at first says nothing of what the workflow is now.
        shown.as_object_mut().map(|fields| fields.shift_remove("description"));
        let mut user = format!("Workflow:\n{shown}\n");
        if let Ok(workflow) = lower(program, pipeline.lake) {
            user.push_str(&format!("\nWiring:\n{}\n", wiring(&workflow).join("\n")));
        }
        if !focus.said.is_empty() {
            user.push_str("\nSaid before:\n");
            for said in &focus.said {
                user.push_str(&format!("- {:?} → {}\n", said.remark, said.outcome));
            }
        }
        if let Some(chosen) = &focus.chosen {
            user.push_str(&format!("\nAsked which step is meant, the person chose {chosen}.\n"));
        }
        user.push_str(&format!("\nRemark: {remark}"));
        Ok(Request {
            messages: vec![Message::system(system), Message::user(user)],
            static_messages: 1,
            schema: Some(OutputSchema { name: "remark".into(), schema: remark_schema() }),
            max_tokens: MAX_TOKENS,
            temperature: pipeline.options.temperature,
            seed: pipeline.options.seed,
            first_token_logprobs: false,
        })
    }

    fn attempt(&self, program: &Program, remark: &str, answer: RemarkAnswer) -> Attempt {
        let lake = self.pipeline.lake;
        let mut attempt = Attempt { answer, applied: None, faults: Vec::new(), findings: Vec::new() };
        if let Some(ask) = &attempt.answer.ask {
            let known = crate::api::flatten_steps(program);
            for choice in &ask.choices {
                if !known.iter().any(|(_, step)| step.name == *choice) {
                    attempt.faults.push(format!("there is no step {choice:?} to choose"));
                }
            }
            return attempt;
        }
        if attempt.answer.edits.is_empty() {
            if attempt.answer == RemarkAnswer::default() {
                attempt.faults.push("it says nothing".into());
            }
            return attempt;
        }
        match apply(program, &attempt.answer.edits, lake) {
            Ok(applied) => {
                let without = &self.pipeline.options.without_checks;
                attempt.findings = judge_edits(remark, program, &applied.program, lake, without);
                attempt.applied = Some(applied);
            }
            Err(error) => attempt.faults.push(error.to_string()),
        }
        attempt
    }
}

impl Attempt {
    /// What a model is told to mend.
    fn wrong(&self) -> Vec<String> {
        let errors = self.findings.iter().filter(|finding| finding.severity == Severity::Error);
        self.faults.iter().cloned().chain(errors.map(ToString::to_string)).collect()
    }
}

fn concluded(attempt: Attempt, remark: &str, focus: &Focus, mut notes: Vec<String>) -> Reaction {
    let Attempt { answer, applied, faults, findings } = attempt;
    if !faults.is_empty() {
        return Reaction::NotDone(faults.join("; "));
    }
    if let Some(ask) = answer.ask {
        return Reaction::Question { text: ask.question, choices: ask.choices, remark: remark.to_owned() };
    }
    let said = |text: &String| (!text.is_empty()).then(|| text.clone());
    match applied {
        Some(applied) => {
            notes.extend(said(&answer.answer));
            notes.extend(said(&answer.cannot).map(|reason| format!("not done: {reason}")));
            let mut steps: Vec<String> =
                answer.edits.iter().filter_map(Edit::subject).map(str::to_owned).collect();
            steps.dedup();
            let focus = Focus { steps, last: Some(remark.to_owned()), chosen: None, ..focus.clone() };
            Reaction::Changed { edits: answer.edits, applied: Box::new(applied), focus, notes, findings }
        }
        None if answer.undo => Reaction::Undo,
        None if !answer.answer.is_empty() => {
            notes.push(answer.answer);
            notes.extend(said(&answer.cannot));
            Reaction::Answer(notes.join("\n"))
        }
        None if !answer.cannot.is_empty() => Reaction::NotDone(answer.cannot),
        None => Reaction::Unchanged(answer.nothing),
    }
}

/// What flows to each step, one step a line: `train: data ← split.train; after load`.
fn wiring(workflow: &Workflow) -> Vec<String> {
    let graph = &workflow.graph;
    let line = |index| {
        let mut reads: Vec<String> = Vec::new();
        let mut waits: Vec<&str> = Vec::new();
        for edge in graph.edges_directed(index, petgraph::Incoming) {
            let from = graph[edge.source()].name.as_str();
            if edge.weight().carries.is_empty() {
                waits.push(from);
            }
            reads.extend(edge.weight().carries.iter().map(|carry| match carry {
                Carry::Artifact { output, port } => format!("{port} ← {from}.{output}"),
                Carry::Parameter { output } => format!("{from}.{output}"),
                Carry::Status => format!("{from}.status"),
            }));
        }
        reads.sort();
        waits.sort_unstable();
        if !waits.is_empty() {
            reads.push(format!("after {}", waits.join(", ")));
        }
        let written: Vec<&str> = graph[index].outputs.iter().map(|output| output.name.as_str()).collect();
        let written = if written.is_empty() { String::new() } else { format!(" → {}", written.join(", ")) };
        let reads = if reads.is_empty() { "starts at once".to_owned() } else { reads.join("; ") };
        format!("{}: {reads}{written}", graph[index].name)
    };
    workflow.topological().into_iter().map(line).collect()
}

/// What a conversation remembers of edits.
pub(crate) fn in_short(edits: &[Edit]) -> String {
    /// Longest memory of one remark, in characters.
    const LONGEST: usize = 400;
    let text = Value::Array(edits.iter().map(|edit| json!(edit)).collect()).to_string();
    text.chars().take(LONGEST).collect()
}
