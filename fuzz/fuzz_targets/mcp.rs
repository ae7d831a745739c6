#![no_main]
//! A session of another assistant.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| couler::fuzzing::mcp(bytes));
