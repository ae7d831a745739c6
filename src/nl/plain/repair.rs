//! Asking again for what the checks found wrong.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::judged::Verdict;
use crate::llm::{Message, OutputSchema, Request};
use crate::nl::answer::{StepAnswer, WorkflowAnswer, repair_schema};
use crate::nl::document::Document;
use crate::nl::event::{Event, Stage};
use crate::nl::pipeline::{Pipeline, PipelineError};

/// The parts of an answer that change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Repair {
    steps: Vec<StepAnswer>,
    on_exit: Vec<StepAnswer>,
    remove: Vec<String>,
    whole: Map<String, Value>,
}

impl Pipeline<'_> {
    /// Asks again for what is wrong, at most as often as the options allow. An answer with more faults than the one
    /// before is not taken.
    pub(super) async fn repaired(
        &self,
        first: &Request,
        mut verdict: Verdict,
        document: &Document,
    ) -> Result<Verdict, PipelineError> {
        for attempt in 0..self.options.max_regenerations {
            let findings: Vec<String> = verdict.errors().map(ToString::to_string).collect();
            if findings.is_empty() {
                break;
            }
            self.observer.observe(&Event::Scored {
                step: "workflow",
                score: 0.0,
                attempt: attempt + 1,
                critique: &findings,
            });
            let request = self.repair_request(first, &verdict.answer, &findings)?;
            let response = self.call(Stage::Calibrate, None, &request).await?;
            let Ok(repair) = serde_json::from_str::<Repair>(&response.text) else { continue };
            let Some(mended) = mend(&verdict.answer, repair) else { continue };
            if mended == verdict.answer {
                break;
            }
            let next = Verdict::of(mended, document, self.lake, &self.options.without_checks);
            next.tell(self.observer);
            let better = next.errors().count() <= verdict.errors().count();
            if better && (next.workflow.is_some() || verdict.workflow.is_none()) {
                verdict = next;
            }
        }
        Ok(verdict)
    }

    fn repair_request(
        &self,
        first: &Request,
        answer: &WorkflowAnswer,
        findings: &[String],
    ) -> Result<Request, PipelineError> {
        let mut messages = first.messages.clone();
        messages.push(Message::assistant(json!(answer).to_string()));
        messages.push(Message::user(self.prompts.render("repair", &json!({"findings": findings}))?));
        let schema = OutputSchema { name: "repair".into(), schema: repair_schema(self.lake) };
        Ok(Request { messages, schema: Some(schema), ..first.clone() })
    }
}

/// The answer with its changed parts; `None` where the parts are no parts of an answer.
fn mend(answer: &WorkflowAnswer, repair: Repair) -> Option<WorkflowAnswer> {
    let mut whole = json!(answer);
    let fields = whole.as_object_mut()?;
    for (name, value) in repair.whole {
        if name != "steps" && name != "on_exit" && name != "workflow" {
            fields.insert(name, value);
        }
    }
    let mut mended: WorkflowAnswer = serde_json::from_value(whole).ok()?;
    let gone = |name: &String| repair.remove.contains(name);
    mended.steps.retain(|step| !gone(&step.name));
    mended.on_exit.retain(|step| !gone(&step.name));
    for (steps, exit) in [(repair.steps, false), (repair.on_exit, true)] {
        for step in steps {
            // A step may also move to the end or from there.
            let (here, there) = if exit {
                (&mut mended.on_exit, &mut mended.steps)
            } else {
                (&mut mended.steps, &mut mended.on_exit)
            };
            there.retain(|other| other.name != step.name);
            match here.iter_mut().find(|other| other.name == step.name) {
                Some(old) => *old = step,
                None => here.push(step),
            }
        }
    }
    Some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, text: &str) -> StepAnswer {
        StepAnswer { name: name.into(), text: text.into(), task: "t".into(), ..StepAnswer::default() }
    }

    #[test]
    fn only_what_is_given_changes() {
        let answer = WorkflowAnswer {
            name: "w".into(),
            steps: vec![step("a", "1"), step("b", "2"), step("c", "3")],
            ..WorkflowAnswer::default()
        };
        let repair = Repair {
            steps: vec![step("b", "two"), step("d", "4")],
            on_exit: vec![step("c", "3")],
            remove: vec!["a".into()],
            whole: json!({"settings": {"parallelism": 2}, "steps": []}).as_object().cloned().unwrap(),
        };
        let mended = mend(&answer, repair).unwrap();
        let names: Vec<(&str, &str)> =
            mended.all_steps().map(|step| (step.name.as_str(), step.text.as_str())).collect();
        assert_eq!(names, [("b", "two"), ("d", "4"), ("c", "3")]);
        assert_eq!((mended.settings.parallelism, mended.on_exit.len()), (Some(2), 1));
    }
}
