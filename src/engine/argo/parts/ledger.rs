//! The ledger of a run: a `ConfigMap` that says which steps are done, what they wrote, and whether a part failed.

use super::super::super::kubernetes::names::port_name;

/// Key of the limit of steps at once. Names of steps have no capitals.
pub(crate) const PARALLELISM: &str = "Parallelism";
/// Key of the part that failed first or last, if one did: then every gate closes, as no step of one workflow starts
/// after a failure.
pub(crate) const FAILED: &str = "Failed";
/// Value of the key of a step that is done.
pub(crate) const DONE: &str = "done";
/// Longest key of a step: conditions of resources name it as `data.KEY`, with 63 characters at most.
const LONGEST: usize = 56;

/// The name of the ledger of a run.
pub(crate) fn name(run: &str) -> String {
    format!("couler-{run}")
}

/// The key that says that a step is done.
pub(crate) fn mark(step: &str) -> String {
    if step.len() <= LONGEST {
        return step.to_owned();
    }
    let digest = blake3::hash(step.as_bytes()).to_hex();
    format!("{}-{}", &step[..LONGEST - 8], &digest[..7])
}

/// The key of what a step wrote. A dot is in no name of a step.
pub(crate) fn value(step: &str, output: &str) -> String {
    format!("{}.{}", mark(step), port_name(output))
}

/// The manifest with some entries; a value in braces is a reference or expression of Argo and stands there as it is.
pub(crate) fn manifest(run: &str, entries: &[(String, String)]) -> String {
    let mut text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\n", name(run));
    if !entries.is_empty() {
        text.push_str("data:\n");
    }
    for (key, value) in entries {
        text.push_str(&format!("  {key}: {value}\n"));
    }
    text
}
