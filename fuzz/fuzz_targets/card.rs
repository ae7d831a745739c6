#![no_main]
//! Cards, ours and those written elsewhere.

use couler::cards::{check_card, read_card, write_card};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(read) = read_card(text, "fallback") else { return };
    let _ = check_card(&read.card);
    if let Ok(written) = write_card(&read.card, &read.text) {
        let again = read_card(&written, "fallback").expect("what was written can be read");
        assert_eq!(again.card, read.card);
    }
});
