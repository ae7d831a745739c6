//! What a plan leaves open of a description, as far as it can be told without a model. Plans are compared by it.

use std::sync::LazyLock;

use regex::Regex;

use super::algorithms::named_algorithms;
use super::cues::asked_for;
use super::literals::{Literal, LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use super::schedule::speaks_of_schedule;
use super::settings::mentions_setting;
use crate::lake::Lake;
use crate::nl::pattern::regex;

static ALTERNATIVE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:otherwise|or else|if not|else|sonst|andernfalls|sinon|de lo contrario|si no|altrimenti|caso contrário)\b",
    )
});
static EACH: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:for each|for every|once per|for all of|one per|für jede\w*|pour chaque|para cada|per ogni)\b",
    )
});
static REPEATED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:until it|until the|keep (?:running|polling|checking|trying)|repeat\w* until|so lange bis)\b")
});

/// The open points of a tidied plan, in words for the report; an empty list says that nothing speaks against it.
pub(in crate::nl) fn doubts(plan: &Plan, description: &str, lake: &Lake) -> Vec<String> {
    let mut found = lost_literals(plan, description);
    found.extend(lost_wishes(plan, description, lake));
    found.extend(lost_sentences(plan, description));
    let conditions = plan.all_steps().filter(|step| step.when.is_some()).count();
    if ALTERNATIVE.is_match(description) && conditions < 2 {
        found.push("the description has alternatives, the plan has fewer than two conditions".to_owned());
    }
    if EACH.is_match(description) && plan.all_steps().all(|step| step.each.is_none()) {
        found.push("nothing runs once per item".to_owned());
    }
    if REPEATED.is_match(description) && plan.all_steps().all(|step| step.until.is_none()) {
        found.push("nothing is repeated".to_owned());
    }
    found
}

fn stands_in(step: &PlannedStep, literal: &Literal) -> bool {
    step.text.contains(&literal.text) || step.each.as_ref().is_some_and(|items| literal.appears_in(items))
}

fn lost_literals(plan: &Plan, description: &str) -> Vec<String> {
    use LiteralKind::{Channel, Email, Image, Uri};
    literals(description)
        .into_iter()
        .filter(|literal| {
            matches!(literal.kind, Channel | Email | Uri)
                || (literal.kind == Image && literal.text.contains(':'))
        })
        .filter(|literal| plan.all_steps().all(|step| !stands_in(step, literal)))
        .filter(|literal| plan.parameters.iter().all(|parameter| parameter.default != literal.text))
        .map(|literal| format!("no step has {}", literal.text))
        .collect()
}

fn lost_wishes(plan: &Plan, description: &str, lake: &Lake) -> Vec<String> {
    let mut found: Vec<String> = asked_for(description, lake)
        .into_iter()
        .filter(|component| !component.starts_with("tune."))
        .filter(|component| plan.all_steps().all(|step| step.task != *component))
        .map(|component| format!("no step does {component}"))
        .collect();
    found.dedup();
    for (component, word) in named_algorithms(description) {
        let named = |step: &PlannedStep| {
            named_algorithms(&step.text)
                .iter()
                .any(|(own, words)| *own == component && words.eq_ignore_ascii_case(word))
        };
        if !plan.all_steps().any(named) {
            found.push(format!("no step has the algorithm {word}"));
        }
    }
    found
}

fn stems(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 3)
        .map(|word| word.chars().take(5).collect())
        .collect()
}

/// Sentences of which no step has half of the words, and which are no schedule or setting.
fn lost_sentences(plan: &Plan, description: &str) -> Vec<String> {
    let told: Vec<String> = plan.all_steps().flat_map(|step| stems(&step.text)).collect();
    description
        .split('\n')
        .flat_map(|line| line.split(". "))
        .filter(|sentence| sentence.split_whitespace().count() > 4)
        .filter(|sentence| !speaks_of_schedule(sentence) && !mentions_setting(sentence))
        .filter(|sentence| {
            let own = stems(sentence);
            own.len() > 3 && own.iter().filter(|stem| told.contains(stem)).count() * 5 < own.len() * 2
        })
        .map(|sentence| format!("no step speaks of {sentence:?}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    #[test]
    fn what_a_plan_leaves_open_is_told() {
        let lake = Lake::built_in();
        let text =
            "Load a.csv and train xgboost. If it is good deploy it to /srv/m, otherwise tell #ml on slack.";
        let whole = || {
            let mut plan = chain(&[
                ("data.load", "Load a.csv"),
                ("xgboost.train", "train xgboost"),
                ("model.deploy", "If it is good deploy it to /srv/m"),
                ("notify.slack", "otherwise tell #ml on slack"),
            ]);
            plan.steps[2].when = Some("s1.auc > 0.8".into());
            plan.steps[3].when = Some("s1.auc <= 0.8".into());
            plan
        };
        assert_eq!(doubts(&whole(), text, &lake), Vec::<String>::new());
        let mut lost = whole();
        lost.steps.pop();
        assert_eq!(doubts(&lost, text, &lake).len(), 3);
        let mut other = whole();
        other.steps[1].text = "train".into();
        assert_eq!(doubts(&other, text, &lake).len(), 1);
    }
}
