//! What several targets do with a program.

use std::sync::LazyLock;

use couler::api::{Format, Program, parse_program, write_program};
use couler::engine::{GenerateOptions, engines};
use couler::ir::{canonical_json, lower};
use couler::lake::Lake;

pub static LAKE: LazyLock<Lake> = LazyLock::new(Lake::built_in);

/// Writes a program and reads it again, lowers and draws it, and compiles it for every engine.
pub fn use_program(program: &Program) {
    for format in [Format::Yaml, Format::Json] {
        let written = write_program(program, format).expect("a program can be written");
        assert_eq!(&parse_program(&written).expect("what was written can be read"), program);
    }
    let Ok(workflow) = lower(program, &*LAKE) else { return };
    let _ = canonical_json(&workflow);
    let _ = couler::chat::draw(&workflow, 78);
    for engine in engines() {
        let _ = engine.generate(&workflow, &GenerateOptions::default());
    }
}
