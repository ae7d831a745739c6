//! Tasks in one line each, for prompts: `data.split(test_size: share of test rows; …) → train, test: Split a table …`.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::api::{Component, ComponentRun};
use crate::nl::answer::arguments_schema;

/// A task in one line; a plan needs no arguments.
pub(in crate::nl) fn signature(component: &Component, plan: bool) -> String {
    let summary = component.summary.trim_end_matches('.');
    if plan {
        return format!("{}: {summary}", component.name);
    }
    let is_function = matches!(component.run, ComponentRun::Function { .. });
    let mut generator = SchemaGenerator::default();
    // What a function takes is told by its own type.
    let schema =
        if is_function { arguments_schema(component, &mut generator) } else { component.arguments.clone() };
    let definitions = json!(generator.take_definitions(true));
    let shown = Shown { definitions: &definitions };
    let mut arguments = shown.fields(&schema);
    if !is_function {
        arguments.extend(component.inputs.iter().map(|port| format!("port {}", port.name)));
    }
    let outputs: Vec<&str> = component.outputs.iter().map(|port| port.name.as_str()).collect();
    let values = component.value_names(&|_| None);
    let mut written = String::new();
    if !outputs.is_empty() || !values.is_empty() {
        written = format!(" → {}", [outputs.join(", "), values.join(", ")].join(" | "));
    }
    format!("{}({}){written}: {summary}", component.name, arguments.join("; "))
}

/// Schemas in words.
struct Shown<'a> {
    definitions: &'a Value,
}

impl Shown<'_> {
    /// The fields of an object, `!` behind those that are required.
    fn fields(&self, schema: &Value) -> Vec<String> {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let empty = Map::new();
        schema["properties"]
            .as_object()
            .unwrap_or(&empty)
            .iter()
            .map(|(name, property)| {
                let mark = if required.contains(&name.as_str()) { "!" } else { "" };
                let about = self.about(property);
                if about.is_empty() { format!("{name}{mark}") } else { format!("{name}{mark}: {about}") }
            })
            .collect()
    }

    fn about(&self, property: &Value) -> String {
        let text = property["description"].as_str().unwrap_or_default().trim_end_matches('.');
        let property = self.resolved(property);
        let items = self.resolved(&property["items"]);
        let choices: Vec<&str> = [property, items].into_iter().flat_map(choices).collect();
        let list = if property["type"] == "array" { "list, " } else { "" };
        let fields = self.fields(items);
        let of = if fields.is_empty() { String::new() } else { format!(" of {{{}}}", fields.join("; ")) };
        if choices.is_empty() {
            format!("{list}{text}{of}")
        } else {
            format!("{list}{text}{of} ({})", choices.join("|")).trim_start().to_owned()
        }
    }

    /// The schema behind a reference, and behind "this or null".
    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap_or_default();
            return self.definitions.get(name).unwrap_or(schema);
        }
        match schema["anyOf"].as_array().map(Vec::as_slice) {
            Some([first, second]) if second["type"] == "null" => self.resolved(first),
            _ => schema,
        }
    }
}

fn choices(schema: &Value) -> Vec<&str> {
    let one_of = schema["oneOf"].as_array().into_iter().flatten();
    let words = one_of
        .flat_map(|one| one.get("const").into_iter().chain(one["enum"].as_array().into_iter().flatten()));
    schema["enum"].as_array().into_iter().flatten().chain(words).filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Components;
    use crate::lake::Lake;

    #[test]
    fn a_task_shows_what_it_takes_and_writes() {
        let lake = Lake::built_in();
        let shown = |name: &str| signature(lake.component(name).unwrap(), false);
        let katib = shown("tune.katib");
        for expected in [
            "image!: ",
            "objective: Its direction (maximize|minimize)",
            "parameters!: list, What to search of {name!: Name of the hyperparameter; type!: Its type (double|int|",
        ] {
            assert!(katib.contains(expected), "{expected}: {katib}");
        }
        assert!(shown("job.tensorflow").contains("masters: Master replicas"));
        assert!(shown("data.split").contains("→ train, test"), "{}", shown("data.split"));
        assert!(!shown("container.run").contains("kind"));
    }
}
