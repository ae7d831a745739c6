//! Strings with references, as Argo reads them.
//!
//! Argo looks for `{{…}}` in everything. What is foreign to it (`{{.Names}}` of Docker, `{{ user }}` of Jinja) passes
//! through unchanged, but text that looks like a reference of Argo's own would be replaced or refused. Such text gets
//! its braces broken up, in a way that is mended when the step starts.

use super::super::EngineError;
use crate::api::{Piece, Template};

/// Environment variable that holds one brace. Kubernetes expands `$(NAME)` in commands, arguments and variables.
pub(crate) const BRACE_VARIABLE: &str = "COULER_BRACE";
/// Stands for one brace in a script; the script's command puts it back.
pub(crate) const BRACE_MARKER: &str = "@COULER_BRACE@";

/// How braces that Argo would misread are broken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Braces {
    /// By `$(COULER_BRACE)`.
    Variable,
    /// By [`BRACE_MARKER`].
    Marker,
    /// Not at all: there is no way.
    Keep,
}

impl Braces {
    fn stand_in(self) -> &'static str {
        match self {
            Self::Variable => "$(COULER_BRACE)",
            Self::Marker => BRACE_MARKER,
            Self::Keep => "{",
        }
    }
}

/// A string as Argo reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub text: String,
    /// Whether braces were broken up.
    pub broken: bool,
}

/// Writes a string; `reference` gives the text of each reference, `{{…}}`.
///
/// # Errors
/// Those of `reference`.
pub(crate) fn render(
    template: &Template,
    braces: Braces,
    reference: &mut dyn FnMut(&Piece) -> Result<String, EngineError>,
) -> Result<Rendered, EngineError> {
    let mut parts: Vec<(String, bool)> = Vec::with_capacity(template.0.len());
    for piece in &template.0 {
        match piece {
            Piece::Text(text) => parts.push((text.clone(), false)),
            other => push_tags(&mut parts, &reference(other)?),
        }
    }
    let text: String = parts.iter().map(|(text, _)| text.as_str()).collect();
    if !text.contains("{{") || is_read_as_meant(&text, &parts) {
        return Ok(Rendered { text, broken: false });
    }
    Ok(Rendered { text: broken_up(&parts, braces.stand_in()), broken: true })
}

/// A reference may be several tags of Argo's, with text between them, or text only.
fn push_tags(parts: &mut Vec<(String, bool)>, written: &str) {
    let mut rest = written;
    while let Some(start) = rest.find("{{") {
        let end = rest[start..].find("}}").map_or(rest.len(), |end| start + end + 2);
        if start > 0 {
            parts.push((rest[..start].to_owned(), false));
        }
        parts.push((rest[start..end].to_owned(), true));
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        parts.push((rest.to_owned(), false));
    }
}

/// Whether Argo finds the references, all of them, and nothing else that it would take for one.
fn is_read_as_meant(text: &str, parts: &[(String, bool)]) -> bool {
    let mut expected = parts.iter().filter(|(_, is_reference)| *is_reference).map(|(text, _)| text.as_str());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start + 2..].find("}}") else { return false };
        let tag = &rest[start..start + length + 4];
        let inner = &tag[2..tag.len() - 2];
        if is_argo_tag(inner) {
            if expected.next() != Some(tag) {
                return false;
            }
        } else if inner.contains("{{") {
            return false;
        }
        rest = &rest[start + length + 4..];
    }
    expected.next().is_none()
}

/// Whether Argo replaces or refuses `{{inner}}`.
pub(crate) fn is_argo_tag(inner: &str) -> bool {
    const PREFIXES: [&str; 12] = [
        "item.",
        "item[",
        "steps.",
        "inputs.",
        "outputs.",
        "pod.",
        "workflow.",
        "tasks.",
        "node.",
        "retries",
        "lastRetry.",
        "cronworkflow.",
    ];
    let trimmed = inner.trim();
    inner.starts_with('=') || trimmed == "item" || PREFIXES.iter().any(|prefix| trimmed.starts_with(prefix))
}

fn broken_up(parts: &[(String, bool)], stand_in: &str) -> String {
    let mut result = String::new();
    for (index, (text, is_reference)) in parts.iter().enumerate() {
        if *is_reference {
            result.push_str(text);
            continue;
        }
        let before_reference = parts.get(index + 1).is_some_and(|(_, is_reference)| *is_reference);
        let mut characters = text.chars().peekable();
        let mut open = false;
        while let Some(character) = characters.next() {
            let last = characters.peek().is_none();
            if character == '{' && (open || (last && before_reference)) {
                result.push_str(stand_in);
                open = false;
            } else {
                result.push(character);
                open = character == '{';
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::References;

    fn rendered(text: &str, braces: Braces) -> Rendered {
        render(&Template::parse(text, References::ValuesAndItem), braces, &mut |_| {
            Ok("{{inputs.parameters.x}}".into())
        })
        .unwrap()
    }

    #[test]
    fn foreign_braces_pass() {
        for text in ["{{.Names}}", "{{ user }}", "}} {% raw %}", "a{b}c", "{{}}"] {
            assert_eq!(rendered(text, Braces::Variable), Rendered { text: text.into(), broken: false });
        }
        assert_eq!(
            rendered("--in={{item}}{{ x }}", Braces::Variable).text,
            "--in={{inputs.parameters.x}}{{ x }}"
        );
    }

    #[test]
    fn what_argo_would_misread_is_broken_up() {
        for (text, expected) in [
            ("{{workflow.uid}}", "{$(COULER_BRACE)workflow.uid}}"),
            ("{{=1+1}}", "{$(COULER_BRACE)=1+1}}"),
            ("{{", "{$(COULER_BRACE)"),
            ("{{{{item}}", "{$(COULER_BRACE){{inputs.parameters.x}}"),
            ("{{ {{item}}", "{$(COULER_BRACE) {{inputs.parameters.x}}"),
        ] {
            assert_eq!(
                rendered(text, Braces::Variable),
                Rendered { text: expected.into(), broken: true },
                "{text}"
            );
        }
        assert_eq!(rendered("{{inputs.x}}", Braces::Marker).text, "{@COULER_BRACE@inputs.x}}");
    }
}
