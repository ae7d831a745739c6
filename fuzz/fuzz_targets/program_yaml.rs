#![no_main]
//! Programs in YAML, through everything that a command does with one.

use libfuzzer_sys::fuzz_target;

mod shared;

fuzz_target!(|text: &str| {
    if let Ok(program) = couler::api::parse_program(text) {
        shared::use_program(&program);
    }
});
