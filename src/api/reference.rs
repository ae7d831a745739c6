//! References inside strings: `{{item}}`, `{{parameters.NAME}}`, `{{steps.STEP.OUTPUT}}`, and facts of the run.
//!
//! Everything else in double braces is plain text and reaches the step unchanged.

use std::fmt;

use super::WORKFLOW;
use super::status::STATUS;

/// Which references the strings of a step may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum References {
    /// None: every brace is text.
    Nothing,
    /// All but the item of a map.
    Values,
    /// All.
    ValuesAndItem,
}

impl References {
    /// Those of a step that is mapped or not, and whose braces are text or not.
    pub fn of(mapped: bool, literal: bool) -> Self {
        match (literal, mapped) {
            (true, _) => Self::Nothing,
            (false, true) => Self::ValuesAndItem,
            (false, false) => Self::Values,
        }
    }
}

/// Something that is known of a run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunFact {
    /// `{{workflow.name}}`: the name of the program.
    WorkflowName,
    /// `{{run.id}}`: different for each run.
    Id,
    /// `{{run.date}}`: YYYY-MM-DD, of the scheduled time if the run has one, else of its start. It counts in the
    /// schedule's time zone, else in UTC.
    Date,
}

impl RunFact {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::WorkflowName, Self::Id, Self::Date];

    /// As it is written between the braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::WorkflowName => "workflow.name",
            Self::Id => "run.id",
            Self::Date => "run.date",
        }
    }
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// `{{item}}` or `{{item.KEY}}` of the step's map.
    Item(Option<String>),
    /// `{{parameters.NAME}}`.
    Parameter(String),
    /// `{{workflow.name}}`, `{{run.id}}` or `{{run.date}}`.
    Run(RunFact),
    /// `{{steps.STEP.OUTPUT}}`; of the step `workflow` the output `status` is `{{workflow.status}}`.
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
    /// Reads a string.
    pub fn parse(text: &str, references: References) -> Self {
        if references == References::Nothing {
            return Self::plain(text);
        }
        let mapped = references == References::ValuesAndItem;
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let inner = &rest[start + 2..];
            let reference = closing(inner).and_then(|end| Some((end, reference(&inner[..end], mapped)?)));
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

    /// A text without references.
    pub fn plain(text: &str) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![Piece::Text(text.to_owned())] })
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

/// Where a reference ends, if it does. There are no braces in one: to look for its end behind others would take, for
/// many braces that are never closed, the square of their number.
fn closing(inner: &str) -> Option<usize> {
    inner.find(['{', '}']).filter(|end| inner[*end..].starts_with("}}"))
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
        (WORKFLOW, Some(STATUS), None, None) => {
            Some(Piece::Output { step: WORKFLOW.to_owned(), output: STATUS.to_owned() })
        }
        (WORKFLOW | "run", Some(_), None, None) => {
            RunFact::ALL.into_iter().find(|fact| fact.name() == inner).map(Piece::Run)
        }
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
                Piece::Run(fact) => write!(formatter, "{{{{{}}}}}", fact.name())?,
                Piece::Output { step, output } if step == WORKFLOW => {
                    write!(formatter, "{{{{{step}.{output}}}}}")?;
                }
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
        let template = Template::parse(text, References::Values);
        assert!(template.is_plain());
        assert_eq!(template.to_string(), text);
    }

    #[test]
    fn references_are_found() {
        let template = Template::parse(
            "--in={{item}} {{ steps.split.train }}/{{parameters.p}}{{item.k}}",
            References::ValuesAndItem,
        );
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

    #[test]
    fn facts_of_the_run_are_references() {
        let text = "{{workflow.name}}-{{ run.id }} {{run.date}}{{workflow.status}}{{workflow.uid}}{{run}}";
        let template = Template::parse(text, References::Values);
        assert_eq!(
            template.0,
            [
                Piece::Run(RunFact::WorkflowName),
                Piece::Text("-".into()),
                Piece::Run(RunFact::Id),
                Piece::Text(" ".into()),
                Piece::Run(RunFact::Date),
                Piece::Output { step: "workflow".into(), output: "status".into() },
                Piece::Text("{{workflow.uid}}{{run}}".into()),
            ]
        );
        assert_eq!(template.to_string(), text.replace("{{ run.id }}", "{{run.id}}"));
    }

    #[test]
    fn braces_of_a_literal_step_are_text() {
        assert!(Template::parse("{{item}} {{run.id}}", References::of(true, true)).is_plain());
    }
}
