//! The plan: what the model writes first.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::Condition;

/// A workflow as a list of tasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether the description asks for a workflow at all.
    pub workflow: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Name of the workflow.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Cron expression.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Time zone of the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Workflow parameters with their defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<PlannedParameter>,
    /// Most steps at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Most time for the whole workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// The steps.
    #[serde(default)]
    pub steps: Vec<PlannedStep>,
    /// Steps that run at the end whatever happens.
    #[serde(default)]
    pub finally: Vec<PlannedStep>,
}

/// A workflow parameter of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedParameter {
    /// Its name.
    pub name: String,
    /// Its default.
    pub default: String,
}

/// A step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The words of the description that ask for it.
    pub text: String,
    /// The component that does it.
    pub task: String,
    /// Its name.
    pub name: String,
    /// Steps whose results it needs.
    #[serde(default)]
    pub after: Vec<String>,
    /// Its condition, `STEP.VALUE OP CONSTANT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Items, if it runs once per item: a list, or `STEP.OUTPUT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Value>,
    /// The condition at which a repetition ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What the text itself says about the repetition; not written by the model.
    #[serde(skip)]
    pub repetition: Option<Repetition>,
    /// Most instances at once, as the text states it; not written by the model.
    #[serde(skip)]
    pub parallel: Option<u32>,
}

/// A repetition as the text states it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Repetition {
    /// The condition under which the step runs again.
    pub condition: Option<Condition>,
    /// Most runs.
    pub limit: Option<u32>,
}

const NAME: &str = "^[a-z][a-z0-9]{0,14}(-[a-z0-9]{1,12}){0,3}$";
const CONDITION: &str = r#"^[a-z][a-z0-9-]{0,40}\.[a-z][a-z0-9_]{0,30} (==|!=|<=|>=|<|>) [^"\\]{1,40}$"#;
const CRON: &str = r"^[0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/A-Z-]{1,12}$";

/// Which parts of a plan a description gives reason to. Small models fill in whatever they are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each part is offered or not")]
pub(in crate::nl) struct Offered {
    pub(in crate::nl) schedule: bool,
    pub(in crate::nl) conditions: bool,
    pub(in crate::nl) items: bool,
    pub(in crate::nl) repetition: bool,
    pub(in crate::nl) exit: bool,
    pub(in crate::nl) parameters: bool,
    pub(in crate::nl) limits: bool,
    pub(in crate::nl) refusal: bool,
}

impl Offered {
    /// Reads the words of a description. Where its language is not known well, everything is offered.
    pub(in crate::nl) fn by(description: &str) -> Self {
        let open = !is_english(description);
        let has = |pattern: &Regex| open || pattern.is_match(description);
        Self {
            schedule: open || super::schedule::speaks_of_schedule(description),
            conditions: has(&CONDITION_WORDS),
            items: has(&ITEM_WORDS),
            repetition: has(&super::tidy::UNTIL),
            exit: has(&EXIT_WORDS),
            parameters: has(&PARAMETER_WORDS),
            limits: has(&LIMIT_WORDS),
            refusal: !names_work(description),
        }
    }
}

fn words(pattern: &str) -> Regex {
    Regex::new(&format!(r"(?i)\b({pattern})\b")).expect("the pattern is valid")
}

static ENGLISH: LazyLock<Regex> = LazyLock::new(|| {
    words("the|and|then|to|of|a|an|in|it|with|for|on|is|run|train|load|each|from|at|what|my|that|if")
});
static CONDITION_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    words(
        "if|when|whenever|unless|otherwise|else|only|depending|in case|except|provided|once|should|above|below|exceeds?|better|worse|greater|less|fails?|passes|pass",
    )
});
static ITEM_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    words("each|every|all|per|both|for|either|respectively|one by one|separately|individually|map|over|times")
});
static EXIT_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    words(
        "finally|whatever happens|always|in any case|no matter|regardless|at the end|in the end|clean ?up|fails?|failed|failure|error|errors|goes wrong|breaks|broke|crash\\w*|on exit|even if|either way|success|succeeds|succeeded|outcome|afterwards",
    )
});
static PARAMETER_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    words(
        "parameters?|parametri[sz]\\w*|configurable|defaults?|defaulting|inputs? named|arguments? named|variable",
    )
});
static LIMIT_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    words(
        "at most|no more than|in parallel|at a time|at once|same time|parallelism|concurren\\w*|time limit|longer than|within|deadline|whole|entire|overall|total",
    )
});

/// Whether a text names so much to work with (images, addresses, algorithms) that it certainly describes a workflow.
fn names_work(text: &str) -> bool {
    use super::literals::LiteralKind::{Image, Uri};
    let known = super::literals::literals(text);
    let images = known.iter().filter(|l| l.kind == Image && l.text.contains(':')).count();
    let addresses = known.iter().filter(|l| l.kind == Uri).count();
    let algorithms = super::algorithms::named_algorithms(text).len();
    images > 1 || (addresses > 0 && (algorithms > 0 || images > 0))
}

/// Whether a text looks like English: at least a tenth of its words are among the most frequent ones.
pub(in crate::nl) fn is_english(text: &str) -> bool {
    let count = text.split_whitespace().count().max(1);
    ENGLISH.find_iter(text).count() * 10 >= count
}

/// The JSON schema of a plan that may use the given components.
pub(in crate::nl) fn plan_schema(components: &[&str], offered: Offered) -> Value {
    let name = json!({"type": "string", "pattern": NAME});
    let text = |most: u32| json!({"type": "string", "minLength": 1, "maxLength": most});
    let names = json!({"type": "array", "items": name, "maxItems": 8});
    let condition = json!({"type": "string", "pattern": CONDITION});
    let nullable = |schema: Value| json!({"anyOf": [{"type": "null"}, schema]});
    let output = r"^[a-z][a-z0-9-]{0,40}\.[a-z][a-z0-9_]{0,30}$";
    let mut step = Map::new();
    step.insert("text".into(), text(260));
    step.insert("task".into(), json!({"enum": components}));
    step.insert("name".into(), name.clone());
    step.insert("after".into(), names);
    // Always written, as in the examples: a plan without it does not find its end.
    let when = if offered.conditions { nullable(condition.clone()) } else { json!({"type": "null"}) };
    step.insert("when".into(), when);
    if offered.items {
        step.insert(
            "each".into(),
            json!({"anyOf": [
                {"type": "array", "items": {"anyOf": [text(80), {"type": "number"}]}, "minItems": 1, "maxItems": 16},
                {"type": "string", "pattern": output},
            ]}),
        );
    }
    if offered.repetition {
        step.insert("until".into(), condition);
    }
    let step = json!({"type": "object", "properties": step, "required": ["text", "task", "name", "after", "when"], "additionalProperties": false});
    let parameter = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,24}$"}, "default": {"type": "string", "maxLength": 80}},
        "required": ["name", "default"],
        "additionalProperties": false,
    });
    let cron = if offered.schedule {
        nullable(json!({"type": "string", "pattern": CRON}))
    } else {
        json!({"type": "null"})
    };
    let mut accepted = Map::new();
    accepted.insert("workflow".into(), json!({"const": true}));
    accepted.insert("name".into(), name);
    accepted.insert("schedule".into(), cron);
    if offered.parameters {
        accepted.insert(
            "parameters".into(),
            json!({"type": "array", "items": parameter, "minItems": 1, "maxItems": 6}),
        );
    }
    if offered.limits {
        accepted.insert("parallelism".into(), json!({"type": "integer", "minimum": 1, "maximum": 100}));
        accepted.insert("time_limit".into(), json!({"type": "string", "pattern": "^[0-9]{1,4}[smhd]$"}));
    }
    accepted.insert("steps".into(), json!({"type": "array", "items": step, "minItems": 1, "maxItems": 14}));
    let exit_steps = if offered.exit { 3 } else { 0 };
    accepted.insert("finally".into(), json!({"type": "array", "items": step, "maxItems": exit_steps}));
    let accepted = json!({
        "type": "object",
        "properties": accepted,
        "required": ["workflow", "name", "schedule", "steps", "finally"],
        "additionalProperties": false,
    });
    let refused = json!({
        "type": "object",
        "properties": {"workflow": {"const": false}, "reason": text(120)},
        "required": ["workflow", "reason"],
        "additionalProperties": false,
    });
    if offered.refusal { json!({"anyOf": [accepted, refused]}) } else { accepted }
}

impl Plan {
    /// All steps, those at the end included.
    pub fn all_steps(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().chain(&self.finally)
    }

    /// Puts steps in the place of one; whoever waited for it waits for `ends` instead.
    pub(in crate::nl) fn replace(&mut self, index: usize, with: Vec<PlannedStep>, ends: &[String]) {
        let behind = index + with.len();
        let old = self.steps.splice(index..=index, with).next().map(|step| step.name).unwrap_or_default();
        self.rewire(behind, &old, ends);
    }

    /// Takes a step out; whoever waited for it waits for what it waited for.
    pub(in crate::nl) fn remove(&mut self, index: usize) -> PlannedStep {
        let step = self.steps.remove(index);
        self.rewire(index, &step.name, &step.after);
        step
    }

    /// From `behind` on, `old` becomes `new` among what steps wait for, each name once and none its own.
    fn rewire(&mut self, behind: usize, old: &str, new: &[String]) {
        for step in self.steps.iter_mut().skip(behind) {
            if let Some(at) = step.after.iter().position(|name| name == old) {
                step.after.splice(at..=at, new.iter().cloned());
                let mut seen = HashSet::from([step.name.clone()]);
                step.after.retain(|name| seen.insert(name.clone()));
            }
        }
    }

    /// A name that no step has.
    pub(in crate::nl) fn fresh_name(&self, wanted: &str) -> String {
        let free = |name: &String| self.all_steps().all(|step| step.name != *name);
        std::iter::once(wanted.to_owned())
            .chain((2..=self.all_steps().count() + 2).map(|number| format!("{wanted}-{number}")))
            .find(free)
            .unwrap_or_else(|| wanted.to_owned())
    }
}

#[cfg(test)]
pub(in crate::nl) mod testing {
    use super::*;

    /// A plan of steps `s0`, `s1`, … with task and words, each waiting for the one before it.
    pub(in crate::nl) fn chain(steps: &[(&str, &str)]) -> Plan {
        let step = |(index, (task, text)): (usize, &(&str, &str))| PlannedStep {
            text: (*text).into(),
            task: (*task).into(),
            name: format!("s{index}"),
            after: index.checked_sub(1).map(|before| format!("s{before}")).into_iter().collect(),
            ..PlannedStep::default()
        };
        Plan { steps: steps.iter().enumerate().map(step).collect(), ..Plan::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::chain;
    use super::*;

    #[test]
    fn who_waited_for_a_step_waits_for_what_took_its_place() {
        let mut plan = chain(&[("a", "a"), ("b", "b"), ("c", "c")]);
        let named = |name: &str| PlannedStep { name: name.into(), ..PlannedStep::default() };
        plan.replace(1, vec![named("x"), named("y")], &["x".into(), "y".into()]);
        assert_eq!(plan.steps[3].after, ["x", "y"]);
        assert_eq!(plan.remove(2).name, "y");
        assert_eq!(plan.steps[2].after, ["x"]);
        assert_eq!(plan.fresh_name("x"), "x-2");
    }

    #[test]
    fn who_waited_for_a_removed_step_waits_for_what_it_waited_for() {
        let mut plan = chain(&[("a", "a"), ("b", "b"), ("c", "c")]);
        plan.remove(1);
        assert_eq!(plan.steps[1].after, ["s0"]);
    }
}
