#![no_main]
//! A session of another assistant, with a model that has recorded nothing.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

const HEADER: &str = r#"{"version": 1, "model": "m", "enforces_schema": true, "logprobs": true, "concurrent": true, "characters_per_token": 4.0}"#;

static MODEL: LazyLock<(tempfile::TempDir, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir_in("/dev/shm").expect("memory has a folder");
    std::fs::write(folder.path().join("recording.json"), HEADER).expect("memory has room");
    let name = format!("replay:{}", folder.path().display());
    (folder, name)
});

fuzz_target!(|bytes: &[u8]| couler::fuzzing::mcp(bytes, &MODEL.1));
