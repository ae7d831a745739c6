//! What the text states with certainty decides over the plan. Every change is reported.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::addresses::split_addresses;
use super::algorithms::decide_algorithms;
use super::candidates::{drop_needless_choices, separate_candidates};
use super::compound::mend_tasks;
use super::evaluation::{add_stated_evaluation, add_stated_prediction};
use super::exit::read_exit;
use super::images::{find_lost_images, images, images_are_steps};
use super::invented::{
    drop_echoes, drop_invented_conditions, drop_invented_loops, drop_invented_steps, drop_repeated_steps,
};
use super::links::{
    follow_arrows, follow_needs, follow_precedence, follow_printed_values, follow_success, follow_to_the_end,
};
use super::literals::literals;
use super::mapping::read_items;
use super::names::{make_unique, mend_conditions, mend_names};
use super::order::{loads_come_first, order_by_text, stand_beside};
use super::parameters::{conditions_follow, read_parameter_conditions, read_parameters};
use super::plan::Plan;
use super::quotes::mend_quotes;
use super::repetition::read_repetitions;
use super::schedule::{explicit_schedule, speaks_of_schedule, stated_schedule, timezone};
use super::search::merge_search_words;
use super::settings::mentions_setting;
use super::several_images::split_images;
use super::surplus::{drop_surplus, separate_alternatives};
use super::whole::read_limits;
use crate::api::Task;
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::Event;
use crate::nl::pattern::regex;
use crate::nl::pipeline::Pipeline;

/// What a pass works on.
struct At<'a> {
    plan: &'a mut Plan,
    text: &'a str,
    lake: &'a Lake,
    changes: &'a mut Vec<String>,
}

/// A rewriting pass: a crutch of a small model that was not trained for plans.
pub struct Pass {
    /// Short name, for `--without-pass`.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    run: fn(&mut At<'_>),
}

/// All passes, in the order in which they run.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "read-schedule",
        about: "the text decides about the schedule where it can be read with certainty",
        run: |at| read_schedule(at.plan, at.text, at.changes),
    },
    Pass {
        name: "drop-invented-loops",
        about: "items must be a list of the text, and a repetition needs a word that asks for one",
        run: |at| drop_invented_loops(at.plan, at.text, at.changes),
    },
    Pass {
        name: "drop-invented-steps",
        about: "a step whose words are mostly not those of the text was invented",
        run: |at| drop_invented_steps(at.plan, at.text, at.changes),
    },
    Pass {
        name: "mend-quotes",
        about: "ends of quotes are mended: what is cut off is completed, what the next step says is left to it",
        run: |at| mend_quotes(at.plan, at.text, at.changes),
    },
    Pass {
        name: "drop-repeated-steps",
        about: "the same words twice are the same step",
        run: |at| drop_repeated_steps(at.plan, at.changes),
    },
    Pass {
        name: "drop-echoes",
        about: "courtesies and a few words of another step are no steps",
        run: |at| drop_echoes(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "merge-settings",
        about: "a sentence about a setting of another step is no step",
        run: |at| merge_settings(at.plan, at.changes),
    },
    Pass {
        name: "merge-search-words",
        about: "words about a search that became steps go to the search",
        run: |at| merge_search_words(at.plan, at.changes),
    },
    Pass {
        name: "read-exit",
        about: "steps move to the end, and away from it, as their words say",
        run: |at| read_exit(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "find-lost-images",
        about: "the clause of an image that no step names goes to the step that speaks of it",
        run: |at| find_lost_images(at.plan, at.text, at.changes),
    },
    Pass {
        name: "images-are-steps",
        about: "a step that names an image runs it; one that names none is none where all images have theirs",
        run: |at| images_are_steps(at.plan, at.text, at.changes),
    },
    Pass {
        name: "split-images",
        about: "a step that names several images is several steps",
        run: |at| split_images(at.plan, at.changes),
    },
    Pass {
        name: "check-limits",
        about: "limits of the whole must stand in the text",
        run: |at| check_limits(at.plan, at.text, at.changes),
    },
    Pass {
        name: "read-limits",
        about: "parallelism and time limit are read from the text",
        run: |at| read_limits(at.plan, at.text, at.changes),
    },
    Pass {
        name: "read-parameters",
        about: "declared parameters that the plan lacks are added",
        run: |at| read_parameters(at.plan, at.text, at.changes),
    },
    Pass {
        name: "drop-invented-conditions",
        about: "a condition must stand in the text",
        run: |at| drop_invented_conditions(at.plan, &at.text.to_lowercase(), at.changes),
    },
    Pass {
        name: "make-unique",
        about: "names are unique",
        run: |at| make_unique(&mut at.plan.steps, &mut at.plan.finally, at.changes),
    },
    Pass {
        name: "mend-names",
        about: "names of other steps exist and come before",
        run: |at| mend_names(at.plan, at.changes),
    },
    Pass {
        name: "mend-conditions",
        about: "a condition reads an earlier step",
        run: |at| mend_conditions(at.plan, at.changes),
    },
    Pass {
        name: "follow-printed-values",
        about: "what a step prints decides about the steps that name the value",
        run: |at| follow_printed_values(at.plan, at.changes),
    },
    Pass {
        name: "mend-tasks",
        about: "words that are certain decide about the task of a step",
        run: |at| mend_tasks(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "drop-surplus",
        about: "what a neighbour does is left out",
        run: |at| drop_surplus(at.plan, at.changes),
    },
    Pass {
        name: "separate-candidates",
        about: "candidates get steps of their own",
        run: |at| separate_candidates(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "decide-algorithms",
        about: "a training gets the component of the algorithm that its words name",
        run: |at| decide_algorithms(at.plan, at.lake, at.changes),
    },
    Pass {
        name: "drop-needless-choices",
        about: "with one model there is nothing to choose from",
        run: |at| drop_needless_choices(at.plan, at.lake, at.changes),
    },
    Pass {
        name: "add-stated-evaluation",
        about: "a metric that no step measures gets an evaluation",
        run: |at| add_stated_evaluation(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "add-stated-prediction",
        about: "what was chosen predicts in a step of its own",
        run: |at| add_stated_prediction(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "read-items",
        about: "items of steps are dropped, expanded or added as the text lists them",
        run: |at| read_items(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "split-addresses",
        about: "a step that copies between addresses is a copy, several addresses are several steps",
        run: |at| split_addresses(at.plan, at.changes),
    },
    Pass {
        name: "loads-come-first",
        about: "what loads data comes before what needs it",
        run: |at| loads_come_first(at.plan, at.lake, at.changes),
    },
    Pass {
        name: "read-repetitions",
        about: "loops are read from the text",
        run: |at| read_repetitions(at.plan, at.text, at.changes),
    },
    Pass {
        name: "read-parameter-conditions",
        about: "conditions on declared parameters are read from the text",
        run: |at| read_parameter_conditions(at.plan, at.changes),
    },
    Pass {
        name: "make-unique-again",
        about: "names are unique",
        run: |at| make_unique(&mut at.plan.steps, &mut at.plan.finally, at.changes),
    },
    Pass {
        name: "separate-siblings",
        about: "trainings and loads side by side do not wait for each other",
        run: |at| separate_siblings(at.plan, at.lake, at.changes),
    },
    Pass {
        name: "stand-beside",
        about: "\"in parallel\" does not wait, \"when both are there\" waits for all that is open",
        run: |at| stand_beside(at.plan, at.text, at.changes),
    },
    Pass {
        name: "conditions-follow",
        about: "a step under a condition on a parameter waits for the last step that always runs",
        run: |at| conditions_follow(at.plan, at.changes),
    },
    Pass {
        name: "follow-precedence",
        about: "\"preceded by\" turns the order",
        run: |at| follow_precedence(at.plan, at.changes),
    },
    Pass {
        name: "follow-arrows",
        about: "arrows between images are edges",
        run: |at| follow_arrows(at.plan, at.text, at.changes),
    },
    Pass {
        name: "follow-needs",
        about: "\"requires the clone and the csv\" waits for both",
        run: |at| follow_needs(at.plan, at.changes),
    },
    Pass {
        name: "follow-success",
        about: "\"when that has worked\" waits for the step before",
        run: |at| follow_success(at.plan, at.changes),
    },
    Pass {
        name: "order-by-text",
        about: "steps that read nothing run in the order of the text",
        run: |at| order_by_text(at.plan, at.text, at.lake, at.changes),
    },
    Pass {
        name: "follow-to-the-end",
        about: "a message or report waits for all that is still open",
        run: |at| follow_to_the_end(at.plan, at.changes),
    },
    Pass {
        name: "separate-alternatives",
        about: "of two steps whose conditions exclude each other none waits for the other",
        run: |at| separate_alternatives(at.plan, at.changes),
    },
];

impl Pipeline<'_> {
    /// Mends what can be mended without asking. Returns what was changed, for the report.
    pub(in crate::nl) fn tidy(&self, plan: &mut Plan, text: &str) -> Vec<String> {
        let mut changes = Vec::new();
        let left_out = |pass: &Pass| self.options.without_passes.iter().any(|name| name == pass.name);
        for pass in PASSES.iter().filter(|pass| !left_out(pass)) {
            let before = changes.len();
            (pass.run)(&mut At { plan, text, lake: self.lake, changes: &mut changes });
            for change in &changes[before..] {
                self.observer.observe(&Event::Said { by: &format!("pass {}", pass.name), text: change });
            }
        }
        changes
    }
}

pub(in crate::nl) static UNTIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(until|till|repeat\w*|again and again|over and over|as long as|while|keep \w+ing|poll\w*|loop\w*|bis|solange|wiederhol\w*|jusqu\w*|tant que|hasta|mientras|finch[ée]|ripet\w*|fino a|até|enquanto|repet\w*|repit\w*)\b|直到")
        .expect("the pattern is valid")
});

static SETTINGS_ONLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(and |also |then |but )?(retry|retries|retried|cached|mounted|the (?:secret|config ?map|volume|claim)s?|no more than|not more than|at most|up to|never more than|maximum|max|give up|give (it|each|the|them)|limit|allow|time ?out|cache|mount|tolerate|reserve|request|set (the|a)|use \d+ (gpus?|cpus?|cores)|remember|results? older than|(?:nothing|anything) older than|older results?|it (should|must|needs)|(the )?[\w-]+( step| training| job| container| image)*(?: alone| only| itself| also)? (gets?|needs?|takes?|has|have|may be|must be|should be|is allowed|can be|requires?)|wiederhole|réessa)\b")
        .expect("the pattern is valid")
});

/// "Retry the training 3 times" is a setting of another step, not a step.
fn merge_settings(plan: &mut Plan, changes: &mut Vec<String>) {
    let mut index = 1;
    while index < plan.steps.len() {
        let (before, step) = (&plan.steps[..index], &plan.steps[index]);
        let own_image = images(&step.text)
            .iter()
            .any(|image| !before.iter().any(|other| other.text.contains(&image.text)));
        if SETTINGS_ONLY.is_match(&step.text) && mentions_setting(&step.text) && !own_image {
            let gone = plan.remove(index);
            changes.push(format!("{}: {:?} is a setting of another step", gone.name, gone.text));
        } else {
            index += 1;
        }
    }
}

/// No workflow starts every few seconds: that is how often a step polls.
static EVERY_SECONDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:every|each|alle|toutes les|cada|ogni) (?:\d+ )?(?:seconds?|secs?|s|sekunden?|secondes?|segundos?|secondi)\b",
    )
});

/// The text decides about the schedule where it can be read with certainty.
fn read_schedule(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let stated =
        stated_schedule(description).filter(|_| plan.schedule.is_some() || explicit_schedule(description));
    if let Some(stated) = stated {
        if plan.schedule.as_ref() != Some(&stated.cron) {
            changes.push(format!("the schedule is {}, as the description says", stated.cron));
        }
        plan.schedule = Some(stated.cron);
    } else if plan.schedule.is_some() && !speaks_of_schedule(&EVERY_SECONDS.replace_all(description, " ")) {
        changes.push("the schedule was left out, the description does not speak of one".to_owned());
        plan.schedule = None;
    }
    plan.timezone = timezone(description).filter(|_| plan.schedule.is_some());
}

/// Limits of the whole workflow must stand in the text, and not be the limit of a loop over items.
fn check_limits(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let numbers = super::settings::whole_numbers(description, &literals(description));
    let mapped = plan.steps.iter().any(|step| step.each.is_some());
    if let Some(limit) = plan.parallelism
        && (!numbers.contains(&limit) || mapped)
    {
        changes.push(format!("the parallelism of {limit} was left out"));
        plan.parallelism = None;
    }
    let whole = ["workflow", "pipeline", "whole", "entire", "overall", "everything", "total"];
    let lower = description.to_lowercase();
    if let Some(limit) = plan.time_limit.take_if(|_| !whole.iter().any(|word| lower.contains(word))) {
        changes.push(format!("the time limit {limit} is not one of the whole workflow"));
    }
    plan.parameters.retain(|parameter| {
        let given = parameter.default.is_empty() || lower.contains(&parameter.default.to_lowercase());
        given && (lower.contains(&parameter.name) || lower.contains(&parameter.name.replace(['-', '_'], " ")))
    });
}

/// Steps of the same kind that feed nothing to each other (three trainings, two loads) need not wait for each other,
/// unless the text says "then".
fn separate_siblings(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        let (before, rest) = plan.steps.split_at_mut(index);
        let step = &mut rest[0];
        let Some(component) = lake.component(&step.task) else { continue };
        if !matches!(component.task, Task::Train | Task::Tune | Task::Load | Task::Evaluate)
            || sequenced(&step.text)
        {
            continue;
        }
        let mut after: Vec<String> = Vec::new();
        for name in &step.after {
            let sibling = before.iter().find(|other| &other.name == name).filter(|other| {
                lake.component(&other.task).is_some_and(|other| other.task == component.task)
            });
            match sibling {
                Some(sibling) => {
                    changes.push(format!(
                        "{} and {} run side by side: neither needs the other",
                        sibling.name, step.name
                    ));
                    after.extend(sibling.after.iter().cloned());
                }
                None => after.push(name.clone()),
            }
        }
        let mut seen = HashSet::new();
        after.retain(|name| seen.insert(name.clone()));
        step.after = after;
    }
}

/// Whether a text begins with a word that orders it after what came before.
fn sequenced(text: &str) -> bool {
    let first =
        text.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    [
        "then",
        "after",
        "afterwards",
        "next",
        "finally",
        "subsequently",
        "danach",
        "dann",
        "puis",
        "ensuite",
        "luego",
        "después",
    ]
    .contains(&first.as_str())
}
