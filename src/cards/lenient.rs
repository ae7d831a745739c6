//! Cards written elsewhere: Hugging Face READMEs with missing, odd or extra fields. What can be read is, with warnings.

use indexmap::IndexMap;
use serde_json::Value;

use super::check::{check_dataset, check_model};
use super::{
    CARD_VERSION, Card, CardError, DatasetCard, DatasetTask, Feature, FeatureType, Label, Modality,
    ModelCard, Split,
};

/// Most items of a list that are taken.
const MOST_ITEMS: usize = 2_000;
/// Fields of model cards, but not of dataset cards, and the other way round.
const MODEL_FIELDS: [&str; 6] =
    ["pipeline_tag", "library_name", "base_model", "model-index", "model_name", "inference"];
const DATASET_FIELDS: [&str; 6] =
    ["dataset_info", "task_categories", "task_ids", "size_categories", "annotations_creators", "configs"];
/// Fields of Hugging Face that say nothing we need.
const KNOWN: [&str; 24] = [
    "license",
    "license_name",
    "license_link",
    "language",
    "tags",
    "pretty_name",
    "datasets",
    "metrics",
    "widget",
    "source_datasets",
    "multilinguality",
    "language_creators",
    "paperswithcode_id",
    "train-eval-index",
    "viewer",
    "extra_gated_prompt",
    "new_version",
    "base_model_relation",
    "thumbnail",
    "dataset_size",
    "language_bcp47",
    "model-name",
    "name",
    "version",
];

/// Reads front matter that is not ours.
pub(super) fn foreign(value: &Value, body: &str, fallback: &str) -> Result<(Card, Vec<String>), CardError> {
    let Value::Object(fields) = value else {
        return Err(CardError::Syntax {
            reason: "it is a list or a single value, not fields with values".into(),
        });
    };
    let mut reader = Reader { value, warnings: Vec::new() };
    let odd: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|key| ![&KNOWN[..], &MODEL_FIELDS, &DATASET_FIELDS].iter().any(|known| known.contains(key)))
        .take(20)
        .collect();
    if !odd.is_empty() {
        reader.warn(format!("left out, because they are not known: {}", odd.join(", ")));
    }
    let has = |names: &[&str]| names.iter().filter(|name| fields.contains_key(**name)).count();
    let (model, dataset) = (has(&MODEL_FIELDS), has(&DATASET_FIELDS));
    if model == dataset {
        reader.warn("nothing says whether it is of a dataset or a model: taken as a dataset".into());
    }
    let card = if model > dataset {
        Card::Model(Box::new(reader.model(body, fallback)))
    } else {
        Card::Dataset(Box::new(reader.dataset(body, fallback)))
    };
    let faults = match &card {
        Card::Dataset(card) => check_dataset(card),
        Card::Model(card) => check_model(card),
    };
    reader.warnings.extend(faults);
    Ok((card, reader.warnings))
}

struct Reader<'a> {
    value: &'a Value,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// A field as a text; a list counts by its first item.
    fn text(&mut self, field: &str) -> Option<String> {
        match self.value.get(field)? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(items) => items.first().and_then(Value::as_str).map(str::to_owned),
            Value::Null => None,
            other => {
                let text = format!("{field} is {}, not a text: left out", short(&other.to_string()));
                self.warn(text);
                None
            }
        }
    }

    /// A field as a list of texts; a single text is a list of one.
    fn list(&mut self, field: &str) -> Vec<String> {
        match self.value.get(field) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => {
                let texts: Vec<String> = items
                    .iter()
                    .take(MOST_ITEMS)
                    .filter_map(|item| item.as_str().map(str::to_owned))
                    .collect();
                if texts.len() < items.len() {
                    self.warn(format!(
                        "{field}: {} items that are no texts were left out",
                        items.len() - texts.len()
                    ));
                }
                texts
            }
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                self.warn(format!("{field} is not a list of texts: left out"));
                Vec::new()
            }
        }
    }

    fn dataset(&mut self, body: &str, fallback: &str) -> DatasetCard {
        let (features, splits, label) = self.dataset_info();
        let categories = [self.list("task_categories"), self.list("task_ids"), self.list("tags")].concat();
        let task = categories.iter().find_map(|category| task_of(category));
        let modality = categories.iter().find_map(|category| modality_of(category));
        if task.is_none() {
            self.warn("task_categories names no task that is known".into());
        }
        let rows = (!splits.is_empty())
            .then(|| splits.iter().fold(0, |sum: u64, split| sum.saturating_add(split.rows)));
        let rows = rows.or_else(|| {
            let size = self.text("size_categories")?;
            let rows = size_of(&size);
            let text = match rows {
                Some(rows) => format!("no splits: rows is estimated as {rows} from size_categories {size}"),
                None => format!("size_categories {:?} is not known", short(&size)),
            };
            self.warn(text);
            rows
        });
        let pretty_name = self.text("pretty_name");
        DatasetCard {
            version: CARD_VERSION.to_owned(),
            kind: "dataset".to_owned(),
            name: plain_name(fallback),
            pretty_name,
            aliases: Vec::new(),
            description: first_sentence(body),
            files: Vec::new(),
            modality: modality.unwrap_or(if features.is_empty() {
                Modality::Other
            } else {
                Modality::Tabular
            }),
            task,
            rows,
            sampled: false,
            features,
            label: label.filter(|_| task == Some(DatasetTask::Classification)),
            splits,
            metrics: self.list("metrics"),
            languages: self.list("language"),
            license: self.text("license"),
            sources: Vec::new(),
            tags: self.list("tags"),
        }
    }

    /// `dataset_info` is an object, or a list with one object for each configuration: the first counts.
    fn dataset_info(&mut self) -> (Vec<Feature>, Vec<Split>, Option<Label>) {
        let info = match self.value.get("dataset_info") {
            Some(Value::Array(configurations)) => {
                if configurations.len() > 1 {
                    self.warn(format!("{} configurations: the first one is taken", configurations.len()));
                }
                configurations.first()
            }
            other => other,
        };
        let Some(info) = info.filter(|info| info.is_object()) else {
            self.warn("no dataset_info: columns and sizes are unknown".into());
            return Default::default();
        };
        let list = |field: &str| info.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        let (mut features, mut label) = (Vec::new(), None);
        for item in list("features").iter().take(MOST_ITEMS) {
            let Some(name) = item.get("name").and_then(Value::as_str) else {
                self.warn("dataset_info.features: a column without a name was left out".into());
                continue;
            };
            let classes = item.pointer("/dtype/class_label/names").and_then(Value::as_object);
            if let Some(classes) = classes {
                let class_count = Some(classes.len() as u64);
                label = Some(Label { column: name.to_owned(), classes: IndexMap::new(), class_count });
            }
            features.push(Feature {
                name: name.to_owned(),
                feature_type: feature_type(item),
                description: None,
                missing: None,
                distinct: None,
                min: None,
                max: None,
            });
        }
        let mut splits = Vec::new();
        for item in list("splits").iter().take(MOST_ITEMS) {
            let name = item.get("name").and_then(Value::as_str);
            let rows = item.get("num_examples").and_then(Value::as_u64);
            match (name, rows) {
                (Some(name), Some(rows)) => splits.push(Split { name: name.to_owned(), rows }),
                _ => {
                    let item = short(&item.to_string());
                    self.warn(format!("dataset_info.splits: {item} has no name or no num_examples"));
                }
            }
        }
        (features, splits, label)
    }

    fn model(&mut self, body: &str, fallback: &str) -> ModelCard {
        let pipeline = self.text("pipeline_tag");
        let base = self.text("base_model");
        if pipeline.is_none() {
            self.warn("no pipeline_tag: what the model does is unknown".into());
        }
        self.warn(
            "no hyperparameters: cards of Hugging Face have none; add them to tune with this card".into(),
        );
        let modality = pipeline.as_deref().and_then(modality_of);
        ModelCard {
            version: CARD_VERSION.to_owned(),
            kind: "model".to_owned(),
            name: plain_name(fallback),
            pretty_name: self.text("model_name"),
            aliases: Vec::new(),
            architecture: base.or(pipeline).unwrap_or_else(|| "unknown".into()),
            description: first_sentence(body),
            library_name: self.text("library_name"),
            modalities: modality.into_iter().collect(),
            component: None,
            component_arguments: serde_json::Map::new(),
            hyperparameters: Vec::new(),
            tuned: Vec::new(),
            license: self.text("license"),
            sources: Vec::new(),
            tags: self.list("tags"),
        }
    }
}

/// The beginning of a text, for a message.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn feature_type(item: &Value) -> FeatureType {
    if item.get("sequence").is_some() || item.get("list").is_some() {
        return FeatureType::List;
    }
    let Some(dtype) = item.get("dtype").and_then(Value::as_str) else { return FeatureType::Category };
    match dtype {
        "string" | "large_string" => FeatureType::Text,
        "bool" => FeatureType::Boolean,
        "image" => FeatureType::Image,
        "audio" => FeatureType::Audio,
        dtype if dtype.starts_with("int") || dtype.starts_with("uint") => FeatureType::Integer,
        dtype if dtype.starts_with("float") || dtype.starts_with("decimal") => FeatureType::Float,
        dtype if dtype.starts_with("timestamp") || dtype.starts_with("date") => FeatureType::Timestamp,
        _ => FeatureType::Category,
    }
}

fn task_of(category: &str) -> Option<DatasetTask> {
    let category = category.trim_start_matches("task_categories:").to_lowercase();
    Some(match category.as_str() {
        name if name.contains("token-classification") || name.contains("named-entity") => {
            DatasetTask::TokenClassification
        }
        name if name.contains("classification") => DatasetTask::Classification,
        name if name.contains("regression") => DatasetTask::Regression,
        name if name.contains("question-answering") => DatasetTask::QuestionAnswering,
        name if name.contains("translation") => DatasetTask::Translation,
        name if name.contains("summarization") => DatasetTask::Summarization,
        name if name.contains("text-generation") || name.contains("language-modeling") => {
            DatasetTask::TextGeneration
        }
        name if name.contains("object-detection") => DatasetTask::ObjectDetection,
        name if name.contains("segmentation") => DatasetTask::Segmentation,
        name if name.contains("speech-recognition") => DatasetTask::SpeechRecognition,
        name if name.contains("forecasting") => DatasetTask::Forecasting,
        name if name.contains("retrieval") || name.contains("ranking") => DatasetTask::Ranking,
        _ => return None,
    })
}

fn modality_of(category: &str) -> Option<Modality> {
    let category = category.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| category.contains(word));
    Some(match () {
        () if any(&["tabular"]) => Modality::Tabular,
        () if any(&["time-series"]) => Modality::TimeSeries,
        () if any(&["image", "object-detection", "segmentation"]) => Modality::Image,
        () if any(&["audio", "speech"]) => Modality::Audio,
        () if any(&["graph"]) => Modality::Graph,
        () if any(&[
            "text",
            "question",
            "translation",
            "summarization",
            "token",
            "fill-mask",
            "sentence",
        ]) =>
        {
            Modality::Text
        }
        () => return None,
    })
}

/// The middle of a size class of Hugging Face, such as `10K<n<100K`.
fn size_of(category: &str) -> Option<u64> {
    let number = |text: &str| -> Option<u64> {
        let text = text.trim();
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        let unit = match text[digits.len()..].trim().to_uppercase().as_str() {
            "" => 1,
            "K" => 1_000,
            "M" => 1_000_000,
            "B" => 1_000_000_000,
            "T" => 1_000_000_000_000,
            _ => return None,
        };
        digits.parse::<u64>().ok()?.checked_mul(unit)
    };
    match category.split('<').collect::<Vec<_>>()[..] {
        [low, "n", high] => Some(number(low)?.midpoint(number(high)?)),
        ["n", high] => number(high).map(|high| high / 2),
        _ => number(category.strip_prefix("n>")?),
    }
}

/// The first sentence of the text that is no heading, badge or code.
fn first_sentence(body: &str) -> Option<String> {
    let line = body.lines().map(str::trim).find(|line| {
        line.chars().next().is_some_and(char::is_alphabetic) && line.split_whitespace().count() >= 4
    })?;
    let end = line.find(". ").map_or(line.len(), |at| at + 1);
    Some(line[..end].chars().take(200).collect())
}

/// A name in the form of ours.
pub(super) fn plain_name(text: &str) -> String {
    let mut name = String::new();
    for c in text.to_lowercase().chars().take(96) {
        let fits = c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_';
        match c {
            c if fits => name.push(c),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::read_card;
    use super::*;

    #[test]
    fn a_readme_of_hugging_face_is_read_with_warnings() {
        let text = "---\nannotations_creators: [expert-generated]\nlanguage: en\nlicense: [other]\nsize_categories:\n- 10K<n<100K\n\
            task_categories: [text-classification]\npretty_name: IMDB\ndataset_info:\n- config_name: plain_text\n  features:\n\
            \x20 - {name: text, dtype: string}\n  - name: label\n    dtype:\n      class_label:\n        names: {'0': neg, '1': pos}\n\
            \x20 splits:\n  - {name: train, num_bytes: 33432823, num_examples: 25000}\n  - {name: broken}\nsomething_odd: 1\n---\n\
            # Dataset Card\n\nLarge Movie Review Dataset for sentiment. More.\n";
        let read = read_card(text, "imdb").unwrap();
        let Card::Dataset(card) = &read.card else { panic!("{:?}", read.card) };
        assert_eq!((card.name.as_str(), card.modality, card.rows), ("imdb", Modality::Text, Some(25_000)));
        assert_eq!((card.task, card.license.as_deref()), (Some(DatasetTask::Classification), Some("other")));
        assert_eq!(card.label.as_ref().unwrap().class_count(), Some(2));
        assert_eq!(card.description.as_deref(), Some("Large Movie Review Dataset for sentiment."));
        let all = read.warnings.join("\n");
        assert!(all.contains("something_odd") && all.contains("broken"), "{all}");
    }

    #[test]
    fn odd_and_missing_fields_never_stop_the_reading() {
        for front in [
            "",
            "license: {a: b}",
            "tags: 7",
            "dataset_info: [1, 2]",
            "dataset_info: {features: [{}, 3], splits: x}",
            "size_categories: many",
            "pipeline_tag: fill-mask\nlanguage: [en, 5, null]",
            "pretty_name: [1]",
        ] {
            let read = read_card(&format!("---\n{front}\n---\n"), "My Card!").unwrap();
            assert_eq!(read.card.name(), "my-card", "{front}");
            assert!(!read.warnings.is_empty(), "{front}");
        }
        assert!(read_card("---\n- a\n- b\n---\n", "x").is_err());
    }

    #[test]
    fn sizes_are_the_middle_of_their_class() {
        assert_eq!(size_of("10K<n<100K"), Some(55_000));
        assert_eq!(
            (size_of("n<1K"), size_of("n>1T"), size_of("big")),
            (Some(500), Some(1_000_000_000_000), None)
        );
    }
}
