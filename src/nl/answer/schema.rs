//! JSON schemas of answers. They are wide: whatever the unified API can say, an answer can say.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::StepAnswer;
use crate::api::{
    Component, ComponentRun, ContainerCall, DistributedJob, Input, KatibExperiment, ManifestJob, Output,
    Parameter, Schedule, ScriptCall, StepSettings, WorkflowSettings,
};
use crate::lake::Lake;

/// Fields of a step that a plan leaves to the fragments.
const OF_FRAGMENT: [&str; 4] = ["with", "inputs", "outputs", "settings"];

/// The schema of a whole workflow, or of the refusal to make one.
pub fn whole_schema(lake: &Lake) -> Value {
    answer_schema(lake, false)
}

/// The schema of a plan, or of the refusal to make one.
pub fn plan_schema(lake: &Lake) -> Value {
    answer_schema(lake, true)
}

/// The schema of a step's fragment: all arguments of its component, all settings, inputs and outputs.
pub fn fragment_schema(component: &Component) -> Value {
    let mut generator = SchemaGenerator::default();
    let mut properties = Map::new();
    properties.insert("with".into(), arguments_schema(component, &mut generator));
    properties.insert("inputs".into(), list_of::<Input>(&mut generator));
    properties.insert("outputs".into(), list_of::<Output>(&mut generator));
    properties.insert("settings".into(), part::<StepSettings>(&mut generator));
    closed(properties, &["with"], generator)
}

/// The schema of the parts of an answer that change when it is asked again.
pub(crate) fn repair_schema(lake: &Lake) -> Value {
    let mut generator = SchemaGenerator::default();
    let steps = json!({"type": "array", "items": step_schema(lake, false, &mut generator)});
    let mut properties = Map::new();
    properties.insert("steps".into(), steps.clone());
    properties.insert("on_exit".into(), steps);
    properties.insert("remove".into(), json!({"type": "array", "items": {"type": "string"}}));
    properties.insert("whole".into(), json!({"type": "object"}));
    closed(properties, &[], generator)
}

fn step_schema(lake: &Lake, plan: bool, generator: &mut SchemaGenerator) -> Value {
    let mut step = inline::<StepAnswer>(generator);
    let names: Vec<&str> = lake.components().map(|component| component.name.as_str()).collect();
    if let Some(properties) = step["properties"].as_object_mut() {
        properties.insert("task".into(), json!({"enum": names}));
        if plan {
            properties.retain(|name, _| !OF_FRAGMENT.contains(&name.as_str()));
        }
    }
    step
}

fn answer_schema(lake: &Lake, plan: bool) -> Value {
    let mut generator = SchemaGenerator::default();
    let step = step_schema(lake, plan, &mut generator);
    let text = json!({"type": "string"});
    let quotes = json!({"type": "array", "items": text});
    let mut properties = Map::new();
    properties.insert("workflow".into(), json!({"const": true}));
    properties.insert("name".into(), text.clone());
    properties.insert("about_whole".into(), quotes.clone());
    properties.insert("ignored".into(), quotes);
    let parameter = part::<Parameter>(&mut generator);
    properties.insert("parameters".into(), json!({"type": "object", "additionalProperties": parameter}));
    let schedule = part::<Schedule>(&mut generator);
    properties.insert("schedule".into(), json!({"anyOf": [schedule, {"type": "null"}]}));
    properties.insert("settings".into(), part::<WorkflowSettings>(&mut generator));
    properties.insert("steps".into(), json!({"type": "array", "items": step, "minItems": 1}));
    properties.insert("on_exit".into(), json!({"type": "array", "items": step}));
    let mut accepted = closed(properties, &["workflow", "name", "steps"], generator);
    let refused = json!({
        "type": "object",
        "properties": {"workflow": {"const": false}, "reason": text},
        "required": ["workflow", "reason"],
        "additionalProperties": false,
    });
    let definitions =
        accepted.as_object_mut().and_then(|map| map.remove("$defs")).unwrap_or_else(|| json!({}));
    json!({"anyOf": [accepted, refused], "$defs": definitions})
}

fn closed(properties: Map<String, Value>, required: &[&str], mut generator: SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "$defs": generator.take_definitions(true),
    })
}

fn part<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn list_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    json!({"type": "array", "items": part::<T>(generator)})
}

/// The arguments of a component: those of its function, or its own together with the addresses of its input ports.
pub(crate) fn arguments_schema(component: &Component, generator: &mut SchemaGenerator) -> Value {
    let mut schema = match &component.run {
        ComponentRun::Function { function, fixed } => {
            let kind = fixed.get("kind").and_then(Value::as_str);
            let mut schema = function_schema(function, kind, generator);
            if let Some(properties) = schema["properties"].as_object_mut() {
                properties.retain(|name, _| !fixed.contains_key(name));
            }
            return schema;
        }
        _ => component.arguments.clone(),
    };
    let Some(properties) = schema["properties"].as_object_mut() else { return schema };
    for property in properties.values_mut() {
        *property = or_reference(property);
    }
    for port in &component.inputs {
        let address = json!({"type": "string", "description": format!("address of external data for the port {}", port.name)});
        properties.entry(&port.name).or_insert(address);
    }
    schema
}

fn function_schema(function: &str, kind: Option<&str>, generator: &mut SchemaGenerator) -> Value {
    match (function, kind) {
        ("run_container", _) => inline::<ContainerCall>(generator),
        ("run_script", _) => inline::<ScriptCall>(generator),
        ("run_job", Some("Katib")) => inline::<KatibExperiment>(generator),
        ("run_job", Some("Manifest")) => inline::<ManifestJob>(generator),
        _ => inline::<DistributedJob>(generator),
    }
}

/// The schema of a type itself; the types that it speaks of go to the shared definitions.
fn inline<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

/// A value that is no text may also be a reference to one: `{{parameters.trees}}`.
fn or_reference(property: &Value) -> Value {
    if property["type"] == "string" && property.get("enum").is_none() {
        return property.clone();
    }
    let description = property.get("description").cloned();
    let mut either = json!({"anyOf": [property, {"type": "string", "pattern": r"\{\{.*\}\}"}]});
    if let Some(description) = description {
        either["description"] = description;
    }
    either
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::validate_against;

    #[test]
    fn every_component_has_a_schema_that_takes_its_examples_and_references() {
        let lake = Lake::built_in();
        for component in lake.components() {
            let schema = fragment_schema(component);
            for example in &component.examples {
                let answer = json!({"with": example.arguments, "settings": {"retry": {"limit": 2}}});
                validate_against(&schema, &answer)
                    .unwrap_or_else(|problems| panic!("{}: {problems}", component.name));
            }
        }
        let trained = lake.components().find(|component| component.name == "xgboost.train").unwrap();
        let schema = fragment_schema(trained);
        let with = json!({"target": "y", "n_estimators": "{{parameters.trees}}", "data": "s3://b/t.csv"});
        assert!(validate_against(&schema, &json!({"with": with})).is_ok());
        assert!(
            validate_against(&schema, &json!({"with": {"target": "y", "n_estimators": "many"}})).is_err()
        );
    }

    #[test]
    fn a_plan_and_a_refusal_are_answers() {
        let lake = Lake::built_in();
        let step = json!({"text": "run it", "name": "run", "task": "container.run"});
        let plan = json!({"workflow": true, "name": "w", "steps": [step]});
        assert!(validate_against(&plan_schema(&lake), &plan).is_ok());
        let unknown =
            json!({"workflow": true, "name": "w", "steps": [{"text": "a", "name": "a", "task": "no.such"}]});
        assert!(validate_against(&plan_schema(&lake), &unknown).is_err());
        let refusal = json!({"workflow": false, "reason": "a greeting"});
        assert!(validate_against(&whole_schema(&lake), &refusal).is_ok());
    }
}
