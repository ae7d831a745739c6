//! Conditions on a resource, such as `status.succeeded > 0`, as expressions of jq.

/// An expression that is true when all requirements hold, or any of them; `None` if one cannot be read.
pub(crate) fn expression(conditions: &str, all: bool) -> Option<String> {
    let parts: Option<Vec<String>> = split(conditions).iter().map(|part| one(part.trim())).collect();
    Some(parts?.join(if all { " and " } else { " or " }))
}

/// The parts between commas outside of brackets.
fn split(conditions: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for character in conditions.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(last) if character != ',' || depth > 0 => last.push(character),
            _ => parts.push(String::new()),
        }
    }
    parts
}

fn one(part: &str) -> Option<String> {
    if let Some(rest) = part.strip_prefix('!') {
        return Some(format!("({} == null)", path(rest)?));
    }
    for (word, comparison) in [("==", "=="), ("!=", "!="), ("=", "=="), (">", ">"), ("<", "<")] {
        let Some((left, right)) = part.split_once(word) else { continue };
        let (left, right) = (path(left)?, right.trim());
        return Some(match comparison {
            ">" | "<" => format!("(({left} // 0 | tonumber) {comparison} {})", right.parse::<i64>().ok()?),
            _ => format!("(({left} | tostring) {comparison} {})", serde_json::json!(right)),
        });
    }
    for (word, negated) in [(" notin ", true), (" in ", false)] {
        let Some((left, list)) = part.split_once(word) else { continue };
        let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
        let values: Vec<&str> = list.split(',').map(str::trim).collect();
        let found = format!("([{} | tostring] | inside({}))", path(left)?, serde_json::json!(values));
        return Some(if negated { format!("({found} | not)") } else { found });
    }
    Some(format!("({} != null)", path(part)?))
}

/// `status.x` as jq's `.["status"]["x"]`.
fn path(text: &str) -> Option<String> {
    let fits = |word: &str| !word.is_empty() && !word.contains([' ', '"', '\\', '(', ')', '$']);
    let words: Vec<&str> = text.trim().split('.').collect();
    if !words.iter().copied().all(fits) {
        return None;
    }
    let keys: Vec<String> = words.iter().map(|word| format!("[\"{word}\"]")).collect();
    Some(format!(".{}", keys.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_become_expressions() {
        for (text, expected) in [
            ("status.succeeded > 0", r#"((.["status"]["succeeded"] // 0 | tonumber) > 0)"#),
            ("status.phase = Done", r#"((.["status"]["phase"] | tostring) == "Done")"#),
            ("status.completionTime", r#"(.["status"]["completionTime"] != null)"#),
            ("a in (x, y),!b", r#"([.["a"] | tostring] | inside(["x","y"])) and (.["b"] == null)"#),
        ] {
            assert_eq!(expression(text, true).as_deref(), Some(expected));
        }
        assert_eq!(expression("a b > c", true), None);
    }
}
