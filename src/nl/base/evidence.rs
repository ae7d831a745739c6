//! Does a text speak of an argument? Stems of names and descriptions, choices that are mentioned, numbers next to them.

use super::literals::literals;

/// Other ways to say a choice; the left side is the choice, the right side phrases without spaces.
const ALIASES: [(&str, &[&str]); 19] = [
    (
        "random_forest",
        &[
            "zufallswald",
            "forêtaléatoire",
            "forêtsaléatoires",
            "bosquealeatorio",
            "bosquesaleatorios",
            "florestaaleatória",
        ],
    ),
    ("auc", &["auroc", "rocauc", "areaunder"]),
    ("f1", &["fscore", "f1score"]),
    ("rmse", &["rootmeansquare"]),
    ("mse", &["meansquarederror"]),
    ("mae", &["meanabsoluteerror"]),
    ("r2", &["rsquared", "r²"]),
    ("logloss", &["crossentropy"]),
    ("svm", &["supportvector"]),
    ("knn", &["nearestneighbo"]),
    ("mlp", &["neuralnetwork", "multilayerperceptron"]),
    (
        "drop_missing",
        &["dropnull", "dropna", "withoutmissing", "removemissing", "removenull", "dropincomplete"],
    ),
    ("minmax", &["0to1", "0and1", "0bis1", "0et1", "unitinterval", "unitrange"]),
    ("standard", &["zscore", "meanzero", "zeromean", "unitvariance", "mean0", "standardi"]),
    ("onehot", &["dummy", "dummies"]),
    ("gradient_boosting", &["gbm", "gbrt"]),
    ("extra_trees", &["extremelyrandom"]),
    ("fill_missing", &["imput", "fillna", "fillnull", "fillingap"]),
    ("drop_duplicates", &["dedup", "removeduplicate", "uniquerows", "removedouble"]),
];

/// Words too general to be evidence.
const GENERAL: [&str; 28] = [
    "tree", "number", "default", "name", "with", "from", "that", "this", "each", "file", "value", "values",
    "data", "table", "column", "columns", "rows", "used", "found", "kept", "have", "when", "after", "given",
    "else", "model", "share", "random",
];

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !(c.is_alphanumeric() || c == '²'))
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

fn stem(word: &str) -> String {
    word.chars().take(5).collect()
}

/// Whether one word of the text is this one: short words exactly, longer ones by their beginning.
fn told(text: &[String], word: &str) -> bool {
    if word.chars().count() <= 3 {
        text.iter().any(|other| other == word)
    } else {
        let stem = stem(word);
        text.iter().any(|other| other.starts_with(&stem))
    }
}

/// The choices that a text mentions, in the order of the choices.
pub(in crate::nl) fn mentioned_choices(choices: &[&str], text: &str) -> Vec<String> {
    let told_words = words(text);
    let joined: String = told_words.concat();
    let alias = |choice: &str| {
        ALIASES
            .iter()
            .find(|(name, _)| *name == choice)
            .is_some_and(|(_, phrases)| phrases.iter().any(|p| joined.contains(p)))
    };
    let mut found: Vec<String> = Vec::new();
    for choice in choices {
        let parts = words(&choice.replace('_', " "));
        let whole: String = parts.concat();
        let all = !parts.is_empty() && parts.iter().all(|part| told(&told_words, part));
        if all || alias(choice) || (whole.len() > 5 && joined.contains(&whole)) {
            found.push((*choice).to_owned());
        }
    }
    // "root mean squared error" also contains "mean squared error".
    if found.iter().any(|choice| choice == "rmse") && !told_words.iter().any(|word| word == "mse") {
        found.retain(|choice| choice != "mse");
    }
    found
}

/// Stems by which a text can speak of an argument.
pub(in crate::nl) fn stems(name: &str, description: &str) -> Vec<String> {
    let before_default = description.split('(').next().unwrap_or(description);
    let mut found: Vec<String> = words(&name.replace('_', " "))
        .into_iter()
        .chain(words(before_default))
        .filter(|word| word.chars().count() > 3 && !GENERAL.contains(&word.as_str()))
        .map(|word| stem(&word))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Whether the text has a word with one of the stems.
pub(in crate::nl) fn speaks_of(stems: &[String], text: &str) -> bool {
    words(text).iter().any(|word| stems.iter().any(|stem| word.starts_with(stem.as_str())))
}

/// The numbers of the text that stand within two words of one of the stems.
pub(in crate::nl) fn numbers_near(stems: &[String], text: &str) -> Vec<f64> {
    literals(text)
        .iter()
        .filter_map(|literal| {
            let number = literal.number()?;
            let before: Vec<String> = words(&text[..literal.start]).into_iter().rev().take(3).collect();
            let after: Vec<String> =
                words(&text[literal.start + literal.text.len()..]).into_iter().take(2).collect();
            let near = before
                .iter()
                .chain(&after)
                .any(|word| stems.iter().any(|stem| word.starts_with(stem.as_str())));
            near.then_some(number)
        })
        .collect()
}

/// The shares of a ratio like `80/20` or `70:15:15`, in the order given.
pub(in crate::nl) fn ratio(text: &str) -> Vec<f64> {
    for word in text.split(|c: char| c.is_whitespace() || ",;()".contains(c)) {
        let parts: Vec<f64> = word
            .trim_end_matches('.')
            .split(['/', ':', '-'])
            .filter_map(|part| part.trim_end_matches('%').parse().ok())
            .collect();
        let separators = word.matches(['/', ':', '-']).count();
        let total: f64 = parts.iter().sum();
        if parts.len() >= 2
            && parts.len() == separators + 1
            && ((total - 100.0).abs() < 1e-9 || (total - 1.0).abs() < 1e-9)
        {
            return parts.iter().map(|part| part / total).collect();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_found_in_other_words() {
        let metrics = ["accuracy", "auc", "f1", "rmse", "mse", "logloss"];
        assert_eq!(
            mentioned_choices(&metrics, "evaluate accuracy, F1-score and ROC AUC"),
            ["accuracy", "auc", "f1"]
        );
        assert_eq!(
            mentioned_choices(&metrics, "the root mean squared error and log loss"),
            ["rmse", "logloss"]
        );
        let operations = ["drop_duplicates", "drop_missing", "fill_missing"];
        assert_eq!(mentioned_choices(&operations, "drop rows with missing values"), ["drop_missing"]);
        assert_eq!(mentioned_choices(&operations, "deduplicate it"), ["drop_duplicates"]);
    }

    #[test]
    fn numbers_belong_to_the_words_beside_them() {
        let text = "train xgboost with 300 trees and a maximum depth of 6";
        assert_eq!(numbers_near(&stems("n_estimators", "number of trees"), text), [300.0]);
        assert_eq!(numbers_near(&stems("max_depth", "depth of a tree"), text), [6.0]);
        assert_eq!(numbers_near(&stems("learning_rate", "step size"), text), Vec::<f64>::new());
    }

    #[test]
    fn ratios_are_shares() {
        assert_eq!(ratio("split it 80/20."), [0.8, 0.2]);
        assert_eq!(ratio("in 70/15/15 parts"), [0.7, 0.15, 0.15]);
        assert_eq!(ratio("on 2026-11-23 at 80/21"), Vec::<f64>::new());
    }
}
