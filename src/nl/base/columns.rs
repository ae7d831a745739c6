//! Columns that a text states: "group by district", "standardize cement, water and slag", "drop the column `guest_name`".

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::literals::{LiteralKind, literals};
use crate::api::Component;
use crate::nl::pattern::regex;

/// Words that end a list of columns, or can be no column.
const STOPS: [&str; 92] = [
    "with",
    "to",
    "for",
    "from",
    "in",
    "on",
    "into",
    "then",
    "before",
    "after",
    "using",
    "as",
    "at",
    "where",
    "when",
    "of",
    "so",
    "which",
    "that",
    "is",
    "are",
    "should",
    "must",
    "be",
    "by",
    "per",
    "via",
    "only",
    "but",
    "or",
    "if",
    "also",
    "finally",
    "over",
    "under",
    "between",
    "first",
    "next",
    "afterwards",
    "because",
    "while",
    "than",
    "has",
    "have",
    "not",
    "no",
    "out",
    "away",
    "again",
    "instead",
    "it",
    "them",
    "this",
    "these",
    "those",
    "there",
    "all",
    "every",
    "each",
    "any",
    "both",
    "mit",
    "von",
    "und",
    "dann",
    "für",
    "nach",
    "in",
    "avec",
    "puis",
    "pour",
    "de",
    "con",
    "luego",
    "para",
    "y",
    "et",
    "e",
    "com",
    "por",
    "please",
    "pls",
    "was",
    "were",
    "will",
    "can",
    "may",
    "its",
    "a",
    "an",
    "the",
    "same",
];

/// Words that stand in front of the names of columns, or for all of them.
const GENERAL: [&str; 46] = [
    "column",
    "columns",
    "field",
    "fields",
    "feature",
    "features",
    "variable",
    "variables",
    "data",
    "table",
    "rows",
    "row",
    "values",
    "value",
    "numbers",
    "numeric",
    "numerical",
    "continuous",
    "quantitative",
    "categorical",
    "category",
    "categories",
    "text",
    "everything",
    "number",
    "key",
    "keys",
    "name",
    "names",
    "dataset",
    "set",
    "result",
    "results",
    "inputs",
    "spalten",
    "spalte",
    "colonnes",
    "colonne",
    "columnas",
    "columna",
    "colunas",
    "coluna",
    "attributes",
    "attribute",
    "ones",
    "missing",
];

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"^\s*(?:"([^"]+)"|'([^']+)'|`([^`]+)`|“([^”]+)”|„([^“”]+)[“”]|([\p{L}_][\p{L}\p{N}_]*))"#)
});
static SEPARATOR: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^\s*(?:,\s*(?:and|und|et|y|e|&)\b|,|\band\b|\bund\b|\bet\b|\by\b|&|\+|/)\s*"));
static ARTICLES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\s*(?:(?:the|a|an|its|their|our|my|both|following|two|\d+|numeric(?:al)?|continuous|quantitative|categorical|text|number|id|key|columns?|fields?|features?|variables?|attributes?|named|called|namely|die|der|das|den|dem|spalten?|les?|las?|los|el|colonnes?|columnas?|colunas?)\b[:\s]*)+",
    )
});

static COLUMN_WORD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:columns?|fields?|spalten?|colonnes?|columnas?|colunas?)\b"));

/// The columns listed right behind a place of the text; none if they are not certainly columns.
fn list_at(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut explicit = false;
    if let Some(articles) = ARTICLES.find(rest) {
        explicit = COLUMN_WORD.is_match(articles.as_str());
        rest = &rest[articles.end()..];
    }
    let general = |word: &str| !explicit && GENERAL.contains(&word);
    let mut found: Vec<String> = Vec::new();
    while let Some(captures) = TOKEN.captures(rest) {
        let whole = captures.get(0).map_or(0, |whole| whole.end());
        let bare = captures.get(6);
        let Some(token) = captures.iter().skip(1).flatten().next().map(|token| token.as_str().to_owned())
        else {
            break;
        };
        let lower = token.to_lowercase();
        if bare.is_some() && (STOPS.contains(&lower.as_str()) || general(&lower)) {
            break;
        }
        let behind = &rest[whole..];
        // Two words beside each other are a phrase, not a column, unless one of them looks like a name.
        let next =
            TOKEN.captures(behind).and_then(|next| next.get(6)).map(|next| next.as_str().to_lowercase());
        let phrase = behind.starts_with(char::is_whitespace)
            && next.is_some_and(|next| {
                !STOPS.contains(&next.as_str())
                    && !GENERAL.contains(&next.as_str())
                    && SEPARATOR.find(behind).is_none()
            });
        if bare.is_some() && phrase && !token.contains('_') {
            break;
        }
        if behind.starts_with(['.', '/', ':', '(']) && behind[1..].starts_with(char::is_alphanumeric) {
            break;
        }
        if !found.contains(&token) {
            found.push(token);
        }
        let Some(separator) = SEPARATOR.find(behind) else { break };
        rest = &behind[separator.end()..];
        if let Some(articles) = ARTICLES.find(rest) {
            rest = &rest[articles.end()..];
        }
    }
    found
}

/// The columns behind the first match of a pattern that has any.
fn behind(text: &str, pattern: &Regex) -> Vec<String> {
    pattern
        .find_iter(text)
        .map(|hit| list_at(&text[hit.end()..]))
        .find(|list| !list.is_empty())
        .unwrap_or_default()
}

static GROUP: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:group(?:ed|ing|s)? (?:it |them |the \w+ |everything )?(?:by|on)|per|for each|for every|by|je|nach|par|por)\s",
    )
});
static FUNCTION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(sums?|totals?|means?|averages?|avg|medians?|max(?:imum)?s?|min(?:imum)?s?|counts?|std|standard deviations?|number)\b(?: (?:of|value of|values of))?",
    )
});
static JOIN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:on|by|via|using|over|nach|über|sur|por)\s+(?:the (?:common |shared )?(?:columns?|keys?) )?")
});
static DROPPED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:drop|remove|delete|discard|throw (?:away|out)|get rid of|without|entfern\w*|supprim\w*|elimin\w*)\s",
    )
});
static KEPT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:keep|select|retain|only|just|choose|pick)\s(?:only |just )?"));
static WORKED_ON: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:(?:standardi[sz]|normali[sz]|scal|rescal|encod|cluster)(?:e|es|ed|ing)|one-?hot(?:[- ]encod(?:e|es|ed|ing))?|ordinal(?:ly)?[- ]encod(?:e|es|ed|ing)|label[- ]encod(?:e|es|ed|ing)|min-?max(?:[- ]scal(?:e|ing))?|columns?|on|using|spalten?|by)\s",
    )
});
static STRATIFIED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:stratif(?:y|ied|ying)(?: it| them)?(?: by| on| for| after| over)?|stratifiziert(?: nach)?)\s",
    )
});
static UNIQUE_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"([\p{L}_][\p{L}\p{N}_]*) (?:identif\w+|(?:is|are|must be|should be|has to be|be) (?:really |always )?unique)",
    )
});
static UNIQUE: LazyLock<Regex> = LazyLock::new(|| regex(r"\bunique(?:ness of| values (?:in|of)| in| by)?\s"));
static NO_NULLS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:(?:no|without|not have any|zero) (?:missing values?|nulls?|nans?|gaps|empty (?:values|cells))(?: values)? (?:in|for|at|within)|never (?:null|missing|empty) (?:in|for))\s",
    )
});
static NO_NULLS_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"([\p{L}_][\p{L}\p{N}_]*) (?:is|are|must|may|has|have|should)(?: be| have)? (?:never|not|no)(?: be)? (?:null|missing|empty|nulls|missing values)",
    )
});
static AT_LEAST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:at least|minimum(?: of)?|no fewer than|not fewer than|no less than|more than|>=|mindestens|au moins|al menos) ([\d,._]*\d) (?:\w+ )?(?:rows|records|lines|entries|zeilen|lignes|filas)",
    )
});

/// "At the tag v2.1", "branch main".
static REVISION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:branch|tag|commit|revision|release|zweig|branche|rama)\s+(?:called |named |is |: ?)?["'`]?([\w][\w./-]*\w)"#,
    )
});
/// "The prompts are in column cv", "labels in the column sentiment", "text column review".
static ROLES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(prompts?|texts?|questions?|inputs?|instructions?|messages?|sentences?|documents?|answers?|responses?|replies|outputs?|completions?|wanted answers?|labels?|classes)\b(?: (?:are|is|stand|come|live|found|to be found))*(?: (?:in|from|under))?(?: the)? (?:column|field)(?: called| named)? ["'`]?([\p{L}_][\w]*)"#,
    )
});

/// "Column cv is the prompt", "the field gist holds the answer".
static ROLES_BEHIND: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:column|field) ["'`]?([\p{L}_][\w]*)["'`]?(?: (?:is|are|holds?|has|have|contains?|being|as|gives?))?(?: the| its| a)? (prompts?|texts?|questions?|inputs?|instructions?|answers?|responses?|replies|outputs?|completions?|wanted answers?|labels?|class(?:es)?)\b"#,
    )
});

/// Arguments of a component that the text spells out, in terms of columns.
pub(in crate::nl) fn stated_columns(component: &Component, text: &str) -> Map<String, Value> {
    let mut stated = Map::new();
    let mut put = |name: &str, columns: Vec<String>| {
        let property = component.arguments.pointer(&format!("/properties/{name}"));
        if let Some(property) = property.filter(|_| !columns.is_empty()) {
            let value = if property["type"] == "array" { json!(columns) } else { json!(columns[0]) };
            stated.insert(name.to_owned(), value);
        }
    };
    match component.name.as_str() {
        "data.aggregate" => {
            let groups = behind(text, &GROUP);
            let functions = aggregations(text, &groups);
            put("group_by", groups);
            if !functions.is_empty() {
                stated.insert("aggregations".into(), Value::Object(functions));
            }
        }
        "data.join" => put("on", behind(text, &JOIN)),
        "data.select" => {
            put("drop", behind(text, &DROPPED));
            if !DROPPED.is_match(text) {
                put("keep", behind(text, &KEPT));
            }
        }
        "data.validate" => {
            let before = |pattern: &Regex| {
                let found = pattern.captures_iter(text).map(|found| found[1].to_owned());
                found.filter(|word| !STOPS.contains(&word.to_lowercase().as_str())).collect::<Vec<_>>()
            };
            let unique = before(&UNIQUE_BEFORE);
            put("unique", if unique.is_empty() { behind(text, &UNIQUE) } else { unique });
            let complete = before(&NO_NULLS_BEFORE);
            put("no_nulls", if complete.is_empty() { behind(text, &NO_NULLS) } else { complete });
            let rows = AT_LEAST
                .captures(text)
                .and_then(|rows| rows[1].replace([',', '_', '.'], "").parse::<u64>().ok());
            stated.extend(rows.map(|rows| ("min_rows".to_owned(), json!(rows))));
        }
        "git.clone" => {
            put("branch", REVISION.captures(text).map(|found| found[1].to_owned()).into_iter().collect());
        }
        "llm.finetune" | "torch.finetune" | "features.tfidf" => {
            let forward = ROLES.captures_iter(text).map(|role| (role[1].to_owned(), role[2].to_owned()));
            let backward =
                ROLES_BEHIND.captures_iter(text).map(|role| (role[2].to_owned(), role[1].to_owned()));
            for (role, column) in forward.chain(backward) {
                let name = match role.to_lowercase().chars().next() {
                    Some('a' | 'r' | 'o' | 'c' | 'w') => "response",
                    Some('l') => "label",
                    _ => "text",
                };
                put(name, vec![column]);
            }
        }
        "data.split" => put("stratify", behind(text, &STRATIFIED)),
        "features.scale" | "features.encode" | "kmeans.train" => put("columns", behind(text, &WORKED_ON)),
        _ => {}
    }
    stated
}

/// "The mean of age", "total amount": functions by column.
fn aggregations(text: &str, groups: &[String]) -> Map<String, Value> {
    let mut found = Map::new();
    for hit in FUNCTION.captures_iter(text) {
        let word = hit[1].to_lowercase();
        let function = match &word[..3] {
            "sum" | "tot" => "sum",
            "mea" | "ave" | "avg" => "mean",
            "med" => "median",
            "max" => "max",
            "min" => "min",
            "std" | "sta" => "std",
            _ => continue,
        };
        let end = hit.get(0).map_or(0, |whole| whole.end());
        for column in list_at(&text[end..]).into_iter().filter(|column| !groups.contains(column)) {
            found.insert(column, json!(function));
        }
    }
    found
}

/// Whether a bare word can be no column: "column", "with", "the".
pub(in crate::nl) fn is_no_column(word: &str) -> bool {
    let lower = word.to_lowercase();
    COLUMN_WORD.is_match(&lower) || STOPS.contains(&lower.as_str())
}

/// The column that a training is for, if the text has one name that can be nothing else.
pub(in crate::nl) fn only_name(text: &str) -> Option<String> {
    let mut names = literals(text)
        .into_iter()
        .filter(|literal| literal.kind == LiteralKind::Name && literal.text.contains('_'));
    let first = names.next()?;
    names.all(|other| other.text == first.text).then_some(first.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Components;
    use crate::lake::Lake;

    fn stated(component: &str, text: &str) -> Value {
        Value::Object(stated_columns(Lake::built_in().component(component).unwrap(), text))
    }

    #[test]
    fn columns_are_read() {
        for (component, text, expected) in [
            (
                "features.scale",
                "standardize clay, sand and silt",
                json!({"columns": ["clay", "sand", "silt"]}),
            ),
            ("features.scale", "standardize the numeric columns", json!({})),
            ("features.scale", "scale sensor readings with minmax", json!({})),
            (
                "features.encode",
                "one-hot encode soil_type and region",
                json!({"columns": ["soil_type", "region"]}),
            ),
            (
                "data.aggregate",
                "group by parish with the mean of income",
                json!({"group_by": ["parish"], "aggregations": {"income": "mean"}}),
            ),
            (
                "data.aggregate",
                "total amount per shop",
                json!({"group_by": ["shop"], "aggregations": {"amount": "sum"}}),
            ),
            ("data.join", "left join them on ship_id", json!({"on": ["ship_id"]})),
            ("data.select", "drop the columns name and phone_no", json!({"drop": ["name", "phone_no"]})),
            ("data.select", "keep only age, weight", json!({"keep": ["age", "weight"]})),
            (
                "data.validate",
                "make sure there are at least 3,000 rows and that trip_id identifies a row",
                json!({"unique": ["trip_id"], "min_rows": 3000}),
            ),
            ("data.split", "split 85/15, stratified by species", json!({"stratify": "species"})),
            ("kmeans.train", "cluster the customers into 4 groups", json!({})),
        ] {
            assert_eq!(stated(component, text), expected, "{text}");
        }
    }
}
