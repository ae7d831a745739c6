//! Steps that run at the end whatever happens, as the text states them.

use std::sync::LazyLock;

use regex::Regex;

use super::plan::{Plan, PlannedStep};
use crate::api::{Task, WORKFLOW};
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::pattern::regex;

/// "Whatever happens" and its like.
pub(in crate::nl) static ALWAYS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(whatever happens|no matter (?:what|how|whether|if)|regardless of|in any case|in every case|under all circumstances|on exit|exit handler|always at the (?:very )?end|at the (?:very )?end,? always|even if (?:something|anything|the (?:workflow|pipeline|run|rest)|one of|a step|an earlier)|whether (?:it|the (?:workflow|pipeline|run))|success or (?:not|failure)|(?:succeed(?:s|ed)?|fail(?:s|ed)?) or (?:not|fail\w*|succe\w*)|was auch (?:immer )?(?:passiert|geschieht)|in jedem fall|auf jeden fall|egal (?:was|ob|wie)|quoi qu'il arrive|dans tous les cas|pase lo que pase|en cualquier caso|aconteça o que acontecer|em qualquer caso|qualunque cosa (?:accada|succeda)|in ogni caso|niezależnie|bez względu|wat er ook gebeurt|in elk geval)|无论|無論|何があっても",
    )
});
/// "If anything fails", of the workflow as a whole.
pub(in crate::nl) static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:if|when|whenever|in case|should|once|wenn|falls|si|se|als|jeśli|gdy) (?:the |this |that |der |die |das |le |la |el |il |o |a )?(?:whole |entire |complete )?(?:workflow|pipeline|run|job|thing|it|anything|something|any(?: of the)? (?:step|task)s?|one of (?:them|the steps)|a step|things?|etwas|irgendetwas|quelque chose|algo|qualcosa|iets|coś)\b[^,.;]{0,25}?\b(?:fail\w*|break\w*|broke\w*|go(?:es)? wrong|went wrong|crash\w*|errors?|does not succeed|doesn't succeed|did not succeed|not successful|schief\w*|fehlschl\w*|scheiter\w*|échou\w*|falla\w*|falha\w*|fallisc\w*|va storto|mis gaat|zawiedzie)|\b(?:on|upon|in case of|bei|en cas d|en caso de|em caso de|in caso di) (?:an? |any |')?(?:failure|error|fehler\w*|échec|erreur|fallo|error|falha|erro|errore)",
    )
});

/// Moves steps to the exit handler that belong there, and others out of it.
pub(in crate::nl) fn read_exit(plan: &mut Plan, description: &str, lake: &Lake, changes: &mut Vec<String>) {
    let failed = format!("{WORKFLOW}.status != Succeeded");
    let mut moved: Vec<PlannedStep> = Vec::new();
    let last = plan.steps.len();
    let mut index = 0;
    plan.steps.retain(|step| {
        index += 1;
        let words = words_of(step, description);
        let notifies = lake.component(&step.task).is_some_and(|component| component.task == Task::Notify);
        let when_failed = notifies && FAILURE.is_match(&words) && no_condition(step);
        // Only what stands at the end can be the end.
        let always = ALWAYS.is_match(&words) && index > 1 && (index + 2 > last || notifies);
        if (always || when_failed) && last > 1 {
            changes.push(format!("{}: it runs at the end, whatever happens", step.name));
            let when = (when_failed && !always).then(|| failed.clone());
            moved.push(PlannedStep { after: Vec::new(), when, ..step.clone() });
        }
        !((always || when_failed) && last > 1)
    });
    for step in &mut plan.steps {
        step.after.retain(|name| !moved.iter().any(|gone| gone.name == *name));
    }
    for step in &mut plan.finally {
        let words = words_of(step, description);
        if step.when.is_none() && FAILURE.is_match(&words) && !ALWAYS.is_match(&words) {
            step.when = Some(failed.clone());
        } else if step.when.as_ref().is_some_and(|when| when.contains(WORKFLOW))
            && ALWAYS.is_match(&step.text)
            && !FAILURE.is_match(&step.text)
        {
            step.when = None;
        }
    }
    give_back(plan, description, changes);
    plan.finally.extend(moved);
}

/// Words that can put a step at the end.
static END: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:finally|always|at the (?:very )?end|in the end|afterwards|clean\w* ?up|tear ?down|last|when (?:it|all|everything) (?:is|has)|success\w*|succeed\w*|fails?|failed|failure|error\w*|wrong|crash\w*|break\w*|exit|outcome|status|result|immer|am ende|zum schluss|aufräum\w*|toujours|à la fin|siempre|al final|sempre|alla fine|no final)\b",
    )
});

/// A step that the model put at the end although no word of its own says so is an ordinary one.
fn give_back(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let ordinary = |step: &PlannedStep| {
        let words = words_of(step, description);
        let known = super::plan::is_english(description);
        known
            && step.when.is_none()
            && !END.is_match(&words)
            && !ALWAYS.is_match(&words)
            && !FAILURE.is_match(&words)
    };
    let (back, kept): (Vec<PlannedStep>, Vec<PlannedStep>) =
        std::mem::take(&mut plan.finally).into_iter().partition(ordinary);
    plan.finally = kept;
    for step in back {
        changes.push(format!("{}: nothing says that it runs whatever happens", step.name));
        let after = plan.steps.last().map(|last| last.name.clone()).into_iter().collect();
        plan.steps.push(PlannedStep { after, ..step });
    }
}

fn no_condition(step: &PlannedStep) -> bool {
    step.when.as_ref().is_none_or(|when| {
        when.contains(WORKFLOW)
            || when.to_lowercase().contains("fail")
            || when.to_lowercase().contains("succ")
    })
}

/// The step's words, with what stands right before them in the same sentence.
fn words_of(step: &PlannedStep, description: &str) -> String {
    let Some(at) = description.find(&step.text) else { return step.text.clone() };
    let before = &description[..at];
    let start =
        [". ", "\n", "; "].iter().filter_map(|stop| before.rfind(stop).map(|end| end + stop.len())).max();
    // A comma list in front of it belongs to other steps: only its last part is taken.
    let opening = &before[start.unwrap_or(0)..];
    let opening =
        if opening.matches(',').count() > 1 { opening.rsplit(',').nth(1).unwrap_or("") } else { opening };
    format!("{opening}{}", step.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    fn read(description: &str, steps: &[(&str, &str)]) -> Plan {
        let mut plan = chain(steps);
        read_exit(&mut plan, description, &Lake::built_in(), &mut Vec::new());
        plan
    }

    #[test]
    fn what_happens_in_any_case_is_at_the_end() {
        let plan = read(
            "Run a:1. Whatever happens, at the end run c:1.",
            &[("container.run", "Run a:1"), ("container.run", "Whatever happens, at the end run c:1")],
        );
        assert_eq!((plan.steps.len(), plan.finally.len()), (1, 1));
        assert_eq!(plan.finally[0].when, None);
    }

    #[test]
    fn messages_about_failures_have_a_condition() {
        let plan = read(
            "Run a:1; if it does not succeed, notify #ml on Slack.",
            &[("container.run", "Run a:1"), ("notify.slack", "notify #ml on Slack")],
        );
        assert_eq!(plan.finally[0].when.as_deref(), Some("workflow.status != Succeeded"));
    }

    #[test]
    fn what_no_word_puts_at_the_end_is_ordinary() {
        let mut plan = chain(&[("container.run", "Run a:1"), ("container.run", "b:1 waits for it")]);
        plan.finally = vec![plan.steps.pop().unwrap()];
        read_exit(&mut plan, "Run a:1. b:1 waits for it.", &Lake::built_in(), &mut Vec::new());
        assert_eq!((plan.steps.len(), plan.finally.len()), (2, 0));
    }

    #[test]
    fn ordinary_steps_stay() {
        let plan = read(
            "Run a:1, then b:1, then mail x@y.com.",
            &[
                ("container.run", "Run a:1"),
                ("container.run", "then b:1"),
                ("notify.email", "then mail x@y.com"),
            ],
        );
        assert_eq!((plan.steps.len(), plan.finally.len()), (3, 0));
    }
}
