//! Conversations: what every turn must change, and that it changes nothing else.

use std::collections::BTreeMap;
use std::time::Instant;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::ancestors;
use crate::api::{Duration, Function, Program, Step, flatten_steps, program_from_value};
use crate::chat::{Conversation, ReplyKind, Session};
use crate::engine::argo::{Argo, recover};
use crate::engine::{Engine, GenerateOptions, RecoveredGraph};
use crate::ir::lower;
use crate::lake::Lake;
use crate::llm::{LlmError, Usage};
use crate::nl::PipelineError;

/// One thing that a user says, and what must hold afterwards. Steps are called by their name, their component or their
/// image; `a|b` is either.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnCase {
    /// What is said.
    pub say: String,
    /// The steps of before that may be another afterwards; `workflow` for what belongs to no step. All others must be the
    /// same byte for byte.
    pub changes: Vec<String>,
    /// Number of steps afterwards, those at the end not counted; as before if absent.
    pub steps: Option<usize>,
    /// Number of steps at the end; as before if absent.
    pub exit_steps: Option<usize>,
    /// Values by place, such as `train/settings/retry/limit` or `workflow/schedule/cron/0`; null where nothing may be, a
    /// regular expression behind `~`.
    pub fields: BTreeMap<String, Value>,
    /// Pairs: the first is finished before the second starts.
    pub order: Vec<(String, String)>,
    /// Pairs that do not wait for each other.
    pub parallel: Vec<(String, String)>,
    /// It is a question: nothing may change, and the answer must hold these texts.
    pub answer: Vec<String>,
    /// It is unclear: nothing may change, and one question with choices must come back.
    pub asks: bool,
    /// Nothing may change.
    pub unchanged: bool,
}

/// What became of a turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnResult {
    /// What does not hold.
    pub failures: Vec<String>,
    /// Steps that changed although nothing was said about them.
    pub unrelated: usize,
    /// What was answered.
    pub reply: String,
    /// What the calls of the model took.
    pub usage: Usage,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl TurnResult {
    /// Whether everything holds.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

impl TurnCase {
    /// Whether it can be used at all.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.say.trim().is_empty() {
            return Err("a turn says nothing".into());
        }
        for value in self.fields.values() {
            if let Some(pattern) = value.as_str().and_then(|text| text.strip_prefix('~')) {
                Regex::new(pattern).map_err(|error| error.to_string())?;
            }
        }
        if let Some(field) = self.fields.keys().find(|field| place(field).is_none()) {
            return Err(format!("{field:?} names no place; write STEP/settings/… or workflow/…"));
        }
        Ok(())
    }
}

/// Carries a conversation out and checks every turn. A turn that fails leaves its state to the next one.
///
/// # Errors
/// The model or a service cannot be used.
pub(super) async fn converse(
    conversation: &Conversation<'_>,
    begin: Option<Program>,
    turns: &[TurnCase],
) -> Result<(Vec<TurnResult>, Option<Program>), LlmError> {
    let mut session = Session::new("evaluation", 0);
    session.settings.auto_apply = true;
    if let Some(program) = begin {
        session.replace(program);
    }
    let mut results = Vec::new();
    for turn in turns {
        let before = session.program().cloned();
        let started = Instant::now();
        let (kind, reply) = match conversation.say(&mut session, &turn.say).await {
            Ok(reply) => (reply.kind, reply.text),
            Err(PipelineError::Model(error)) if !matches!(error, LlmError::BrokenOutput { .. }) => {
                return Err(error);
            }
            Err(error) => (ReplyKind::Failed, error.to_string()),
        };
        let mut result = judge(turn, before.as_ref(), session.program(), kind, &reply, conversation.lake);
        result.reply = reply;
        result.usage = session.turns().last().map(|turn| turn.usage).unwrap_or_default();
        result.seconds = started.elapsed().as_secs_f64();
        results.push(result);
    }
    Ok((results, session.program().cloned()))
}

/// A program of a suite.
pub(super) fn program(value: &Value) -> Result<Program, String> {
    program_from_value(value).map_err(|problems| problems.to_string())
}

fn judge(
    turn: &TurnCase,
    before: Option<&Program>,
    after: Option<&Program>,
    kind: ReplyKind,
    reply: &str,
    lake: &Lake,
) -> TurnResult {
    let mut failures = Vec::new();
    let mut unrelated = 0;
    if let Some(before) = before {
        for name in unrelated_changes(turn, before, after) {
            failures.push(format!("{name} changed although nothing was said about it"));
            unrelated += 1;
        }
    }
    let result = |failures| TurnResult { failures, unrelated, ..TurnResult::default() };
    if turn.asks || turn.unchanged || !turn.answer.is_empty() {
        if before != after {
            failures.push("something changed".into());
        }
        if turn.asks && kind != ReplyKind::Question {
            failures.push(format!("no question came back but {reply:?}"));
        }
        let lower = reply.to_lowercase();
        for text in &turn.answer {
            if kind != ReplyKind::Answer || !lower.contains(&text.to_lowercase()) {
                failures.push(format!("the answer {reply:?} does not hold {text:?}"));
            }
        }
        return result(failures);
    }
    let Some(after) = after else {
        failures.push(format!("there is no program: {reply}"));
        return result(failures);
    };
    count(turn, before, after, &mut failures);
    for (field, wanted) in &turn.fields {
        if let Err(reason) = holds(after, field, wanted) {
            failures.push(reason);
        }
    }
    match graph(after, lake) {
        Ok(graph) => relations(turn, after, &graph, &mut failures),
        Err(reason) => failures.push(reason),
    }
    if !failures.is_empty() && before == Some(after) {
        failures.push(format!("nothing changed: {reply}"));
    }
    result(failures)
}

/// Steps of before that are another or gone, and the workflow itself, beside those that may change.
fn unrelated_changes(turn: &TurnCase, before: &Program, after: Option<&Program>) -> Vec<String> {
    let may = |step: &Step| turn.changes.iter().any(|name| is_called(step, name));
    let text = |step: &Step| serde_json::to_string(step).unwrap_or_default();
    let mut found = Vec::new();
    let now: Vec<String> =
        after.map(flatten_steps).unwrap_or_default().iter().map(|(_, step)| text(step)).collect();
    for (_, step) in flatten_steps(before) {
        if !may(step) && !now.contains(&text(step)) {
            found.push(step.name.clone());
        }
    }
    let whole = |program: &Program| {
        let bare = Program { steps: Vec::new(), on_exit: Vec::new(), description: None, ..program.clone() };
        serde_json::to_string(&bare).unwrap_or_default()
    };
    if !turn.changes.iter().any(|name| name == "workflow") && after.map(whole) != Some(whole(before)) {
        found.push("the workflow as a whole".into());
    }
    found
}

fn count(turn: &TurnCase, before: Option<&Program>, after: &Program, failures: &mut Vec<String>) {
    let wanted = turn.steps.or(before.map(|program| program.steps.len()));
    if wanted.is_some_and(|wanted| wanted != after.steps.len()) {
        failures.push(format!("{} steps instead of {}", after.steps.len(), wanted.unwrap_or(0)));
    }
    let wanted = turn.exit_steps.or(before.map(|program| program.on_exit.len()));
    if wanted.is_some_and(|wanted| wanted != after.on_exit.len()) {
        failures.push(format!("{} steps at the end instead of {}", after.on_exit.len(), wanted.unwrap_or(0)));
    }
}

fn is_called(step: &Step, name: &str) -> bool {
    name.split('|').any(|name| {
        step.name == name
            || match &step.run {
                Function::Component(call) => call.component == name,
                Function::RunContainer(call) => call.image == name,
                _ => false,
            }
    })
}

fn find<'a>(program: &'a Program, name: &str) -> Option<&'a Step> {
    let all = flatten_steps(program);
    let by_name = all.iter().find(|(_, step)| name.split('|').any(|name| step.name == name));
    // Of several with the same component the newest is meant.
    by_name.or_else(|| all.iter().rev().find(|(_, step)| is_called(step, name))).map(|(_, step)| *step)
}

/// The step and the JSON pointer that a place names.
fn place(field: &str) -> Option<(&str, &str)> {
    if let Some(rest) = field.strip_prefix("workflow") {
        return rest.starts_with('/').then_some(("workflow", rest));
    }
    let roots = ["/run/", "/settings/", "/settings", "/when", "/after", "/map", "/exec_while"];
    let at = roots.iter().filter_map(|root| field.find(root)).min()?;
    Some((&field[..at], &field[at..]))
}

fn holds(program: &Program, field: &str, wanted: &Value) -> Result<(), String> {
    let Some((name, pointer)) = place(field) else { return Err(format!("{field:?} names no place")) };
    let json = if name == "workflow" {
        serde_json::to_value(program)
    } else {
        let step = find(program, name).ok_or_else(|| format!("there is no step {name:?}"))?;
        serde_json::to_value(step)
    };
    let json = json.map_err(|error| error.to_string())?;
    let found = json.pointer(pointer);
    if same(found, wanted) {
        Ok(())
    } else {
        Err(format!("{field} is {} instead of {wanted}", found.unwrap_or(&Value::Null)))
    }
}

fn same(found: Option<&Value>, wanted: &Value) -> bool {
    let Some(found) = found else { return wanted.is_null() };
    if found == wanted {
        return true;
    }
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (found, Value::String(pattern)) if pattern.starts_with('~') => {
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            Regex::new(&pattern[1..]).is_ok_and(|pattern| pattern.is_match(&text))
        }
        (Value::String(a), Value::String(b)) => {
            let seconds = |text: &str| text.parse::<Duration>().ok().map(Duration::seconds);
            seconds(a).is_some() && seconds(a) == seconds(b)
        }
        _ => false,
    }
}

/// The graph as it is recovered from the manifest.
fn graph(program: &Program, lake: &Lake) -> Result<RecoveredGraph, String> {
    let workflow = lower(program, lake).map_err(|problems| problems.to_string())?;
    let files = Argo.generate(&workflow, &GenerateOptions::default()).map_err(|error| error.to_string())?;
    let text: String = files.into_iter().map(|file| file.content).collect();
    recover(&text).map_err(|error| error.to_string())
}

fn relations(turn: &TurnCase, program: &Program, graph: &RecoveredGraph, failures: &mut Vec<String>) {
    let before = ancestors(graph);
    let waits = |later: &str, earlier: &str| {
        let names = (find(program, later), find(program, earlier));
        let (Some(later), Some(earlier)) = names else { return None };
        Some(before.get(later.name.as_str()).is_some_and(|all| all.contains(earlier.name.as_str())))
    };
    for (first, second) in &turn.order {
        match waits(second, first) {
            Some(true) => {}
            Some(false) => failures.push(format!("{second} does not come after {first}")),
            None => failures.push(format!("there is no {first} or no {second}")),
        }
    }
    for (a, b) in &turn.parallel {
        match (waits(a, b), waits(b, a)) {
            (Some(false), Some(false)) => {}
            (None, _) | (_, None) => failures.push(format!("there is no {a} or no {b}")),
            _ => failures.push(format!("{a} and {b} wait for each other")),
        }
    }
}
