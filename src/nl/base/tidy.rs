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
use crate::nl::pattern::regex;

/// Mends what can be mended without asking. Returns what was changed, for the report.
pub(in crate::nl) fn tidy(plan: &mut Plan, description: &str, lake: &Lake) -> Vec<String> {
    let mut changes = Vec::new();
    read_schedule(plan, description, &mut changes);
    drop_invented_loops(plan, description, &mut changes);
    drop_invented_steps(plan, description, &mut changes);
    mend_quotes(plan, description, &mut changes);
    drop_repeated_steps(plan, &mut changes);
    drop_echoes(plan, description, lake, &mut changes);
    merge_settings(plan, &mut changes);
    merge_search_words(plan, &mut changes);
    read_exit(plan, description, lake, &mut changes);
    find_lost_images(plan, description, &mut changes);
    images_are_steps(plan, description, &mut changes);
    split_images(plan, &mut changes);
    check_limits(plan, description, &mut changes);
    read_limits(plan, description, &mut changes);
    read_parameters(plan, description, &mut changes);
    drop_invented_conditions(plan, &description.to_lowercase(), &mut changes);
    make_unique(&mut plan.steps, &mut plan.finally, &mut changes);
    mend_names(plan, &mut changes);
    mend_conditions(plan, &mut changes);
    follow_printed_values(plan, &mut changes);
    mend_tasks(plan, description, lake, &mut changes);
    drop_surplus(plan, &mut changes);
    separate_candidates(plan, description, lake, &mut changes);
    decide_algorithms(plan, lake, &mut changes);
    drop_needless_choices(plan, lake, &mut changes);
    add_stated_evaluation(plan, description, lake, &mut changes);
    add_stated_prediction(plan, description, lake, &mut changes);
    read_items(plan, description, lake, &mut changes);
    split_addresses(plan, &mut changes);
    loads_come_first(plan, lake, &mut changes);
    read_repetitions(plan, description, &mut changes);
    read_parameter_conditions(plan, &mut changes);
    make_unique(&mut plan.steps, &mut plan.finally, &mut changes);
    separate_siblings(plan, lake, &mut changes);
    stand_beside(plan, description, &mut changes);
    conditions_follow(plan, &mut changes);
    follow_precedence(plan, &mut changes);
    follow_arrows(plan, description, &mut changes);
    follow_needs(plan, &mut changes);
    follow_success(plan, &mut changes);
    order_by_text(plan, description, lake, &mut changes);
    follow_to_the_end(plan, &mut changes);
    separate_alternatives(plan, &mut changes);
    changes
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
