//! The plan: what the model writes first.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
}

const NAME: &str = "^[a-z][a-z0-9]{0,14}(-[a-z0-9]{1,12}){0,3}$";
const CONDITION: &str = r#"^[a-z][a-z0-9-]{0,40}\.[a-z][a-z0-9_]{0,30} (==|!=|<=|>=|<|>) [^"\\]{1,40}$"#;
const CRON: &str = r"^[0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/-]{1,12} [0-9*,/A-Z-]{1,12}$";

/// The JSON schema of a plan that may use the given components.
pub(super) fn plan_schema(components: &[&str]) -> Value {
    let name = json!({"type": "string", "pattern": NAME});
    let text = |most: u32| json!({"type": "string", "minLength": 1, "maxLength": most});
    let names = json!({"type": "array", "items": name, "maxItems": 8});
    let condition = json!({"type": "string", "pattern": CONDITION});
    let nullable = |schema: Value| json!({"anyOf": [{"type": "null"}, schema]});
    let output = r"^[a-z][a-z0-9-]{0,40}\.[a-z][a-z0-9_]{0,30}$";
    let step = json!({
        "type": "object",
        "properties": {
            "text": text(260),
            "task": {"enum": components},
            "name": name,
            "after": names,
            "when": nullable(condition.clone()),
            "each": {"anyOf": [
                {"type": "array", "items": {"anyOf": [text(80), {"type": "number"}]}, "minItems": 1, "maxItems": 16},
                {"type": "string", "pattern": output},
            ]},
            "until": condition,
        },
        "required": ["text", "task", "name", "after", "when"],
        "additionalProperties": false,
    });
    let parameter = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,24}$"}, "default": {"type": "string", "maxLength": 80}},
        "required": ["name", "default"],
        "additionalProperties": false,
    });
    let accepted = json!({
        "type": "object",
        "properties": {
            "workflow": {"const": true},
            "name": name,
            "schedule": nullable(json!({"type": "string", "pattern": CRON})),
            "timezone": {"type": "string", "pattern": "^[A-Z][A-Za-z]{1,10}(/[A-Z][A-Za-z_]{1,20})?$"},
            "parameters": {"type": "array", "items": parameter, "minItems": 1, "maxItems": 6},
            "parallelism": {"type": "integer", "minimum": 1, "maximum": 100},
            "time_limit": {"type": "string", "pattern": "^[0-9]{1,4}[smhd]$"},
            "steps": {"type": "array", "items": step, "minItems": 1, "maxItems": 14},
            "finally": {"type": "array", "items": step, "maxItems": 3},
        },
        "required": ["workflow", "name", "schedule", "steps", "finally"],
        "additionalProperties": false,
    });
    let refused = json!({
        "type": "object",
        "properties": {"workflow": {"const": false}, "reason": text(120)},
        "required": ["workflow", "reason"],
        "additionalProperties": false,
    });
    json!({"anyOf": [accepted, refused]})
}

impl Plan {
    /// All steps, those at the end included.
    pub fn all_steps(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().chain(&self.finally)
    }
}
