//! Steps that the words of another step ask for already.

use std::sync::LazyLock;

use regex::Regex;

use super::literals::{LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use crate::api::Condition;
use crate::nl::pattern::regex;

static CHECKSUM: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:sha-?(?:1|224|256|384|512)|md5|check-?sums?|prüfsumme|somme de contrôle)\b")
});

/// Leaves out what a neighbour does: a load that names nothing to load beside one that does, and the check of a
/// download's checksum, which the download itself makes.
pub(in crate::nl) fn drop_surplus(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let reason = if loads_nothing(plan, index) {
            "it names nothing that could be loaded, another step does"
        } else if checks_a_download(plan, index) {
            "the download checks its own sum"
        } else {
            continue;
        };
        let text = plan.steps[index].text.clone();
        let gone = plan.remove(index);
        if let Some(download) = plan.steps[..index].iter_mut().rfind(|step| step.task == "data.download")
            && CHECKSUM.is_match(&text)
            && !download.text.contains(&text)
        {
            download.text = format!("{}, {text}", download.text);
        }
        changes.push(format!("{}: {reason}", gone.name));
    }
}

fn names_an_address(step: &PlannedStep) -> bool {
    literals(&step.text).iter().any(|literal| literal.kind == LiteralKind::Uri)
}

fn loads_nothing(plan: &Plan, index: usize) -> bool {
    let step = &plan.steps[index];
    let others = || plan.steps.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, step)| step);
    step.task == "data.load"
        && step.each.is_none()
        && !names_an_address(step)
        && others().any(|other| other.task.starts_with("data.load") && names_an_address(other))
}

fn checks_a_download(plan: &Plan, index: usize) -> bool {
    plan.steps[index].task == "data.validate"
        && CHECKSUM.is_match(&plan.steps[index].text)
        && plan.steps[..index].iter().any(|step| step.task == "data.download")
}

/// Of two steps whose conditions exclude each other none can wait for the other: it would never run.
pub(in crate::nl) fn separate_alternatives(plan: &mut Plan, changes: &mut Vec<String>) {
    let conditions: Vec<Option<Condition>> =
        plan.steps.iter().map(|step| step.when.as_ref().and_then(|when| when.parse().ok())).collect();
    for index in 1..plan.steps.len() {
        let Some(negated) = conditions[index].as_ref().and_then(super::assemble::negated) else { continue };
        let alternatives: Vec<usize> =
            (0..index).filter(|other| conditions[*other].as_ref() == Some(&negated)).collect();
        for other in alternatives {
            let (name, before) = (plan.steps[other].name.clone(), plan.steps[other].after.clone());
            let step = &mut plan.steps[index];
            let Some(at) = step.after.iter().position(|waits| *waits == name) else { continue };
            step.after.remove(at);
            let missing: Vec<String> = before.into_iter().filter(|name| !step.after.contains(name)).collect();
            step.after.extend(missing);
            changes.push(format!("{} does not wait for {name}: only one of them runs", step.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    #[test]
    fn a_load_without_an_address_goes() {
        let mut plan = chain(&[
            ("data.load", "800 notes a day"),
            ("data.load", "/data/a.csv"),
            ("sklearn.train", "svm"),
        ]);
        drop_surplus(&mut plan, &mut Vec::new());
        assert_eq!(plan.steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["s1", "s2"]);
    }

    #[test]
    fn a_download_checks_its_own_sum() {
        let mut plan = chain(&[
            ("data.download", "get https://x.example/a.zip"),
            ("data.validate", "its sha256 is abc"),
        ]);
        drop_surplus(&mut plan, &mut Vec::new());
        assert_eq!(plan.steps.len(), 1);
        assert!(plan.steps[0].text.ends_with("sha256 is abc"));
    }

    #[test]
    fn alternatives_do_not_wait_for_each_other() {
        let mut plan =
            chain(&[("model.evaluate", "r2"), ("notify.slack", "shout"), ("model.register", "register")]);
        plan.steps[1].when = Some("s0.r2 < 0.4".into());
        plan.steps[2].when = Some("s0.r2 >= 0.4".into());
        separate_alternatives(&mut plan, &mut Vec::new());
        assert_eq!(plan.steps[2].after, ["s0"]);
    }
}
