//! Conditions: as Tekton's `when` where it can say them, else as an expression of awk.
//!
//! Stable Tekton compares texts for equality only (CEL needs an alpha feature), and joins by "and" only.

use super::context::unsupported;
use super::manifest::When;
use super::text::is_misread;
use crate::api::{Comparison, Condition, Literal, Operand, STATUS, WORKFLOW};
use crate::engine::EngineError;

/// The condition in Tekton's own words, if it has them. `reference` gives the text of an operand that is no constant.
///
/// # Errors
/// Those of `reference`.
pub(crate) fn native(
    condition: &Condition,
    reference: &mut dyn FnMut(&Operand) -> Result<String, EngineError>,
) -> Result<Option<Vec<When>>, EngineError> {
    let parts = match condition {
        Condition::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    if !parts.iter().all(is_native) {
        return Ok(None);
    }
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        let (left, operator, values) = match part {
            Condition::Compare { left, comparison, right: Operand::Literal(literal) } => {
                (left, if *comparison == Comparison::Equal { "in" } else { "notin" }, vec![literal])
            }
            Condition::In { left, values } => (left, "in", values.iter().collect()),
            _ => return Ok(None),
        };
        let values = values.into_iter().flat_map(|value| meanings(left, value.text())).collect();
        all.push(When { input: reference(left)?, operator, values });
    }
    Ok(Some(all))
}

/// A run with skipped tasks is `Completed` for Tekton, which is a success.
fn meanings(left: &Operand, value: &str) -> Vec<String> {
    let status = matches!(left, Operand::Output { step, .. } if step == WORKFLOW);
    let also = (status && value == "Succeeded").then(|| "Completed".to_owned());
    std::iter::once(status_word(left, value).to_owned()).chain(also).collect()
}

/// What Tekton calls a step that was skipped.
pub(crate) const SKIPPED: &str = "None";

/// A constant that an operand is compared with; statuses have Tekton's own words.
fn status_word<'a>(operand: &Operand, value: &'a str) -> &'a str {
    match operand {
        Operand::Output { step, output } if output == STATUS && step != WORKFLOW && value == "Skipped" => {
            SKIPPED
        }
        _ => value,
    }
}

fn is_native(part: &Condition) -> bool {
    let text = |literal: &Literal| matches!(literal, Literal::Text(text) if !is_misread(text));
    let reads = |operand: &Operand| matches!(operand, Operand::Output { .. } | Operand::Parameter(_));
    match part {
        Condition::Compare {
            left,
            comparison: Comparison::Equal | Comparison::NotEqual,
            right: Operand::Literal(literal),
        } => reads(left) && text(literal),
        Condition::In { left, values } => {
            reads(left) && values.iter().all(|value| !is_misread(value.text())) && values.iter().any(text)
        }
        _ => false,
    }
}

/// The functions that expressions use.
const FUNCTIONS: &str = "function number(name) { return ENVIRON[name] + 0 } \
                         function text(name) { return ENVIRON[name] \"\" }";

/// A command that succeeds if the condition holds. `value` gives the shell text for the value of an operand.
///
/// # Errors
/// Constants that Tekton would take for a reference, and those of `value`.
pub(crate) fn command(
    step: &str,
    condition: &Condition,
    value: &mut dyn FnMut(&Operand) -> Result<String, EngineError>,
) -> Result<String, EngineError> {
    let mut variables: Vec<String> = Vec::new();
    for operand in condition.operands() {
        if !matches!(operand, Operand::Literal(_)) {
            let assignment = format!("\"{operand}={}\"", value(operand)?);
            if !variables.contains(&assignment) {
                variables.push(assignment);
            }
        }
    }
    let expression = expression(condition);
    if is_misread(&expression) {
        let reason = format!("Tekton would read a part of {condition} as its own; compare with another text");
        return Err(unsupported(step, "constant of a condition", reason));
    }
    let program = format!("{FUNCTIONS} BEGIN {{ exit !({expression}) }}");
    Ok(format!("env {} awk {}", variables.join(" "), super::runner::quoted(&program)))
}

/// An expression of awk; a list of values begins with 0, which tells it from alternatives.
fn expression(condition: &Condition) -> String {
    match condition {
        Condition::Compare { left, comparison, right } => {
            let text = is_textual(left, *comparison, right);
            let right = match right {
                Operand::Literal(Literal::Text(value)) => {
                    Operand::Literal(Literal::Text(status_word(left, value).to_owned()))
                }
                other => other.clone(),
            };
            format!("{} {} {}", side(left, text), comparison.symbol(), side(&right, text))
        }
        Condition::In { left, values } => {
            let text = !values.iter().all(|value| matches!(value, Literal::Number(_)));
            let one = |value: &Literal| {
                format!(" || {} == {}", side(left, text), side(&Operand::Literal(value.clone()), text))
            };
            format!("(0{})", values.iter().map(one).collect::<String>())
        }
        Condition::And(parts) => joined(parts, " && "),
        Condition::Or(parts) => joined(parts, " || "),
    }
}

fn joined(parts: &[Condition], word: &str) -> String {
    let written: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Condition::And(_) | Condition::Or(_) => format!("({})", expression(part)),
            other => expression(other),
        })
        .collect();
    written.join(word)
}

fn side(operand: &Operand, text: bool) -> String {
    match operand {
        Operand::Literal(literal) if text => {
            let escaped = literal.text().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("\"{escaped}\"")
        }
        Operand::Literal(literal) => literal.text().to_owned(),
        other if text => format!("text(\"{other}\")"),
        other => format!("number(\"{other}\")"),
    }
}

/// Whether two sides are compared as texts: equality of anything but a number, and everything with a text.
fn is_textual(left: &Operand, comparison: Comparison, right: &Operand) -> bool {
    match (left, right) {
        (Operand::Literal(Literal::Text(_)), _) | (_, Operand::Literal(Literal::Text(_))) => true,
        (Operand::Literal(Literal::Number(_)), _) | (_, Operand::Literal(Literal::Number(_))) => false,
        _ => matches!(comparison, Comparison::Equal | Comparison::NotEqual),
    }
}
