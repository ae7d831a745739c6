//! How steps hang together where the text itself says it: arrows between images, named chains, and values that a step
//! prints and others wait for.

use std::sync::LazyLock;

use regex::Regex;

use super::images::images;
use super::literals::{Literal, LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use crate::nl::pattern::regex;

static ARROW: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:-+>|=+>|→|⇒|>>)[\s({\[`'\x22]*$"));
static CHAIN: LazyLock<Regex> = LazyLock::new(|| regex(r"^\s*[-*]?\s*(\w[\w-]*)\s*(?::=|=|:)\s+(.*)$"));
static PRINTED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:prints?|outputs?|answers?|returns?|says?|writes?|yields?|emits?|echoes|replies)\s+(?:either\s+)?["'`]?([a-z][\w-]*)["'`]?\s+or\s+["'`]?([a-z][\w-]*)["'`]?"#,
    )
});

/// `a:1 -> b:2` makes `b` wait for `a`, and what names a chain (`left = a:1 -> b:2`) waits for its last image.
pub(in crate::nl) fn follow_arrows(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let mentions: Vec<Literal> = literals(description)
        .into_iter()
        .filter(|literal| literal.kind == LiteralKind::Image && literal.text.contains(':'))
        .collect();
    for pair in mentions.windows(2) {
        let between = &description[pair[0].end..pair[1].start];
        if ARROW.is_match(between) && !between.contains(['\n', ',', ';']) {
            let (before, behind) = (runs(plan, &pair[0].text), runs(plan, &pair[1].text));
            link(plan, before, behind, changes);
        }
    }
    for line in description.lines() {
        let Some(chain) = CHAIN.captures(line) else { continue };
        let own = images(&chain[2]);
        let Some(last) = own.last() else { continue };
        let name = regex(&format!(r"\b{}\b", regex::escape(&chain[1])));
        let end = runs(plan, &last.text);
        for index in 0..plan.steps.len() {
            let text = &plan.steps[index].text;
            let inside = own.iter().any(|image| text.contains(&image.text));
            if !inside && name.is_match(&without_images(text)) {
                link(plan, end, Some(index), changes);
            }
        }
    }
}

static PRECEDED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:(?:it|this|that|all of (?:it|this)) is )?(?:preceded by|before (?:that|this|it|all that)\b|beforehand|prior to (?:that|this|it)|davor|vorher|avant cela|antes de eso|prima di (?:ciò|questo))|\b(?:beforehand|before (?:that|this)|vorher|davor|au préalable|de antemano)\W*$",
    )
});

/// "Preceded by `b:2`": the step that is told second runs first.
pub(in crate::nl) fn follow_precedence(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        if !PRECEDED.is_match(&plan.steps[index].text) {
            continue;
        }
        let (name, later) = (plan.steps[index].name.clone(), plan.steps[index - 1].name.clone());
        let before = std::mem::take(&mut plan.steps[index - 1].after);
        plan.steps[index].after = before;
        plan.steps[index - 1].after = vec![name.clone()];
        plan.steps.swap(index - 1, index);
        changes.push(format!("{later} waits for {name}, which the text puts before it"));
    }
}

static NEEDED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:requires?|needs?|depends? on|waits? for|takes|uses|reads|consumes|combines|braucht|benötigt|wartet auf|attend|necesita|espera|richiede) (?:the (?:results?|outputs?) of )?(the|both|der|die|das|den|le|la|les|el|los|il|i)? ?([^.;\n]{3,80})",
    )
});

/// "`c:1` requires the clone and the csv": it waits for the steps that these words name.
pub(in crate::nl) fn follow_needs(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        let own = without_images(&plan.steps[index].text).to_lowercase();
        let Some(found) = NEEDED.captures(&own) else { continue };
        let named: Vec<usize> = found[2]
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 2)
            .filter_map(|word| names_one(plan, index, word))
            .collect();
        // One name may be chance; two or more say what the step waits for.
        if named.len() > 1 {
            for before in named {
                link(plan, Some(before), Some(index), changes);
            }
        }
    }
}

/// The one earlier step that a word can mean: by its name, its task or the name of its image.
fn names_one(plan: &Plan, index: usize, word: &str) -> Option<usize> {
    let means = |step: &PlannedStep| {
        let of_image = images(&step.text).first().map(|image| image.text.clone()).unwrap_or_default();
        let of_image = of_image.rsplit('/').next().unwrap_or_default().to_owned();
        let of_image = of_image.split(':').next().unwrap_or_default();
        let parts = step.name.split('-').chain(step.task.split('.')).chain(of_image.split(['-', '_']));
        let named = parts.into_iter().any(|part| part == word || part.strip_suffix('s') == Some(word));
        named
            || literals(&step.text)
                .iter()
                .any(|l| l.kind == LiteralKind::Uri && l.text.ends_with(&format!(".{word}")))
    };
    let mut found = (0..index).filter(|before| means(&plan.steps[*before]));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

static WORKED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^\W*(?:and |then |but |,)*\b(?:when|once|as soon as|after|if) (?:that|this|it|all (?:that|this)) (?:has |have |is |was |had )?(?:worked|succeeded|succeeds|works|done|finished|finishes|completed?|through|gone well|went well|happened)\b",
    )
});

/// "When that has worked, store a copy": it waits for the step before it.
pub(in crate::nl) fn follow_success(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        if WORKED.is_match(&plan.steps[index].text) && plan.steps[index].when.is_none() {
            link(plan, Some(index - 1), Some(index), changes);
        }
    }
}

static LAST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:at the (?:very )?end|in the end|finally|when (?:it.?s |all is |everything is )?(?:done|finished|over)|afterwards|last of all|zum schluss|am ende|zuletzt|à la fin|al final|alla fine|no final)\b",
    )
});

/// A message or a report starts no workflow: one that waits for nothing waits for all that is still open, and so does
/// what the text puts at the end.
pub(in crate::nl) fn follow_to_the_end(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        let step = &plan.steps[index];
        let tells = step.task.starts_with("notify.") || step.task == "report.write";
        let last = LAST.is_match(&step.text) && index + 1 == plan.steps.len();
        let reads = step.when.is_some() || step.each.is_some();
        if !(tells || last) || reads || !step.after.is_empty() {
            continue;
        }
        let waited_for = |name: &String| plan.steps.iter().any(|step| step.after.contains(name));
        let open: Vec<usize> = (0..index).filter(|before| !waited_for(&plan.steps[*before].name)).collect();
        for before in open {
            link(plan, Some(before), Some(index), changes);
        }
    }
}

/// The only step that runs an image.
fn runs(plan: &Plan, image: &str) -> Option<usize> {
    let of = |step: &PlannedStep| images(&step.text).first().is_some_and(|first| first.text == image);
    let mut found = plan.steps.iter().enumerate().filter(|(_, step)| of(step));
    let (index, _) = found.next()?;
    found.next().is_none().then_some(index)
}

fn link(plan: &mut Plan, before: Option<usize>, behind: Option<usize>, changes: &mut Vec<String>) {
    let (Some(before), Some(behind)) = (before, behind) else { return };
    let name = plan.steps[before].name.clone();
    if before < behind && !plan.steps[behind].after.contains(&name) {
        changes.push(format!("{} waits for {name}, as the text draws it", plan.steps[behind].name));
        plan.steps[behind].after.push(name);
    }
}

fn without_images(text: &str) -> String {
    images(text).iter().fold(text.to_owned(), |text, image| text.replace(&image.text, " "))
}

/// "It prints either good or bad. Good ones go to …": steps that name one of the values run under that condition.
pub(in crate::nl) fn follow_printed_values(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in 0..plan.steps.len() {
        let printer = &plan.steps[index];
        let Some(printed) = PRINTED.captures(&printer.text) else { continue };
        let values = [printed[1].to_owned(), printed[2].to_owned()];
        let name = printer.name.clone();
        for step in &mut plan.steps[index + 1..] {
            let spoken: Vec<&String> = values.iter().filter(|value| stands_for(&step.text, value)).collect();
            if let ([value], None, None) = (&spoken[..], &step.when, &step.each) {
                changes.push(format!("{} runs where {name} prints {value}", step.name));
                step.when = Some(format!("{name}.result == {value}"));
                if !step.after.contains(&name) {
                    step.after.push(name.clone());
                }
            }
        }
    }
}

/// Whether a text makes a value its condition: it begins with it, quotes it, or says "if", "for", "on" before it.
fn stands_for(text: &str, value: &str) -> bool {
    let value = regex::escape(value);
    regex(&format!(
        r#"(?:^\W*(?:the |any |all )?|["'`]|\b(?:if|when|for|on|case|says|prints|is|answer|output)\b[^.;\n]{{0,24}}?\b){value}\b"#
    ))
    .is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    fn unlinked(texts: &[&str]) -> Plan {
        let steps: Vec<(&str, &str)> = texts.iter().map(|text| ("container.run", *text)).collect();
        let mut plan = chain(&steps);
        for step in &mut plan.steps {
            step.after.clear();
        }
        plan
    }

    #[test]
    fn named_needs_are_waited_for() {
        let mut plan = chain(&[
            ("git.clone", "clone https://x.example/r.git"),
            ("data.save", "save it as /scratch/d.csv"),
            ("container.run", "reef/match:0.5 requires the clone and the csv"),
        ]);
        plan.steps.iter_mut().for_each(|step| step.after.clear());
        follow_needs(&mut plan, &mut Vec::new());
        assert_eq!(plan.steps[2].after, ["s0", "s1"]);
    }

    #[test]
    fn what_has_to_work_first_is_waited_for() {
        let mut plan = chain(&[
            ("data.load", "load a.csv"),
            ("data.save", "store it as b.parquet"),
            ("data.save", "when that has worked, store a copy in c.csv"),
        ]);
        plan.steps[2].after = vec!["s0".into()];
        follow_success(&mut plan, &mut Vec::new());
        assert_eq!(plan.steps[2].after, ["s0", "s1"]);
    }

    #[test]
    fn messages_come_last() {
        let mut plan = chain(&[("job.xgboost", "job a:1"), ("notify.slack", "slack #a \"done\" at the end")]);
        plan.steps[1].after.clear();
        follow_to_the_end(&mut plan, &mut Vec::new());
        assert_eq!(plan.steps[1].after, ["s0"]);
    }

    #[test]
    fn what_precedes_runs_first() {
        for second in ["Preceded by b:1", "b:1 prepares the data beforehand"] {
            let mut plan = chain(&[("tune.katib", "katib a:1"), ("container.run", second)]);
            follow_precedence(&mut plan, &mut Vec::new());
            assert_eq!((plan.steps[0].name.as_str(), plan.steps[1].after.join("")), ("s1", "s1".into()));
        }
    }

    #[test]
    fn arrows_are_edges_and_chains_have_names() {
        let mut plan = unlinked(&["x/a:1 ->", "x/b:1", "x/c:1", "join(left, right) = x/d:1"]);
        let text = "left = x/a:1 -> x/b:1\nright = x/c:1\njoin(left, right) = x/d:1";
        follow_arrows(&mut plan, text, &mut Vec::new());
        assert_eq!(plan.steps[1].after, ["s0"]);
        assert!(plan.steps[2].after.is_empty());
        assert_eq!(plan.steps[3].after, ["s1", "s2"]);
    }

    #[test]
    fn an_arrow_in_a_list_links_its_neighbours_only() {
        let mut plan = unlinked(&["x/a:1", "x/b:1", "x/c:1"]);
        follow_arrows(&mut plan, "x/a:1 -> {x/b:1, x/c:1}", &mut Vec::new());
        assert_eq!(plan.steps[1].after, ["s0"]);
        assert!(plan.steps[2].after.is_empty());
    }

    #[test]
    fn printed_values_are_conditions() {
        let mut plan = unlinked(&[
            "x/check:1 prints either good or bad",
            "Good parts are handled by x/pack:1",
            "if it is bad, x/scrap:1",
            "x/bill:1 comes last",
        ]);
        follow_printed_values(&mut plan, &mut Vec::new());
        let conditions: Vec<_> = plan.steps.iter().map(|step| step.when.as_deref()).collect();
        assert_eq!(conditions, [None, Some("s0.result == good"), Some("s0.result == bad"), None]);
    }
}
