//! Argo's references and expressions in the words of the unified API.

use std::collections::HashMap;
use std::sync::OnceLock;

use regex::Regex;

use super::super::context::START_DATE;
use super::super::status::{phases, step_of};
use super::super::text::{BRACE_MARKER, BRACE_VARIABLE};
use crate::api::{Condition, Literal, Operand, STATUS, STATUSES, WORKFLOW};

/// The date of the run in the words of the unified API.
const DATE: &str = "{{run.date}}";

/// What the inputs of a template stand for, in the words of the unified API.
pub(in super::super) type Bindings = HashMap<String, String>;

/// A text with its references in the words of the unified API and broken-up braces put back.
pub(in super::super) fn unified(text: &str, bindings: &Bindings) -> String {
    let mut result = String::with_capacity(text.len());
    let dated = text.replace(START_DATE, DATE);
    let mut rest = dated.as_str();
    while let Some(start) = rest.find("{{") {
        let inner = &rest[start + 2..];
        let Some(end) = inner.find("}}") else { break };
        result.push_str(&rest[..start]);
        let tag = inner[..end].trim();
        match tag.strip_prefix("inputs.parameters.").and_then(|name| bindings.get(name)) {
            Some(value) => result.push_str(value),
            None => match operand(tag) {
                Some(operand) => result.push_str(&braced(&operand)),
                None => result.push_str(&rest[start..start + end + 4]),
            },
        }
        rest = &inner[end + 2..];
    }
    result.push_str(rest);
    result.replace(&format!("$({BRACE_VARIABLE})"), "{").replace(BRACE_MARKER, "{")
}

fn braced(operand: &str) -> String {
    if ["parameters.", "item.", "run.", "workflow."].iter().any(|start| operand.starts_with(start))
        || operand == "item"
    {
        format!("{{{{{operand}}}}}")
    } else {
        format!("{{{{steps.{operand}}}}}")
    }
}

/// What a reference is called in conditions.
fn operand(tag: &str) -> Option<String> {
    if tag == "item" || tag.starts_with("item.") || tag == "workflow.status" {
        return Some(tag.to_owned());
    }
    if let Some(step) = step_of(tag) {
        return Some(format!("{step}.status"));
    }
    if tag == "workflow.uid" || tag == "run.id" {
        return Some("run.id".to_owned());
    }
    if tag == "run.date" || tag.starts_with("=sprig.dateInZone('2006-01-02'") {
        return Some("run.date".to_owned());
    }
    if let Some(name) = tag.strip_prefix("workflow.parameters.") {
        return Some(format!("parameters.{name}"));
    }
    let rest = tag.strip_prefix("tasks.").or_else(|| tag.strip_prefix("steps."))?;
    if let Some(step) = rest.strip_suffix(".status") {
        return Some(format!("{step}.status"));
    }
    let (step, output) = rest.split_once(".outputs.")?;
    let output =
        output.strip_prefix("parameters.").or_else(|| output.strip_prefix("artifacts.")).unwrap_or(output);
    Some(format!("{step}.{output}"))
}

/// A `when` expression in the words of the unified API. What is no such condition stays as it is.
pub(super) fn condition(when: &str, bindings: &Bindings) -> String {
    let mut result = String::with_capacity(when.len());
    let mut rest = when;
    while let Some(first) = rest.chars().next() {
        let used = if first == '\'' || first == '"' { quoted(rest, first, bindings, &mut result) } else { 0 };
        let used = if used == 0 { bare(rest, bindings, &mut result) } else { used };
        rest = &rest[used..];
    }
    result.parse::<Condition>().map_or(result, |condition| with_statuses(condition).to_string())
}

/// What a condition says of Argo's phases, in the words of the unified API.
fn with_statuses(condition: Condition) -> Condition {
    let status_of = |phase: &Literal| {
        let status = STATUSES.into_iter().find(|status| phases(status).contains(&phase.text()));
        status.map_or_else(|| phase.clone(), |status| Literal::Text(status.to_owned()))
    };
    match condition {
        Condition::In { left: left @ Operand::Output { .. }, values } if matches!(&left, Operand::Output { step, output } if output == STATUS && step != WORKFLOW) =>
        {
            let values = values.iter().map(status_of).collect();
            Condition::In { left, values }.with_canonical_statuses()
        }
        Condition::And(parts) => Condition::And(parts.into_iter().map(with_statuses).collect()),
        Condition::Or(parts) => Condition::Or(parts.into_iter().map(with_statuses).collect()),
        other => other,
    }
}

/// A quoted text; a reference in quotes is the reference. Returns the bytes used, 0 if the quote is not closed.
fn quoted(text: &str, quote: char, bindings: &Bindings, result: &mut String) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '\\' if !escaped => escaped = true,
            found if found == quote && !escaped => {
                let content = &text[1..at];
                match whole_reference(content, bindings, true) {
                    Some(operand) => result.push_str(&operand),
                    None => result.push_str(&text[..=at]),
                }
                return at + 1;
            }
            _ => escaped = false,
        }
    }
    0
}

/// Everything else; a text that Argo would take for a string without quotes stays bare.
fn bare(text: &str, bindings: &Bindings, result: &mut String) -> usize {
    if text.starts_with("{{")
        && let Some(end) = text.find("}}")
        && let Some(operand) = whole_reference(&text[..end + 2], bindings, false)
    {
        result.push_str(&operand);
        return end + 2;
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    result.push_str(&text[..first]);
    first
}

/// The operand that `{{…}}` stands for, through the inputs of the template if need be.
fn whole_reference(text: &str, bindings: &Bindings, quoted: bool) -> Option<String> {
    let tag = text.strip_prefix("{{")?.strip_suffix("}}").filter(|tag| !tag.contains("}}"))?.trim();
    let Some(name) = tag.strip_prefix("inputs.parameters.") else { return operand(tag) };
    let bound = bindings.get(name)?;
    let inner =
        bound.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).filter(|rest| !rest.contains("{{"));
    match inner {
        Some(reference) => Some(reference.strip_prefix("steps.").unwrap_or(reference).to_owned()),
        None if !quoted && bound.parse::<f64>().is_ok() => Some(bound.clone()),
        None => Some(format!("'{}'", bound.replace('\\', "\\\\").replace('\'', "\\'"))),
    }
}

/// The condition and the bound of a loop, from the `when` of the step that goes on with it. 0 is "no bound".
pub(super) fn loop_bound(when: &str) -> (&str, u32) {
    static BOUND: OnceLock<Regex> = OnceLock::new();
    let bound = BOUND.get_or_init(|| {
        let counter = r"\{\{inputs\.parameters\.[-\w]+\}\}";
        Regex::new(&format!(r"(?s)^(.*) && {counter} < (\d+)( && {counter} % \d+ != 0)?$"))
            .expect("the pattern is a valid regular expression")
    });
    let Some(found) = bound.captures(when) else { return (when, 0) };
    let condition = found.get(1).map_or(when, |part| part.as_str());
    (condition, found.get(2).and_then(|part| part.as_str().parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_come_back() {
        let bindings = Bindings::from([("old-auc".to_owned(), "{{steps.old.auc}}".to_owned())]);
        for (when, expected) in [
            ("{{tasks.eval.outputs.parameters.auc}} >= 0.9", "eval.auc >= 0.9"),
            ("'{{steps.flip.outputs.result}}' == 'heads'", "flip.result == 'heads'"),
            ("{{steps.flip.outputs.result}} == heads", "flip.result == 'heads'"),
            ("\"{{workflow.status}}\" != \"Succeeded\"", "workflow.status != 'Succeeded'"),
            ("{{item.n}} > {{inputs.parameters.old-auc}}", "item.n > old.auc"),
            ("'{{workflow.parameters.e}}' in ('a', 'b\\'c')", "parameters.e in ['a', 'b\\'c']"),
            ("'{{tasks.a.outputs.result}}' == '\\{\\{x}}'", "a.result == '{{x}}'"),
        ] {
            assert_eq!(condition(when, &bindings), expected);
        }
    }

    #[test]
    fn bounds_of_loops_are_found() {
        assert_eq!(loop_bound("a && {{inputs.parameters.iteration}} < 5"), ("a", 5));
        let rounds = "a && {{inputs.parameters.iteration}} < 90 && {{inputs.parameters.iteration}} % 40 != 0";
        assert_eq!(loop_bound(rounds), ("a", 90));
        assert_eq!(loop_bound("a == b"), ("a == b", 0));
    }
}
