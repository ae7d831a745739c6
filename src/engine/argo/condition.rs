//! Conditions as Argo's `when` expressions (govaluate).

use super::super::EngineError;
use super::status::phases;
use crate::api::{Comparison, Condition, Literal, Operand, STATUS, STATUSES, WORKFLOW};

/// Writes a condition; `reference` gives the text of each operand that is no constant, `{{…}}`.
///
/// Argo replaces the references before it reads the expression. So a side that is text stands in quotes and a side that
/// is compared by size, or with a number, stands bare.
///
/// # Errors
/// Those of `reference`.
pub(crate) fn when(
    condition: &Condition,
    reference: &mut dyn FnMut(&Operand) -> Result<String, EngineError>,
) -> Result<String, EngineError> {
    match condition {
        Condition::Compare {
            left: left @ Operand::Output { step, output },
            comparison,
            right: Operand::Literal(status),
        } if output == STATUS && step != WORKFLOW => {
            let equal = *comparison == Comparison::Equal;
            let meant = STATUSES.into_iter().filter(|one| (*one == status.text()) == equal);
            let phases =
                meant.flat_map(phases).map(|phase| Literal::Text((*phase).to_owned())).collect::<Vec<_>>();
            within(left, &phases, reference)
        }
        Condition::Compare { left, comparison, right } => {
            let text = is_textual(left, *comparison, right);
            let (left, right) = (side(left, text, reference)?, side(right, text, reference)?);
            Ok(format!("{left} {} {right}", comparison.symbol()))
        }
        Condition::In { left, values } => within(left, values, reference),
        Condition::And(parts) => joined(parts, " && ", reference, |part| matches!(part, Condition::Or(_))),
        Condition::Or(parts) => joined(parts, " || ", reference, |part| matches!(part, Condition::And(_))),
    }
}

fn is_textual(left: &Operand, comparison: Comparison, right: &Operand) -> bool {
    match (left, right) {
        (Operand::Literal(Literal::Text(_)), _) | (_, Operand::Literal(Literal::Text(_))) => true,
        (Operand::Literal(Literal::Number(_)), _) | (_, Operand::Literal(Literal::Number(_))) => false,
        _ => matches!(comparison, Comparison::Equal | Comparison::NotEqual),
    }
}

fn side(
    operand: &Operand,
    text: bool,
    reference: &mut dyn FnMut(&Operand) -> Result<String, EngineError>,
) -> Result<String, EngineError> {
    Ok(match operand {
        Operand::Literal(literal) if text => quoted(literal.text()),
        Operand::Literal(literal) => number(literal.text()),
        other if text => format!("'{}'", reference(other)?),
        other => reference(other)?,
    })
}

/// `in`: govaluate takes a list of one for its element, so that becomes `==`. A list of numbers only is compared by
/// value, any other as text.
fn within(
    left: &Operand,
    values: &[Literal],
    reference: &mut dyn FnMut(&Operand) -> Result<String, EngineError>,
) -> Result<String, EngineError> {
    let text = !values.iter().all(|value| matches!(value, Literal::Number(_)));
    let written: Vec<String> =
        values.iter().map(|value| if text { quoted(value.text()) } else { number(value.text()) }).collect();
    let left = side(left, text, reference)?;
    Ok(match &written[..] {
        [only] => format!("{left} == {only}"),
        _ => format!("{left} in ({})", written.join(", ")),
    })
}

fn joined(
    parts: &[Condition],
    word: &str,
    reference: &mut dyn FnMut(&Operand) -> Result<String, EngineError>,
    bracket: fn(&Condition) -> bool,
) -> Result<String, EngineError> {
    let mut written = Vec::with_capacity(parts.len());
    for part in parts {
        let text = when(part, reference)?;
        written.push(if bracket(part) { format!("({text})") } else { text });
    }
    Ok(written.join(word))
}

/// A backslash takes its meaning from the next character, whichever it is; so it also hides braces from Argo.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
    format!("'{}'", if escaped.contains("{{") { escaped.replace('{', "\\{") } else { escaped })
}

/// govaluate knows digits with one point only, no exponents.
fn number(text: &str) -> String {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = unsigned.split_once('.').map_or_else(|| digits(unsigned), |(a, b)| digits(a) && digits(b));
    match text.parse::<f64>() {
        Ok(value) if !plain => value.to_string(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_and_numbers_are_bare() {
        for (text, expected) in [
            ("a.auc >= 0.9", "{{a.auc}} >= 0.9"),
            ("a.auc > 1e-3", "{{a.auc}} > 0.001"),
            ("flip.result == heads", "'{{flip.result}}' == 'heads'"),
            ("new.auc > old.auc", "{{new.auc}} > {{old.auc}}"),
            ("new.id != old.id", "'{{new.id}}' != '{{old.id}}'"),
            ("parameters.e in [dev, prod]", "'{{parameters.e}}' in ('dev', 'prod')"),
            ("item in [1, 2]", "{{item}} in (1, 2)"),
            ("item in [a]", "'{{item}}' == 'a'"),
            ("a.status == failed", "'{{a.status}}' in ('Failed', 'Error')"),
            ("a.status == succeeded", "'{{a.status}}' == 'Succeeded'"),
            ("a.status != succeeded", "'{{a.status}}' in ('Failed', 'Error', 'Skipped', 'Omitted')"),
            (
                "a.x > 1 and (b.y < 2 or c.z == 'it\\'s')",
                "{{a.x}} > 1 && ({{b.y}} < 2 || '{{c.z}}' == 'it\\'s')",
            ),
            ("a.x == '{{workflow.name}}'", "'{{a.x}}' == '\\{\\{workflow.name}}'"),
        ] {
            let condition: Condition = text.parse().unwrap();
            assert_eq!(when(&condition, &mut |operand| Ok(format!("{{{{{operand}}}}}"))).unwrap(), expected);
        }
    }
}
