//! Steps that name several images.

use std::sync::LazyLock;

use regex::Regex;

use super::images::{images, runs_again};
use super::plan::{Plan, PlannedStep};
use crate::nl::pattern::regex;

/// A step that names several images is several steps: side by side, or in a row if the text says "then".
pub(in crate::nl) fn split_images(plan: &mut Plan, changes: &mut Vec<String>) {
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

pub(in crate::nl) static BESIDE_EACH_OTHER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:all|both|each other|one another|parallel|independent\w*|same time|side by side|concurrent\w*|simultaneous\w*|at once|alle|beide|gleichzeitig|tous|toutes|todos|tutti)\b",
    )
});

/// Whether the words right before an image order it behind what came before.
pub(in crate::nl) fn ends_with_then(before: &str) -> bool {
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

/// The images of a text, each with the words that belong to it; words behind the last one that say "each" belong to all.
pub(in crate::nl) fn image_parts(text: &str) -> Vec<(String, String)> {
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

pub(in crate::nl) fn sequence_inside(text: &str) -> bool {
    let lower = text.to_lowercase();
    let parallel =
        ["parallel", "same time", "simultaneous", "at once", "concurrent", "side by side", "gleichzeitig"];
    !parallel.iter().any(|word| lower.contains(word))
        && [" then ", " followed by ", " and after that ", " dann "].iter().any(|word| lower.contains(word))
}

pub(in crate::nl) fn name_of_image(image: &str) -> String {
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
