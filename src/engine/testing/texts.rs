//! Texts that are hard to write and hard to read.

use proptest::prelude::*;

/// A text with quotes, braces, line breaks, odd Unicode and words that YAML takes for something else.
pub(super) fn text() -> impl Strategy<Value = String> {
    let hard = prop::sample::select(vec![
        "{{", "}}", "{", "}", "{{.Names}}", "{{ user }}", "{{workflow.name}}", "{{inputs.parameters.x}}", "{{=1+1}}",
        "{{tasks.a.outputs.result}}", "{{ item }}", "{{pod.name}}", "{{retries}}", "'", "\"", "\\", "\n", "\n\n  ", "\t", "\r\n", " ", "yes",
        "No", "on", "null", "~", "12:30:45", "2024-01-01", "0x1F", "1e3", "0o7", ".5", "#", " # c", ": ", "- ", "? ", "|", ">", "%", "@", "`",
        "!", "&a", "*a", "---", "...", "[", "]", ",", "\u{85}", "\u{2028}", "\u{feff}", "\u{7f}", "\u{1b}", "é", "🦀", "$(HOME)", "${x}", "<<", "=",
    ]);
    let piece = prop_oneof![
        6 => hard.prop_map(str::to_owned),
        2 => "[a-z ]{0,12}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}
