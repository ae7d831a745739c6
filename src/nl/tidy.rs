//! What the text states with certainty decides over the plan. Every change is reported.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::addresses::split_addresses;
use super::algorithms::decide_algorithms;
use super::candidates::{drop_needless_choices, separate_candidates};
use super::compound::mend_tasks;
use super::evaluation::{add_stated_evaluation, add_stated_prediction};
use super::exit::read_exit;
use super::images::{find_lost_images, images, images_are_steps, runs_again};
use super::links::{
    follow_arrows, follow_needs, follow_precedence, follow_printed_values, follow_to_the_end,
};
use super::literals::{Literal, LiteralKind, literals};
use super::mapping::{loads_come_first, order_by_text, read_items, stand_beside};
use super::parameters::{conditions_follow, read_parameter_conditions, read_parameters};
use super::pattern::regex;
use super::plan::{Plan, PlannedStep, is_english};
use super::quotes::mend_quotes;
use super::repetition::read_repetitions;
use super::schedule::{explicit_schedule, speaks_of_schedule, stated_schedule, timezone};
use super::settings::mentions_setting;
use super::surplus::{drop_surplus, separate_alternatives};
use super::whole::read_limits;
use crate::api::{Condition, Operand, Task};
use crate::ir::Components;
use crate::lake::Lake;

/// Mends what can be mended without asking. Returns what was changed, for the report.
pub(super) fn tidy(plan: &mut Plan, description: &str, lake: &Lake) -> Vec<String> {
    let mut changes = Vec::new();
    read_schedule(plan, description, &mut changes);
    drop_invented_loops(plan, description, &mut changes);
    drop_invented_steps(plan, description, &mut changes);
    mend_quotes(plan, description, &mut changes);
    drop_repeated_steps(plan, &mut changes);
    drop_echoes(plan, lake, &mut changes);
    merge_settings(plan, &mut changes);
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
    mend_tasks(plan, lake, &mut changes);
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
    order_by_text(plan, description, lake, &mut changes);
    follow_to_the_end(plan, &mut changes);
    separate_alternatives(plan, &mut changes);
    changes
}

pub(super) static UNTIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(until|till|repeat\w*|again and again|over and over|as long as|while|keep \w+ing|poll\w*|loop\w*|bis|solange|wiederhol\w*|jusqu\w*|tant que|hasta|mientras|finch[ée]|ripet\w*|fino a|até|enquanto|repet\w*|repit\w*)\b|直到")
        .expect("the pattern is valid")
});

/// Items must be a list of the description, and a repetition needs a word that asks for one.
fn drop_invented_loops(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let repeated_in_own_words =
        plan.all_steps().any(|step| step.until.is_some() && UNTIL.is_match(&step.text));
    let mut repeated = false;
    for step in plan.steps.iter_mut().chain(&mut plan.finally) {
        if let Some(Value::Array(items)) = &step.each {
            let images = image_parts(&step.text);
            let all_images =
                items.iter().all(|item| images.iter().any(|(image, _)| item.as_str() == Some(image)));
            if all_images {
                // Different images are different steps.
                step.each = None;
            } else if items.len() < 2 || !listed(items, description) {
                changes.push(format!(
                    "{}: runs once, because the description lists no values for it",
                    step.name
                ));
                step.each = None;
            }
        }
        // One step is repeated: the one whose words say so, else the first.
        let asked = if repeated_in_own_words {
            UNTIL.is_match(&step.text)
        } else {
            UNTIL.is_match(description) && !repeated
        };
        repeated |= step.until.is_some();
        if step.until.is_some() && (step.each.is_some() || !asked) {
            changes.push(format!("{}: runs once, because the description asks for no repetition", step.name));
            step.until = None;
        }
    }
}

/// Whether the items stand one after the other in the text, with nothing but commas, "and" or "or" between them.
fn listed(items: &[Value], description: &str) -> bool {
    let text = description.to_lowercase();
    let items: Vec<String> = items
        .iter()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned).to_lowercase())
        .collect();
    let mut starts = text.match_indices(items[0].as_str()).map(|(at, _)| at);
    starts.any(|start| {
        let mut at = start + items[0].len();
        items[1..].iter().all(|item| {
            let Some(next) = text[at..].find(item.as_str()) else { return false };
            let between = &text[at..at + next];
            at += next + item.len();
            // Parts of a path or a word are no list.
            if !between.contains([' ', ',', '\n', '，', '、', ';']) {
                return false;
            }
            between
                .split(|c: char| !c.is_alphanumeric())
                .all(|word| ["", "and", "or", "und", "oder", "et", "ou", "y", "o", "then"].contains(&word))
        })
    })
}

/// A step whose words are mostly not those of the description was invented (or copied from an example).
fn drop_invented_steps(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    drop_copied_steps(plan, description, changes);
    if !is_english(description) {
        // The quotes may be translations.
        return;
    }
    let stems = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 3)
            .map(|word| word.chars().take(4).collect())
            .collect()
    };
    let known = stems(description);
    let invented = |step: &PlannedStep| {
        let told = stems(&step.text);
        told.len() > 2 && told.iter().filter(|word| known.contains(word)).count() * 2 < told.len()
    };
    if plan.steps.iter().all(invented) {
        return;
    }
    for steps in [&mut plan.steps, &mut plan.finally] {
        steps.retain(|step| {
            let drop = invented(step);
            if drop {
                changes.push(format!("{}: {:?} is not in the description", step.name, step.text));
            }
            !drop
        });
    }
}

/// A step with an address, image, name or quotation that the description does not have was copied from an example.
fn drop_copied_steps(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let lower = description.to_lowercase();
    let english = is_english(description);
    let copied = |step: &PlannedStep| {
        literals(&step.text).iter().any(|literal| {
            use LiteralKind::{Channel, Email, Image, Quoted, Uri};
            // A quotation may have been translated with the rest.
            (matches!(literal.kind, Channel | Email | Image | Uri) || (literal.kind == Quoted && english))
                && !lower.contains(&literal.text.to_lowercase())
        })
    };
    if plan.steps.iter().all(copied) {
        return;
    }
    for steps in [&mut plan.steps, &mut plan.finally] {
        steps.retain(|step| {
            let drop = copied(step);
            if drop {
                changes.push(format!("{}: {:?} is not in the description", step.name, step.text));
            }
            !drop
        });
    }
}

static COURTESY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:ta|thx|thanks?(?: you| a lot| so much| in advance)*|cheers|pls|please|much appreciated|kind regards.*|best(?: regards| wishes)?|danke\w*|merci\w*|gracias|grazie|obrigad\w+|hi|hello|hey|dear .{0,30})\W*$",
    )
});

/// Courtesies are no steps, nor are a few words of another step that ask for nothing of their own.
fn drop_echoes(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let text = step.text.trim();
        let says_nothing = literals(text).is_empty()
            && text.split_whitespace().count() < 4
            && super::cues::asked_for(text, lake).is_empty()
            && super::algorithms::named_algorithms(text).is_empty();
        let echo = plan
            .steps
            .iter()
            .enumerate()
            .any(|(other, of)| other != index && of.text.len() > text.len() && of.text.contains(text));
        let preparation = step.task.starts_with("features.") || step.task.starts_with("data.");
        if plan.steps.len() > 1 && (COURTESY.is_match(text) || (says_nothing && echo && preparation)) {
            let gone = plan.remove(index);
            changes.push(format!("{}: {:?} asks for no step", gone.name, gone.text));
        }
    }
}

/// The same words twice are the same step: a model that does not find its end writes them again and again.
fn drop_repeated_steps(plan: &mut Plan, changes: &mut Vec<String>) {
    let mut seen: Vec<(String, String, String)> = Vec::new();
    let mut renamed: Vec<(String, String)> = Vec::new();
    plan.steps.retain(|step| {
        let words = step.text.to_lowercase();
        match seen.iter().find(|(text, task, _)| *text == words && *task == step.task) {
            Some((_, _, first)) => {
                changes.push(format!("{}: it repeats {first}", step.name));
                renamed.push((step.name.clone(), first.clone()));
                false
            }
            None => {
                seen.push((words, step.task.clone(), step.name.clone()));
                true
            }
        }
    });
    for step in &mut plan.steps {
        for name in &mut step.after {
            if let Some((_, first)) = renamed.iter().find(|(gone, first)| gone == name && *first != step.name)
            {
                name.clone_from(first);
            }
        }
    }
}

static SETTINGS_ONLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(and |also |then |but )?(retry|retries|retried|cached|mounted|the (?:secret|config ?map|volume|claim)s?|no more than|not more than|at most|up to|never more than|maximum|max|give up|give (it|each|the|them)|limit|allow|time ?out|cache|mount|tolerate|reserve|request|set (the|a)|use \d+ (gpus?|cpus?|cores)|remember|it (should|must|needs)|(the )?[\w-]+( step| training| job| container| image)*(?: alone| only| itself| also)? (gets?|needs?|takes?|has|have|may be|must be|should be|is allowed|can be|requires?)|wiederhole|réessa)\b")
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

/// A step that names several images is several steps: side by side, or in a row if the text says "then".
fn split_images(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let all = image_parts(&step.text);
        if step.task != "container.run" || step.each.is_some() || all.len() < 2 {
            continue;
        }
        // A quotation may reach into the words of the next steps.
        let elsewhere = |(image, words): &(String, String)| {
            let others = plan.steps.iter().enumerate().filter(|(other, _)| *other != index);
            others.map(|(_, other)| &other.text).any(|text| text.contains(image)) && !runs_again(words)
        };
        let parts: Vec<(String, String)> = all.into_iter().filter(|part| !elsewhere(part)).collect();
        if let [(image, words)] = &parts[..] {
            changes.push(format!("{}: it runs {image}; the other images have their own steps", step.name));
            plan.steps[index].text.clone_from(words);
            continue;
        }
        if parts.is_empty() {
            let gone = plan.remove(index);
            changes.push(format!("{}: all the images that it names have their own steps", gone.name));
            continue;
        }
        changes.push(format!("{}: it names {} images and became as many steps", step.name, parts.len()));
        let in_a_row = sequence_inside(&step.text);
        let grouped = in_a_row && BESIDE_EACH_OTHER.is_match(&step.text);
        let mut new: Vec<PlannedStep> = Vec::new();
        let mut group: Vec<String> = Vec::new();
        let mut waits = step.after.clone();
        for (image, text) in parts {
            // "A first, then B, C and D, all independent": what no "then" separates stands side by side.
            let before = step.text.find(&image).map_or("", |at| &step.text[..at]);
            let sequel = in_a_row && (!grouped || ends_with_then(before));
            if sequel && !group.is_empty() {
                waits = std::mem::take(&mut group);
            }
            let name = name_of_image(&image);
            group.push(name.clone());
            new.push(PlannedStep { text, name, after: waits.clone(), ..step.clone() });
        }
        let ends = group;
        plan.replace(index, new, &ends);
    }
}

static BESIDE_EACH_OTHER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:all|both|each other|one another|parallel|independent\w*|same time|side by side|concurrent\w*|simultaneous\w*|at once|alle|beide|gleichzeitig|tous|toutes|todos|tutti)\b",
    )
});

/// Whether the words right before an image order it behind what came before.
fn ends_with_then(before: &str) -> bool {
    let tail: Vec<&str> = before.split_whitespace().rev().take(4).collect();
    tail.iter().any(|word| {
        let word = word.to_lowercase();
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '>');
        [
            "then",
            "followed",
            "after",
            "afterwards",
            "finally",
            "next",
            "dann",
            "danach",
            "puis",
            "luego",
            "->",
        ]
        .contains(&word)
    })
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

static CONDITIONAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:if|when|only|unless|provided|in case|should|as long as|otherwise|else)\b|\?")
});

/// A condition whose constant stands nowhere in the description was invented.
fn drop_invented_conditions(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let numbers: Vec<f64> = literals(description).iter().filter_map(Literal::number).collect();
    let given = |constant: &str| {
        let number = constant.parse::<f64>().ok();
        description.contains(&constant.to_lowercase())
            || number.is_some_and(|n| numbers.iter().any(|known| same(*known, n) || same(*known / 100.0, n)))
    };
    for step in plan.steps.iter_mut().chain(&mut plan.finally) {
        let Some(when) = &step.when else { continue };
        let Ok(condition) = when.parse::<Condition>() else { continue };
        // "Register the better one" chooses, it does not compare two outputs.
        let compares = condition.operands().iter().all(|operand| matches!(operand, Operand::Output { .. }));
        if compares && !CONDITIONAL.is_match(&step.text) && is_english(&step.text) {
            changes.push(format!("{}: the condition {when:?} was left out, its words state none", step.name));
            step.when = None;
            continue;
        }
        let invented = condition.operands().iter().any(|operand| match operand {
            Operand::Literal(constant) => !given(constant.text()),
            _ => false,
        });
        // Outcomes have words of their own in every description: "fails", "true", "succeeded".
        let outcome = condition.outputs().iter().any(|(name, _)| *name == crate::api::WORKFLOW)
            || ["true", "false", "success", "failed", "failure"]
                .iter()
                .any(|word| when.to_lowercase().ends_with(word));
        if invented && !outcome {
            changes.push(format!(
                "{}: the condition {when:?} was left out, the description does not give it",
                step.name
            ));
            step.when = None;
        }
    }
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

/// The images of a text, each with the words that belong to it; words behind the last one that say "each" belong to all.
fn image_parts(text: &str) -> Vec<(String, String)> {
    let images = images(text);
    let Some(last) = images.last() else { return Vec::new() };
    let tail = &text[last.end..];
    let shared = tail
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| ["each", "both", "all", "jeweils", "chacun"].contains(&word));
    images
        .iter()
        .enumerate()
        .map(|(index, image)| {
            let end = images.get(index + 1).map_or(text.len(), |next| next.start);
            let mut words =
                text[image.start..end].trim().trim_end_matches(" and").trim_end_matches(',').to_owned();
            if shared && index + 1 < images.len() {
                words.push_str(tail);
            }
            (image.text.clone(), words)
        })
        .collect()
}

fn sequence_inside(text: &str) -> bool {
    let lower = text.to_lowercase();
    let parallel =
        ["parallel", "same time", "simultaneous", "at once", "concurrent", "side by side", "gleichzeitig"];
    !parallel.iter().any(|word| lower.contains(word))
        && [" then ", " followed by ", " and after that ", " dann "].iter().any(|word| lower.contains(word))
}

fn name_of_image(image: &str) -> String {
    let base = image.rsplit('/').next().unwrap_or(image).split(':').next().unwrap_or(image);
    let clean: String =
        base.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    if clean.starts_with(|c: char| c.is_ascii_alphabetic()) {
        clean.to_owned()
    } else {
        format!("run-{clean}")
    }
}

fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
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

fn make_unique(steps: &mut [PlannedStep], finally: &mut [PlannedStep], changes: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for step in steps.iter_mut().chain(finally) {
        let base = if step.name == crate::api::WORKFLOW { "step".to_owned() } else { step.name.clone() };
        let mut name = base.clone();
        let mut number = 2;
        while !seen.insert(name.clone()) {
            name = format!("{base}-{number}");
            number += 1;
        }
        if name != step.name {
            changes.push(format!("the second {:?} is called {name:?}", step.name));
            step.name = name;
        }
    }
}

/// Names of other steps must exist and come before; a nearly right name is read as the one meant.
fn mend_names(plan: &mut Plan, changes: &mut Vec<String>) {
    let names: Vec<String> = plan.steps.iter().map(|step| step.name.clone()).collect();
    for (index, step) in plan.steps.iter_mut().enumerate() {
        let own = step.name.clone();
        step.after.retain(|name| name != &own);
        for name in &mut step.after {
            if !names.contains(name)
                && let Some(nearest) = nearest(name, &names[..index])
            {
                changes.push(format!("{own}: {name:?} was read as {nearest:?}"));
                *name = nearest;
            }
        }
        // A plan lists a step after those it needs; a forward reference would be a cycle in the making.
        step.after.retain(|name| names[..index].contains(name));
        let mut seen = HashSet::new();
        step.after.retain(|name| seen.insert(name.clone()));
    }
}

/// A condition reads an earlier step; one that reads an unknown step reads the one that this step waits for, and one that
/// reads nothing known is left out.
fn mend_conditions(plan: &mut Plan, changes: &mut Vec<String>) {
    let names: Vec<String> = plan.steps.iter().map(|step| step.name.clone()).collect();
    let exit = plan.steps.len();
    for (index, step) in plan.steps.iter_mut().chain(&mut plan.finally).enumerate() {
        let earlier = &names[..index.min(exit)];
        if let Some(Value::String(from)) = &step.each
            && !earlier.iter().any(|name| from.split('.').next() == Some(name))
        {
            changes.push(format!("{}: its items come from no earlier step and were left out", step.name));
            step.each = None;
        }
        let Some(when) = step.when.clone() else { continue };
        let Ok(condition) = when.parse::<Condition>() else {
            changes.push(format!("{}: the condition {when:?} cannot be read and was left out", step.name));
            step.when = None;
            continue;
        };
        let known =
            |name: &str| name == crate::api::WORKFLOW || name == step.name || names.iter().any(|n| n == name);
        let Some(unknown) = condition.outputs().iter().map(|(name, _)| *name).find(|name| !known(name))
        else {
            continue;
        };
        let instead = nearest(unknown, earlier)
            .or_else(|| step.after.last().filter(|name| earlier.contains(name)).cloned())
            .or_else(|| earlier.last().filter(|_| !UNTIL.is_match(&step.text)).cloned());
        match instead {
            Some(instead) => {
                changes.push(format!("{}: {unknown:?} in its condition was read as {instead:?}", step.name));
                step.when = Some(when.replacen(unknown, &instead, 1));
            }
            None if UNTIL.is_match(&step.text) && index < exit => {
                // Its own output says whether it runs again.
                step.until = step.until.take().or_else(|| Some(when.replacen(unknown, &step.name, 1)));
                step.when = None;
            }
            None => {
                changes.push(format!("{}: the condition {when:?} reads no step and was left out", step.name));
                step.when = None;
            }
        }
    }
}

/// The name that shares most with `wanted`, if any does.
fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let parts: Vec<&str> = wanted.split('-').collect();
    names
        .iter()
        .map(|name| (name.split('-').filter(|part| parts.contains(part)).count(), name))
        .filter(|(shared, _)| *shared > 0)
        .max_by_key(|(shared, _)| *shared)
        .map(|(_, name)| name.clone())
}
