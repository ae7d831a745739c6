//! The log of a step: its beginning and its end, without secrets.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::run::folder::Folder;
use crate::run::masks::Masks;

/// Bytes of the end that are always kept.
const TAIL: usize = 64 << 10;
/// The name of every log.
const NAME: &str = "log.txt";

/// Takes what a process prints. The file is made when there is something to write.
#[derive(Debug)]
pub(in crate::run) struct Log {
    run: Arc<Folder>,
    /// The step's folder inside that of the run.
    place: PathBuf,
    append: bool,
    file: Option<File>,
    /// Bytes that may still be written before only the end counts.
    room: u64,
    left_out: u64,
    tail: Vec<u8>,
    out: Stream,
    err: Stream,
    masks: Masks,
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
    /// Most bytes of a result, as on Argo.
    pub(in crate::run) const LONGEST_RESULT: usize = 256 << 10;

    /// The log of a step whose folder is at `place` inside that of the run.
    pub(in crate::run) fn new(
        run: Arc<Folder>,
        place: PathBuf,
        append: bool,
        limit: u64,
        masks: Masks,
    ) -> Self {
        let out = Stream { whole: Some(Vec::new()), ..Stream::default() };
        Self {
            run,
            place,
            append,
            file: None,
            room: limit,
            left_out: 0,
            tail: Vec::new(),
            out,
            err: Stream::default(),
            masks,
        }
    }

    pub(super) fn stdout(&mut self, bytes: &[u8]) -> io::Result<()> {
        let clean = self.masks.clean_piece(&mut self.out.held, bytes, false);
        self.out.keep(&clean);
        self.write(&clean)
    }

    pub(super) fn stderr(&mut self, bytes: &[u8]) -> io::Result<()> {
        let clean = self.masks.clean_piece(&mut self.err.held, bytes, false);
        self.write(&clean)
    }

    /// Writes what was held back and, if something was left out, the end.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let rest = self.masks.clean_piece(&mut self.out.held, b"", true);
        self.out.keep(&rest);
        self.write(&rest)?;
        let rest = self.masks.clean_piece(&mut self.err.held, b"", true);
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
            let folder = self.run.descend(&self.place)?;
            self.file = Some(if self.append { continued(&folder)? } else { folder.create(NAME)? });
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

    /// All of standard output without the line breaks at its end, as `$(…)` of a shell has it; `None` if it is longer
    /// than a result may be.
    pub(in crate::run) fn result(&self) -> Option<String> {
        let whole = String::from_utf8_lossy(self.out.whole.as_deref()?);
        Some(whole.trim_end_matches('\n').to_owned())
    }

    /// The last line of standard output that is not empty.
    pub(in crate::run) fn last_line(&self) -> String {
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
            if whole.len() > Log::LONGEST_RESULT {
                self.whole = None;
            }
        }
        self.last.extend_from_slice(bytes);
        if self.last.len() > 2 * TAIL {
            self.last.drain(..self.last.len() - TAIL);
        }
    }
}

fn continued(folder: &Folder) -> io::Result<File> {
    let mut file = folder.append(NAME)?;
    if file.metadata()?.len() > 0 {
        writeln!(file, "--- again")?;
    }
    Ok(file)
}
