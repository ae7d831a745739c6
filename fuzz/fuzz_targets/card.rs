#![no_main]
//! Cards, ours and those written elsewhere.

use couler::cards::{Card, check_card, read_card, write_card};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(read) = read_card(text, "fallback") else { return };
    let _ = check_card(&read.card);
    let written = write_card(&read.card);
    let _: Option<Card> = read_card(&written, "fallback").ok().map(|read| read.card);
});
