//! Conditions as Python.

use crate::api::{Condition, Literal, Operand, STATUS, WORKFLOW};

use super::python::{Expr, string};

/// The condition as a function without arguments.
pub(crate) fn lambda(condition: &Condition) -> Expr {
    Expr::code(format!("lambda: {}", written(condition)))
}

/// The same for a step that runs however some steps ended and still needs others.
pub(crate) fn lambda_with_needs(condition: &Condition, needs: &[&str]) -> Expr {
    if needs.is_empty() {
        return lambda(condition);
    }
    let needs: Vec<String> = needs.iter().map(|name| string(name)).collect();
    let condition = match condition {
        Condition::Or(_) => format!("({})", written(condition)),
        _ => written(condition),
    };
    Expr::code(format!("lambda: needed({}) and {condition}", needs.join(", ")))
}

fn written(condition: &Condition) -> String {
    match condition {
        Condition::Compare { left, comparison, right } => {
            format!("{} {} {}", operand(left), comparison.symbol(), operand(right))
        }
        Condition::In { left, values } => {
            // A list with any text is a list of texts, as in the other engines.
            let numbers = values.iter().all(|value| matches!(value, Literal::Number(_)));
            let one = |value: &Literal| if numbers { literal(value) } else { string(value.text()) };
            let list: Vec<String> = values.iter().map(one).collect();
            match &list[..] {
                [only] => format!("{} == {only}", operand(left)),
                _ => format!("{} in ({})", operand(left), list.join(", ")),
            }
        }
        Condition::And(parts) => joined(parts, " and "),
        Condition::Or(parts) => joined(parts, " or "),
    }
}

fn joined(parts: &[Condition], word: &str) -> String {
    let nested = |part: &Condition| match part {
        Condition::And(_) | Condition::Or(_) => format!("({})", written(part)),
        _ => written(part),
    };
    parts.iter().map(nested).collect::<Vec<_>>().join(word)
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Literal(value) => literal(value),
        Operand::Item(None) => "item()".to_owned(),
        Operand::Item(Some(key)) => format!("item({})", string(key)),
        Operand::Parameter(name) => format!("param({})", string(name)),
        Operand::Output { step, .. } if step == WORKFLOW => "workflow_status()".to_owned(),
        Operand::Output { step, output } if output == STATUS => format!("status({})", string(step)),
        Operand::Output { step, output } if output == "result" => format!("output({})", string(step)),
        Operand::Output { step, output } => format!("output({}, {})", string(step), string(output)),
    }
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => string(text),
        Literal::Number(number) if is_python(number) => number.clone(),
        Literal::Number(number) => format!("float({})", string(number)),
    }
}

/// Whether Python reads a number as it is written: no leading zeros, no words.
fn is_python(number: &str) -> bool {
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let whole = unsigned.split(['.', 'e', 'E']).next().unwrap_or_default();
    let zeros = whole.len() > 1 && whole.starts_with('0');
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && !zeros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_python() {
        for (text, expected) in [
            ("a.auc >= 0.9", "lambda: output(\"a\", \"auc\") >= 0.9"),
            ("flip.result == heads", "lambda: output(\"flip\") == \"heads\""),
            ("item.n in [007]", "lambda: item(\"n\") == float(\"007\")"),
            (
                "parameters.e in [dev, 'it\\'s'] and (a.x < -1 or workflow.status != Failed)",
                "lambda: param(\"e\") in (\"dev\", \"it's\") and (output(\"a\", \"x\") < -1 or workflow_status() != \"Failed\")",
            ),
        ] {
            assert_eq!(lambda(&text.parse().unwrap()), Expr::code(expected));
        }
    }
}
