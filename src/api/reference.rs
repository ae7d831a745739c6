//! References inside strings: `{{item}}`, `{{parameters.NAME}}`, `{{steps.STEP.OUTPUT}}`.
//!
//! Everything else in double braces is plain text and reaches the step unchanged.

use std::fmt;

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// `{{item}}` or `{{item.KEY}}` of the step's map.
    Item(Option<String>),
    /// `{{parameters.NAME}}`.
    Parameter(String),
    /// `{{steps.STEP.OUTPUT}}`.
    Output {
        /// The step.
        step: String,
        /// Its output.
        output: String,
    },
}

/// A string with references.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Template(pub Vec<Piece>);

impl Template {
    /// Reads a string. `{{item}}` is a reference only inside a mapped step.
    pub fn parse(text: &str, mapped: bool) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let inner = &rest[start + 2..];
            let reference = inner.find("}}").and_then(|end| Some((end, reference(&inner[..end], mapped)?)));
            let Some((end, piece)) = reference else {
                plain.push_str(&rest[..start + 2]);
                rest = inner;
                continue;
            };
            plain.push_str(&rest[..start]);
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = &inner[end + 2..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Self(pieces)
    }

    /// The outputs it reads, as (step, output).
    pub fn outputs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Output { step, output } => Some((step.as_str(), output.as_str())),
            _ => None,
        })
    }

    /// Whether it is plain text.
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }
}

fn reference(inner: &str, mapped: bool) -> Option<Piece> {
    let inner = inner.trim();
    let name =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let mut parts = inner.split('.');
    let words = (parts.next()?, parts.next(), parts.next(), parts.next());
    match words {
        ("item", None, None, None) if mapped => Some(Piece::Item(None)),
        ("item", Some(key), None, None) if mapped && name(key) => Some(Piece::Item(Some(key.to_owned()))),
        ("parameters", Some(key), None, None) if name(key) => Some(Piece::Parameter(key.to_owned())),
        ("steps", Some(step), Some(output), None) if name(step) && name(output) => {
            Some(Piece::Output { step: step.to_owned(), output: output.to_owned() })
        }
        _ => None,
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => formatter.write_str(text)?,
                Piece::Item(None) => formatter.write_str("{{item}}")?,
                Piece::Item(Some(key)) => write!(formatter, "{{{{item.{key}}}}}")?,
                Piece::Parameter(name) => write!(formatter, "{{{{parameters.{name}}}}}")?,
                Piece::Output { step, output } => write!(formatter, "{{{{steps.{step}.{output}}}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_braces_stay_text() {
        let text = r#"docker ps --format '{{.Names}}' {{ "{{" }} {% x %} {{item}}"#;
        let template = Template::parse(text, false);
        assert!(template.is_plain());
        assert_eq!(template.to_string(), text);
    }

    #[test]
    fn references_are_found() {
        let template =
            Template::parse("--in={{item}} {{ steps.split.train }}/{{parameters.p}}{{item.k}}", true);
        assert_eq!(
            template.0,
            [
                Piece::Text("--in=".into()),
                Piece::Item(None),
                Piece::Text(" ".into()),
                Piece::Output { step: "split".into(), output: "train".into() },
                Piece::Text("/".into()),
                Piece::Parameter("p".into()),
                Piece::Item(Some("k".into())),
            ]
        );
    }
}
