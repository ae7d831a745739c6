//! Taints that a text says a step tolerates.

use std::sync::LazyLock;

use regex::Regex;

use super::answer::TolerateAnswer;
use crate::api::TolerationEffect;
use crate::nl::pattern::regex;

const EFFECT: &str = "NoSchedule|PreferNoSchedule|NoExecute";

/// `team=ml:NoSchedule` or `nvidia.com/gpu:NoExecute`, anywhere.
static TAINT: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(r#"(?:^|[\s"'`(])([a-z0-9][a-z0-9./-]*)(?:=([a-z0-9][a-z0-9._-]*))?:({EFFECT})\b"#))
});
/// "must tolerate the taint dedicated=ml (`NoSchedule`)", "tolerate nvidia.com/gpu (operator Exists, effect `NoExecute`)".
static TOLERATED: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r#"\b(?:taint(?:ed|s)?|tolerat\w+)\b(?: (?:the|a|an|for|of|to|with|by|key|called|named|taints?|nodes?|machines?|that|are|it|may|run|on|pool))*:? ["'`]?([a-z0-9][a-z0-9./-]*[a-z0-9])["'`]?(?:=["'`]?([a-z0-9][a-z0-9._-]*)["'`]?)?([^.;\n]{{0,40}}?\b({EFFECT})\b)?"#
    ))
});

/// The taints of a text: with a value they are matched by it, without one by their key alone.
pub(in crate::nl) fn stated_taints(text: &str) -> Vec<TolerateAnswer> {
    let mut found: Vec<TolerateAnswer> = Vec::new();
    for captures in TAINT.captures_iter(text) {
        add(&mut found, &captures[1], captures.get(2).map(|value| value.as_str()), captures.get(3));
    }
    if !found.is_empty() {
        return found;
    }
    for captures in TOLERATED.captures_iter(text) {
        let (key, value, effect) = (&captures[1], captures.get(2), captures.get(4));
        // "Tolerates busy nodes" names no taint.
        if value.is_some() || effect.is_some() || key.contains(['/', '-', '.']) {
            add(&mut found, key, value.map(|value| value.as_str()), effect);
        }
    }
    found
}

fn add(found: &mut Vec<TolerateAnswer>, key: &str, value: Option<&str>, effect: Option<regex::Match<'_>>) {
    let effect = effect.and_then(|effect| match effect.as_str().to_lowercase().as_str() {
        "noschedule" => Some(TolerationEffect::NoSchedule),
        "prefernoschedule" => Some(TolerationEffect::PreferNoSchedule),
        "noexecute" => Some(TolerationEffect::NoExecute),
        _ => None,
    });
    found.retain(|known| known.key != key);
    found.push(TolerateAnswer { key: key.to_owned(), value: value.map(str::to_owned), effect });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_are_read_in_every_spelling() {
        for (text, key, value, effect) in [
            ("those are tainted team=hydro:NoSchedule", "team", Some("hydro"), "NoSchedule"),
            (
                "tolerate nvidia.com/gpu (operator Exists, effect NoExecute)",
                "nvidia.com/gpu",
                None,
                "NoExecute",
            ),
            ("must tolerate the taint dedicated=ml (NoSchedule)", "dedicated", Some("ml"), "NoSchedule"),
            ("with a toleration for spot:PreferNoSchedule", "spot", None, "PreferNoSchedule"),
        ] {
            let found = stated_taints(text);
            let shown: Vec<_> = found
                .iter()
                .map(|taint| {
                    (taint.key.as_str(), taint.value.as_deref(), format!("{:?}", taint.effect.unwrap()))
                })
                .collect();
            assert_eq!(shown, [(key, value, effect.to_owned())], "{text}");
        }
        assert_eq!(stated_taints("it tolerates busy nodes"), []);
    }
}
