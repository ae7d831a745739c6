#![no_main]
//! References in texts, durations, and the parts of a description.

use couler::api::{Duration, References, Template};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for references in [References::Nothing, References::Values, References::ValuesAndItem] {
        let _ = Template::parse(text, references).outputs().count();
    }
    if let Ok(duration) = text.parse::<Duration>() {
        assert_eq!(duration.to_string().parse::<Duration>().expect("what was written can be read"), duration);
    }
    let _ = couler::run::parse_bytes(text);
    let _ = couler::nl::guard(text);
    let _ = couler::nl::literals(text);
    let _ = couler::nl::document::Document::parse(text);
});
