//! A card to start from.

use super::lenient::plain_name;

/// A new card of a kind (`dataset` or `model`) with a name; `None` for another kind. It reads without a fault.
pub fn template(kind: &str, name: &str) -> Option<String> {
    let name = plain_name(name);
    let text = match kind {
        "dataset" => DATASET,
        "model" => MODEL,
        _ => return None,
    };
    Some(text.replace("NAME", &name))
}

const DATASET: &str = "---
version: couler/card/v1
kind: dataset
name: NAME
# other names that descriptions use, and files that hold it
aliases: []
files: [NAME.csv]
description: What it is, in one sentence.
# tabular, image, text, audio, time_series, graph, other
modality: tabular
# classification, regression, clustering, question_answering, …
task: classification
rows: 1000
features:
  - {name: age, type: integer, description: years}
  - {name: answer, type: category}
label: {column: answer, classes: {\"no\": 600, \"yes\": 400}}
splits:
  - {name: train, rows: 800}
  - {name: test, rows: 200}
metrics: [accuracy]
license: unknown
sources: []
---
# NAME

Who collected it, how, and what to beware of. `couler cards profile FILE` fills the fields from a real file.
";

const MODEL: &str = "---
version: couler/card/v1
kind: model
name: NAME
aliases: []
architecture: what kind of model it is
description: What it is, in one sentence.
library_name: scikit-learn
modalities: [tabular]
# the component that trains it, and arguments that tell it from others; `couler lake list` shows all
component: sklearn.train
component_arguments: {estimator: random_forest}
hyperparameters:
  - {name: n_estimators, type: integer, min: 50, max: 500, scale: log, default: 100, description: number of trees}
  - {name: max_features, type: float, min: 0.1, max: 1, default: 1.0, when: {task: regression}}
license: unknown
sources: []
---
# NAME

When to use it, and how its hyperparameters play together.
";

#[cfg(test)]
mod tests {
    use super::super::read_card;
    use super::*;

    #[test]
    fn templates_read_without_a_fault() {
        for kind in ["dataset", "model"] {
            let read = read_card(&template(kind, "My data").unwrap(), "x").unwrap();
            assert_eq!((read.card.name(), read.card.kind()), ("my-data", kind));
            assert!(read.warnings.is_empty());
        }
        assert_eq!(template("song", "x"), None);
    }
}
