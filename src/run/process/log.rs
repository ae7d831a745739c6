//! The log of a step: its beginning and its end, without secrets.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of the end that are always kept.
const TAIL: usize = 64 << 10;
/// What stands for a secret.
const MASK: &str = "***";

/// Takes what a process prints. The file is made when there is something to write.
#[derive(Debug)]
pub(in crate::run) struct Log {
    path: PathBuf,
    append: bool,
    file: Option<File>,
    /// Bytes that may still be written before only the end counts.
    room: u64,
    left_out: u64,
    tail: Vec<u8>,
    out: Stream,
    err: Stream,
    masks: Vec<String>,
    longest: usize,
}

#[derive(Debug, Default)]
struct Stream {
    /// What may be the beginning of a secret.
    held: Vec<u8>,
    /// The end of what was printed.
    last: Vec<u8>,
    /// All of it, as long as it is short.
    whole: Option<Vec<u8>>,
}

impl Log {
    pub(in crate::run) fn new(path: PathBuf, append: bool, limit: u64, mut masks: Vec<String>) -> Self {
        masks.retain(|mask| mask.len() >= 4);
        masks.sort_by_key(|mask| std::cmp::Reverse(mask.len()));
        let longest = masks.first().map_or(0, String::len);
        let out = Stream { whole: Some(Vec::new()), ..Stream::default() };
        Self {
            path,
            append,
            file: None,
            room: limit,
            left_out: 0,
            tail: Vec::new(),
            out,
            err: Stream::default(),
            masks,
            longest,
        }
    }

    pub(super) fn stdout(&mut self, bytes: &[u8]) -> io::Result<()> {
        let clean = cleaned(&mut self.out.held, bytes, &self.masks, self.longest, false);
        self.out.keep(&clean);
        self.write(&clean)
    }

    pub(super) fn stderr(&mut self, bytes: &[u8]) -> io::Result<()> {
        let clean = cleaned(&mut self.err.held, bytes, &self.masks, self.longest, false);
        self.write(&clean)
    }

    /// Writes what was held back and, if something was left out, the end.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let rest = cleaned(&mut self.out.held, b"", &self.masks, self.longest, true);
        self.out.keep(&rest);
        self.write(&rest)?;
        let rest = cleaned(&mut self.err.held, b"", &self.masks, self.longest, true);
        self.write(&rest)?;
        if let Some(file) = self.file.as_mut().filter(|_| self.left_out > 0) {
            let hidden = self.left_out.saturating_sub(self.tail.len() as u64);
            write!(file, "\n… {hidden} bytes left out …\n")?;
            file.write_all(&self.tail)?;
        }
        self.file = None;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(opened(&self.path, self.append)?);
        }
        let fitting = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        if let Some(file) = &mut self.file {
            file.write_all(&bytes[..fitting])?;
        }
        self.room -= fitting as u64;
        let rest = &bytes[fitting..];
        self.left_out += rest.len() as u64;
        if self.left_out == rest.len() as u64 && !rest.is_empty() {
            self.tail.clear();
        }
        let newest = if self.left_out > 0 { rest } else { bytes };
        self.tail.extend_from_slice(newest);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        Ok(())
    }

    /// The last line of standard output; all of it if it is one JSON value.
    pub(in crate::run) fn result(&self) -> String {
        if let Some(whole) = &self.out.whole
            && let Ok(text) = std::str::from_utf8(whole)
            && text.trim_start().starts_with(['[', '{'])
            && serde_json::from_str::<serde_json::Value>(text.trim()).is_ok()
        {
            return text.trim().to_owned();
        }
        let text = String::from_utf8_lossy(&self.out.last);
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
    }

    /// The last lines of the log, for messages.
    pub(in crate::run) fn end(&self, lines: usize) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        let mut last: Vec<&str> =
            text.lines().rev().filter(|line| !line.trim().is_empty()).take(lines).collect();
        last.reverse();
        last.join("\n")
    }
}

impl Stream {
    fn keep(&mut self, bytes: &[u8]) {
        if let Some(whole) = &mut self.whole {
            whole.extend_from_slice(bytes);
            if whole.len() > 4 * TAIL {
                self.whole = None;
            }
        }
        self.last.extend_from_slice(bytes);
        if self.last.len() > 2 * TAIL {
            self.last.drain(..self.last.len() - TAIL);
        }
    }
}

fn opened(path: &Path, append: bool) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file =
        if append { File::options().append(true).create(true).open(path)? } else { File::create(path)? };
    if append && file.metadata()?.len() > 0 {
        writeln!(file, "--- again")?;
    }
    Ok(file)
}

/// Replaces secrets. What could be the beginning of one is held back until more is known.
fn cleaned(held: &mut Vec<u8>, bytes: &[u8], masks: &[String], longest: usize, last: bool) -> Vec<u8> {
    if masks.is_empty() {
        return bytes.to_vec();
    }
    held.extend_from_slice(bytes);
    let mut clean = Vec::with_capacity(held.len());
    let mut at = 0;
    while at < held.len() && (last || held.len() - at >= longest) {
        match masks.iter().find(|mask| held[at..].starts_with(mask.as_bytes())) {
            Some(mask) => {
                clean.extend_from_slice(MASK.as_bytes());
                at += mask.len();
            }
            None => {
                clean.push(held[at]);
                at += 1;
            }
        }
    }
    held.drain(..at);
    clean
}

/// A text without secrets.
pub(in crate::run) fn masked(text: &str, masks: &[String]) -> String {
    masks.iter().filter(|mask| mask.len() >= 4).fold(text.to_owned(), |text, mask| text.replace(mask, MASK))
}
