//! Generated texts are what is committed.

use crate::harness::Dir;

#[test]
fn the_schema_is_the_committed_one() {
    let (code, schema, _) = Dir::new().run(&["schema"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("schema", schema);
}

#[test]
fn the_help_texts_are_the_committed_ones() {
    let dir = Dir::new();
    let mut all = String::new();
    for command in [
        "",
        "nl",
        "chat",
        "mcp",
        "compile",
        "explain",
        "simulate",
        "run",
        "resume",
        "runs",
        "logs",
        "cache",
        "lint",
        "lake",
        "cards",
        "tune",
        "model",
        "eval",
        "schema",
        "completions",
    ] {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let (code, text, _) = dir.run(&arguments);
        assert_eq!(code, 0, "{command}");
        all.push_str(&format!("$ couler {}\n{text}\n", arguments.join(" ")));
    }
    insta::assert_snapshot!("help", all);
}
