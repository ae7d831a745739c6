//! Durations as Go and Argo read them.

use serde_json::Value;

/// Whether Go reads a text as a duration.
pub(super) fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].into_iter().find(|unit| {
            after.strip_prefix(unit).is_some_and(|next| {
                next.is_empty() || next.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            })
        });
        let Some(unit) = unit.filter(|_| number.parse::<f64>().is_ok()) else { return false };
        rest = &after[unit.len()..];
        parts += 1;
    }
    parts > 0
}

/// Whether Argo reads a value as a duration where bare numbers are seconds.
pub(super) fn is_duration(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|seconds| seconds >= 0.0),
        Value::String(text) => is_reference(text) || text.parse::<u64>().is_ok() || is_go_duration(text),
        _ => false,
    }
}

/// Whether a text holds a reference, so that nothing is known about it.
pub(super) fn is_reference(text: &str) -> bool {
    text.contains("{{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for text in ["10s", "1h30m", "1.5h", "300ms", "0"] {
            assert!(is_go_duration(text), "{text}");
        }
        for text in ["", "7d", "10", "s", "1h 2m", "abc"] {
            assert!(!is_go_duration(text), "{text}");
        }
    }
}
