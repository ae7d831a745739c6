//! Programs as YAML or JSON text.

use serde::Deserialize;
use serde_json::Value;

use super::validate::prepare_validation;
use super::{Problems, Program, check_program, validate_value};

/// Values that a YAML document may have: 100,000 steps have about a million. What is larger is better written as JSON.
const MOST_NODES: usize = 4_000_000;

/// The text formats of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

/// A text that is no program.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Neither YAML nor JSON.
    #[error("the document cannot be read as YAML or JSON: {0}")]
    Syntax(String),
    /// Readable, but not a valid program.
    #[error("{0}")]
    Invalid(#[from] Problems),
    /// The program cannot be written.
    #[error("the program cannot be written: {0}")]
    Write(String),
}

/// Reads a program from YAML or JSON, checking the schema and the meaning.
///
/// # Errors
/// [`DocumentError`] with every problem found, each with its path.
pub fn parse_program(text: &str) -> Result<Program, DocumentError> {
    // The schema is made ready while the text is read.
    std::thread::spawn(prepare_validation);
    let value: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| DocumentError::Syntax(error.to_string()))?
    } else {
        // `y` and `no` are texts, as YAML 1.2 says: columns are called so.
        let options = serde_saphyr::options! {
            strict_booleans: true,
            budget: serde_saphyr::budget! { max_nodes: MOST_NODES },
        };
        serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| DocumentError::Syntax(error.to_string()))?
    };
    let program = program_from_value(&value)?;
    // A big document takes as long to free as to read; nobody need wait for it.
    std::thread::spawn(move || drop(value));
    Ok(program)
}

/// Makes a program of a JSON value, checking the schema and the meaning.
///
/// # Errors
/// Every problem found.
pub fn program_from_value(value: &Value) -> Result<Program, Problems> {
    let (validated, program) = std::thread::scope(|scope| {
        let validation = scope.spawn(|| validate_value(value));
        let program = checked_program(value);
        (validation.join().expect("validation does not panic"), program)
    });
    validated.and(program)
}

fn checked_program(value: &Value) -> Result<Program, Problems> {
    let program = Program::deserialize(value)
        .map_err(|error| Problems(vec![super::Problem::new("", error.to_string(), "see `couler schema`")]))?;
    check_program(&program)?;
    Ok(program)
}

/// Writes a program.
///
/// # Errors
/// [`DocumentError::Write`] if a value has no form in the format.
pub fn write_program(program: &Program, format: Format) -> Result<String, DocumentError> {
    match format {
        Format::Json => serde_json::to_string_pretty(program).map_err(|error| error.to_string()),
        Format::Yaml => serde_saphyr::to_string(program).map_err(|error| error.to_string()),
    }
    .map(|text| if text.ends_with('\n') { text } else { text + "\n" })
    .map_err(DocumentError::Write)
}
