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
        super::json_from_str(text).map_err(|error| DocumentError::Syntax(error.to_string()))?
    } else {
        // `y` and `no` are texts, as YAML 1.2 says: columns are called so.
        let options = serde_saphyr::options! {
            strict_booleans: true,
            budget: serde_saphyr::budget! { max_nodes: MOST_NODES, max_events: 3 * MOST_NODES },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(count: usize, step: impl Fn(usize) -> String) -> String {
        let steps: Vec<String> = (0..count).map(step).collect();
        format!("version: couler/v1\nname: w\nsteps:\n{}", steps.concat())
    }

    #[test]
    fn words_of_older_yaml_are_texts() {
        let text = steps(1, |_| {
            "  - name: a\n    map: {over: {kind: list, items: [no, y, on, Off, true]}}\n    run: {function: run_container, \
             image: i}\n"
                .into()
        });
        let program = parse_program(&text).unwrap();
        let Some(map) = &program.steps[0].map else { panic!("it has a map") };
        let crate::api::MapItems::List { items } = &map.over else { panic!("it has a list") };
        assert_eq!(serde_json::json!(items), serde_json::json!(["no", "y", "on", "Off", true]));
    }

    #[test]
    fn a_long_chain_is_read_and_a_key_twice_is_not() {
        let text = steps(80_000, |number| {
            let after = if number == 0 { String::new() } else { format!("    after: [s{}]\n", number - 1) };
            format!("  - name: s{number}\n{after}    run: {{function: run_container, image: i}}\n")
        });
        let chain = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let program = parse_program(&text).unwrap();
            crate::ir::lower(&program, &crate::lake::Lake::built_in()).unwrap().graph.node_count()
        });
        assert_eq!(chain.unwrap().join().unwrap(), 80_000);
        assert!(parse_program(r#"{"version": "couler/v1", "name": "w", "name": "v", "steps": []}"#).is_err());
    }
}
