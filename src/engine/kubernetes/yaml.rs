//! YAML as people write it: block literals for texts of several lines, no anchors, no folded lines.

use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::super::EngineError;

/// Writes a manifest.
///
/// # Errors
/// [`EngineError::Write`] if a value has no form in YAML.
pub(crate) fn write(value: &impl Serialize) -> Result<String, EngineError> {
    let error = |error: String| EngineError::Write(error);
    let text = written(value).map_err(error)?;
    if !has_tabbed_line(&text) {
        return Ok(text);
    }
    let value = serde_json::to_value(value).map_err(|cause| error(cause.to_string()))?;
    written(&Styled(&value)).map_err(error)
}

fn written(value: &impl Serialize) -> Result<String, String> {
    // Folding a line at its blanks would make commands hard to read and to search.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: 1_000_000 };
    serde_saphyr::to_string_with_options(value, options).map_err(|cause| cause.to_string())
}

/// Whether a line starts with a tab after its indentation, which only a line of a block literal can do.
fn has_tabbed_line(text: &str) -> bool {
    text.contains('\t') && text.lines().any(|line| line.trim_start_matches(' ').starts_with('\t'))
}

/// A value whose texts choose their style.
struct Styled<'a>(&'a Value);

impl Serialize for Styled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if breaks_block_literals(text) => {
                serde_saphyr::DoubleQuoted(text).serialize(serializer)
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Styled(item)))?;
                list.end()
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(key, item)| map.serialize_entry(key, &Styled(item)))?;
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// libyaml, and with it Kubernetes and `PyYAML`, refuses block literals whose first line starts with a tab.
fn breaks_block_literals(text: &str) -> bool {
    text.contains('\n') && text.trim_start_matches('\n').starts_with('\t')
}

/// Reads all documents of a text.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn read_all<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: 5_000_000, max_events: 20_000_000 },
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_look_as_people_write_them() {
        let value = json!({
            "source": "import a\n\nprint(\"x\")\n",
            "tab": "\tx\ny",
            "words": ["yes", "no", "on", "12:30:45", "2024-01-01", "{{x}}", "plain text", "0.5", "a: b", "# c"],
            "long": format!("{} end", "word ".repeat(40).trim_end()),
            "none": {},
        });
        let text = write(&value).unwrap();
        let expected = format!(
            r##"source: |
  import a

  print("x")
tab: "\tx\ny"
words:
- "yes"
- "no"
- "on"
- "12:30:45"
- "2024-01-01"
- "{{{{x}}}}"
- plain text
- "0.5"
- "a: b"
- "# c"
long: {} end
none: {{}}
"##,
            "word ".repeat(40).trim_end()
        );
        assert_eq!(text, expected);
        assert_eq!(read_all::<Value>(&text).unwrap(), [value]);
    }
}
