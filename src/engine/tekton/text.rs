//! Strings with references, as Tekton and Kubernetes read them.
//!
//! Tekton replaces `$(NAME)` wherever it knows the name, refuses some that it does not know, and has no escape. In
//! commands, arguments and variables Kubernetes then expands `$(VARIABLE)` and takes `$$` for one dollar sign. So a
//! dollar sign that one of the two would misread comes from a variable; in a script, which Kubernetes does not read,
//! from a marker that the lines in front of the script put back.

/// Variable that holds one dollar sign.
pub(crate) const DOLLAR_VARIABLE: &str = "COULER_DOLLAR";
/// Stands for a dollar sign in a script.
pub(crate) const DOLLAR_MARKER: &str = "@COULER_DOLLAR@";
/// First words of everything that Tekton could replace or refuse.
const ROOTS: [&str; 12] = [
    "params",
    "inputs",
    "outputs",
    "tasks",
    "finally",
    "steps",
    "step",
    "workspaces",
    "context",
    "results",
    "artifacts",
    "credentials",
];

/// Whether Tekton would take a part of the text for a reference.
pub(crate) fn is_misread(text: &str) -> bool {
    text.match_indices("$(").any(|(at, _)| is_root(&text[at + 2..]))
}

fn is_root(rest: &str) -> bool {
    ROOTS.iter().any(|root| rest.strip_prefix(root).is_some_and(|after| after.starts_with(['.', '['])))
}

/// A text for a script, with [`DOLLAR_MARKER`] where Tekton would find a reference.
pub(crate) fn in_script(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        result.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        result.push_str(if is_root(after) { DOLLAR_MARKER } else { "$" });
        result.push('(');
        rest = after;
    }
    result + rest
}

/// A text for a command, an argument or a variable. `$(NAME)` stays as it is if `known` knows the variable.
/// `before_reference` says whether a reference follows.
pub(crate) fn in_field(text: &str, before_reference: bool, known: &dyn Fn(&str) -> bool) -> String {
    if is_read_as_meant(text, before_reference, known) {
        return text.to_owned();
    }
    let mut result = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(name) = variable(after).filter(|name| known(name)) {
            result.push_str(&rest[at..at + name.len() + 3]);
            rest = &after[name.len() + 2..];
            continue;
        }
        let danger = after.starts_with(['$', '(']) || (after.is_empty() && before_reference);
        if danger {
            result.push_str(&format!("$({DOLLAR_VARIABLE})"));
        } else {
            result.push('$');
        }
        rest = after;
    }
    result + rest
}

/// The name in `(NAME)`.
fn variable(after_dollar: &str) -> Option<&str> {
    let inner = after_dollar.strip_prefix('(')?;
    inner.find(')').map(|end| &inner[..end])
}

/// Whether the text needs no change: no `$$`, nothing for Tekton, and no brackets that could swallow a variable.
fn is_read_as_meant(text: &str, before_reference: bool, known: &dyn Fn(&str) -> bool) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        if after.starts_with('$') || (after.is_empty() && before_reference) {
            return false;
        }
        if after.starts_with('(') {
            let Some(name) = variable(after) else { return false };
            if is_root(name) || name.contains('$') || name == DOLLAR_VARIABLE && !known(name) {
                return false;
            }
            rest = &after[name.len() + 2..];
        } else {
            rest = after;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::testing::{hard_text, kubernetes, tekton};

    const KNOWN: [(&str, &str); 2] = [("HOME", "/root"), (DOLLAR_VARIABLE, "$")];
    const REPLACED: [(&str, &str); 3] =
        [("params.x", "VALUE"), ("tasks.a.results.b", "OTHER"), ("context.pipelineRun.name", "RUN")];

    proptest! {
        #[test]
        fn every_text_survives_tekton_and_kubernetes(text in hard_text()) {
            let written = in_field(&text, false, &|_| false);
            prop_assert!(!is_misread(&written), "{}", written);
            prop_assert_eq!(kubernetes(&tekton(&written, &REPLACED), &KNOWN[1..]), text.clone());
            let script = in_script(&text);
            prop_assert!(!is_misread(&script), "{}", script);
            prop_assert_eq!(tekton(&script, &REPLACED).replace(DOLLAR_MARKER, "$"), text);
        }

        #[test]
        fn references_and_known_variables_are_replaced_in_any_surroundings(before in hard_text(), after in hard_text()) {
            prop_assume!(!before.contains("HOME") && !after.contains("HOME"));
            let known = |name: &str| name == "HOME";
            let around = |text: &str, follows: bool| in_field(text, follows, &known);
            let written = format!("{}$(params.x){}$(HOME)", around(&before, true), around(&after, true));
            let expected = format!("{before}VALUE{after}/root");
            prop_assert_eq!(kubernetes(&tekton(&written, &REPLACED), &KNOWN), expected);
        }
    }

    #[test]
    fn plain_texts_stay_readable() {
        for text in ["echo $HOME ${x}", "echo $(date +%s)", "$(HOME)/bin", "a $ b"] {
            assert_eq!(in_field(text, false, &|name| name == "HOME"), text);
        }
        assert_eq!(in_field("$(params.x)", false, &|_| false), "$(COULER_DOLLAR)(params.x)");
        assert_eq!(in_script("$(tasks.a.results.b) $(ls)"), "@COULER_DOLLAR@(tasks.a.results.b) $(ls)");
    }
}
