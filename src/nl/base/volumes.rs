//! Volumes that a text states beside persistent claims: config maps and secrets as files, empty folders, node paths.

use std::sync::LazyLock;

use regex::Regex;

use super::settings::memory_sizes;
use crate::api::Volume;
use crate::nl::pattern::regex;

const PATH: &str = r#"["'`]?(/[\w./-]*\w)["'`]?"#;
const PLACE: &str = r"\b(?:at|under|on|to|into|in|as|from)\s+(?:files? (?:in|at|under) )?";

/// A pattern of a name and a path behind `kind`.
fn named(kind: &str) -> Regex {
    regex(&format!(
        r#"\b{kind}\s+(?:called |named )?["'`]?([a-z0-9][a-z0-9.-]*[a-z0-9])["'`]?[^.;,\n]{{0,24}}?{PLACE}{PATH}"#
    ))
}

static CONFIG_MAP: LazyLock<Regex> = LazyLock::new(|| named(r"config[ -]?map"));
static SECRET: LazyLock<Regex> = LazyLock::new(|| named("secret"));
static HOST_PATH: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b(?:host ?path|(?:folder|directory|path) of the (?:node|host))\s+{PATH}[^.;,\n]{{0,24}}?{PLACE}{PATH}"
    ))
});
static EMPTY: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b(?:empty ?-?dir\w*|scratch (?:volume|space|folder|disk)|temporary (?:volume|folder|disk))\b[^.;\n]{{0,40}}?{PLACE}{PATH}"
    ))
});
static IN_MEMORY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:in[- ]memory|memory[- ]backed|tmpfs|ram ?disk|medium:? memory)\b"));

/// The volumes of a text, each path once.
pub(in crate::nl) fn stated_volumes(text: &str) -> Vec<Volume> {
    let mut found = Vec::new();
    for named in CONFIG_MAP.captures_iter(text) {
        found.push(Volume::ConfigMap { name: named[1].to_owned(), path: named[2].to_owned() });
    }
    for named in SECRET.captures_iter(text) {
        found.push(Volume::Secret { name: named[1].to_owned(), path: named[2].to_owned() });
    }
    for paths in HOST_PATH.captures_iter(text) {
        found.push(Volume::HostPath { host_path: paths[1].to_owned(), path: paths[2].to_owned() });
    }
    for empty in EMPTY.captures_iter(text) {
        let sizes = memory_sizes(&empty[0]);
        found.push(Volume::EmptyDir {
            path: empty[1].to_owned(),
            size: sizes.into_iter().next(),
            memory: IN_MEMORY.is_match(text),
        });
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|volume| seen.insert(volume.path().to_owned()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_read() {
        let map = |name: &str, path: &str| Volume::ConfigMap { name: name.into(), path: path.into() };
        let secret = |name: &str, path: &str| Volume::Secret { name: name.into(), path: path.into() };
        for (text, expected) in [
            ("with the config map rules under /etc/rules", vec![map("rules", "/etc/rules")]),
            ("the secret cert as files in /certs", vec![secret("cert", "/certs")]),
            (
                "an in-memory emptyDir of 12Gi at /dev/shm",
                vec![Volume::EmptyDir { path: "/dev/shm".into(), size: Some("12Gi".into()), memory: true }],
            ),
            ("TOKEN from the secret api (key token)", vec![]),
        ] {
            assert_eq!(stated_volumes(text), expected, "{text}");
        }
    }
}
