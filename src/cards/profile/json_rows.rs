//! Rows of JSON lines, also gzipped: an object a line. All are counted, a sample of them is looked at.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use serde_json::{Map, Value};

use super::super::CardError;
use super::column::{Cell, Column};
use super::csv_rows::{LONGEST_ROW, MOST_COLUMNS, Opened, step};
use super::report::{ProfileOptions, Table};

/// Columns in the order in which they were met.
#[derive(Default)]
struct Columns {
    all: Vec<Column>,
    position: HashMap<String, usize>,
    seen: u64,
    left_out: bool,
}

impl Columns {
    fn add(&mut self, row: &Map<String, Value>) {
        for name in row.keys().filter(|name| !self.position.contains_key(*name)).cloned().collect::<Vec<_>>()
        {
            if self.all.len() == MOST_COLUMNS {
                self.left_out = true;
                break;
            }
            let mut column = Column::new(&name);
            // The rows so far had no such key.
            (0..self.seen).for_each(|_| column.add(&Cell::Missing));
            self.position.insert(name, self.all.len());
            self.all.push(column);
        }
        let mut cells: Vec<Cell<'_>> = self.all.iter().map(|_| Cell::Missing).collect();
        for (name, value) in row {
            if let Some(index) = self.position.get(name) {
                cells[*index] = cell(value);
            }
        }
        for (column, cell) in self.all.iter_mut().zip(&cells) {
            column.add(cell);
        }
        self.seen += 1;
    }
}

/// What a text file begins like.
pub(super) enum Form {
    /// Its first line is a JSON object.
    Lines,
    /// One JSON array or object over several lines.
    Document,
    /// No JSON.
    Other,
}

/// The form of a file by its first bytes.
pub(super) fn form(head: &[u8]) -> Form {
    let text = unmarked(head).trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    if serde_json::from_slice::<Map<String, Value>>(line).is_ok() {
        Form::Lines
    } else if line.starts_with(b"[{") || line == b"[" || line == b"{" {
        Form::Document
    } else {
        Form::Other
    }
}

/// Text without the mark of its byte order.
fn unmarked(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

pub(super) fn read(path: &Path, opened: Opened, options: &ProfileOptions) -> Result<Table, CardError> {
    let wrong = |reason: String| CardError::Table { path: path.to_path_buf(), reason };
    let Opened { head, rest, bytes } = opened;
    let every = step(&head, bytes, options.sample_rows);
    let mut reader = BufReader::new(Cursor::new(head).chain(rest));
    let (mut columns, mut rows, mut odd) = (Columns::default(), 0u64, 0u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST_ROW as u64).read_until(b'\n', &mut line);
        if read.map_err(|source| CardError::Io { path: path.to_path_buf(), source })? == 0 {
            break;
        }
        if line.len() == LONGEST_ROW {
            return Err(wrong("a line has more than 16 MB".into()));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if rows.is_multiple_of(every) {
            match serde_json::from_slice::<Map<String, Value>>(unmarked(&line)) {
                Ok(row) => columns.add(&row),
                Err(_) => odd += 1,
            }
        }
        rows += 1;
    }
    let mut warnings = Vec::new();
    if odd > 0 {
        warnings.push(format!("{odd} of the lines looked at are no JSON objects"));
    }
    if columns.left_out {
        warnings.push(format!("only the first {MOST_COLUMNS} columns are looked at"));
    }
    Ok(Table { rows, sampled: every > 1, columns: columns.all, warnings })
}

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Missing,
        Value::Bool(value) => Cell::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Cell::Integer(value),
            None => Cell::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cell::Text(text),
        Value::Array(_) | Value::Object(_) => Cell::Nested,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::profile_file;

    #[test]
    fn json_lines_are_no_csv() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let text = "{\"id\": 1, \"faulty\": false}\n\n{\"id\": 2.5, \"faulty\": true, \"note\": \"late\"}\nnot json\n{\"id\": null, \"faulty\": true}\n";
        std::fs::write(&path, text).unwrap();
        let profile = profile_file(&path, &ProfileOptions::default()).unwrap();
        let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((profile.rows, names), (4, vec!["id", "faulty", "note"]));
        assert!(profile.warnings.iter().any(|warning| warning.contains("no JSON objects")));
        let missing = |name: &str| profile.column(name).unwrap().missing;
        assert_eq!((missing("id"), missing("faulty"), missing("note")), (1, 0, 2));
        std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
        assert_eq!(profile_file(&path, &ProfileOptions::default()).unwrap().columns.len(), 3);
        for document in ["[{\"a\": 1}, {\"a\": 2}]", "\n[\n {\"a\": 1}\n]\n", "{\n \"a\": [1, 2]\n}\n"] {
            std::fs::write(&path, document).unwrap();
            let error = profile_file(&path, &ProfileOptions::default()).unwrap_err().to_string();
            assert!(error.contains("one JSON document"), "{error}");
        }
    }
}
