//! Suites: descriptions with checks that are about meaning and the same for every engine.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conversation::{TurnCase, program};

/// The version that every suite starts with.
const VERSION: &str = "couler/suite/v1";

/// A suite that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// Not a suite at all.
    #[error("the suite cannot be read: {0}")]
    Syntax(String),
    /// A case is wrong.
    #[error("line {line}, case {case:?}: {reason}")]
    Case {
        /// The line of its id, from 1.
        line: usize,
        /// Its id.
        case: String,
        /// What is wrong.
        reason: String,
    },
}

/// A list of cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Always `couler/suite/v1`.
    pub version: String,
    /// Name of the suite.
    pub name: String,
    /// Programs with which conversations begin, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, Value>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique name.
    pub id: String,
    /// What it is about; results are reported per category.
    pub category: String,
    /// The description; conversations have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The program with which a conversation begins; without one its first turn is a description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Value>,
    /// The turns of a conversation, each with its checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<TurnCase>,
    /// Remarks that the user makes afterwards, in this order; the checks are about the workflow after the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<String>,
    /// What must hold for the result.
    #[serde(default)]
    pub checks: Checks,
}

/// What must hold for a workflow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// The description must be refused; nothing else is checked then.
    pub refused: bool,
    /// How many steps there may be, those of the exit handler not counted.
    pub steps: Option<StepCount>,
    /// Steps that must be there, each a different one.
    pub contains: Vec<ExpectedStep>,
    /// Pairs: the first is finished before the second starts.
    pub order: Vec<(String, String)>,
    /// Pairs that do not wait for each other.
    pub parallel: Vec<(String, String)>,
    /// The schedule; without it there must be none.
    pub schedule: Option<ExpectedSchedule>,
    /// Texts that must stand somewhere in the manifest.
    pub literals: Vec<String>,
    /// Texts that must not stand anywhere in the manifest.
    pub absent: Vec<String>,
    /// Parameters that must be declared, with their defaults.
    pub parameters: BTreeMap<String, Option<String>>,
    /// Most steps at once.
    pub parallelism: Option<u32>,
    /// Time limit of the workflow in seconds.
    pub time_limit: Option<u64>,
}

impl Checks {
    /// The same checks for manifests that know no components: their steps may be anything.
    #[must_use]
    pub fn without_components(&self) -> Self {
        let mut checks = self.clone();
        for step in &mut checks.contains {
            step.any.retain(|name| KINDS.contains(&name.as_str()));
        }
        checks
    }
}

/// Bounds of the number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepCount {
    /// Fewest.
    pub min: usize,
    /// Most.
    pub max: usize,
}

/// A schedule that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSchedule {
    /// The cron expression.
    pub cron: String,
    /// The time zone.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// A step that must be there. Absent fields are not checked, except for `when`, `items` and `loop`: a step that is
/// expected without them must not have them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectedStep {
    /// How the other checks call it.
    pub id: String,
    /// What it may be: names of components, `container`, `script`, or kinds of jobs. Empty: anything.
    pub any: Vec<String>,
    /// Texts that must stand in it; case does not matter.
    pub texts: Vec<String>,
    /// Its image.
    pub image: Option<String>,
    /// A regular expression that its condition must match.
    pub when: Option<String>,
    /// Its items, in this order.
    pub items: Option<Vec<String>>,
    /// Most instances at once.
    pub map_parallelism: Option<u32>,
    /// Its loop.
    #[serde(rename = "loop")]
    pub repeat: Option<ExpectedLoop>,
    /// Retries.
    pub retries: Option<u32>,
    /// Time limit in seconds.
    pub timeout: Option<u64>,
    /// Age limit of its cache in seconds; 0 for any age.
    pub cache: Option<u64>,
    /// Requested resources: `cpu`, `memory`, `gpu`.
    pub resources: BTreeMap<String, String>,
    /// Whether it is a step of the exit handler.
    pub at_exit: bool,
}

/// A loop that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedLoop {
    /// A text that must stand in the condition under which it goes on.
    pub condition: String,
    /// Its bound.
    #[serde(default)]
    pub limit: Option<u32>,
}

impl Suite {
    /// Reads and checks a suite. `components` are the names that a step may be made from.
    ///
    /// # Errors
    /// Unknown fields, duplicate ids, references to steps that no check names, patterns that are no expression, checks
    /// that nothing could ever match.
    pub fn parse(text: &str, components: &[&str]) -> Result<Self, SuiteError> {
        let mut suite: Self =
            serde_saphyr::from_str(text).map_err(|error| SuiteError::Syntax(error.to_string()))?;
        for (name, value) in &suite.programs {
            program(value).map_err(|error| SuiteError::Syntax(format!("program {name:?}: {error}")))?;
        }
        for case in &mut suite.cases {
            // A case names one of the programs; it holds the program itself from here on.
            if let Some(Value::String(name)) = &case.program {
                let found = suite.programs.get(name).cloned();
                case.program = Some(found.ok_or_else(|| {
                    SuiteError::Syntax(format!("case {:?}: there is no program {name:?}", case.id))
                })?);
            }
        }
        if suite.version != VERSION {
            return Err(SuiteError::Syntax(format!("its version is {:?}; write {VERSION}", suite.version)));
        }
        let mut ids = HashSet::new();
        for case in &suite.cases {
            let twice = !ids.insert(&case.id);
            let error = |reason: String| SuiteError::Case {
                line: line_of(text, &case.id, usize::from(twice)),
                case: case.id.clone(),
                reason,
            };
            if twice {
                return Err(error("the id is used twice".into()));
            }
            case.check(components).map_err(error)?;
        }
        Ok(suite)
    }
}

/// The line on which an id stands for the `nth` time, from 1; 1 if it is not found.
fn line_of(text: &str, id: &str, nth: usize) -> usize {
    let is_id = |line: &str| {
        let rest = line.trim_start().trim_start_matches("- ").strip_prefix("id:");
        rest.is_some_and(|rest| rest.trim().trim_matches(['"', '\'']) == id)
    };
    text.lines().enumerate().filter(|(_, line)| is_id(line)).nth(nth).map_or(1, |(index, _)| index + 1)
}

/// What a step may be besides a component.
const KINDS: [&str; 10] = [
    "container",
    "script",
    "job",
    "PyTorchJob",
    "TFJob",
    "MPIJob",
    "XGBoostJob",
    "Experiment",
    "Katib",
    "InferenceService",
];

impl Case {
    /// All that the user says.
    pub fn said(&self) -> Vec<String> {
        if !self.turns.is_empty() {
            return self.turns.iter().map(|turn| turn.say.clone()).collect();
        }
        std::iter::once(&self.description).chain(&self.edits).cloned().collect()
    }

    fn check(&self, components: &[&str]) -> Result<(), String> {
        if !self.turns.is_empty() {
            return self.turns.iter().try_for_each(TurnCase::check);
        }
        if self.description.trim().is_empty() {
            return Err("it has neither a description nor turns".into());
        }
        let checks = &self.checks;
        let mut names = HashSet::new();
        for step in &checks.contains {
            if step.id.is_empty() || !names.insert(step.id.as_str()) {
                return Err(format!("the step id {:?} is empty or used twice", step.id));
            }
            let known =
                |name: &&String| KINDS.contains(&name.as_str()) || components.contains(&name.as_str());
            if let Some(unknown) = step.any.iter().find(|name| !known(name)) {
                let all = components.iter().chain(&KINDS).copied();
                let hint = crate::api::choices(unknown, all);
                return Err(format!("nothing is a {unknown:?}, which step {:?} asks for; {hint}", step.id));
            }
            if let Some(pattern) = &step.when {
                regex::Regex::new(pattern).map_err(|error| format!("step {:?}: {error}", step.id))?;
            }
        }
        let of_graph = checks.contains.iter().filter(|step| !step.at_exit).count();
        if let Some(count) = checks.steps.filter(|count| count.min > count.max || count.max < of_graph) {
            let (min, max) = (count.min, count.max);
            return Err(format!("no graph with {min} to {max} steps has the {of_graph} steps of `contains`"));
        }
        let pairs = checks.order.iter().chain(&checks.parallel).flat_map(|(a, b)| [a, b]);
        for name in pairs {
            if !names.contains(name.as_str()) {
                return Err(format!("{name:?} is not among `contains`"));
            }
        }
        let empty = !checks.refused && checks.contains.is_empty() && checks.literals.is_empty();
        if empty { Err("it checks nothing".into()) } else { Ok(()) }
    }
}
