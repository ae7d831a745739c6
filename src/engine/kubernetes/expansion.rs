//! What Kubernetes does to commands, arguments and variables: it takes `$$` for one dollar sign and puts the value of a
//! variable that it knows in the place of `$(NAME)`. (Kubernetes, "Define Dependent Environment Variables".)

use std::borrow::Cow;

/// What stays active in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variables {
    /// `$(NAME)` is a variable, as users of Kubernetes expect.
    Expand,
    /// The same, but brackets that are no variable could swallow one that couler adds, so they are kept from it.
    Guard,
    /// Nothing: the text is a script.
    Keep,
}

/// The text as it must stand in a manifest so that the process gets it unchanged but for variables.
pub(crate) fn in_pod(text: &str, variables: Variables) -> Cow<'_, str> {
    if !text.contains('$') {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        written.push_str(&rest[..at]);
        let after = rest[at..].trim_start_matches('$');
        let count = rest.len() - at - after.len();
        // A pair is one dollar sign; the last one needs no second if what follows gives it no meaning.
        let kept = after.strip_prefix('(').map(|inner| is_kept(inner, variables) && !is_open(inner));
        let last = if kept == Some(false) || after.starts_with("{{") { 2 } else { 1 };
        written.extend(std::iter::repeat_n('$', 2 * (count - 1) + last));
        // Up to its closing bracket a variable is left alone, whatever stands there.
        let whole = after.find(')').filter(|_| kept == Some(true)).map_or(0, |end| end + 1);
        written.push_str(&after[..whole]);
        rest = &after[whole..];
    }
    written.push_str(rest);
    Cow::Owned(written)
}

/// Whether the closing bracket could come from a reference, which nobody knows before the run.
fn is_open(after: &str) -> bool {
    let reference = after.find("{{");
    reference.is_some_and(|reference| after.find(')').is_none_or(|end| reference < end))
}

/// Whether what follows an opening bracket may stay as it is.
fn is_kept(after: &str, variables: Variables) -> bool {
    let name = after.split_once(')').map(|(name, _)| name);
    let is_name = name.is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    });
    match variables {
        Variables::Expand => true,
        Variables::Guard => is_name,
        Variables::Keep => !is_name,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::testing::{hard_text, kubernetes};

    #[test]
    fn only_what_would_change_is_written_in_another_way() {
        for (text, variables, expected) in [
            ("echo $HOME $(date) ${x}", Variables::Expand, "echo $HOME $(date) ${x}"),
            ("echo $$", Variables::Expand, "echo $$$"),
            ("$(HOME) $(ls -l)", Variables::Guard, "$(HOME) $$(ls -l)"),
            ("$(HOME) $(ls -l)", Variables::Keep, "$$(HOME) $(ls -l)"),
            ("$$(x)", Variables::Expand, "$$$(x)"),
            ("US${{parameters.price}}", Variables::Expand, "US$${{parameters.price}}"),
        ] {
            assert_eq!(in_pod(text, variables), expected);
        }
    }

    proptest! {
        #[test]
        fn every_text_reaches_the_process(text in hard_text()) {
            prop_assert_eq!(kubernetes(&in_pod(&text, Variables::Keep), &[("HOME", "/root")]), text.clone());
            prop_assert_eq!(kubernetes(&in_pod(&text, Variables::Expand), &[]), text.clone());
            prop_assert_eq!(kubernetes(&in_pod(&text, Variables::Guard), &[]), text);
        }
    }
}
