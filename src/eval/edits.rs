//! Fidelity of edits: conversations on gold programs, in which the right operations go in as the model's answer and the
//! right program must come out.
//!
//! The right operations of a turn follow from its program and the one before ([`edits_between`]). The reader that works
//! without a model is measured beside: for each of its forms, how often it was right.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fidelity::differences;
use super::gold::{GoldCase, GoldError, read_list};
use super::scripted::Scripted;
use crate::api::{Program, Step, program_from_value, validate_against};
use crate::ir::lower;
use crate::lake::Lake;
use crate::llm::{Budget, Ledger, Request};
use crate::nl::edit::{
    Ask, Edit, Editor, Focus, Reaction, RemarkAnswer, edits_between, in_short, remark_schema, sketch,
};
use crate::nl::{Event, Observer, Pipeline, PipelineError, PipelineOptions, Prompts, Silent, Way};

/// A conversation on a gold program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldConversation {
    /// Unique name.
    pub id: String,
    /// The gold case whose program is the start.
    pub gold: String,
    /// Language of the remarks, as an ISO 639-1 code.
    pub language: String,
    /// The remarks with what becomes of each.
    pub turns: Vec<GoldTurn>,
}

/// A remark, and what the program is afterwards. Without any change, the remark asks, is unclear, or is small talk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoldTurn {
    /// The remark.
    pub say: String,
    /// What it is.
    pub kinds: Vec<String>,
    /// Steps that get another name; references follow.
    pub renamed: IndexMap<String, String>,
    /// Steps that go.
    pub removed: Vec<String>,
    /// Steps as they are afterwards, changed or new.
    pub changed: Vec<Value>,
    /// The same for steps at the end.
    pub on_exit: Vec<Value>,
    /// Fields of the workflow as they are afterwards; null removes one.
    pub whole: Map<String, Value>,
    /// The answer to its question.
    pub answer: Option<String>,
    /// What every right answer contains.
    pub names: Vec<String>,
    /// Steps that can be meant where it is unclear.
    pub asks: Vec<String>,
    /// Whether nothing is to be done.
    pub nothing: bool,
    /// Whether the last change is taken back.
    pub undo: bool,
}

impl GoldTurn {
    fn changes(&self) -> bool {
        !(self.renamed.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.on_exit.is_empty()
            && self.whole.is_empty())
    }

    /// The program after it.
    fn after(&self, before: &Program) -> Result<Program, String> {
        let renames: Vec<Edit> = self.renames();
        let mut program = json!(sketch(before, &renames));
        let fields = program.as_object_mut().ok_or("no program")?;
        for name in &self.removed {
            for list in ["steps", "on_exit"] {
                if let Some(steps) = fields.get_mut(list).and_then(Value::as_array_mut) {
                    steps.retain(|step| step["name"] != json!(name));
                }
            }
        }
        for (list, changed) in [("steps", &self.changed), ("on_exit", &self.on_exit)] {
            if changed.is_empty() {
                continue;
            }
            let steps = fields.entry(list).or_insert_with(|| json!([]));
            let steps = steps.as_array_mut().ok_or("steps are a list")?;
            for step in changed {
                match steps.iter_mut().find(|other| other["name"] == step["name"]) {
                    Some(old) => *old = step.clone(),
                    None => steps.push(step.clone()),
                }
            }
        }
        for (name, value) in &self.whole {
            if value.is_null() {
                fields.shift_remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        program_from_value(&program).map_err(|problems| problems.to_string())
    }

    fn renames(&self) -> Vec<Edit> {
        let rename = |(step, to): (&String, &String)| Edit::Rename { step: step.clone(), to: to.clone() };
        self.renamed.iter().map(rename).collect()
    }

    /// What a right model answers.
    fn right(&self, before: &Program, after: &Program) -> RemarkAnswer {
        let mut edits = self.renames();
        edits.extend(edits_between(&sketch(before, &edits), after));
        RemarkAnswer {
            edits,
            answer: self.answer.clone().unwrap_or_default(),
            ask: (!self.asks.is_empty())
                .then(|| Ask { question: "Which one?".into(), choices: self.asks.clone() }),
            undo: self.undo,
            nothing: if self.nothing { "there is nothing to do".into() } else { String::new() },
            cannot: String::new(),
        }
    }
}

/// What is measured of one remark.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EditFidelity {
    /// Conversation and number of the turn.
    pub id: String,
    /// The remark.
    pub say: String,
    /// Faults of the gold itself.
    pub gold: Vec<String>,
    /// What the offered schema refuses.
    pub refused: Vec<String>,
    /// What checks find wrong with the right answer.
    pub findings: Vec<String>,
    /// Differences between what comes out and what is right.
    pub differences: Vec<String>,
    /// What the reader without a model makes of it.
    pub reader: ReaderVerdict,
    /// The forms by which the reader read it.
    pub forms: Vec<String>,
}

/// What the reader without a model makes of a remark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReaderVerdict {
    /// It leaves it to the model.
    #[default]
    Open,
    /// It does the right thing.
    Right,
    /// It does something else.
    Wrong,
}

impl EditFidelity {
    /// Whether the right answer came through.
    pub fn kept(&self) -> bool {
        [&self.gold, &self.refused, &self.findings, &self.differences].iter().all(|list| list.is_empty())
    }
}

/// Reads a file of conversations, or every `*.yaml` of a folder.
///
/// # Errors
/// [`GoldError`] names the file.
pub fn read_conversations(path: &Path) -> Result<Vec<GoldConversation>, GoldError> {
    read_list(path, |conversation: &GoldConversation| &conversation.id)
}

/// Measures conversations on the programs of `cases`.
pub async fn edit_fidelity(
    conversations: &[GoldConversation],
    cases: &[GoldCase],
    lake: &Lake,
    prompts: &Prompts,
) -> Vec<EditFidelity> {
    let mut measured = Vec::new();
    for conversation in conversations {
        let case = cases.iter().find(|case| case.id == conversation.gold);
        let start = case
            .ok_or_else(|| format!("there is no gold case {:?}", conversation.gold))
            .and_then(GoldCase::program);
        match start {
            Ok(program) => {
                let bench = Bench { lake, prompts };
                measured.extend(bench.conversation(conversation, program).await);
            }
            Err(error) => measured.push(EditFidelity {
                id: conversation.id.clone(),
                gold: vec![error],
                ..EditFidelity::default()
            }),
        }
    }
    measured
}

struct Bench<'a> {
    lake: &'a Lake,
    prompts: &'a Prompts,
}

impl Bench<'_> {
    async fn conversation(&self, conversation: &GoldConversation, start: Program) -> Vec<EditFidelity> {
        let mut measured = Vec::new();
        let mut program = start;
        let mut past: Vec<Program> = Vec::new();
        let mut focus = Focus::default();
        for (index, turn) in conversation.turns.iter().enumerate() {
            let mut result = EditFidelity {
                id: format!("{}/{}", conversation.id, index + 1),
                say: turn.say.clone(),
                ..EditFidelity::default()
            };
            let after = match turn.after(&program) {
                _ if turn.undo => Ok(past.pop().unwrap_or_else(|| program.clone())),
                Ok(after) => lower(&after, self.lake).map(|_| after).map_err(|problems| problems.to_string()),
                Err(error) => Err(error),
            };
            let after = match after {
                Ok(after) => after,
                Err(error) => {
                    result.gold.push(error);
                    measured.push(result);
                    break;
                }
            };
            // The last change is taken back by the conversation, not by edits.
            let answer = if turn.undo {
                RemarkAnswer { undo: true, ..RemarkAnswer::default() }
            } else {
                turn.right(&program, &after)
            };
            if let Err(problems) = validate_against(&remark_schema(), &json!(answer)) {
                result.refused = problems
                    .0
                    .iter()
                    .map(|problem| format!("{}: {}", problem.path, problem.message))
                    .collect();
            }
            self.plainly(turn, &program, &after, &answer, &focus, &mut result).await;
            self.read(turn, &program, &after, &focus, &mut result).await;
            if turn.changes() {
                past.push(program);
                focus.steps = answer.edits.iter().filter_map(Edit::subject).map(str::to_owned).collect();
                focus.last = Some(turn.say.clone());
            }
            focus.remember(&turn.say, if turn.changes() { in_short(&answer.edits) } else { answer.answer });
            program = after;
            measured.push(result);
        }
        measured
    }

    /// The right answer through the way of a model that answers well.
    async fn plainly(
        &self,
        turn: &GoldTurn,
        before: &Program,
        after: &Program,
        answer: &RemarkAnswer,
        focus: &Focus,
        result: &mut EditFidelity,
    ) {
        let says = |_: &Request| Some(json!(answer).to_string());
        let model = Scripted { says: &says, counts: false };
        match self.react(&model, Way::Whole, &Silent, before, &turn.say, focus).await {
            Ok(reaction) => {
                if let Reaction::Changed { findings, .. } = &reaction {
                    result.findings = findings.iter().map(|f| format!("{}: {f}", f.check)).collect();
                }
                result.differences = turn.wrong(after, &reaction);
            }
            Err(error) => result.differences.push(error.to_string()),
        }
    }

    /// The remark through the reader alone.
    async fn read(
        &self,
        turn: &GoldTurn,
        before: &Program,
        after: &Program,
        focus: &Focus,
        result: &mut EditFidelity,
    ) {
        let forms = Forms::default();
        let model = Scripted { says: &|_| None, counts: false };
        let reaction = self.react(&model, Way::Passes, &forms, before, &turn.say, focus).await;
        result.forms = forms.0.into_inner().unwrap_or_default();
        result.reader = match reaction {
            Err(_) | Ok(Reaction::NotDone(_)) => ReaderVerdict::Open,
            Ok(reaction) if turn.wrong(after, &reaction).is_empty() => ReaderVerdict::Right,
            Ok(_) => ReaderVerdict::Wrong,
        };
    }

    async fn react(
        &self,
        model: &Scripted<'_>,
        way: Way,
        observer: &dyn Observer,
        program: &Program,
        remark: &str,
        focus: &Focus,
    ) -> Result<Reaction, PipelineError> {
        let ledger = Ledger::new(Budget::default());
        let options = PipelineOptions { way, max_regenerations: 1, ..PipelineOptions::default() };
        let pipeline =
            Pipeline { model, lake: self.lake, prompts: self.prompts, options, ledger: &ledger, observer };
        Editor { pipeline }.react(program, remark, focus).await
    }
}

impl GoldTurn {
    /// Everything that differs between what became of the remark and what is right.
    fn wrong(&self, after: &Program, reaction: &Reaction) -> Vec<String> {
        let mut list = Vec::new();
        match reaction {
            Reaction::Changed { applied, notes, .. } => {
                differences("program", &plain(after), &plain(&applied.program), &mut list);
                if self.answer.is_some() {
                    list.extend(self.unsaid(&notes.join("\n")));
                }
                if !self.changes() && list.is_empty() {
                    list.push("it changed something".into());
                }
            }
            Reaction::Answer(text) if self.answer.is_some() && !self.changes() => {
                list.extend(self.unsaid(text));
            }
            Reaction::Question { choices, .. } if !self.asks.is_empty() => {
                let sorted = |names: &[String]| {
                    let mut names = names.to_vec();
                    names.sort();
                    names
                };
                if sorted(choices) != sorted(&self.asks) {
                    list.push(format!(
                        "it asks for {} instead of {}",
                        choices.join(", "),
                        self.asks.join(", ")
                    ));
                }
            }
            Reaction::Undo if self.undo => {}
            Reaction::Unchanged(_) | Reaction::NotDone(_) if self.nothing => {}
            other => list.push(format!("{other:?}").chars().take(200).collect()),
        }
        list
    }

    fn unsaid(&self, text: &str) -> Vec<String> {
        let missing = self.names.iter().filter(|name| !text.contains(name.as_str()));
        missing.map(|name| format!("the answer does not speak of {name}")).collect()
    }
}

/// A program in which the order of steps and of predecessors does not count.
pub(super) fn plain(program: &Program) -> Value {
    let mut program = program.clone();
    let sorted = |steps: &mut Vec<Step>| {
        steps.sort_by(|left, right| left.name.cmp(&right.name));
        for step in steps {
            step.after.sort();
            // The words behind a step are no part of what it does.
            step.description = None;
        }
    };
    sorted(&mut program.steps);
    sorted(&mut program.on_exit);
    json!(program)
}

/// How often each form of the reader was right and wrong, for remarks that it read by this form alone.
pub fn by_form(measured: &[EditFidelity]) -> BTreeMap<String, (usize, usize)> {
    let mut forms: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for turn in measured {
        let [form] = turn.forms.as_slice() else { continue };
        let (right, wrong) = forms.entry(form.clone()).or_default();
        match turn.reader {
            ReaderVerdict::Right => *right += 1,
            ReaderVerdict::Wrong => *wrong += 1,
            ReaderVerdict::Open => {}
        }
    }
    forms
}

/// The forms by which remarks were read.
#[derive(Default)]
struct Forms(Mutex<Vec<String>>);

impl Observer for Forms {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Read { form } = event
            && let Ok(mut forms) = self.0.lock()
        {
            forms.push((*form).to_owned());
        }
    }
}
