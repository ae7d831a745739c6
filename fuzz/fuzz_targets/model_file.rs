#![no_main]
//! Names and files of models: the first line is a name, the rest the file. What llama.cpp reads in it is not ours.

use couler::llm::store::Store;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[..end]);
    let folder = tempfile::tempdir_in("/dev/shm").expect("memory has a folder");
    let store = Store::new(folder.path());
    let _ = store.path(&name);
    if !name.starts_with('/') && !name.contains("..") {
        let _ = store.resolve(&name);
    }
    let file = folder.path().join("x.gguf");
    let content = bytes.get(end + 1..).unwrap_or_default();
    std::fs::write(&file, content).expect("memory has room");
    let found = store.resolve(&file.display().to_string());
    assert_eq!(found.is_ok(), content.starts_with(b"GGUF"));
    for entry in store.list() {
        assert!(!entry.installed);
    }
});
