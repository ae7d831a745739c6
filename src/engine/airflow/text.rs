//! Strings with references, as Airflow's templates (Jinja) read them.
//!
//! Airflow renders every string of a templated field: it would read foreign braces as its own, cut a last line break off
//! and turn `\r\n` into `\n`. Such text goes through `literal(…)`, or piece by piece as a Jinja string beside references.

use super::python::Expr;
use crate::api::{Piece, References, STATUS, Template};

/// A string of a templated field.
pub(crate) fn templated(text: &str, references: References) -> Expr {
    let template = Template::parse(text, references);
    if template.is_plain() {
        return plain(text);
    }
    Expr::text(jinja(&template))
}

/// A string without references.
pub(crate) fn plain(text: &str) -> Expr {
    if is_safe(text) { Expr::text(text) } else { Expr::call("literal", vec![Expr::text(text)]) }
}

/// Whether rendering changes nothing.
pub(crate) fn is_safe(text: &str) -> bool {
    !["{{", "{%", "{#", "\r"].iter().any(|part| text.contains(part)) && !text.ends_with('\n')
}

/// The Jinja text of a string with references.
pub(crate) fn jinja(template: &Template) -> String {
    let mut written = String::new();
    for (index, piece) in template.0.iter().enumerate() {
        match piece {
            Piece::Text(text) => push_text(&mut written, text, index + 1 == template.0.len()),
            reference => {
                written.push_str("{{ ");
                written.push_str(&expression(reference));
                written.push_str(" }}");
            }
        }
    }
    written
}

/// A reference as Jinja and Python read it.
fn expression(piece: &Piece) -> String {
    match piece {
        Piece::Text(_) => String::new(),
        Piece::Item(None) => "item()".to_owned(),
        Piece::Item(Some(key)) => format!("item('{key}')"),
        Piece::Parameter(name) => format!("param('{name}')"),
        Piece::Run(fact) => format!("fact('{}')", fact.name()),
        Piece::Output { step, .. } if step == crate::api::WORKFLOW => "workflow_status()".to_owned(),
        Piece::Output { step, output } if output == STATUS => format!("status('{step}')"),
        Piece::Output { step, output } if output == "result" => format!("output('{step}')"),
        Piece::Output { step, output } => format!("output('{step}', '{output}')"),
    }
}

/// Text between references: a brace that Jinja would take for the start of a tag becomes a tag itself.
fn push_text(written: &mut String, text: &str, last: bool) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek();
        match character {
            '{' if next.is_none_or(|next| "{%#\r\n".contains(*next)) => written.push_str("{{ '{' }}"),
            '\r' => written.push_str("{{ '\\r' }}"),
            '\n' if last && next.is_none() => written.push_str("{{ '\\n' }}"),
            other => written.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_braces_are_kept_from_jinja() {
        for (text, expected) in [
            ("--day={{parameters.day}}", Expr::text("--day={{ param('day') }}")),
            ("{{.Names}}", Expr::call("literal", vec![Expr::text("{{.Names}}")])),
            ("x\n", Expr::call("literal", vec![Expr::text("x\n")])),
            ("{a}", Expr::text("{a}")),
            ("{{x}} {{item}}{\n", Expr::text("{{ '{' }}{x}} {{ item() }}{{ '{' }}{{ '\\n' }}")),
            ("{{{item.k}}", Expr::call("literal", vec![Expr::text("{{{item.k}}")])),
            ("{{steps.a.result}}\r\n", Expr::text("{{ output('a') }}{{ '\\r' }}{{ '\\n' }}")),
        ] {
            assert_eq!(templated(text, References::ValuesAndItem), expected, "{text}");
        }
    }
}
