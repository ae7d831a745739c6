//! Tasks are the components of the lake; those that only name a function of the unified API stand for that function.

use serde_json::{Map, Value, json};

use crate::api::{Component, ComponentCall, ComponentRun, Function, ScriptLanguage};
use crate::lake::Lake;

/// The function that a task with these arguments calls.
///
/// # Errors
/// The arguments are not those of the function.
pub(crate) fn function_of(component: &Component, with: &Map<String, Value>) -> Result<Function, String> {
    let ComponentRun::Function { function, fixed } = &component.run else {
        let with = with.clone().into_iter().collect();
        return Ok(Function::Component(ComponentCall { component: component.name.clone(), with }));
    };
    let mut fields = fixed.clone();
    fields.extend(with.clone());
    let tagged = if function == "run_job" {
        json!({"function": function, "job": fields})
    } else {
        fields.insert("function".into(), json!(function));
        Value::Object(fields)
    };
    serde_json::from_value(tagged).map_err(|error| error.to_string())
}

/// The task and its arguments that call a function; `None` where no component stands for it (a group of steps).
pub(crate) fn task_of(function: &Function, lake: &Lake) -> Option<(String, Map<String, Value>)> {
    if let Function::Component(call) = function {
        return Some((call.component.clone(), call.with.clone().into_iter().collect()));
    }
    let Ok(Value::Object(mut fields)) = serde_json::to_value(function) else { return None };
    let name = fields.remove("function")?;
    if let Function::RunJob(_) = function {
        let Some(Value::Object(job)) = fields.remove("job") else { return None };
        fields = job;
    }
    if let Function::RunScript(call) = function {
        // The default is not written, but it decides which task it is.
        let language = match call.language {
            ScriptLanguage::Python => "python",
            ScriptLanguage::Bash => "bash",
        };
        fields.insert("language".into(), json!(language));
    }
    let stands_for = |component: &&Component| {
        matches!(&component.run, ComponentRun::Function { function, fixed }
            if *function == name && fixed.iter().all(|(key, value)| fields.get(key) == Some(value)))
    };
    let component = lake.components().find(stands_for)?;
    if let ComponentRun::Function { fixed, .. } = &component.run {
        fields.retain(|key, _| !fixed.contains_key(key));
    }
    Some((component.name.clone(), fields))
}
