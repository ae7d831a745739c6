//! Validation against the generated JSON schema, with errors that tell the next step.

use std::sync::OnceLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

use super::problem::choices;
use super::{Problem, Problems, program_schema};

fn validator() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        jsonschema::validator_for(&program_schema()).expect("the generated schema is a valid schema")
    })
}

/// Compiles the schema of programs, which takes some milliseconds; later checks find it ready.
pub(super) fn prepare_validation() {
    validator();
}

/// Checks a document against the schema of programs.
///
/// # Errors
/// Every violation, with its path, what was expected and how to mend it.
pub fn validate_value(value: &Value) -> Result<(), Problems> {
    if validator().is_valid(value) {
        return Ok(());
    }
    let mut problems: Vec<Problem> =
        validator().iter_errors(value).flat_map(|error| explain(&error)).collect();
    problems.dedup();
    Err(Problems(problems))
}

/// Checks any JSON value against any schema; used for the arguments of components.
///
/// # Errors
/// Every violation. An unusable schema is reported as a problem at the root.
pub fn validate_against(schema: &Value, value: &Value) -> Result<(), Problems> {
    let validator = jsonschema::validator_for(schema).map_err(|error| {
        Problems(vec![Problem::new("", format!("the schema itself is wrong: {error}"), "")])
    })?;
    let problems: Vec<Problem> = validator.iter_errors(value).flat_map(|error| explain(&error)).collect();
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

fn explain(error: &ValidationError<'_>) -> Vec<Problem> {
    let path = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            return explain_alternatives(error, &path, context);
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            return unexpected
                .iter()
                .map(|name| {
                    Problem::new(
                        &path,
                        format!("unknown field {name:?}"),
                        "remove it, or see `couler schema`",
                    )
                })
                .collect();
        }
        _ => {}
    }
    let hint = match error.kind() {
        ValidationErrorKind::Required { property } => format!("add {property}"),
        ValidationErrorKind::Enum { options } => format!("possible: {options}"),
        ValidationErrorKind::Constant { expected_value } => format!("write {expected_value}"),
        ValidationErrorKind::Pattern { pattern } => format!("it must match {pattern}"),
        ValidationErrorKind::Type { kind } => type_hint(kind, error.instance()),
        _ => "see `couler schema`".into(),
    };
    vec![Problem::new(path, shortened(&error.to_string()), hint)]
}

/// What is written in another way: a text that YAML takes for something else, or a truth value.
fn type_hint(kind: &TypeKind, found: &Value) -> String {
    let wanted = |wanted: JsonType| match kind {
        TypeKind::Single(one) => *one == wanted,
        TypeKind::Multiple(several) => several.contains(wanted),
    };
    if wanted(JsonType::String) && (found.is_boolean() || found.is_number()) {
        return format!("a text is written in quotes: \"{found}\"");
    }
    if wanted(JsonType::Boolean) && found.is_string() {
        return "a truth value is written true or false, without quotes".into();
    }
    "see `couler schema`".into()
}

/// Of several alternatives, explains the one whose tag (`function`, `kind`) matches.
fn explain_alternatives(
    error: &ValidationError<'_>,
    path: &str,
    context: &[Vec<ValidationError<'static>>],
) -> Vec<Problem> {
    let tag_of = |errors: &Vec<ValidationError<'static>>| {
        errors.iter().find_map(|error| match error.kind() {
            ValidationErrorKind::Constant { expected_value } => {
                Some((error.instance_path().to_string(), expected_value.as_str()?.to_owned()))
            }
            _ => None,
        })
    };
    let tags: Vec<_> = context.iter().map(tag_of).collect();
    let matching: Vec<_> = context.iter().zip(&tags).filter(|(_, tag)| tag.is_none()).collect();
    if let [(errors, _)] = matching[..] {
        return errors.iter().flat_map(explain).collect();
    }
    let names: Vec<String> = tags.into_iter().flatten().map(|(_, name)| name).collect();
    if names.is_empty() {
        return vec![Problem::new(path, shortened(&error.to_string()), "see `couler schema`")];
    }
    let tagged = ["function", "kind"].iter().find_map(|tag| error.instance().get(tag)?.as_str());
    let found = tagged.or_else(|| error.instance().as_str()).map(str::to_owned);
    let message = found.as_ref().map_or("the field that says what it is is missing".to_owned(), |name| {
        format!("{name:?} is not known here")
    });
    vec![Problem::new(path, message, choices(&found.unwrap_or_default(), names.iter().map(String::as_str)))]
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 200 {
        text.to_owned()
    } else {
        text.chars().take(199).collect::<String>() + "…"
    }
}
