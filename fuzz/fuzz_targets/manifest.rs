#![no_main]
//! `run.json`.

use std::sync::LazyLock;

use couler::run::{RunManifest, list_runs, read_manifest};
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").expect("memory has a folder"));

fuzz_target!(|bytes: &[u8]| {
    let run = FOLDER.path().join("run");
    std::fs::create_dir_all(&run).expect("memory has room");
    std::fs::write(run.join("run.json"), bytes).expect("memory has room");
    let read = read_manifest(&run).ok();
    let _ = list_runs(FOLDER.path());
    if let Some(manifest) = read {
        let written = serde_json::to_string(&manifest).expect("it can be written");
        let again: RunManifest = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(again, manifest);
    }
});
