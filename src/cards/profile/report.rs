//! The profile of a table.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;

use super::super::{CardError, DatasetTask, FeatureType};
use super::column::Column;
use super::json_rows::Form;
use super::{csv_rows, json_rows, label, parquet_rows};

/// Classes that are listed with their rows.
const MOST_CLASSES: usize = 100;
/// Share of rows below which a class is called rare.
const RARE: f64 = 0.02;

/// How a file is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileOptions {
    /// The column to predict; guessed if absent.
    pub label: Option<String>,
    /// Rows that are looked at most; all are counted.
    pub sample_rows: u64,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self { label: None, sample_rows: 100_000 }
    }
}

/// Rows as they were read.
pub(super) struct Table {
    pub(super) rows: u64,
    pub(super) sampled: bool,
    pub(super) columns: Vec<Column>,
    pub(super) warnings: Vec<String>,
}

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Its rows: counted, not estimated.
    pub rows: u64,
    /// Whether only a sample of the rows was looked at.
    pub sampled: bool,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The column to predict.
    pub label: Option<String>,
    /// Whether that was guessed.
    pub label_guessed: bool,
    /// What to do with it.
    pub task: Option<DatasetTask>,
    /// Rows of each class, scaled to all rows, most frequent first.
    pub classes: IndexMap<String, u64>,
    /// What to beware of.
    pub warnings: Vec<String>,
}

impl Profile {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Columns that a model could learn from.
    pub fn features(&self) -> usize {
        let of_use = |column: &&Column| {
            Some(&column.name) != self.label.as_ref()
                && !matches!(
                    column.feature_type(),
                    FeatureType::Identifier | FeatureType::Empty | FeatureType::List
                )
        };
        self.columns.iter().filter(of_use).count()
    }
}

/// Looks at a csv file or JSON lines (both also gzipped), or at a parquet file.
///
/// # Errors
/// The file cannot be read or is no table, or the label is none of its columns.
pub fn profile_file(path: &Path, options: &ProfileOptions) -> Result<Profile, CardError> {
    let io = |source| CardError::Io { path: path.to_path_buf(), source };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        let reason = "it is a folder; name one of its files".to_owned();
        return Err(CardError::Table { path: path.to_path_buf(), reason });
    }
    let table = if is_parquet(path).map_err(io)? {
        parquet_rows::read(path, options)?
    } else {
        let opened = csv_rows::open(path)?;
        match json_rows::form(&opened.head) {
            Form::Lines => json_rows::read(path, opened, options)?,
            Form::Document => {
                let reason = "it is one JSON document, not one object a line".to_owned();
                return Err(CardError::Table { path: path.to_path_buf(), reason });
            }
            Form::Other => csv_rows::read(path, opened, options)?,
        }
    };
    let mut profile = Profile {
        path: path.to_path_buf(),
        bytes: metadata.len(),
        rows: table.rows,
        sampled: table.sampled,
        columns: table.columns,
        label: None,
        label_guessed: options.label.is_none(),
        task: None,
        classes: IndexMap::new(),
        warnings: table.warnings,
    };
    if profile.rows == 0 {
        profile.warnings.push("the table has no rows".into());
    }
    warn_of_columns(&mut profile);
    choose_label(&mut profile, options)?;
    Ok(profile)
}

fn is_parquet(path: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut magic = Vec::new();
    std::fs::File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == b"PAR1")
}

fn warn_of_columns(profile: &mut Profile) {
    let named = |wanted: &dyn Fn(&Column) -> bool| {
        let names = profile.columns.iter().filter(|column| wanted(column)).map(|column| column.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let empty = named(&|column| column.feature_type() == FeatureType::Empty);
    let constant = named(&|column| column.distinct() == 1 && column.missing == 0 && column.seen > 1);
    let mut warnings = Vec::new();
    for column in profile.columns.iter().filter(|column| column.feature_type() == FeatureType::Mixed) {
        let others = column.known() - column.numbers;
        warnings.push(format!(
            "column {:?} mixes {} numbers with {others} other values, such as {:?}",
            column.name,
            column.numbers,
            column.example.as_deref().unwrap_or_default()
        ));
    }
    if !empty.is_empty() && profile.rows > 0 {
        warnings.push(format!("columns without any value: {empty}"));
    }
    if !constant.is_empty() {
        warnings.push(format!("columns with a single value, no help to a model: {constant}"));
    }
    profile.warnings.extend(warnings);
}

fn choose_label(profile: &mut Profile, options: &ProfileOptions) -> Result<(), CardError> {
    let position = match &options.label {
        Some(name) => {
            let found = profile.columns.iter().position(|column| column.name == *name);
            Some(found.ok_or_else(|| CardError::NoColumn {
                column: name.clone(),
                columns: profile.columns.iter().take(60).map(|column| column.name.clone()).collect(),
            })?)
        }
        None => label::guess(&profile.columns),
    };
    let Some(column) = position.map(|position| &profile.columns[position]) else {
        profile.warnings.push("no column looks like one to predict; name it with --label".into());
        return Ok(());
    };
    let task = label::task(column);
    profile.label = Some(column.name.clone());
    profile.task = Some(task);
    let name = &column.name;
    if column.missing > 0 && column.known() > 0 {
        let share = column.missing_share() * 100.0;
        profile.warnings.push(format!("{share:.1} % of the rows have no value for {name:?}"));
    }
    if column.known() == 0 {
        profile.warnings.push(format!("the label {name:?} has no value at all: nothing can be learned"));
    } else if column.distinct() == 1 && profile.sampled {
        profile
            .warnings
            .push(format!("the label {name:?} has the same value in all rows that were looked at"));
    } else if column.distinct() == 1 {
        profile.warnings.push(format!(
            "the label {name:?} has the same value in every row: nothing can be learned; choose another with --label"
        ));
    }
    if task == DatasetTask::Classification {
        classes(profile);
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are positive and far below 2^52"
)]
fn classes(profile: &mut Profile) {
    let Some(column) = profile.label.as_deref().and_then(|name| profile.column(name)) else { return };
    let (name, seen, known) = (column.name.clone(), column.seen.max(1) as f64, column.known() as f64);
    let Some(counts) = column.counts() else {
        let text = format!("the label {name:?} has {} or more classes", column.distinct());
        profile.warnings.push(text);
        return;
    };
    let scale = if profile.sampled { profile.rows as f64 / seen } else { 1.0 };
    let rare: Vec<&str> = counts
        .iter()
        .filter(|(_, count)| (*count as f64) < RARE * known)
        .map(|(value, _)| value.as_str())
        .take(5)
        .collect();
    if !rare.is_empty() {
        profile.warnings.push(format!(
            "classes of {name:?} with fewer than 2 % of the rows: {}; accuracy will not show them",
            rare.join(", ")
        ));
    }
    profile.classes = counts
        .iter()
        .take(MOST_CLASSES)
        .map(|(value, count)| (value.clone(), (*count as f64 * scale).floor() as u64))
        .collect();
}

#[cfg(test)]
mod tests {
    use super::super::card_of_profile;
    use super::*;
    use crate::cards::{Card, check_card};

    fn of(text: &str, label: Option<&str>) -> Result<Profile, CardError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        profile_file(&path, &ProfileOptions { label: label.map(str::to_owned), ..ProfileOptions::default() })
    }

    fn repository(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    #[test]
    fn real_tables_get_a_card_without_faults() {
        for (file, rows, label, task) in [
            ("iris.csv", 150, "species", DatasetTask::Classification),
            ("churn.csv", 1230, "churn", DatasetTask::Classification),
            ("houses.csv", 800, "price", DatasetTask::Regression),
            ("sales.parquet", 1500, "revenue", DatasetTask::Regression),
            ("reviews.csv", 600, "label", DatasetTask::Classification),
            ("sensors.jsonl", 900, "faulty", DatasetTask::Classification),
        ] {
            let path = repository("eval/data").join(file);
            let profile = profile_file(&path, &ProfileOptions::default()).unwrap();
            assert_eq!(
                (profile.rows, profile.label.as_deref(), profile.task),
                (rows, Some(label), Some(task)),
                "{file}"
            );
            let card = card_of_profile(&profile, "mine");
            assert_eq!(check_card(&Card::Dataset(Box::new(card))), Vec::<String>::new(), "{file}");
        }
        let churn = profile_file(&repository("eval/data/churn.csv"), &ProfileOptions::default()).unwrap();
        assert_eq!(churn.column("customer_id").unwrap().feature_type(), FeatureType::Identifier);
        assert_eq!(churn.classes.values().sum::<u64>(), 1230);
        assert_eq!(churn.features(), 7);
    }

    #[test]
    fn a_label_that_does_not_exist_is_an_error_with_the_columns() {
        let error = of("a,b\n1,2\n", Some("c")).unwrap_err();
        assert!(matches!(&error, CardError::NoColumn { columns, .. } if *columns == ["a", "b"]), "{error}");
    }

    #[test]
    fn one_class_empty_and_mixed_columns_are_warned_of() {
        let profile = of("a,b,c,y\n1,,x,no\ntwo,NA,x,no\n3,,x,no\n", Some("y")).unwrap();
        let all = profile.warnings.join("\n");
        for expected in [
            "same value in every row",
            "without any value: b",
            "\"a\" mixes 2 numbers with 1 other",
            "\"two\"",
            "single value",
        ] {
            assert!(all.contains(expected), "{expected}: {all}");
        }
        let card = card_of_profile(&profile, "x");
        assert_eq!(check_card(&Card::Dataset(Box::new(card))).len(), 0);
    }

    #[test]
    fn odd_files_are_errors_or_warnings_but_never_a_crash() {
        assert!(of("", None).unwrap_err().to_string().contains("it is empty"));
        assert!(of("\0\0\0\0", None).unwrap_err().to_string().contains("binary"));
        assert!(of("PAR1 and then nothing", None).is_err());
        assert!(of("1,2,3\n4,5,6\n", None).unwrap().warnings.join(" ").contains("no header line"));
        assert!(of("a,a\n1,2\n1\n", None).unwrap().warnings.join(" ").contains("is there twice"));
        assert!(of("a,b\n", None).unwrap().warnings.join(" ").contains("no rows"));
        assert_eq!(of("a;b;c\n1;2;x\n2;3;y\n", None).unwrap().columns.len(), 3);
        let endless = format!("a,b\n1,\"{}\n", "x".repeat(20 << 20));
        assert!(of(&endless, None).unwrap_err().to_string().contains("quote"));
    }

    #[test]
    fn a_big_file_is_sampled_but_counted() {
        let mut text = "n,kind,y\n".to_owned();
        for row in 0..30_000 {
            text.push_str(&format!("{row},{},{}\n", ["a", "b", "c"][row % 3], row % 7 % 2));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.csv");
        std::fs::write(&path, text).unwrap();
        let profile = profile_file(&path, &ProfileOptions { label: None, sample_rows: 1_000 }).unwrap();
        assert!(profile.sampled && profile.rows == 30_000);
        assert!(profile.columns[0].seen <= 1_100, "{}", profile.columns[0].seen);
        let total: u64 = profile.classes.values().sum();
        assert!((29_000..=30_000).contains(&total), "{total}");
    }
}
