//! From our JSON schemas to the subset that OpenAI's strict mode takes, and back from such answers to ours.
//!
//! The subset is described at <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>.

use serde_json::{Map, Value, json};

/// Keywords of strict mode that are taken over as they are.
const KEPT: [&str; 12] = [
    "type",
    "enum",
    "const",
    "description",
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

/// String formats that strict mode knows.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Rewrites a JSON schema for OpenAI's strict mode.
///
/// * Every object gets `additionalProperties: false` and requires all its properties; those that were
///   optional may be
///   `null` instead (see [`drop_nulls`]).
/// * `oneOf` becomes `anyOf`; an `allOf` of one schema is folded into its parent.
/// * Keywords that strict mode refuses (`default`, `minLength`, `title`, `uniqueItems`, `if`, …) are dropped,
///   so that the
///   result may allow more than the original: answers must still be validated.
///
/// Maps with free keys cannot be expressed; ask [`is_strictly_expressible`] first.
pub fn strict_schema(schema: &Value) -> Value {
    let Some(map) = schema.as_object() else { return schema.clone() };
    let map = &folded(map);
    let mut out = Map::new();
    if let Some(reference) = map.get("$ref") {
        out.insert("$ref".into(), reference.clone());
    } else {
        copy_plain_keywords(map, &mut out);
        copy_subschemas(map, &mut out);
        if is_object(map) {
            close_object(map, &mut out);
        }
    }
    for key in ["$defs", "definitions"] {
        if let Some(Value::Object(definitions)) = map.get(key) {
            out.insert(key.into(), definitions.iter().map(|(k, v)| (k.clone(), strict_schema(v))).collect());
        }
    }
    Value::Object(out)
}

fn copy_plain_keywords(map: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (key, value) in map {
        let known_format = key == "format" && value.as_str().is_some_and(|f| FORMATS.contains(&f));
        if KEPT.contains(&key.as_str()) || known_format {
            out.insert(key.clone(), value.clone());
        }
    }
}

fn copy_subschemas(map: &Map<String, Value>, out: &mut Map<String, Value>) {
    if let Some(items) = map.get("items") {
        out.insert("items".into(), strict_schema(items));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = map.get(key) {
            out.insert("anyOf".into(), branches.iter().map(strict_schema).collect());
        }
    }
}

fn close_object(map: &Map<String, Value>, out: &mut Map<String, Value>) {
    let empty = Map::new();
    let properties = map.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let strict: Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| {
            let schema = strict_schema(schema);
            (name.clone(), if is_required(map, name) { schema } else { nullable(schema) })
        })
        .collect();
    out.insert("required".into(), strict.keys().cloned().collect());
    out.insert("properties".into(), Value::Object(strict));
    out.insert("additionalProperties".into(), Value::Bool(false));
}

/// Folds an `allOf` with a single schema into its parent, as generators write it around a described `$ref`.
fn folded(map: &Map<String, Value>) -> Map<String, Value> {
    let mut result = map.clone();
    if let Some(Value::Array(members)) = map.get("allOf")
        && let [Value::Object(only)] = members.as_slice()
    {
        result.remove("allOf");
        result.extend(only.clone());
    }
    result
}

fn is_object(map: &Map<String, Value>) -> bool {
    match map.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => map.contains_key("properties"),
    }
}

fn is_required(map: &Map<String, Value>, name: &str) -> bool {
    map.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|n| n == name))
}

/// The same schema, allowing `null` as well.
fn nullable(mut schema: Value) -> Value {
    let null_schema = json!({"type": "null"});
    if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
        if !branches.contains(&null_schema) {
            branches.push(null_schema);
        }
        return schema;
    }
    if schema.get("const").is_some() || schema.get("type").is_none() {
        return json!({"anyOf": [schema, null_schema]});
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    if kinds.iter().any(|kind| kind == "null") {
        return schema;
    }
    schema["type"] = kinds.into_iter().chain([json!("null")]).collect();
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    schema
}

/// Whether strict mode can express every value of the schema: no maps with free keys, no tuples, no schema
/// without a type.
pub fn is_strictly_expressible(schema: &Value) -> bool {
    let Some(map) = schema.as_object() else { return false };
    let map = &folded(map);
    let typed = ["type", "enum", "const", "anyOf", "oneOf", "$ref", "properties"]
        .iter()
        .any(|key| map.contains_key(*key));
    let open = match map.get("additionalProperties") {
        Some(Value::Bool(false)) => false,
        Some(_) => true,
        None => is_object(map) && !map.contains_key("properties"),
    };
    let foreign = ["allOf", "patternProperties", "prefixItems"].iter().any(|key| map.contains_key(*key));
    typed && !open && !foreign && subschemas(map).all(is_strictly_expressible)
}

fn subschemas(map: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs", "definitions"];
    let listed = ["anyOf", "oneOf"];
    let named = named.into_iter().filter_map(|key| map.get(key)?.as_object()).flat_map(Map::values);
    let listed = listed.into_iter().filter_map(|key| map.get(key)?.as_array()).flatten();
    named.chain(listed).chain(map.get("items"))
}

/// Removes the `null`s that stand for optional properties left out, so that the answer satisfies `schema`,
/// the original.
#[must_use]
pub fn drop_nulls(mut value: Value, schema: &Value) -> Value {
    restore(&mut value, schema, schema);
    value
}

fn restore(value: &mut Value, schema: &Value, root: &Value) {
    let Some(map) = resolve(schema, root).as_object() else { return };
    for member in list(map, "allOf") {
        restore(value, member, root);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(branch) = list(map, key).iter().find(|branch| fits(value, branch, root)) {
            restore(value, branch, root);
        }
    }
    match value {
        Value::Array(items) => {
            if let Some(schema) = map.get("items") {
                for item in items {
                    restore(item, schema, root);
                }
            }
        }
        Value::Object(fields) => restore_fields(fields, map, root),
        _ => {}
    }
}

fn restore_fields(fields: &mut Map<String, Value>, map: &Map<String, Value>, root: &Value) {
    let properties = map.get("properties").and_then(Value::as_object);
    let declared = |name: &str| properties.and_then(|properties| properties.get(name));
    fields.retain(|name, value| !(value.is_null() && declared(name).is_some() && !is_required(map, name)));
    for (name, value) in fields.iter_mut() {
        if let Some(schema) = declared(name).or_else(|| map.get("additionalProperties")) {
            restore(value, schema, root);
        }
    }
}

/// Whether `value` belongs to this branch of an `anyOf`, judged by its type, its keys and its constants.
fn fits(value: &Value, branch: &Value, root: &Value) -> bool {
    let Some(map) = resolve(branch, root).as_object() else { return true };
    let constant = map.get("const").is_none_or(|constant| constant == value);
    let listed = map.get("enum").and_then(Value::as_array).is_none_or(|values| values.contains(value));
    let nested = ["anyOf", "oneOf"].iter().all(|key| {
        let branches = list(map, key);
        branches.is_empty() || branches.iter().any(|branch| fits(value, branch, root))
    });
    let all = list(map, "allOf").iter().all(|member| fits(value, member, root));
    constant && listed && nested && all && type_fits(value, map) && fields_fit(value, map, root)
}

fn type_fits(value: &Value, map: &Map<String, Value>) -> bool {
    let matches = |kind: &Value| match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    match map.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(matches),
        Some(kind) => matches(kind),
        None => true,
    }
}

fn fields_fit(value: &Value, map: &Map<String, Value>, root: &Value) -> bool {
    let (Some(fields), Some(properties)) =
        (value.as_object(), map.get("properties").and_then(Value::as_object))
    else {
        return true;
    };
    let complete =
        list(map, "required").iter().filter_map(Value::as_str).all(|name| fields.contains_key(name));
    let known = fields.iter().all(|(name, value)| match properties.get(name) {
        Some(_) if value.is_null() && !is_required(map, name) => true,
        Some(schema) => resolve(schema, root).as_object().is_none_or(|schema| {
            schema.get("const").is_none_or(|constant| constant == value)
                && schema.get("enum").and_then(Value::as_array).is_none_or(|values| values.contains(value))
        }),
        None => map.get("additionalProperties").is_some_and(|schema| schema != false),
    });
    complete && known
}

fn list<'a>(map: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    map.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Follows `$ref`s within the document; the bound only guards against references that go in circles.
fn resolve<'a>(mut schema: &'a Value, root: &'a Value) -> &'a Value {
    for _ in 0..16 {
        let target =
            schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.strip_prefix('#')?));
        match target {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Plan",
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$", "format": "uri"},
                "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
                "steps": {"type": "array", "items": {"$ref": "#/$defs/Step", "description": "one"}, "maxItems": 9},
                "limit": {"type": ["integer", "null"], "minimum": 0},
                "best": {"allOf": [{"$ref": "#/$defs/Step"}], "description": "the best"}
            },
            "required": ["name", "steps"],
            "$defs": {
                "Step": {"oneOf": [
                    {"type": "object", "required": ["do"], "properties": {
                        "do": {"const": "run"}, "image": {"type": "string"}, "note": {"type": "string"}}},
                    {"type": "object", "required": ["do", "after"], "properties": {
                        "do": {"const": "wait"}, "after": {"type": ["string", "null"]}, "note": {"type": "string"}}}
                ]}
            }
        })
    }

    #[test]
    fn strict_mode_requires_everything_and_drops_what_it_does_not_know() {
        let expected = json!({
            "type": "object",
            "required": ["name", "kind", "steps", "limit", "best"],
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z]+$"},
                "kind": {"type": ["string", "null"], "enum": ["a", "b", null]},
                "steps": {"type": "array", "maxItems": 9, "items": {"$ref": "#/$defs/Step"}},
                "limit": {"type": ["integer", "null"], "minimum": 0},
                "best": {"anyOf": [{"$ref": "#/$defs/Step"}, {"type": "null"}]}
            },
            "additionalProperties": false,
            "$defs": {"Step": {"anyOf": [
                {"type": "object", "required": ["do", "image", "note"], "additionalProperties": false, "properties": {
                    "do": {"const": "run"}, "image": {"type": ["string", "null"]}, "note": {"type": ["string", "null"]}}},
                {"type": "object", "required": ["do", "after", "note"], "additionalProperties": false, "properties": {
                    "do": {"const": "wait"}, "after": {"type": ["string", "null"]}, "note": {"type": ["string", "null"]}}}
            ]}}
        });
        assert_eq!(strict_schema(&plan()), expected);
        assert!(is_strictly_expressible(&plan()));
    }

    #[test]
    fn a_strict_schema_stays_as_it_is() {
        let once = strict_schema(&plan());
        assert_eq!(strict_schema(&once), once);
    }

    #[test]
    fn nulls_of_optional_properties_go_and_others_stay() {
        let answer = json!({"name": "x", "kind": null, "limit": null, "best": null, "steps": [
            {"do": "run", "image": null, "note": "n"},
            {"do": "wait", "after": null, "note": null}
        ]});
        let expected =
            json!({"name": "x", "steps": [{"do": "run", "note": "n"}, {"do": "wait", "after": null}]});
        assert_eq!(drop_nulls(answer, &plan()), expected);
    }

    #[test]
    fn restored_answers_satisfy_the_original() {
        let original = json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"type": "integer"}, "b": {"type": "object", "required": [], "additionalProperties": false,
                "properties": {"c": {"type": "string"}}}}
        });
        let answer = json!({"a": 1, "b": {"c": null}});
        assert!(jsonschema::is_valid(&strict_schema(&original), &answer));
        let restored = drop_nulls(answer, &original);
        assert_eq!(restored, json!({"a": 1, "b": {}}));
        assert!(jsonschema::is_valid(&original, &restored));
    }

    #[test]
    fn free_maps_and_untyped_values_cannot_be_expressed() {
        for schema in [
            json!({"type": "object", "properties": {"env": {"type": "object", "additionalProperties": {"type": "string"}}}}),
            json!({"type": "object", "properties": {"any": true}}),
            json!({"type": "object", "properties": {"any": {}}}),
            json!({"type": "object"}),
            json!({"type": "array", "prefixItems": [{"type": "string"}]}),
        ] {
            assert!(!is_strictly_expressible(&schema), "{schema}");
        }
    }
}
