//! Lines with checksums: the form of everything that is only ever appended to.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Digits of the checksum in front of every line.
const DIGITS: usize = 16;

/// Appends one record.
pub(super) fn write(record: &impl Serialize, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend_from_slice(&[b' '; DIGITS + 1]);
    serde_json::to_writer(&mut *bytes, record)
        .expect("records hold only what JSON can hold, and memory can be written to");
    let sum = blake3::hash(&bytes[start + DIGITS + 1..]).to_hex();
    bytes[start..start + DIGITS].copy_from_slice(&sum.as_bytes()[..DIGITS]);
    bytes.push(b'\n');
}

/// What could be read.
#[derive(Debug)]
pub(super) struct Recovered<R> {
    /// The records in their order.
    pub(super) records: Vec<R>,
    /// Bytes up to the end of the last whole line before any damage.
    pub(super) sound: usize,
    /// Lines that are damaged or torn.
    pub(super) damaged: usize,
}

/// Reads records; a torn last line and damaged lines are left out.
pub(super) fn read<R: DeserializeOwned>(bytes: &[u8]) -> Recovered<R> {
    let mut found = Recovered { records: Vec::new(), sound: 0, damaged: 0 };
    let mut rest = bytes;
    while !rest.is_empty() {
        let (line, whole) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&rest[..end], true),
            None => (rest, false),
        };
        rest = &rest[line.len() + usize::from(whole)..];
        match whole.then(|| parse(line)).flatten() {
            Some(record) => found.records.push(record),
            None => found.damaged += 1,
        }
        if found.damaged == 0 {
            found.sound = bytes.len() - rest.len();
        }
    }
    found
}

fn parse<R: DeserializeOwned>(line: &[u8]) -> Option<R> {
    let (sum, text) = (line.get(..DIGITS)?, line.get(DIGITS + 1..)?);
    let right = blake3::hash(text).to_hex();
    (line[DIGITS] == b' ' && sum == &right.as_bytes()[..DIGITS])
        .then(|| serde_json::from_slice(text).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_tail_is_left_out_at_every_length() {
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for record in ["first", "second with \n inside", "third"] {
            write(&record, &mut bytes);
            ends.push(bytes.len());
        }
        for length in 0..=bytes.len() {
            let found = read::<String>(&bytes[..length]);
            let whole = ends.iter().filter(|end| **end <= length).count() - 1;
            assert_eq!((found.records.len(), found.sound), (whole, ends[whole]), "{length}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut bytes = Vec::new();
        write(&"first", &mut bytes);
        write(&"second", &mut bytes);
        for index in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[index] ^= 1;
            let found = read::<String>(&broken);
            assert!(found.damaged > 0 && found.records.len() < 2, "byte {index}");
        }
    }

    proptest::proptest! {
        /// Whatever lies in a journal is read without a panic, and what was sound before the damage stays.
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), at in 0usize..200) {
            use crate::run::journal::Record;
            let mut sound = Vec::new();
            for step in ["a", "b"] {
                write(&Record::Skipped { step: step.into() }, &mut sound);
            }
            proptest::prop_assert!(read::<Record>(&bytes).sound <= bytes.len());
            let mut behind = sound.clone();
            behind.extend_from_slice(&bytes);
            proptest::prop_assert!(read::<Record>(&behind).records.len() >= 2);
            let mut inside = sound.clone();
            inside.splice(at.min(sound.len())..at.min(sound.len()), bytes.iter().copied());
            let found = read::<Record>(&inside);
            proptest::prop_assert!(found.sound <= inside.len() && found.records.len() <= 3);
            let text = String::from_utf8_lossy(&inside);
            let _ = serde_json::from_str::<crate::run::RunManifest>(&text);
        }
    }
}
