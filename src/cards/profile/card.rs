//! From a profile to a dataset card.

use super::super::lenient::plain_name;
use super::super::{CARD_VERSION, DatasetCard, DatasetTask, Feature, FeatureType, Label, Modality};
use super::{Column, Profile};

/// The dataset card that a profile amounts to.
pub fn card_of_profile(profile: &Profile, name: &str) -> DatasetCard {
    let file = profile.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let classification = profile.task == Some(DatasetTask::Classification);
    // One class only is no classification; the warnings say so.
    let listed = classification && profile.classes.len() > 1;
    let label = profile.label.as_ref().map(|column| Label {
        column: column.clone(),
        classes: if listed { profile.classes.clone() } else { indexmap::IndexMap::new() },
        class_count: None,
    });
    let task = profile.task.filter(|_| !classification || listed || profile.classes.is_empty());
    DatasetCard {
        version: CARD_VERSION.to_owned(),
        kind: "dataset".to_owned(),
        name: plain_name(name),
        pretty_name: None,
        aliases: Vec::new(),
        description: None,
        files: file.into_iter().collect(),
        modality: Modality::Tabular,
        task,
        rows: (profile.rows > 0).then_some(profile.rows),
        sampled: profile.sampled,
        features: profile.columns.iter().map(feature).collect(),
        label,
        splits: Vec::new(),
        metrics: Vec::new(),
        languages: Vec::new(),
        license: None,
        sources: Vec::new(),
        tags: Vec::new(),
    }
}

fn feature(column: &Column) -> Feature {
    let number =
        matches!(column.feature_type(), FeatureType::Integer | FeatureType::Float | FeatureType::Mixed);
    let share = (column.missing_share() * 10_000.0).round() / 10_000.0;
    Feature {
        name: column.name.clone(),
        feature_type: column.feature_type(),
        description: None,
        missing: (column.missing > 0).then_some(share),
        distinct: (column.distinct_is_exact() && column.distinct() > 0).then(|| column.distinct()),
        min: column.min.filter(|_| number),
        max: column.max.filter(|_| number),
    }
}
