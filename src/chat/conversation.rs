//! Carrying remarks out.

use std::time::Instant;

use super::difference::Difference;
use super::manifest::{in_one_line, manifest_changes};
use super::reply::{Reply, ReplyKind};
use super::session::{OpenQuestion, Session, Turn};
use crate::api::Program;
use crate::lake::Lake;
use crate::llm::{LanguageModel, Ledger};
use crate::nl::edit::{Editor, Reaction, in_short};
use crate::nl::{Observer, Pipeline, PipelineError, PipelineOptions, Prompts};

/// What remarks need beside the session.
pub struct Conversation<'a> {
    /// The language model.
    pub model: &'a dyn LanguageModel,
    /// The components.
    pub lake: &'a Lake,
    /// The prompt templates.
    pub prompts: &'a Prompts,
    /// How workflows are generated.
    pub options: PipelineOptions,
    /// Who listens.
    pub observer: &'a dyn Observer,
}

impl Conversation<'_> {
    /// Carries one remark out and notes the exchange. The first one makes a program, later ones edit it. On an error the
    /// session is as it was.
    ///
    /// Dropping the future stops the model and leaves the session as it was, too.
    ///
    /// # Errors
    /// [`PipelineError`]: the model cannot be used, the budget is spent, the description is refused.
    pub async fn say(&self, session: &mut Session, remark: &str) -> Result<Reply, PipelineError> {
        let started = Instant::now();
        let ledger = Ledger::new(session.budget_left());
        let pipeline = Pipeline {
            model: self.model,
            lake: self.lake,
            prompts: self.prompts,
            options: self.options.clone(),
            ledger: &ledger,
            observer: self.observer,
        };
        let result = match session.latest().cloned() {
            None => Box::pin(self.begin(pipeline, session, remark)).await,
            Some(program) => Box::pin(self.go_on(pipeline, session, &program, remark)).await,
        };
        let reply = match &result {
            Ok(reply) => reply.clone(),
            Err(error) => Reply::new(ReplyKind::Failed, error.to_string()),
        };
        session.record(Turn {
            said: remark.to_owned(),
            reply,
            usage: ledger.total(),
            seconds: started.elapsed().as_secs_f64(),
        });
        result
    }

    async fn begin(
        &self,
        pipeline: Pipeline<'_>,
        session: &mut Session,
        remark: &str,
    ) -> Result<Reply, PipelineError> {
        if let Some(text) = greeting(remark) {
            return Ok(Reply::new(ReplyKind::Answer, text));
        }
        let outcome = pipeline.run(remark).await?;
        let mut notes = outcome.notes.clone();
        for requirement in outcome.requirements.uncovered() {
            notes.push(format!("not covered: {:?}", requirement.quote));
        }
        let steps = outcome.program.steps.len() + outcome.program.on_exit.len();
        let text = format!("{steps} steps\n{}", super::draw(&outcome.workflow, 78));
        session.replace(outcome.program);
        Ok(Reply { notes, ..Reply::new(ReplyKind::Changed, text) })
    }

    async fn go_on(
        &self,
        pipeline: Pipeline<'_>,
        session: &mut Session,
        program: &Program,
        remark: &str,
    ) -> Result<Reply, PipelineError> {
        let mut remark = remark.to_owned();
        let mut focus = session.focus.clone();
        if let Some(question) = &session.question
            && let Some(chosen) = chosen(question, &remark)
        {
            focus.chosen = Some(chosen);
            remark.clone_from(&question.remark);
        }
        let editor = Editor { pipeline };
        let reaction = editor.react(program, &remark, &focus).await?;
        session.question = None;
        let outcome = match &reaction {
            Reaction::Changed { edits, .. } => in_short(edits),
            Reaction::Question { text, .. }
            | Reaction::Answer(text)
            | Reaction::Unchanged(text)
            | Reaction::NotDone(text) => text.clone(),
            Reaction::Undo => "the last change was taken back".to_owned(),
        };
        let reply = self.reply(session, program, reaction);
        session.focus.remember(&remark, outcome);
        Ok(reply)
    }

    /// Carries out what became of a remark.
    fn reply(&self, session: &mut Session, program: &Program, reaction: Reaction) -> Reply {
        match reaction {
            Reaction::Changed { applied, focus, mut notes, findings, .. } => {
                notes.extend(findings.iter().map(ToString::to_string));
                let reply = self.changed(session, program, applied.program, notes);
                session.focus = focus;
                reply
            }
            Reaction::Answer(text) => Reply::new(ReplyKind::Answer, text),
            Reaction::Question { text, choices, remark } => {
                let numbered: Vec<String> = choices
                    .iter()
                    .enumerate()
                    .map(|(index, choice)| format!("  {} {choice}", index + 1))
                    .collect();
                session.question = Some(OpenQuestion { remark, choices: choices.clone() });
                Reply {
                    choices,
                    ..Reply::new(ReplyKind::Question, format!("{text}\n{}", numbered.join("\n")))
                }
            }
            Reaction::Unchanged(text) => Reply::new(ReplyKind::Unchanged, text),
            Reaction::NotDone(text) => Reply::new(ReplyKind::NotDone, text),
            // Words take changes back; the workflow itself goes only by a command.
            Reaction::Undo if session.at_beginning() => Reply::new(
                ReplyKind::NotDone,
                "no change is left to take back, only the workflow itself; /undo takes that back, too",
            ),
            Reaction::Undo if session.undo() => {
                Reply::new(ReplyKind::Changed, "the last change was taken back")
            }
            Reaction::Undo => Reply::new(ReplyKind::Unchanged, "there is nothing to take back"),
        }
    }

    /// Puts a changed program before the user.
    fn changed(&self, session: &mut Session, before: &Program, after: Program, notes: Vec<String>) -> Reply {
        let text = difference(before, &after, self.lake);
        session.propose(after);
        let kind = if session.proposal().is_some() { ReplyKind::Proposed } else { ReplyKind::Changed };
        Reply { notes, ..Reply::new(kind, text) }
    }
}

/// What differs between two programs and what that does to the manifests.
pub(super) fn difference(before: &Program, after: &Program, lake: &Lake) -> String {
    let difference = Difference::between(before, after, lake);
    let manifests = manifest_changes(Some(before), after, lake);
    format!("{difference}\n{}", in_one_line(&manifests))
}

/// Words of an answer that choose nothing.
const FILLER: [&str; 8] = ["the", "one", "step", "please", "just", "only", "i", "mean"];

/// The step that an answer chooses: by number, name, or words of it and nothing else.
fn chosen(question: &OpenQuestion, answer: &str) -> Option<String> {
    let answer = answer.trim().trim_end_matches(['.', '!', ')']).to_lowercase();
    let answer = answer.strip_prefix("the ").unwrap_or(&answer);
    if let Ok(number) = answer.parse::<usize>() {
        return question.choices.get(number.checked_sub(1)?).cloned();
    }
    let exact = question.choices.iter().find(|choice| choice.to_lowercase() == answer);
    if let Some(exact) = exact {
        return Some(exact.clone());
    }
    let words: Vec<&str> = answer.split_whitespace().filter(|word| !FILLER.contains(word)).collect();
    let part = |choice: &&String| {
        !words.is_empty() && words.iter().all(|word| word.len() > 2 && choice.to_lowercase().contains(word))
    };
    let mut fitting = question.choices.iter().filter(part);
    fitting.next().filter(|_| fitting.next().is_none()).cloned()
}

/// A greeting is no description.
fn greeting(remark: &str) -> Option<&'static str> {
    let word = remark.trim().trim_end_matches(['!', '.', '?', ' ']).to_lowercase();
    ["hi", "hello", "hey", "help", "hallo", "good morning", "good evening"].contains(&word.as_str()).then_some(
        "Say what the workflow should do, for example: load data/churn.csv, train XGBoost to predict churn and report the AUC. /help lists the commands.",
    )
}
