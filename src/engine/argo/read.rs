//! Manifests of any origin as plain values.

use serde_json::Value;

/// The kinds of Argo resources that hold templates.
pub(crate) const KINDS: [&str; 4] =
    ["Workflow", "CronWorkflow", "WorkflowTemplate", "ClusterWorkflowTemplate"];

/// The documents of a text that are Argo resources, each with its position.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn resources(text: &str) -> Result<Vec<(usize, Value)>, String> {
    let documents: Vec<Value> = super::super::kubernetes::yaml::read_all(text)?;
    Ok(documents
        .into_iter()
        .enumerate()
        .filter(|(_, document)| KINDS.contains(&string(document, "kind")))
        .collect())
}

/// The workflow inside a resource, with its JSON pointer.
pub(crate) fn workflow_spec(resource: &Value) -> (&'static str, &Value) {
    if string(resource, "kind") == "CronWorkflow" {
        ("/spec/workflowSpec", resource.pointer("/spec/workflowSpec").unwrap_or(&Value::Null))
    } else {
        ("/spec", resource.get("spec").unwrap_or(&Value::Null))
    }
}

/// The text of a field; empty if it is missing or no text.
pub(crate) fn string<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a field; none if it is missing or no list.
pub(crate) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The items at a JSON pointer.
pub(crate) fn list_at<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Every text inside a value, keys excluded, without what is under the fields `skip`.
pub(crate) fn strings<'a>(value: &'a Value, skip: &[&str], found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, skip, found)),
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| !skip.contains(&key.as_str()));
            kept.for_each(|(_, item)| strings(item, skip, found));
        }
        _ => {}
    }
}

/// The contents of all `{{…}}` of a text, as Argo finds them; of nested ones the innermost.
pub(crate) fn tags(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let inner = &rest[start + 2..];
        let Some(end) = inner.find("}}") else { break };
        let tag = &inner[..end];
        found.push(tag.rfind("{{").map_or(tag, |nested| &tag[nested + 2..]));
        rest = &inner[end + 2..];
    }
    found
}

/// The text with a word in place of every reference, which need not be valid YAML before it is replaced.
pub(crate) fn without_tags(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((_, after)) = after.split_once("}}") else { break };
        result.push_str(before);
        result.push_str("reference");
        rest = after;
    }
    result + rest
}

/// The words of a `depends` expression that name tasks.
pub(crate) fn depends(expression: &str) -> Vec<&str> {
    expression
        .split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)))
        .filter(|word| !word.is_empty())
        .map(|word| word.split('.').next().unwrap_or(word))
        .collect()
}

/// The tasks that a task of a DAG names as its dependencies.
pub(crate) fn dependencies(task: &Value) -> Vec<&str> {
    let named = list(task, "dependencies").iter().filter_map(Value::as_str);
    named.chain(depends(string(task, "depends"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_as_argo_finds_them() {
        assert_eq!(tags("a {{x}} {{ y }}}} {{=1}} {{z"), ["x", " y ", "=1"]);
        assert_eq!(tags("{{workflow.parameters.{{inputs.parameters.x}}}}"), ["inputs.parameters.x"]);
    }

    #[test]
    fn depends_names_tasks() {
        assert_eq!(depends("(a.Succeeded || b-2) && !c_3.Failed"), ["a", "b-2", "c_3"]);
    }
}
