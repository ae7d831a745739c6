//! Logs of runs: one JSON object per line, the header first. A line is written at once, so a killed run loses at
//! most the samples in flight.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{LOG_VERSION, RunHeader, Sample};

/// A log that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is none of a log.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The log belongs to a run with other settings.
    #[error("{path} holds a run with another {what}: {found} instead of {wanted}")]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the log says.
        found: String,
        /// What this run has.
        wanted: String,
    },
}

/// A finished or unfinished run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLog {
    /// What it was made with.
    pub header: RunHeader,
    /// Its samples, in the order of their ends.
    pub samples: Vec<Sample>,
}

impl RunLog {
    /// Reads a log. A last line without its end is what a kill leaves behind; it is left out.
    ///
    /// # Errors
    /// [`LogError`] with file and line.
    pub fn read(path: &Path) -> Result<Self, LogError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| LogError::Io { path: path.to_path_buf(), source })?;
        let wrong = |line: usize, reason: String| LogError::Line { path: path.to_path_buf(), line, reason };
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = complete.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, first) = lines.next().ok_or_else(|| wrong(1, "the log is empty".into()))?;
        let header: RunHeader =
            serde_json::from_str(first).map_err(|error| wrong(1, format!("no header of a run: {error}")))?;
        if header.version != LOG_VERSION {
            return Err(wrong(1, format!("its version is {:?}, known is {LOG_VERSION}", header.version)));
        }
        let samples = lines
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|error| wrong(index + 1, format!("no sample: {error}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { header, samples })
    }
}

/// Appends samples to a log.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: File,
    finished: HashSet<(String, u32)>,
}

impl LogWriter {
    /// Opens a log to go on with, or begins one. Samples that failed for reasons of infrastructure are not finished.
    ///
    /// # Errors
    /// [`LogError::Other`] if the log there belongs to a run with other settings.
    pub fn open(path: &Path, header: &RunHeader) -> Result<(Self, Vec<Sample>), LogError> {
        let io = |source| LogError::Io { path: path.to_path_buf(), source };
        let known = match std::fs::metadata(path) {
            Ok(metadata) if metadata.len() > 0 => Some(RunLog::read(path)?),
            _ => None,
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let samples = match known {
            None => Vec::new(),
            Some(log) => {
                same_run(path, &log.header, header)?;
                log.samples.into_iter().filter(Sample::counts).collect()
            }
        };
        // Written anew without what a kill left half-written and without failed infrastructure.
        let partial = path.with_extension("jsonl.part");
        let mut file = File::create(&partial).map_err(io)?;
        let mut text = line(header);
        for sample in &samples {
            text.push_str(&line(sample));
        }
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        std::fs::rename(&partial, path).map_err(io)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        let finished = samples.iter().map(|sample| (sample.case.clone(), sample.sample)).collect();
        Ok((Self { path: path.to_path_buf(), file, finished }, samples))
    }

    /// The samples that were there already: case and repeat.
    pub fn finished(&self) -> HashSet<(String, u32)> {
        self.finished.clone()
    }

    /// Appends a sample.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, sample: &Sample) -> Result<(), LogError> {
        self.file
            .write_all(line(sample).as_bytes())
            .map_err(|source| LogError::Io { path: self.path.clone(), source })
    }
}

fn line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("headers and samples have a form in JSON") + "\n"
}

/// The day does not matter: a run may go on the day after.
fn same_run(path: &Path, found: &RunHeader, wanted: &RunHeader) -> Result<(), LogError> {
    let as_text = |header: &RunHeader| {
        [
            (
                "suite",
                format!("{} ({})", header.suite, &header.suite_digest[..12.min(header.suite_digest.len())]),
            ),
            ("model", header.model.clone()),
            ("mode", format!("{:?}", header.mode)),
            ("temperature", header.temperature.to_string()),
            ("set of switches", format!("{:?}", header.without)),
            ("method (prompts, components)", header.method.chars().take(12).collect()),
        ]
    };
    for ((what, found), (_, wanted)) in as_text(found).into_iter().zip(as_text(wanted)) {
        if found != wanted {
            return Err(LogError::Other { path: path.to_path_buf(), what, found, wanted });
        }
    }
    Ok(())
}
