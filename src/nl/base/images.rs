//! Where a description names images, the images are the steps: what names none is a setting or a remark.

use std::sync::LazyLock;

use regex::Regex;

use super::clauses::assign;
use super::literals::{Literal, LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use super::settings::mentions_setting;
use crate::nl::pattern::regex;

/// Tasks that take an image of their own.
const OWN_IMAGE: [&str; 9] = [
    "container.run",
    "job.pytorch",
    "job.tensorflow",
    "job.mpi",
    "job.xgboost",
    "image.build",
    "tune.katib",
    "script.bash",
    "script.python",
];

/// The images with a tag that a text names, each once.
pub(in crate::nl) fn images(text: &str) -> Vec<Literal> {
    let mut found: Vec<Literal> = Vec::new();
    for literal in literals(text) {
        let tagged = literal.kind == LiteralKind::Image && literal.text.contains(':');
        if tagged && found.iter().all(|other| other.text != literal.text) {
            found.push(literal);
        }
    }
    found
}

/// An image that no step names was lost in retelling: the clause that names it goes to the step that speaks of it.
pub(in crate::nl) fn find_lost_images(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let lost: Vec<Literal> = images(description)
        .into_iter()
        .filter(|image| plan.all_steps().all(|step| !step.text.contains(&image.text)))
        .collect();
    if lost.is_empty() {
        return;
    }
    let quotes: Vec<&str> = plan.all_steps().map(|step| step.text.as_str()).collect();
    let extra = assign(description, &quotes, &lost, &|_| false).extra;
    for (step, clauses) in plan.steps.iter_mut().chain(&mut plan.finally).zip(extra) {
        for clause in clauses.iter().filter(|clause| lost.iter().any(|image| clause.contains(&image.text))) {
            changes.push(format!("{}: {clause:?} belongs to it", step.name));
            step.text.push_str(". ");
            step.text.push_str(clause);
        }
    }
}

/// A step that names an image runs it; a container step that names none is no step where all images have theirs.
pub(in crate::nl) fn images_are_steps(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let all = images(description);
    if all.is_empty() {
        return;
    }
    give_jobs_their_images(plan, changes);
    for step in plan.steps.iter_mut().chain(&mut plan.finally) {
        let named = images(&step.text).len();
        // Building pushes one image; "build a pipeline of a:1 and b:2" builds none.
        let builds = step.task == "image.build" && named < 2;
        let other = !OWN_IMAGE.contains(&step.task.as_str()) || step.task == "image.build";
        if named > 0 && !builds && (other || runs_image(step)) {
            changes.push(format!("{}: it runs the image that it names, not {}", step.name, step.task));
            "container.run".clone_into(&mut step.task);
        }
    }
    let covered = all.iter().all(|image| plan.all_steps().any(|step| step.text.contains(&image.text)));
    if !covered {
        return;
    }
    drop_second_runs(plan, description, changes);
    let nameless = |step: &PlannedStep| {
        step.task == "container.run" && images(&step.text).is_empty() && !named(step, description)
    };
    if plan.steps.iter().all(nameless) {
        return;
    }
    let note = |step: &PlannedStep| {
        format!("{}: {:?} names no image and is no step of its own", step.name, step.text)
    };
    for index in (0..plan.steps.len()).rev() {
        if nameless(&plan.steps[index]) {
            changes.push(note(&plan.remove(index)));
        }
    }
    // What shall happen at the end is a wish even without an image; only settings are none.
    plan.finally.retain(|step| {
        let gone = nameless(step) && mentions_setting(&step.text);
        if gone {
            changes.push(note(step));
        }
        !gone
    });
}

/// "Run acme/verify:1 --all" is no script, although the model may take it for the text of one.
fn runs_image(step: &PlannedStep) -> bool {
    static RUNS: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"\b(?:run|runs|start|starts|launch|execute|starte|führe|lance|ejecuta|esegui) $")
    });
    let [image] = &images(&step.text)[..] else { return false };
    step.task.starts_with("script.") && RUNS.is_match(&step.text[..image.start])
}

static REPLICAS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:\d+|one|an?) (?:workers?|masters?|launchers?|replicas?|parameter servers?)\b")
});

/// "A `PyTorchJob`: image a:1, command …": the words that only name the image belong to the job beside them.
fn give_jobs_their_images(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let [image] = &images(&step.text)[..] else { continue };
        let words = step.text.replace(&image.text, " ");
        let details = words.split_whitespace().count() <= 2 || REPLICAS.is_match(&words);
        if step.task != "container.run" || !details {
            continue;
        }
        let is_job = |other: &PlannedStep| {
            (other.task.starts_with("job.") || other.task == "tune.katib") && images(&other.text).is_empty()
        };
        let beside = [index.checked_sub(1), Some(index + 1)];
        let job = beside.into_iter().flatten().find(|at| plan.steps.get(*at).is_some_and(is_job));
        let Some(job) = job else { continue };
        let text = format!("{}, {}", plan.steps[index].text, plan.steps[job].text);
        plan.steps[job].text = text;
        let gone = plan.remove(index);
        changes.push(format!("{}: it only names the image of the job beside it", gone.name));
    }
}

/// An image that the description names once runs once, unless the words ask for it again.
fn drop_second_runs(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    for index in (1..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let [image] = &images(&step.text)[..] else { continue };
        let once = description.matches(&image.text).count() == 1;
        let earlier = plan.steps[..index].iter().position(|other| {
            let own = images(&other.text);
            own.len() == 1 && own[0].text == image.text && other.task == step.task
        });
        if !once || runs_again(&step.text) {
            continue;
        }
        match earlier {
            Some(at) if step.each.is_none() || step.each == plan.steps[at].each => {
                let gone = plan.remove(index);
                changes.push(format!("{}: {} runs already", gone.name, image.text));
            }
            // The one with the items says more.
            Some(at) if plan.steps[at].each.is_none() => {
                let name = step.name.clone();
                let after = plan.steps[at].after.clone();
                plan.steps[index].after = after;
                changes.push(format!("{}: {name} runs the same once per item", plan.steps[at].name));
                plan.replace(at, Vec::new(), &[name]);
            }
            _ => {}
        }
    }
}

/// Whether the words ask for an image that ran already.
pub(in crate::nl) fn runs_again(text: &str) -> bool {
    const AGAIN: [&str; 7] = [
        "same image",
        "same container",
        "again",
        "that image",
        "gleiche image",
        "même image",
        "misma imagen",
    ];
    let lower = text.to_lowercase();
    AGAIN.iter().any(|words| lower.contains(words))
}

/// Whether a step runs an image again that stands elsewhere in the text ("then the same image with --check").
fn named(step: &PlannedStep, description: &str) -> bool {
    runs_again(&step.text)
        || (literals(&step.text).iter().any(|literal| literal.kind == LiteralKind::Image)
            && description.contains("image"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    #[test]
    fn an_image_that_is_run_is_no_script() {
        let said = "copy it, then run acme/verify:1 --all, then run print(1) in python:3.12";
        let mut plan = chain(&[
            ("file.copy", "copy it"),
            ("script.python", "then run acme/verify:1 --all"),
            ("script.python", "then run print(1) in python:3.12"),
        ]);
        images_are_steps(&mut plan, said, &mut Vec::new());
        let tasks: Vec<&str> = plan.steps.iter().map(|step| step.task.as_str()).collect();
        assert_eq!(tasks, ["file.copy", "container.run", "script.python"]);
    }
}
