//! Rows of a csv file, also gzipped: all are counted, a sample of them is looked at.

use std::cell::Cell as Shared;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use super::super::CardError;
use super::column::{Cell, Column};
use super::report::{ProfileOptions, Table};

/// Most bytes of a row: more means a quote that is never closed.
pub(super) const LONGEST_ROW: usize = 16 << 20;
/// Bytes of the beginning that are looked at to find the delimiter and the length of rows.
const HEAD: usize = 64 << 10;
/// Most columns that are looked at.
pub(super) const MOST_COLUMNS: usize = 5_000;
/// How much smaller gzip makes a table, roughly.
const GZIP_FACTOR: u64 = 5;

/// Stops a row that never ends before it fills the memory.
struct Bounded<R> {
    inner: R,
    since_row: Rc<Shared<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let bytes = self.since_row.get() + count;
        self.since_row.set(bytes);
        if bytes > LONGEST_ROW {
            return Err(std::io::Error::other("a row has more than 16 MB; a quote may be missing its end"));
        }
        Ok(count)
    }
}

/// A file with its beginning.
pub(super) struct Opened {
    pub(super) head: Vec<u8>,
    pub(super) rest: Box<dyn Read>,
    /// Its bytes, unzipped: an estimate if it is zipped.
    pub(super) bytes: u64,
}

pub(super) fn open(path: &Path) -> Result<Opened, CardError> {
    let io = |source| CardError::Io { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut magic = [0; 2];
    let zipped = file.read(&mut magic).map_err(io)? == 2 && magic == [0x1f, 0x8b];
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut rest: Box<dyn Read> = if zipped {
        Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file)))
    } else {
        Box::new(file)
    };
    let mut head = Vec::new();
    rest.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
    let wrong = match () {
        () if head.is_empty() => "it is empty",
        () if head.contains(&0) => "it holds binary data",
        () => return Ok(Opened { head, rest, bytes: if zipped { size * GZIP_FACTOR } else { size } }),
    };
    Err(CardError::Table { path: path.to_path_buf(), reason: wrong.into() })
}

pub(super) fn read(path: &Path, opened: Opened, options: &ProfileOptions) -> Result<Table, CardError> {
    let table = |error: csv::Error| CardError::Table { path: path.to_path_buf(), reason: error.to_string() };
    let Opened { head, rest, bytes } = opened;
    let every = step(&head, bytes, options.sample_rows);
    let delimiter = delimiter(&head);
    let since_row = Rc::new(Shared::new(0));
    let whole = std::io::Cursor::new(head).chain(rest);
    let reader = Bounded { inner: whole, since_row: Rc::clone(&since_row) };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(reader);
    let headers = reader.byte_headers().map_err(table)?.clone();
    let mut warnings = Vec::new();
    let names = names(&headers, &mut warnings);
    let mut columns: Vec<Column> = names.iter().map(|name| Column::new(name)).collect();
    let (mut rows, mut ragged, mut odd_bytes) = (0u64, 0u64, 0u64);
    let mut record = csv::ByteRecord::new();
    loop {
        since_row.set(0);
        if !reader.read_byte_record(&mut record).map_err(table)? {
            break;
        }
        ragged += u64::from(record.len() != headers.len());
        if rows.is_multiple_of(every) {
            for (index, column) in columns.iter_mut().enumerate() {
                let text = String::from_utf8_lossy(record.get(index).unwrap_or_default());
                odd_bytes += u64::from(text.contains('\u{fffd}'));
                column.add(&Cell::Text(&text));
            }
        }
        rows += 1;
    }
    if ragged > 0 {
        warnings.push(format!("{ragged} rows have more or fewer cells than the header has columns"));
    }
    if odd_bytes > 0 {
        warnings.push(format!("{odd_bytes} cells are not UTF-8; convert the file if their text matters"));
    }
    Ok(Table { rows, sampled: every > 1, columns, warnings })
}

/// Every how many rows one is looked at.
pub(super) fn step(head: &[u8], bytes: u64, sample_rows: u64) -> u64 {
    let lines = head.split(|byte| *byte == b'\n').count().saturating_sub(1).max(1) as u64;
    let rows = bytes * lines / head.len() as u64;
    rows.div_ceil(sample_rows.max(1)).max(1)
}

/// The character that parts the cells of the first line.
fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.split(|byte| *byte == delimiter).count();
    b",;\t|".iter().copied().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn names(headers: &csv::ByteRecord, warnings: &mut Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (index, header) in headers.iter().take(MOST_COLUMNS).enumerate() {
        let mut name = String::from_utf8_lossy(header).trim_start_matches('\u{feff}').trim().to_owned();
        if name.is_empty() {
            name = format!("unnamed_{}", index + 1);
        }
        if names.contains(&name) {
            warnings.push(format!("the column {name:?} is there twice"));
            name = format!("{name}.{index}");
        }
        names.push(name);
    }
    if headers.len() > MOST_COLUMNS {
        warnings.push(format!("{} columns: only the first {MOST_COLUMNS} are looked at", headers.len()));
    }
    if names.len() > 1 && names.iter().all(|name| name.parse::<f64>().is_ok()) {
        warnings.push("the first line holds only numbers: the file seems to have no header line".into());
    }
    names
}
