//! What Kubernetes and Tekton do to texts, as far as tests need it.

use proptest::prelude::*;

/// What the kubelet does with commands, arguments and variables.
pub(crate) fn kubernetes(text: &str, values: &[(&str, &str)]) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let name = after.strip_prefix('(').and_then(|inner| inner.split_once(')')).map(|(name, _)| name);
        if let Some(more) = after.strip_prefix('$') {
            result.push('$');
            rest = more;
        } else if let Some(name) = name {
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => result.push_str(value),
                None => result.push_str(&format!("$({name})")),
            }
            rest = &after[name.len() + 2..];
        } else {
            result.push('$');
            rest = after;
        }
    }
    result + rest
}

/// What Tekton does: every known `$(NAME)` is replaced, in one pass.
pub(crate) fn tekton(text: &str, values: &[(&str, &str)]) -> String {
    let mut result = String::new();
    let mut rest = text;
    'next: while let Some(first) = rest.chars().next() {
        for (name, value) in values {
            if let Some(after) = rest.strip_prefix(&format!("$({name})")) {
                result.push_str(value);
                rest = after;
                continue 'next;
            }
        }
        result.push(first);
        rest = &rest[first.len_utf8()..];
    }
    result
}

/// A text with everything that shells, templates, Kubernetes or an engine could misread.
pub(crate) fn hard_text() -> impl Strategy<Value = String> {
    let dollars = prop::sample::select(vec![
        "$",
        "$$",
        "$(",
        "(",
        ")",
        "$(params.x)",
        "$(params",
        ".x)",
        "$(tasks.a.results.b)",
        "$(date +%s)",
        "$(context.pipelineRun.name)",
        "$(params['x'])",
        "{{",
        "}}",
        "'",
        "\"",
        "\\",
        "\n",
        "é",
        "🦀",
        "$((1+2))",
        "$(COULER_DOLLAR)",
        "${x}",
        "`ls`",
        "$(NOT_KNOWN)",
        "{{workflow.uid}}",
        "{{=1}}",
        "@COULER_ARG_1@",
        "{% raw %}",
        "{#",
        "\r",
        "\"\"\"",
        "EOF",
    ]);
    let piece = prop_oneof![
        8 => dollars.prop_map(str::to_owned),
        3 => super::texts::text(),
        2 => "[a-z ]{0,6}",
        1 => any::<char>().prop_map(String::from),
    ];
    // Nothing checks these texts, so none may hold a reference.
    let text = prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat());
    text.prop_map(|text| text.replace("{{workflow.name}}", "{{workflow.uid}}"))
}
