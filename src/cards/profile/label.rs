//! Which column is probably to be predicted, and how.

use super::super::{DatasetTask, FeatureType};
use super::column::Column;

/// Names of columns that are usually the answer.
const NAMES: [&str; 16] = [
    "target",
    "label",
    "class",
    "outcome",
    "y",
    "churn",
    "species",
    "price",
    "default",
    "response",
    "survived",
    "sentiment",
    "category",
    "diagnosis",
    "quality",
    "fraud",
];

/// The column that is probably to be predicted: one with a usual name, else the last one that could be.
pub(super) fn guess(columns: &[Column]) -> Option<usize> {
    let could = |column: &Column| {
        use FeatureType::{Boolean, Category, Float, Integer};
        matches!(column.feature_type(), Boolean | Category | Float | Integer) && column.distinct() > 1
    };
    NAMES
        .iter()
        .find_map(|name| {
            columns.iter().position(|column| column.name.eq_ignore_ascii_case(name) && could(column))
        })
        .or_else(|| columns.iter().rposition(could))
}

/// What a label of this kind asks for; the rule by which the training components decide too.
pub(super) fn task(label: &Column) -> DatasetTask {
    let number = matches!(label.feature_type(), FeatureType::Integer | FeatureType::Float);
    if !number || label.distinct() <= 2 {
        return DatasetTask::Classification;
    }
    let few_whole =
        label.whole == label.known() && label.distinct() <= 20 && label.distinct() * 4 <= label.seen;
    if few_whole { DatasetTask::Classification } else { DatasetTask::Regression }
}
