//! The column that a model predicts, and words that could name a column.

use std::sync::LazyLock;

use regex::Regex;

use super::literals::LiteralKind;
use super::slots::StepContext;

pub(in crate::nl) static COLUMN_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(columns?|features?|fields?|on|by|per|using|keys?|spalten?|colonnes?|columnas?|nach|par|por)\b")
        .expect("the pattern is valid")
});

pub(in crate::nl) static ALL_COLUMNS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(all|every|alle|toutes|todas|tutte|wszystkie)\b(?: \p{L}+){0,3} (columns?|features?|variables?|spalten|colonnes|columnas|colunas|colonne|kolumny)\b|\b(numeric(?:al)?|continuous|categorical|non-numeric) (columns?|features?|variables?|fields?)\b")
        .expect("the pattern is valid")
});

pub(in crate::nl) fn speaks_of_columns(name: &str, context: &StepContext<'_>) -> bool {
    let stem: String = name.chars().take(5).collect();
    let named = context.literals.iter().any(|literal| {
        matches!(literal.kind, LiteralKind::Name | LiteralKind::Quoted)
            && context.text.contains(&literal.text)
    });
    named || COLUMN_WORDS.is_match(context.text) || context.text.to_lowercase().contains(&stem)
}

pub(in crate::nl) static TARGET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)\b(?:predict(?:s|ing|ed)?|predcit|forecast(?:s|ing)?|guess(?:es|ing)?|estimat(?:e|es|ing)|classif(?:y|ies|ying)|target(?:\s+column)?(?:\s+is)?|label(?:\s+column)?(?:\s+is)?|vorhers\w+|prognostizier\w+|prédi\w+|prever|predecir|predice)
        \s+(?:on\s+|as\s+|by\s+|is\s+|for\s+|if\s+|whether\s+|von\s+|der\s+|die\s+|das\s+|den\s+|le\s+|la\s+|el\s+|the\s+|a\s+|an\s+|their\s+|its\s+|column\s+|future\s+)*
        ["'`“„]?([\p{L}_][\p{L}\p{N}_]*)"#,
    )
    .expect("the pattern is valid")
});

/// `for the column ph_value`, `-> queue`, `target: converted`, `should learn delay_hours`.
pub(in crate::nl) static TARGET_COLUMN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)(?:\bfor\s+(?:the\s+)?(?:column|field|target|label)\s+|(?:->|→|=>)\s*|\by\s*=\s*|\b(?:spalte|colonne|columna|coluna|colonna)\s+|\b(?:target|label|zielspalte|ziel|cible|objetivo|alvo)(?:\s+(?:column|variable|is|ist|est|es|field))*\s*[:=]?\s*|\blearns?\s+(?:to\s+predict\s+)?)
        ["'`“„]?([\p{L}_][\p{L}\p{N}]*(?:_[\p{L}\p{N}]+)*)"#,
    )
    .expect("the pattern is valid")
});

/// "A gradient boosting regressor (sklearn) for `charge_minutes`", "decision tree (edible)".
pub(in crate::nl) static TARGET_OF_MODEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)\b(?:regression|classifier|regressor|model|forests?|trees?|boosting|xg-?boost|light-?gbm|cat-?boost|svm|network|net|lasso|ridge|bayes|machine|mlp|k-?nn|perceptron|neighbou?rs|regressor)s?
        (?:\s+\([^)]{1,30}\))? (?:,?\s+with\s+[^,.;]{1,40}?)? (?:\s+(?:for|on\s+the\s+target|on\s+target|of)\s+(?:the\s+)? | \s*\(\s*(?:target:?\s+|label:?\s+)?)
        ["'`“„]?([\p{L}_][\p{L}\p{N}_]*)"#,
    )
    .expect("the pattern is valid")
});

/// Words behind such a verb that name no column.
pub(in crate::nl) const NO_TARGETS: [&str; 64] = [
    "sklearn",
    "scikit",
    "regression",
    "classification",
    "classifier",
    "regressor",
    "training",
    "binary",
    "default",
    "defaults",
    "up",
    "that",
    "our",
    "my",
    "me",
    "us",
    "rows",
    "row",
    "it",
    "them",
    "this",
    "that",
    "these",
    "those",
    "new",
    "on",
    "values",
    "value",
    "labels",
    "label",
    "which",
    "whether",
    "if",
    "how",
    "what",
    "who",
    "when",
    "with",
    "from",
    "in",
    "for",
    "and",
    "using",
    "by",
    "at",
    "as",
    "the",
    "a",
    "an",
    "of",
    "to",
    "is",
    "column",
    "target",
    "every",
    "each",
    "all",
    "some",
    "data",
    "records",
    "examples",
    "test",
    "model",
    "rate",
];

/// The column that the text says is predicted: in the step's words, else anywhere in the description.
pub(in crate::nl) fn stated_targets(context: &StepContext<'_>) -> Vec<String> {
    for text in [context.text, context.description].map(without_addresses) {
        let stated = |patterns: &[&Regex]| -> Vec<String> {
            patterns
                .iter()
                .flat_map(|pattern| pattern.captures_iter(&text))
                .map(|captures| captures[1].to_owned())
                .filter(|word| !NO_TARGETS.contains(&word.to_lowercase().as_str()))
                .collect()
        };
        let mut found = stated(&[&*TARGET, &*TARGET_COLUMN]);
        if found.is_empty() {
            found = stated(&[&*TARGET_OF_MODEL]);
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|word| seen.insert(word.clone()));
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The text without its addresses and images: their words are no columns.
pub(in crate::nl) fn without_addresses(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for literal in super::literals::literals(text) {
        use LiteralKind::{Channel, Email, Image, Uri};
        if matches!(literal.kind, Channel | Email | Image | Uri) {
            result.push_str(&text[done..literal.start]);
            done = literal.end;
        }
    }
    result.push_str(&text[done..]);
    result
}

/// Every word of the step and of the description that could name a column.
pub(in crate::nl) fn column_candidates(context: &StepContext<'_>, anywhere: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let quoted = context.literals.iter().filter(|literal| literal.kind == LiteralKind::Quoted);
    for literal in quoted {
        found.push(literal.text.clone());
    }
    // A target is often named elsewhere; other columns stand in the step's own words.
    let texts: &[&str] = if anywhere { &[context.text, context.description] } else { &[context.text] };
    for text in texts {
        let outside = without_addresses(text);
        for word in outside.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            let known = found.iter().any(|other| other == word);
            let general = super::columns::is_no_column(word);
            if word.chars().count() > 1
                && !word.starts_with(|c: char| c.is_ascii_digit())
                && !known
                && !general
            {
                found.push(word.to_owned());
            }
        }
    }
    if context.mapped {
        found.push("{{item}}".to_owned());
    }
    found.truncate(90);
    found
}
