//! What a dataset card says.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// What a data set consists of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Rows and columns.
    #[default]
    Tabular,
    /// Pictures.
    Image,
    /// Words.
    Text,
    /// Sound.
    Audio,
    /// Values over time.
    TimeSeries,
    /// Nodes and edges.
    Graph,
    /// Anything else.
    Other,
}

/// What is usually predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum DatasetTask {
    Classification,
    Regression,
    Clustering,
    AnomalyDetection,
    Forecasting,
    Ranking,
    QuestionAnswering,
    Translation,
    Summarization,
    TextGeneration,
    TokenClassification,
    ObjectDetection,
    Segmentation,
    SpeechRecognition,
    Other,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureType {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// True or false.
    Boolean,
    /// One of few values.
    Category,
    /// Words.
    Text,
    /// Different in every row: no use for learning.
    Identifier,
    /// A day or a moment.
    Timestamp,
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A list of values.
    List,
    /// Numbers and words in one column.
    Mixed,
    /// No value at all.
    Empty,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub feature_type: FeatureType,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Share of rows without a value, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<f64>,
    /// Number of different values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// What is predicted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The column.
    pub column: String,
    /// Rows of each class.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub classes: IndexMap<String, u64>,
    /// Number of classes where they are too many to list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_count: Option<u64>,
}

impl Label {
    /// Number of classes, as far as it is known.
    pub fn class_count(&self) -> Option<u64> {
        self.class_count.or((!self.classes.is_empty()).then_some(self.classes.len() as u64))
    }

    /// Share of the rarest class, 0 to 1.
    pub fn rarest_share(&self) -> Option<f64> {
        let total: u64 = self.classes.values().sum();
        let least = *self.classes.values().min()?;
        #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^52")]
        (total > 0).then(|| least as f64 / total as f64)
    }
}

/// A part of the rows with a purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Such as train, validation or test.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A dataset card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetCard {
    /// Always [`super::CARD_VERSION`].
    pub version: String,
    /// Always `dataset`.
    pub kind: String,
    /// Unique name in lower case.
    pub name: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    /// Other names that descriptions use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it is, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Names or ends of paths of files that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What it consists of.
    pub modality: Modality,
    /// What is usually predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<DatasetTask>,
    /// Rows, images or documents altogether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether `rows` and shares are estimated from a sample.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sampled: bool,
    /// The columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<Feature>,
    /// What is predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<Split>,
    /// How predictions are usually judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
    /// Languages, by code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Under which terms it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where these facts come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Further marks of Hugging Face.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
