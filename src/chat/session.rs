//! The state of a conversation.

use serde::{Deserialize, Serialize};

use super::reply::Reply;
use crate::api::Program;
use crate::llm::{Budget, Usage};
use crate::nl::edit::Focus;

/// The version of session files.
pub const SESSION_VERSION: u32 = 1;
/// Most states that can be taken back.
const LONGEST_HISTORY: usize = 500;

/// Settings of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// The engine whose manifest `/show` and `/save` write.
    pub engine: String,
    /// The model; the configured one if absent.
    pub model: Option<String>,
    /// Whether changes count at once, without `/apply`.
    pub auto_apply: bool,
    /// Most tokens and dollars of the whole conversation.
    pub budget: Budget,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { engine: "argo".into(), model: None, auto_apply: false, budget: Budget::default() }
    }
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// What the user said.
    pub said: String,
    /// What was answered.
    pub reply: Reply,
    /// What the calls of the model took.
    pub usage: Usage,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenQuestion {
    /// The wish that it is about.
    pub remark: String,
    /// The steps to choose from.
    pub choices: Vec<String>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Always [`SESSION_VERSION`].
    pub version: u32,
    /// What it is saved under.
    pub id: String,
    /// What the user calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was begun, in seconds since 1970.
    pub created: u64,
    /// When it was last saved, in seconds since 1970.
    #[serde(default)]
    pub updated: u64,
    /// Its settings.
    #[serde(default)]
    pub settings: SessionSettings,
    program: Option<Program>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proposal: Option<Program>,
    #[serde(default)]
    undo: Vec<Option<Program>>,
    #[serde(default)]
    redo: Vec<Option<Program>>,
    #[serde(default)]
    turns: Vec<Turn>,
    #[serde(default)]
    pub(super) focus: Focus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) question: Option<OpenQuestion>,
}

impl Session {
    /// An empty conversation.
    pub fn new(id: impl Into<String>, created: u64) -> Self {
        Self {
            version: SESSION_VERSION,
            id: id.into(),
            name: None,
            created,
            updated: created,
            settings: SessionSettings::default(),
            program: None,
            proposal: None,
            undo: Vec::new(),
            redo: Vec::new(),
            turns: Vec::new(),
            focus: Focus::default(),
            question: None,
        }
    }

    /// The program that counts.
    pub fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    /// The change that waits for `/apply`.
    pub fn proposal(&self) -> Option<&Program> {
        self.proposal.as_ref()
    }

    /// What the next remark is about: the proposal if there is one.
    pub fn latest(&self) -> Option<&Program> {
        self.proposal.as_ref().or(self.program.as_ref())
    }

    /// The state before the last change.
    pub fn before(&self) -> Option<&Program> {
        self.undo.last()?.as_ref()
    }

    /// The exchanges so far.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// How often `/undo` and `/redo` would work.
    pub fn depth(&self) -> (usize, usize) {
        (self.undo.len() + usize::from(self.proposal.is_some()), self.redo.len())
    }

    /// Makes a program count at once; what was before can be taken back.
    pub fn replace(&mut self, program: Program) {
        let old = self.program.replace(program);
        self.undo.push(old);
        if self.undo.len() > LONGEST_HISTORY {
            self.undo.remove(0);
        }
        self.redo.clear();
        self.proposal = None;
    }

    /// Proposes a program; it counts after [`Session::apply`], or at once if the settings say so. Who goes on from a
    /// proposal has accepted it, so that each change can be taken back alone.
    pub fn propose(&mut self, program: Program) {
        self.apply();
        if self.settings.auto_apply || self.program.is_none() {
            self.replace(program);
        } else {
            // As after any new change there is nothing to do again.
            self.redo.clear();
            self.proposal = Some(program);
        }
    }

    /// Makes the proposal count; `false` if there is none.
    pub fn apply(&mut self) -> bool {
        match self.proposal.take() {
            Some(program) => {
                self.replace(program);
                true
            }
            None => false,
        }
    }

    /// Whether taking back would take the workflow itself: what was said first, or loaded from a file.
    pub fn at_beginning(&self) -> bool {
        // Another workflow has no step in common with this one.
        let has = |program: &Program, name: &str| program.steps.iter().any(|step| step.name == name);
        let another = |before: &Program| {
            self.program.as_ref().is_some_and(|now| !before.steps.iter().any(|step| has(now, &step.name)))
        };
        self.proposal.is_none()
            && self.program.is_some()
            && match self.undo.last() {
                Some(Some(before)) => another(before),
                Some(None) => true,
                None => false,
            }
    }

    /// Drops the proposal, or takes the last change back; `false` if there is nothing to take back.
    pub fn undo(&mut self) -> bool {
        if let Some(proposal) = self.proposal.take() {
            self.redo.push(Some(proposal));
            self.question = None;
            return true;
        }
        let Some(before) = self.undo.pop() else { return false };
        let now = std::mem::replace(&mut self.program, before);
        self.redo.push(now);
        self.question = None;
        true
    }

    /// Does again what was taken back last; `false` if nothing was.
    pub fn redo(&mut self) -> bool {
        let Some(after) = self.redo.pop() else { return false };
        let now = std::mem::replace(&mut self.program, after);
        self.undo.push(now);
        true
    }

    /// Empties program, history and transcript; settings and costs stay.
    pub fn clear(&mut self) {
        self.program = None;
        self.proposal = None;
        self.undo.clear();
        self.redo.clear();
        self.focus = Focus::default();
        self.question = None;
    }

    /// Notes an exchange.
    pub fn record(&mut self, turn: Turn) {
        self.turns.push(turn);
    }

    /// What the calls of all turns took together.
    pub fn usage(&self) -> Usage {
        self.turns.iter().fold(Usage::default(), |sum, turn| sum.plus(&turn.usage))
    }

    /// Seconds of all turns together.
    pub fn seconds(&self) -> f64 {
        self.turns.iter().map(|turn| turn.seconds).sum()
    }

    /// What is left of the budget.
    pub fn budget_left(&self) -> Budget {
        let usage = self.usage();
        let tokens = u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens);
        Budget {
            tokens: self.settings.budget.tokens.map(|limit| limit.saturating_sub(tokens)),
            dollars: self
                .settings
                .budget
                .dollars
                .map(|limit| (limit - usage.dollars.unwrap_or(0.0)).max(0.0)),
        }
    }

    /// The last thing that the user said to the model, for `/retry`.
    pub fn last_remark(&self) -> Option<&str> {
        self.turns.iter().rev().map(|turn| turn.said.as_str()).next()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn program(number: u16) -> Program {
        serde_json::from_value(serde_json::json!({
            "version": "couler/v1", "name": format!("w{number}"),
            "steps": [{"name": "a", "run": {"function": "run_container", "image": format!("a:{number}")}}],
        }))
        .unwrap()
    }

    #[test]
    fn the_first_state_is_the_beginning() {
        let mut session = Session::new("s", 0);
        assert!(!session.at_beginning());
        session.replace(program(1));
        assert!(session.at_beginning());
        session.propose(program(2));
        assert!(!session.at_beginning());
        assert!(session.undo() && session.at_beginning());
    }

    #[derive(Debug, Clone, Copy)]
    enum Operation {
        Replace(u16),
        Propose(u16),
        Apply,
        Undo,
        Redo,
        Save,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            3 => any::<u16>().prop_map(Operation::Replace),
            3 => any::<u16>().prop_map(Operation::Propose),
            2 => Just(Operation::Apply),
            4 => Just(Operation::Undo),
            3 => Just(Operation::Redo),
            1 => Just(Operation::Save),
        ]
    }

    /// The same operations on a plain list of states with a cursor, which cannot lose anything.
    #[derive(Default)]
    struct Reference {
        states: Vec<Option<u16>>,
        at: usize,
        proposal: Option<u16>,
    }

    impl Reference {
        fn new() -> Self {
            Self { states: vec![None], ..Self::default() }
        }

        fn replace(&mut self, number: u16) {
            self.states.truncate(self.at + 1);
            self.states.push(Some(number));
            self.at += 1;
            self.proposal = None;
        }

        fn carry_out(&mut self, operation: Operation) {
            match operation {
                Operation::Replace(number) => self.replace(number),
                Operation::Propose(number) if self.states[self.at].is_none() => self.replace(number),
                Operation::Propose(number) => {
                    if let Some(accepted) = self.proposal.take() {
                        self.replace(accepted);
                    }
                    self.states.truncate(self.at + 1);
                    self.proposal = Some(number);
                }
                Operation::Apply => {
                    if let Some(number) = self.proposal.take() {
                        self.replace(number);
                    }
                }
                Operation::Undo => match self.proposal.take() {
                    // A dropped proposal is the next state to go to.
                    Some(number) => self.states.insert(self.at + 1, Some(number)),
                    None => self.at = self.at.saturating_sub(1),
                },
                Operation::Redo => {
                    if self.at + 1 < self.states.len() {
                        self.at += 1;
                    }
                }
                Operation::Save => {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_lost_between_undo_and_redo(operations in prop::collection::vec(operation(), 1..40)) {
            let mut session = Session::new("s", 0);
            let mut reference = Reference::new();
            for operation in operations {
                match operation {
                    Operation::Replace(number) => session.replace(program(number)),
                    Operation::Propose(number) => session.propose(program(number)),
                    Operation::Apply => { session.apply(); }
                    Operation::Undo => { session.undo(); }
                    Operation::Redo => { session.redo(); }
                    Operation::Save => {
                        let text = serde_json::to_string(&session).unwrap();
                        prop_assert_eq!(&serde_json::from_str::<Session>(&text).unwrap(), &session);
                    }
                }
                reference.carry_out(operation);
                prop_assert_eq!(session.program().cloned(), reference.states[reference.at].map(program));
                prop_assert_eq!(session.proposal().cloned(), reference.proposal.map(program));
            }
            // All the way back and forth again.
            let now = session.program().cloned();
            let mut steps = 0;
            while session.depth().0 > 0 {
                let proposed = session.proposal().is_some();
                session.undo();
                steps += usize::from(!proposed);
            }
            prop_assert_eq!(session.program(), None);
            for _ in 0..steps {
                session.redo();
            }
            prop_assert_eq!(session.program().cloned(), now);
        }
    }
}
