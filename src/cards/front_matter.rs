//! Splitting a card into front matter and text, with bounds against texts made to exhaust the reader.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::CardError;

/// Most bytes of a card; the longest READMEs of Hugging Face have about 300 kB.
pub(super) const LARGEST_CARD: u64 = 1 << 20;

/// Reads a card's file, refusing what is too large before it is in memory.
pub(super) fn read_bounded(path: &Path) -> Result<String, CardError> {
    let io = |source| CardError::Io { path: path.to_path_buf(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    if bytes > LARGEST_CARD {
        return Err(CardError::TooLarge { bytes, limit: LARGEST_CARD });
    }
    let mut content = Vec::new();
    file.take(LARGEST_CARD + 1).read_to_end(&mut content).map_err(io)?;
    if content.len() as u64 > LARGEST_CARD {
        return Err(CardError::TooLarge { bytes: content.len() as u64, limit: LARGEST_CARD });
    }
    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// The YAML between the first two lines `---`, and what follows.
pub(super) fn split(text: &str) -> Result<(&str, &str), CardError> {
    if text.len() as u64 > LARGEST_CARD {
        return Err(CardError::TooLarge { bytes: text.len() as u64, limit: LARGEST_CARD });
    }
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let rest = text.strip_prefix("---").ok_or(CardError::NoFrontMatter)?;
    let rest =
        rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).ok_or(CardError::NoFrontMatter)?;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Ok((&rest[..at], rest[at + line.len()..].trim_start()));
        }
        at += line.len();
    }
    Err(CardError::NoFrontMatter)
}

/// Parses YAML under budgets: few nodes, little nesting, hardly any aliases.
pub(super) fn parse(yaml: &str) -> Result<Value, CardError> {
    // `y` and `no` are names here, not truth values.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_nodes: 50_000, max_events: 200_000, max_aliases: 100, max_anchors: 100, max_depth: 32,
        },
    };
    if yaml.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let reason = error.to_string();
        CardError::Syntax { reason: reason.lines().next().unwrap_or_default().to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_and_text_are_told_apart() {
        assert_eq!(split("---\na: 1\n---\n\n# Text\n---\nmore").unwrap(), ("a: 1\n", "# Text\n---\nmore"));
        assert_eq!(split("\u{feff}---\r\na: 1\r\n---\r\n").unwrap(), ("a: 1\r\n", ""));
        for none in ["", "# only text", "---\na: 1\n", "--- a\n---\n"] {
            assert!(matches!(split(none), Err(CardError::NoFrontMatter)), "{none:?}");
        }
    }

    #[test]
    fn a_yaml_bomb_and_endless_nesting_are_refused_at_once() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(", ")));
        }
        let started = std::time::Instant::now();
        assert!(matches!(parse(&bomb), Err(CardError::Syntax { .. })));
        assert!(matches!(parse(&"[".repeat(100_000)), Err(CardError::Syntax { .. })));
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }

    #[test]
    fn fifty_megabytes_of_text_are_refused_without_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("README.md");
        std::fs::File::create(&path).unwrap().set_len(50 << 20).unwrap();
        assert!(matches!(read_bounded(&path), Err(CardError::TooLarge { .. })));
        assert!(matches!(split(&" ".repeat(2 << 20)), Err(CardError::TooLarge { .. })));
    }
}
