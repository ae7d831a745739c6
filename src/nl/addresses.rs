//! Steps that name several addresses, though their component takes one, become as many steps.

use std::sync::LazyLock;

use regex::Regex;

use super::literals::{Literal, LiteralKind, literals};
use super::plan::{Plan, PlannedStep};

/// Components that take one address.
const ONE_ADDRESS: [&str; 4] = ["data.save", "data.load", "data.download", "model.deploy"];

static COPY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(cop(?:y|ied|ies)|mov(?:e|ed)|sync\w*|back(?:ed)? ?up|mirror\w*|transfer\w*|from\b.{1,80}\bto|kopier\w*|copi(?:er|ez|ar|a|e)|copia\w*)\b")
        .expect("the pattern is valid")
});

fn addresses(text: &str) -> Vec<Literal> {
    let mut found: Vec<Literal> = Vec::new();
    for literal in literals(text) {
        if literal.kind == LiteralKind::Uri && found.iter().all(|other| other.text != literal.text) {
            found.push(literal);
        }
    }
    found
}

/// Splits such steps; a copy from one address to another is a copy.
pub(super) fn split_addresses(plan: &mut Plan, changes: &mut Vec<String>) {
    let all = std::mem::take(&mut plan.steps);
    let mut steps: Vec<PlannedStep> = Vec::new();
    let mut replaced: Vec<(String, Vec<String>)> = Vec::new();
    for step in &all {
        let mut step = step.clone();
        for (old, new) in &replaced {
            if let Some(at) = step.after.iter().position(|name| name == old) {
                step.after.splice(at..=at, new.iter().cloned());
            }
        }
        let found = addresses(&step.text);
        let copies = found.len() == 2
            && COPY.is_match(&step.text)
            && matches!(
                step.task.as_str(),
                "model.deploy" | "data.save" | "data.load" | "data.download" | "file.copy"
            );
        if copies && step.task != "file.copy" && step.task != "data.load" {
            changes.push(format!("{}: it copies from one address to another", step.name));
            "file.copy".clone_into(&mut step.task);
        }
        let splits = ONE_ADDRESS.contains(&step.task.as_str())
            && found.len() > 1
            && (step.each.is_none() || paired(&step, &found))
            && !copies;
        if !splits {
            steps.push(step);
            continue;
        }
        let elsewhere = |uri: &Literal| {
            all.iter().any(|other| {
                other.name != step.name && other.task == step.task && other.text.contains(&uri.text)
            })
        };
        let own: Vec<&Literal> = found.iter().filter(|uri| !elsewhere(uri)).collect();
        if own.len() < 2 {
            steps.push(step);
            continue;
        }
        changes.push(format!("{}: it names {} addresses and became as many steps", step.name, own.len()));
        let mut names = Vec::new();
        for (index, uri) in own.iter().enumerate() {
            let name = if index == 0 { step.name.clone() } else { format!("{}-{}", step.name, index + 1) };
            let text = only_address(&step.text, uri, &found);
            // "The first to A and the second to B" pairs what came before with the addresses.
            let after = if step.after.len() == own.len() && own.len() > 1 {
                vec![step.after[index].clone()]
            } else {
                step.after.clone()
            };
            names.push(name.clone());
            steps.push(PlannedStep { text, name, after, each: None, ..step.clone() });
        }
        replaced.push((step.name.clone(), names));
    }
    plan.steps = steps;
}

/// Whether there is an address for every item: "the first to A and the second to B".
fn paired(step: &PlannedStep, addresses: &[Literal]) -> bool {
    step.each
        .as_ref()
        .and_then(serde_json::Value::as_array)
        .is_some_and(|items| items.len() == addresses.len())
}

/// The words around one address, without those around the others.
fn only_address(text: &str, own: &Literal, all: &[Literal]) -> String {
    let before = all.iter().filter(|other| other.end <= own.start).map(|other| other.end).max();
    let first = all.iter().map(|other| other.start).min().unwrap_or(0);
    // The words before the first address say what is done with all of them.
    let verb = text[..first].trim_end();
    let start = before.unwrap_or(first);
    let own_words = &text[start..own.end];
    let own_words = own_words.trim_start_matches([',', ';', ' ']).trim_start_matches("and ");
    if before.is_none() {
        format!("{verb} {own_words}")
    } else {
        format!("{} {own_words}", first_words(verb))
    }
}

/// The verb and its object: the words up to the first comma.
fn first_words(text: &str) -> &str {
    text.split([',', ':']).next().unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(task: &str, text: &str) -> Vec<(String, String)> {
        let step =
            PlannedStep { text: text.into(), task: task.into(), name: "s".into(), ..PlannedStep::default() };
        let mut plan = Plan { steps: vec![step], ..Plan::default() };
        split_addresses(&mut plan, &mut Vec::new());
        plan.steps.into_iter().map(|step| (step.task, step.text)).collect()
    }

    #[test]
    fn each_address_gets_a_step() {
        let found = split(
            "data.save",
            "write it twice, once as parquet to gs://stock/i.parquet and once as CSV to /exports/i.csv",
        );
        assert_eq!(found.len(), 2);
        assert!(
            found[0].1.contains("parquet to gs://stock/i.parquet") && !found[0].1.contains("/exports"),
            "{found:?}"
        );
        assert!(found[1].1.contains("CSV to /exports/i.csv") && !found[1].1.contains("gs://"), "{found:?}");
    }

    #[test]
    fn copies_have_two_addresses() {
        let found = split(
            "model.deploy",
            "the checkpoints in s3://meteo/ckpt/ shall be copied to s3://meteo/archive/",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "file.copy");
    }
}
