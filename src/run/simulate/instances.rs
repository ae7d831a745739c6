//! Real workflows from a file with one JSON object per line, gzipped or not.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Subject;
use crate::run::policy::Graph;

#[derive(Deserialize)]
struct Line {
    name: String,
    app: String,
    children: Vec<Vec<usize>>,
    seconds: Vec<f64>,
    output_bytes: Vec<f64>,
}

/// A file of workflows that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// The file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line.
    #[error(
        "{path}, line {line}: {reason}; a line is an object with name, app, children, seconds and output_bytes, \
         lists of the same length"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Reads the workflows of a file.
///
/// # Errors
/// [`InstanceError`].
pub fn read_instances(path: &Path) -> Result<Vec<Subject>, InstanceError> {
    let io = |source| InstanceError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(std::fs::File::open(path).map_err(io)?);
    let zipped = reader.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn Read> =
        if zipped { Box::new(flate2::read::MultiGzDecoder::new(reader)) } else { Box::new(reader) };
    let mut subjects = Vec::new();
    for (index, text) in BufReader::new(reader).lines().enumerate() {
        let text = text.map_err(io)?;
        if text.trim().is_empty() {
            continue;
        }
        subjects.push(subject(&text).map_err(|reason| InstanceError::Line {
            path: path.to_owned(),
            line: index + 1,
            reason,
        })?);
    }
    Ok(subjects)
}

fn subject(text: &str) -> Result<Subject, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let steps = line.children.len();
    if line.seconds.len() != steps || line.output_bytes.len() != steps {
        return Err("the lists differ in length".into());
    }
    if line.children.iter().flatten().any(|child| *child >= steps) {
        return Err("a child is no step".into());
    }
    let least = |values: Vec<f64>, least: f64| values.into_iter().map(|value| value.max(least)).collect();
    let graph = Graph::new(line.children, least(line.seconds, 0.01), least(line.output_bytes, 1e3));
    if graph.order.len() != steps {
        return Err("the steps wait for each other in a cycle".into());
    }
    Ok(Subject { name: line.name, kind: line.app, graph })
}
