//! Imports point one way: `cli, eval → chat → nl, tune, optimize, engine, run → llm, lake, cards → api, ir`.

use std::path::Path;

use crate::harness::repository;

/// For each module, the modules of this crate that it may name.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("api", &[]),
    ("ir", &["api"]),
    ("llm", &["api", "ir"]),
    ("lake", &["api", "ir"]),
    ("cards", &["api", "ir"]),
    ("tune", &["api", "ir", "llm", "lake", "cards"]),
    ("engine", &["api", "ir"]),
    ("optimize", &["api", "ir"]),
    ("run", &["api", "ir"]),
    ("nl", &["api", "ir", "llm", "lake"]),
    ("chat", &["api", "ir", "llm", "lake", "tune", "nl", "engine"]),
    ("eval", &["api", "ir", "llm", "lake", "nl", "engine", "run", "chat"]),
];

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_point_one_way() {
    let mut seen = 0;
    for (module, allowed) in ALLOWED {
        let mut files = Vec::new();
        sources(&repository("src").join(module), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for part in text.split("crate::").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let tests = file.file_name().is_some_and(|name| name.to_string_lossy().contains("test"));
                let known = name == module || allowed.contains(&name.as_str()) || (tests && name != "cli");
                let ours = ALLOWED.iter().any(|(other, _)| *other == name) || name == "cli";
                assert!(
                    known || !ours || in_tests(&text, part),
                    "{}: {module} must not import {name}",
                    file.display()
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "the test looks at nothing");
}

/// Whether a part of a file is inside its test module.
fn in_tests(text: &str, part: &str) -> bool {
    text.find("#[cfg(test)]").is_some_and(|tests| part.as_ptr() as usize - text.as_ptr() as usize > tests)
}

#[test]
fn only_the_command_line_talks_and_reads_the_environment() {
    for (module, _) in ALLOWED {
        let mut files = Vec::new();
        sources(&repository("src").join(module), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            if file.file_name().is_some_and(|name| name.to_string_lossy().contains("test")) {
                continue;
            }
            for word in ["println!", "eprintln!", "std::env::", "process::exit"] {
                assert!(!code.contains(word), "{}: {word}", file.display());
            }
        }
    }
}
