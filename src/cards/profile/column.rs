//! What is learned of a column, value by value.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use super::super::FeatureType;

/// Different values that are counted one by one.
const MOST_COUNTED: usize = 1_000;
/// Different values that are told apart at all.
const MOST_DISTINCT: usize = 20_000;
/// Longest value that is counted, in bytes.
const LONGEST_VALUE: usize = 120;
/// Texts that mean that there is no value, as pandas reads them.
const MISSING: [&str; 14] =
    ["", "NA", "N/A", "#N/A", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None", "n/a", "<NA>", "#NA"];

/// A cell of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    /// No value.
    Missing,
    /// A text that may mean a number, a day or a truth value.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A day or a moment.
    Moment,
    /// A list or a structure.
    Nested,
}

/// A column, as far as it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Rows looked at.
    pub seen: u64,
    /// Those without a value.
    pub missing: u64,
    /// Those with a number.
    pub numbers: u64,
    /// Those with a whole number.
    pub whole: u64,
    /// Those with true or false.
    pub booleans: u64,
    /// Those with a day or a moment.
    pub moments: u64,
    /// Those with a list or a structure.
    pub nested: u64,
    /// Smallest number.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// A value that is no number.
    pub example: Option<String>,
    words: u64,
    #[serde(skip)]
    counts: HashMap<String, u64>,
    #[serde(skip)]
    counts_end: bool,
    #[serde(skip)]
    hashes: HashSet<u64>,
    #[serde(skip)]
    hashes_end: Option<u64>,
}

impl Column {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn add(&mut self, cell: &Cell<'_>) {
        self.seen += 1;
        match cell {
            Cell::Missing => self.missing += 1,
            Cell::Text(text) => self.text(text.trim()),
            #[expect(clippy::cast_precision_loss, reason = "only bounds and text are kept")]
            Cell::Integer(number) => {
                self.number(*number as f64);
                self.distinguish(&number.to_string());
            }
            Cell::Float(number) if number.is_nan() => self.missing += 1,
            Cell::Float(number) => {
                self.number(*number);
                self.distinguish(&number.to_string());
            }
            Cell::Boolean(value) => {
                self.booleans += 1;
                self.distinguish(if *value { "true" } else { "false" });
            }
            Cell::Moment => self.moments += 1,
            Cell::Nested => self.nested += 1,
        }
    }

    fn text(&mut self, text: &str) {
        if MISSING.contains(&text) {
            self.missing += 1;
            return;
        }
        self.distinguish(text);
        if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            self.number(number);
        } else if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            self.booleans += 1;
        } else {
            if is_moment(text) {
                self.moments += 1;
            }
            self.words += text.split_whitespace().count() as u64;
            self.example.get_or_insert_with(|| text.chars().take(40).collect());
        }
    }

    fn number(&mut self, number: f64) {
        self.numbers += 1;
        if number.fract() == 0.0 {
            self.whole += 1;
        }
        self.min = Some(self.min.map_or(number, |min| min.min(number)));
        self.max = Some(self.max.map_or(number, |max| max.max(number)));
    }

    fn distinguish(&mut self, value: &str) {
        if self.hashes_end.is_none() {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            self.hashes.insert(hasher.finish());
            if self.hashes.len() >= MOST_DISTINCT {
                self.hashes_end = Some(self.known());
            }
        }
        if self.counts_end || value.len() > LONGEST_VALUE {
            self.counts_end = true;
        } else if let Some(count) = self.counts.get_mut(value) {
            *count += 1;
        } else if self.counts.len() < MOST_COUNTED {
            self.counts.insert(value.to_owned(), 1);
        } else {
            self.counts_end = true;
        }
    }

    /// Rows with a value.
    pub fn known(&self) -> u64 {
        self.seen - self.missing
    }

    /// Different values among the rows looked at; a lower bound where they are very many.
    pub fn distinct(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// Whether [`Column::distinct`] is exact.
    pub fn distinct_is_exact(&self) -> bool {
        self.hashes_end.is_none()
    }

    /// Rows of each value, most frequent first; `None` if there are too many values.
    pub fn counts(&self) -> Option<Vec<(String, u64)>> {
        if self.counts_end {
            return None;
        }
        let mut counts: Vec<(String, u64)> =
            self.counts.iter().map(|(value, count)| (value.clone(), *count)).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Some(counts)
    }

    /// Share of rows without a value, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^52")]
    pub fn missing_share(&self) -> f64 {
        if self.seen == 0 { 0.0 } else { self.missing as f64 / self.seen as f64 }
    }

    /// What the column holds.
    pub fn feature_type(&self) -> FeatureType {
        let known = self.known();
        match () {
            () if known == 0 => FeatureType::Empty,
            () if self.nested > 0 => FeatureType::List,
            () if self.numbers == known && self.whole == known => {
                if self.is_unique() && has_name_of_identifier(&self.name) {
                    FeatureType::Identifier
                } else {
                    FeatureType::Integer
                }
            }
            () if self.numbers == known => FeatureType::Float,
            () if self.booleans == known => FeatureType::Boolean,
            () if self.moments == known => FeatureType::Timestamp,
            () if self.numbers > 0 => FeatureType::Mixed,
            () if self.words >= 3 * known && self.distinct() > 20 => FeatureType::Text,
            () if self.is_unique() && self.distinct() > 50 => FeatureType::Identifier,
            () => FeatureType::Category,
        }
    }

    /// Whether nearly every row has a value of its own.
    fn is_unique(&self) -> bool {
        let looked_at = self.hashes_end.unwrap_or_else(|| self.known());
        looked_at > 1 && self.distinct() * 20 >= looked_at * 19
    }
}

fn has_name_of_identifier(name: &str) -> bool {
    let name = name.to_lowercase();
    name.is_empty()
        || ["id", "index", "key", "uuid", "rownames", "row", "no"].contains(&name.as_str())
        || name.ends_with("_id")
        || name.ends_with(" id")
        || name.starts_with("unnamed")
}

/// A day as year, month and day, perhaps with a time.
fn is_moment(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let day = digits(0..4)
        && bytes.get(4).is_some_and(|c| b"-/".contains(c))
        && digits(5..7)
        && bytes.get(7) == bytes.get(4)
        && digits(8..10);
    day && bytes.get(10).is_none_or(|c| b" T".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, values: &[&str]) -> Column {
        let mut column = Column::new(name);
        for value in values {
            column.add(&Cell::Text(value));
        }
        column
    }

    #[test]
    fn types_are_told_apart() {
        let ids: Vec<String> = (0..100).map(|i| format!("C{i:05}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let numbers: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        for (name, values, expected) in [
            ("a", vec!["1", "2", "", "NA"], FeatureType::Integer),
            ("a", vec!["1.5", "2", "nan"], FeatureType::Float),
            ("a", vec!["true", "False", ""], FeatureType::Boolean),
            ("a", vec!["2024-01-02", "2024-01-03 10:00:00"], FeatureType::Timestamp),
            ("a", vec!["red", "blue", "red"], FeatureType::Category),
            ("a", vec!["1", "two", "3"], FeatureType::Mixed),
            ("a", vec!["", "NaN", "null"], FeatureType::Empty),
            ("a", ids, FeatureType::Identifier),
            ("customer_id", numbers.clone(), FeatureType::Identifier),
            ("amount", numbers, FeatureType::Integer),
        ] {
            assert_eq!(column(name, &values).feature_type(), expected, "{values:?}");
        }
    }

    #[test]
    fn memory_stays_bounded_whatever_comes() {
        let mut column = Column::new("a");
        for row in 0..100_000 {
            column.add(&Cell::Text(&format!("value {row}")));
        }
        assert!(column.counts.len() <= MOST_COUNTED && column.hashes.len() <= MOST_DISTINCT);
        assert!(column.counts().is_none() && !column.distinct_is_exact());
        assert_eq!(column.feature_type(), FeatureType::Identifier);
    }
}
