#![no_main]
//! Programs in JSON: what is read is read alike by serde, and goes through everything that a command does with one.

use libfuzzer_sys::fuzz_target;

mod shared;

fuzz_target!(|text: &str| {
    let Ok(value) = couler::api::json_from_str(text) else { return };
    assert_eq!(value, serde_json::from_str::<serde_json::Value>(text).unwrap());
    if let Ok(program) = couler::api::program_from_value(&value) {
        shared::use_program(&program);
    }
});
