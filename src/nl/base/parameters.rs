//! Workflow parameters as the text declares them.

use std::sync::LazyLock;

use regex::Regex;

use super::plan::{Plan, PlannedParameter};

static DECLARED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = r#"["'`“„]?([A-Za-z][A-Za-z0-9_-]*)["'`”“]?"#;
    let value = r#"["'`“„]?([^\s,;"'`”“()]*[^\s,;."'`”“()])["'`”“]?"#;
    let default = r"(?:default(?:s|ing)?(?: value)?(?: (?:is|to|of|being|should be))?|standard(?:wert)?(?: ist)?|par défaut|por defecto|predeterminado|padrão|=)";
    [
        format!(r"(?i)\b(?:workflow |pipeline )?(?:parameters?|paramètre|parámetro|parâmetro|parametro)\s+(?:(?:called|named|namens|appelé|llamado|chamado|chiamato)\s+)?{name}\s*[,(]?\s*(?:(?:with|whose|which|that|and|has|mit|avec|con|com)\s+)*(?:(?:a|the|its|dem|une?|el|la)\s+)*{default}\s*[:=]?\s*{value}"),
        format!(r"(?i)\b{name}\s+(?:is|as)\s+an?\s+(?:workflow |pipeline )?parameter\s*[,(]?\s*(?:(?:with|whose|which|that|and|has)\s+)*(?:(?:a|the|its)\s+)*{default}\s*[:=]?\s*{value}"),
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("the pattern is valid"))
    .collect()
});
/// In a text that speaks of parameters: `region, default emea`, `trees (default 250)`.
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)["'`]?\b([a-z][a-z0-9_-]*)["'`]?\s*[,(:]\s*(?:with )?(?:the )?default(?:s)?(?: value)?(?: is| to| of|:|=)?\s*["'`]?([^\s,;"'`()]*[^\s,;."'`()])"#)
        .expect("the pattern is valid")
});
/// `cutoff = 0.35 (workflow parameter)`
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?im)(?:^|[\s,;])([a-z][\w-]*)\s*[=:]\s*["'`]?([^\s,;"'`()]+)["'`]?\s*\((?:an? |the )?(?:workflow |pipeline )?param(?:eter)?s?\)"#)
        .expect("the pattern is valid")
});
/// Lines of names and values under a heading that speaks of parameters.
static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)^[ \t]*(?:workflow |pipeline )?param(?:eter)?s?[ \t]*:?[ \t]*\n((?:[ \t]*[-*]?[ \t]*[a-z][\w-]*[ \t]*[=:][ \t]*\S+[ \t]*(?:\n|$))+)")
        .expect("the pattern is valid")
});
static BLOCK_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?im)^[ \t]*[-*]?[ \t]*([a-z][\w-]*)[ \t]*[=:][ \t]*["'`]?([^\s"'`]+)"#)
        .expect("the pattern is valid")
});
static SPEAKS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)param|configurable|variable").expect("the pattern is valid"));

static EQUALS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:if|when|only if|wenn|falls|si|se|in case) (?:the |der |le |el |il |o )?(?:value of |parameter |workflow parameter )*["'`]?([A-Za-z][\w-]*)["'`]? (?:equals|is equal to|is set to|is|==?|ist|gleich|vaut|est|es|igual a|è|é) (not )?["'`“„]?([\w.-]*\w)"#)
        .expect("the pattern is valid")
});

/// Conditions on declared parameters: "if mode equals full".
pub(in crate::nl) fn read_parameter_conditions(plan: &mut Plan, changes: &mut Vec<String>) {
    let names: Vec<String> = plan.parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let mut last: Option<(String, String, bool)> = None;
    for step in &mut plan.steps {
        let stated = EQUALS.captures_iter(&step.text).find(|found| names.contains(&found[1].to_owned()));
        let condition = if let Some(found) = stated {
            (found[1].to_owned(), found[3].to_owned(), found.get(2).is_none())
        } else if let Some((name, value, equal)) = last.take().filter(|_| OTHERWISE.is_match(&step.text)) {
            (name, value, !equal)
        } else {
            continue;
        };
        let operator = if condition.2 { "==" } else { "!=" };
        let when = format!("parameters.{} {operator} '{}'", condition.0, condition.1);
        if step.when.as_ref() != Some(&when) {
            changes.push(format!("{}: it runs if {when}, as the description says", step.name));
        }
        step.when = Some(when);
        last = Some(condition);
    }
}

/// A step under a condition on a parameter that waits for nothing waits for the last step before it that always runs.
pub(in crate::nl) fn conditions_follow(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        let (before, rest) = plan.steps.split_at_mut(index);
        let step = &mut rest[0];
        let on_parameter = step.when.as_ref().is_some_and(|when| when.starts_with("parameters."));
        if !on_parameter || !step.after.is_empty() {
            continue;
        }
        if let Some(always) = before.iter().rfind(|other| other.when.is_none()) {
            changes.push(format!("{} waits for {}, which comes before it", step.name, always.name));
            step.after = vec![always.name.clone()];
        }
    }
}

static OTHERWISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(otherwise|else|if not|in all other cases|sonst|andernfalls|sinon|autrement|si no|de lo contrario|senão|caso contrário|altrimenti|w przeciwnym razie|anders)\b")
        .expect("the pattern is valid")
});

/// Adds declared parameters that the plan lacks, and mends their defaults.
pub(in crate::nl) fn read_parameters(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let listed = LISTED.captures_iter(description).filter(|_| SPEAKS.is_match(description));
    let lines = BLOCK
        .captures_iter(description)
        .filter_map(|block| block.get(1))
        .flat_map(|block| BLOCK_LINE.captures_iter(block.as_str()));
    let assigned = ASSIGNED.captures_iter(description).chain(lines);
    let declared = DECLARED.iter().flat_map(|pattern| pattern.captures_iter(description));
    for captures in declared.chain(listed).chain(assigned) {
        let (name, default) = (captures[1].to_owned(), captures[2].to_owned());
        if ["default", "with", "called", "named", "of", "the"].contains(&name.to_lowercase().as_str()) {
            continue;
        }
        match plan.parameters.iter_mut().find(|parameter| parameter.name.eq_ignore_ascii_case(&name)) {
            Some(known) if known.default == default => {}
            Some(known) => {
                changes.push(format!("parameter {name}: its default is {default}, as the description says"));
                known.default = default;
            }
            None => {
                changes.push(format!("parameter {name} with the default {default}, as the description says"));
                plan.parameters.push(PlannedParameter { name, default });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_parameters_are_read() {
        for (text, name, default) in [
            ("The workflow gets a parameter called mode whose default is quick.", "mode", "quick"),
            ("with a parameter epochs (default 5)", "epochs", "5"),
            ("parameter region, default eu-west-1", "region", "eu-west-1"),
            ("inputs\n  tenant = globex    (workflow parameter)\nsteps", "tenant", "globex"),
            ("Parameters:\n- day: 2024-01-01\n\nrun a:1", "day", "2024-01-01"),
            ("make bucket a thing; size is a parameter with default 0.5.", "size", "0.5"),
        ] {
            let mut plan = Plan::default();
            read_parameters(&mut plan, text, &mut Vec::new());
            let found: Vec<_> =
                plan.parameters.iter().map(|p| (p.name.as_str(), p.default.as_str())).collect();
            assert_eq!(found, [(name, default)], "{text}");
        }
    }
}
