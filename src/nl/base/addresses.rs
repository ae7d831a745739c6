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

/// "Load it from A and save it as B" is no second load.
static SAVED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:save|store|write|export|speicher\w*|schreib\w*|enregistr\w*|guard\w*)\b[^.;]*$")
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
pub(in crate::nl) fn split_addresses(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let found = addresses(&step.text);
        let one_address = ONE_ADDRESS.contains(&step.task.as_str());
        if found.len() == 2 && one_address && COPY.is_match(&step.text) {
            if step.task != "data.load" {
                changes.push(format!("{}: it copies from one address to another", step.name));
                "file.copy".clone_into(&mut plan.steps[index].task);
            }
            continue;
        }
        if !one_address || found.len() < 2 || !(step.each.is_none() || paired(step, &found)) {
            continue;
        }
        let elsewhere = |uri: &Literal| {
            plan.steps.iter().any(|other| {
                other.name != step.name && other.task == step.task && other.text.contains(&uri.text)
            })
        };
        let own: Vec<&Literal> = found.iter().filter(|uri| !elsewhere(uri)).collect();
        if own.len() > 1 {
            changes.push(format!("{}: it names {} addresses and became as many steps", step.name, own.len()));
            let new = one_step_each(step, &own, &found);
            let names: Vec<String> = new.iter().map(|step| step.name.clone()).collect();
            plan.replace(index, new, &names);
        }
    }
}

fn one_step_each(step: &PlannedStep, own: &[&Literal], all: &[Literal]) -> Vec<PlannedStep> {
    let new = |(index, uri): (usize, &&Literal)| PlannedStep {
        text: only_address(&step.text, uri, all),
        task: if step.task == "data.load"
            && index > 0
            && SAVED.is_match(&step.text[all[0].end..uri.start.max(all[0].end)])
        {
            "data.save".to_owned()
        } else {
            step.task.clone()
        },
        name: if index == 0 { step.name.clone() } else { format!("{}-{}", step.name, index + 1) },
        // "The first to A and the second to B" pairs what came before with the addresses.
        after: if step.after.len() == own.len() {
            vec![step.after[index].clone()]
        } else {
            step.after.clone()
        },
        each: None,
        ..step.clone()
    };
    let mut steps: Vec<PlannedStep> = own.iter().enumerate().map(new).collect();
    for index in 1..steps.len() {
        if steps[index].task != step.task {
            steps[index].after = vec![steps[index - 1].name.clone()];
        }
    }
    steps
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
    use crate::nl::base::plan::testing::chain;

    fn split(task: &str, text: &str) -> Vec<(String, String)> {
        let mut plan = chain(&[(task, text)]);
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
