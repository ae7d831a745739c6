//! Settings of the whole workflow as the text states them.

use std::sync::LazyLock;

use regex::Regex;

use super::plan::Plan;
use crate::api::Program;
use crate::nl::pattern::regex;

const NAME: &str = r#"["'`“„]?([a-z0-9][a-z0-9._-]*[a-z0-9])["'`”“]?"#;

static PULL_SECRET: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    vec![
        regex(&format!(
            r"\bpull(?:s|ed|ing)?\b[^.;\n]{{0,60}}?\b(?:secrets?|credentials?)\s+(?:called |named |from )?{NAME}"
        )),
        regex(&format!(
            r"\b(?:image[- ]?pull|registry|pull)[- ]?(?:secrets?|credentials?)\s*(?:called |named |is |: ?)?{NAME}"
        )),
    ]
});
static PULL_SECRET_BEFORE: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"\b(?:secret\s+)?{NAME}\s+as (?:the )?(?:image )?pull secret")));
static SERVICE_ACCOUNT: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"\bservice[- ]?account\s*(?:called |named |is |: ?)?{NAME}")));
static PARALLELISM: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let count = r"(?:never|not|no|at most|at maximum|max(?:imum)?(?: of)?|up to|only|höchstens|maximal|au plus|máximo)";
    let things = r"(?:steps?|tasks?|pods?|jobs?|things?|containers?|schritte?n?|étapes?|pasos?)";
    let together = r"(?:at once|at a time|at the same time|in parallel|concurrently|simultaneously|at any (?:one )?time|together|gleichzeitig|parallel|en parallèle|a la vez|en paralelo)";
    vec![
        regex(&format!(r"\b{count}\b[^.;\n]{{0,20}}?(\d+) {things}[^.;\n]{{0,30}}?{together}")),
        regex(&format!(
            r"\b(?:workflow|pipeline)\b[^.;\n]{{0,40}}\b{count}\b[^.;\n]{{0,20}}?(\d+)\b[^.;\n]{{0,30}}?{together}"
        )),
        regex(r"\bparallelism (?:of |to |= ?|: ?|is )?(\d+)"),
        regex(&format!(r"\b(\d+) {things} (?:may |can |should |must )?(?:run )?{together} at most")),
    ]
});
static TIME_LIMIT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let amount = r"\b(\d+|an?\s)\s*(s|sec\w*|m|min\w*|h|hrs?|hours?|d|days?|stunden?|minuten?|heures?|horas?|minutos?)\b";
    let whole = r"\b(?:(?:whole|entire|complete|overall|total|full|all of it|everything|ganze\w*|gesamte\w*|tout|todo|intero)\b[^.;\n]{0,60}?|(?:the |this )?(?:workflow|pipeline|run) (?:as a whole )?(?:must|should|may|has to|needs to|is allowed)[^.;\n]{0,50}?)";
    vec![
        regex(&format!(r"{whole}\b{amount}")),
        regex(&format!(
            r"\b(?:overall|total|global) (?:time ?limit|deadline|timeout)[^.;\n]{{0,20}}?{amount}"
        )),
        regex(&format!(
            r"{amount}[^.;\n]{{0,20}}?\bfor (?:the )?(?:whole|entire|complete) (?:workflow|pipeline|thing|run)"
        )),
    ]
});
static LIMIT_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(limit|deadline|at most|within|longer|more than|finish\w*|done|time ?out|abort|kill|cancel|stop|give up|exceed\w*|under|höchstens|länger|maximal|max|plus de|más de)\b",
    )
});

static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:workflow|pipeline|everything|all (?:the )?(?:pods|steps|tasks))\b[^.;\n]{0,30}?\blabels?\b[^.;\n]{0,12}?["'`]?\b([a-z0-9][a-z0-9./-]*)["'`]?(?:\s*[=:]\s*|\s+set to\s+)["'`]?([a-z0-9][a-z0-9._-]*[a-z0-9])"#,
    )
});
static ANNOTATION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:workflow|pipeline|everything|all (?:the )?(?:pods|steps|tasks))\b[^.;\n]{0,80}?\bannotations?\b[^.;\n]{0,12}?["'`]?\b([a-z0-9][a-z0-9./-]*)["'`]?(?:\s*[=:]\s*|\s+set to\s+)(?:"([^"]+)"|([^\s,;"]*[^\s,;".]))"#,
    )
});

/// Parallelism and time limit belong to the plan.
pub(in crate::nl) fn read_limits(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let stated = PARALLELISM.iter().find_map(|pattern| pattern.captures(description)?[1].parse::<u32>().ok());
    if let Some(limit) = stated.filter(|limit| *limit > 0 && plan.parallelism != Some(*limit)) {
        changes.push(format!("at most {limit} steps at once, as the description says"));
        plan.parallelism = Some(limit);
    }
    for captures in TIME_LIMIT.iter().filter_map(|pattern| pattern.captures(description)) {
        if !LIMIT_WORDS.is_match(&captures[0]) && !LIMIT_WORDS.is_match(description) {
            continue;
        }
        let number = captures[1].parse::<u32>().unwrap_or(1);
        let unit = match captures[2].to_lowercase().chars().next() {
            Some('d') => "d",
            Some('h') => "h",
            Some('s') if captures[2].to_lowercase().starts_with("st") => "h",
            Some('s') => "s",
            _ => "m",
        };
        let limit = format!("{number}{unit}");
        if plan.time_limit.as_ref() != Some(&limit) {
            changes.push(format!("the workflow is stopped after {limit}, as the description says"));
            plan.time_limit = Some(limit);
        }
        return;
    }
}

/// Pull secrets and service accounts belong to the program: they hold for all steps, unless a step has its own.
pub(in crate::nl) fn read_access(program: &mut Program, description: &str) {
    let secrets =
        PULL_SECRET.iter().chain([&*PULL_SECRET_BEFORE]).find_map(|pattern| pattern.captures(description));
    if let Some(captures) = secrets {
        let name = captures[1].to_owned();
        if !["to", "is", "the", "a", "for", "and", "from", "with"].contains(&name.as_str()) {
            // What pulls images is no variable of a step.
            for step in program.steps.iter_mut().chain(&mut program.on_exit) {
                step.settings.secrets.retain(|secret| secret.secret != name);
            }
            program.settings.image_pull_secrets = vec![name];
        }
    }
    if let Some(found) = LABEL.captures(description) {
        program.settings.labels.insert(found[1].to_owned(), found[2].to_owned());
    }
    if let Some(found) = ANNOTATION.captures(description) {
        let value = found.get(2).or(found.get(3)).map_or("", |value| value.as_str());
        program.settings.annotations.insert(found[1].to_owned(), value.to_owned());
    }
    let on_step =
        program.steps.iter().chain(&program.on_exit).any(|step| step.settings.service_account.is_some());
    if let Some(captures) = SERVICE_ACCOUNT.captures(description).filter(|_| !on_step) {
        let name = captures[1].to_owned();
        if !["to", "is", "the", "a", "for", "and", "that", "with"].contains(&name.as_str()) {
            program.settings.service_account = Some(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_workflow_are_read() {
        let text = "Give the whole workflow the label cost-center=4711 and the annotation owner set to aqua-team; run a:1";
        assert_eq!(&LABEL.captures(text).unwrap()[2], "4711");
        let found = ANNOTATION.captures(text).unwrap();
        assert_eq!((&found[1], &found[3]), ("owner", "aqua-team"));
        assert!(!LABEL.is_match("train on the label churn in the workflow"));
    }

    #[test]
    fn limits_of_the_whole_workflow_are_read() {
        for (text, parallelism, time) in [
            ("Never run more than 2 steps at once in the whole workflow.", Some(2), None),
            (
                "At most 3 tasks in parallel. The whole pipeline must finish within 2 hours.",
                Some(3),
                Some("2h"),
            ),
            ("map it over the shards, 10 at a time", None, None),
            ("The workflow must not take longer than 90 minutes.", None, Some("90m")),
            ("the whole data set is read every 2 hours", None, None),
        ] {
            let mut plan = Plan::default();
            read_limits(&mut plan, text, &mut Vec::new());
            assert_eq!((plan.parallelism, plan.time_limit.as_deref()), (parallelism, time), "{text}");
        }
    }
}
