#![no_main]
//! Conditions: what is read is written in a form that means the same.

use couler::api::Condition;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(condition) = text.parse::<Condition>() {
        let written = condition.to_string();
        assert_eq!(written.parse::<Condition>().expect("what was written can be read"), condition);
        let _ = condition.outputs().into_iter().count();
    }
});
