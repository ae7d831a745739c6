//! Words that certainly ask for a component: a step whose words ask for another one gets that one, and a step whose words
//! ask for two things becomes two.

use std::sync::LazyLock;

use regex::Regex;

use super::literals::{LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use crate::ir::Components;
use crate::lake::Lake;
use crate::nl::pattern::regex;

/// The words by which each component is certainly meant; where two overlap, the first counts.
static CUES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        (
            "data.validate",
            r"\b(?:make sure|ensure|check|verif(?:y|ies)|assert|validat(?:e|es|ing)|guarantee|confirm|insist|fail (?:if|when|unless)|stop (?:if|when|unless))\b[^.;\n]{0,60}\b(?:rows|records|columns?|nulls?|nans?|missing|unique(?:ly|ness)?|identif\w+|not empty|non-?empty|schema|lines)\b|\bdata (?:quality|validation) checks?\b",
        ),
        (
            "data.clean",
            r"\b(?:drop|remov\w+|delet\w+|throw (?:out|away)|discard\w*|filter out|get rid of|eliminat\w+|rmv|clean\w* (?:out|up)?|entfern\w+|supprim\w+|elimin\w+|usuń)\b[^,.;\n]{0,40}\b(?:dupl?icat\w*|dupes?|missing|nulls?|nans?|empty|incomplete|outliers?|doppelt\w*|fehlend\w*|doublons|manquant\w*|duplicad\w*|faltant\w*|mancant\w*)|\bde-?dup\w*|\b(?:duplicates?|missing values?|outliers?|nulls?) (?:\w+ ){0,3}(?:go|out|away|removed|dropped|thrown|gone)\b|\bimput(?:e|es|ing|ation)\b|\bfill(?:s|ed|ing)? (?:in |up )?(?:the )?(?:missing|gaps|nulls?|nans?|holes|blanks|empty)",
        ),
        (
            "data.split",
            r"\bsplit\w*\b[^.;\n]{0,40}(?:\btrain|\btest|\b\d+ ?[/:%-]|\b\d+ ?%)|\bhold(?:ing)? ?out\b|\btrain[-/ ]?test[- ]split|\bset aside \d+ ?%|\bsplit off\b|\bkeep \d+ ?% (?:of [^,.;]{0,20})?(?:for|as)",
        ),
        (
            "data.load_sql",
            r"\bselect\b[^;\n]{1,200}\bfrom\b|\b(?:postgres(?:ql)?|mysql|mariadb|sqlite|mssql|oracle|redshift)(?:\+\w+)?://",
        ),
        (
            "data.filter",
            r"\b(?:keep|keeps|retain|only|restrict\w*|filter\w*|exclud\w+|leave out|drop|remove|discard|throw (?:away|out)|select)\b[^.;,\n]{0,30}\b(?:rows?|records?|lines|entries|observations)\b[^.;,\n]{0,12}\b(?:where|with|whose|that|which|from|older|younger|above|below|before|after|in which|having|satisfying|for which)\b|\b(?:rows|records) (?:where|whose)\b",
        ),
        (
            "data.select",
            r"\b(?:drop|remove|delete|get rid of|discard|keep only|keep just|only keep|throw (?:away|out))\b[^.;,()\n]{0,16}\b(?:columns?|fields?)\b|\brename\b[^.;\n]{0,40}\b(?:to|as|into)\b",
        ),
        (
            "data.join",
            r"\b(?:inner|left|right|outer|full)[ -](?:outer[ -])?join\w*|\bjoin(?:s|ed|ing)? (?:them|the|both|all|it|everything)\b|\bmerge (?:them|the|both|all|it)\b[^.;\n]{0,40}\bon\b",
        ),
        (
            "data.aggregate",
            r"\bgroup(?:ed|ing|s)? (?:it |them |the \w+ |everything )?by\b|\baggregat(?:e|es|ed|ing)\b",
        ),
        (
            "features.scale",
            r"\b(?:standardi[sz]\w+|min-?max|z-?scores?|(?:scale|rescale|scaling|normali[sz]\w+)\b[^,.;\n]{0,30}\b(?:columns?|features?|numeric\w*|numbers?|values?|it|them|between|to))",
        ),
        (
            "features.encode",
            r"\bone-?hot|\blabel-?encod\w+|\btarget-?encod\w+|\bordinal(?:ly)?[- ]?encod\w+|\bencod(?:e|ing) (?:the )?(?:columns?|categor\w+)",
        ),
        ("features.tfidf", r"\btf-?idf\b"),
        (
            "features.engineer",
            r"\b(?:add|create|derive|compute|make|introduce|build|calculate)s? (?:an?|the|one|another)? ?(?:new |extra |additional |derived )*(?:column|feature|field|variable)\b",
        ),
        (
            "model.predict",
            r"\b(?:predict|score|classify)\b[^.;,\n]{0,12}\b(?:all|every|each|the|new|remaining|unseen|these|those)\b[^.;,\n]{0,20}\b(?:rows|records|customers|orders|samples|entries|lines|data|file|table|batch)\b|\b(?:run|do) (?:batch )?(?:inference|predictions?)\b|\bapply (?:it|the model|the winner|the best(?: one| model)?)\b[^.;\n]{0,20}\bto\b|\bbatch[- ](?:predict\w*|scor\w+|inference)|\b(?:predict|score|classify)\b(?: (?:the|all|every|file|rows|of|in|new|table|data|on|with it|it on))* (?:\w+://)?[\w/.-]+\.(?:csv|parquet|tsv|jsonl?|xlsx)\b",
        ),
        (
            "tune.search",
            r"\b(?:optimi[sz]\w*|tun(?:e|es|ing)|search\w*|find|try|test)\b[^.;\n]{0,70}\b(?:trials?|hyper-?param\w*|combinations?|configurations?|settings|random search|grid)\b|\b\d+ (?:random )?trials?\b|\bhyper-?parameter (?:search|tuning|optimi[sz]ation)\b|\b(?:grid|random(?:i[sz]ed)?) ?search\b",
        ),
        (
            "kmeans.train",
            r"\b(?:put|sort|divide|arrange|organi[sz]e)\b[^.;\n]{0,24}\binto? (?:\w+ )?(?:groups|clusters|segments)\b(?:[.,;]|$| and\b| so\b| of similar\b)",
        ),
        ("notify.webhook", r"\bweb ?hook\b|\b(?:call|ping|post to|notify|hit|trigger)\b[^.;\n]{0,20}https?://"),
        ("notify.slack", r"\bslack\b|(?:^|[\s(])#[a-z][\w-]*[a-z]\b"),
        ("notify.email", r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"),
        (
            "report.write",
            r"\b(?:write|create|generate|produce|make|put together|compile|draft|build|render|prepare)s?\b[^.;,\n]{0,30}\breport\b|\bdocument (?:the|its|all|everything)\b|\b(?:html|markdown) (?:report|summary)\b|\b(?:in|as) (?:some (?:sort|kind) of |an? )(?:\w+ )?report\b",
        ),
    ]
    .into_iter()
    .map(|(component, pattern)| (component, regex(pattern)))
    .collect()
});

/// Where one wish ends and the next begins.
pub(in crate::nl) static BOUNDARY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r",? (?:and then|and also|and additionally|and|then|before|followed by|und|dann|et|puis|y|luego|e|i)\b |[,;] |\. |\n|: | (?:->|→|=>) ",
    )
});

/// A cue in a text.
struct Hit {
    component: &'static str,
    start: usize,
    end: usize,
}

/// What a text certainly asks for, in its order.
fn hits(text: &str, lake: &Lake) -> Vec<Hit> {
    let mut found: Vec<Hit> = Vec::new();
    for (component, pattern) in CUES.iter().filter(|(component, _)| lake.component(component).is_some()) {
        for hit in pattern.find_iter(text) {
            if found.iter().all(|other| hit.end() <= other.start || hit.start() >= other.end) {
                found.push(Hit { component, start: hit.start(), end: hit.end() });
            }
        }
    }
    found.sort_by_key(|hit| hit.start);
    found
}

/// The components that a text certainly asks for, in its order.
pub(in crate::nl) fn asked_for(text: &str, lake: &Lake) -> Vec<&'static str> {
    hits(text, lake).into_iter().map(|hit| hit.component).collect()
}

/// Tasks whose words are those of an image or a script, or that have a meaning of their own.
fn is_fixed(task: &str) -> bool {
    task == "container.run"
        || ["script.", "job.", "image.", "git.", "tune."].iter().any(|start| task.starts_with(start))
        || matches!(task, "model.deploy_kserve" | "model.register")
}

pub(in crate::nl) fn is_training(task: &str) -> bool {
    task.rsplit_once('.').is_some_and(|(_, verb)| matches!(verb, "train" | "finetune"))
}

fn is_notice(task: &str) -> bool {
    task.starts_with("notify.")
}

/// Whether a step is what it is by its own words: it has a cue of its component, or none is known for that.
fn is_itself(step: &PlannedStep, found: &[Hit]) -> bool {
    let has_cue = CUES.iter().any(|(component, _)| *component == step.task);
    if step.task.starts_with("data.load") || step.task == "data.download" {
        return step.task != "data.load_sql"
            && literals(&step.text).iter().any(|literal| literal.kind == LiteralKind::Uri);
    }
    !has_cue || found.iter().any(|hit| hit.component == step.task)
}

/// Gives steps the component that their words ask for, and second wishes a step of their own.
pub(in crate::nl) fn follow_cues(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    follow_in_place(plan, lake, changes);
    let mut index = 0;
    while index < plan.steps.len() {
        let step = &plan.steps[index];
        let found = hits_of(step, lake);
        let second = found
            .iter()
            .rev()
            .filter(|hit| hit.component != step.task)
            .find(|hit| is_second(plan, index, hit));
        if let Some(Hit { component, start, end }) = second {
            separate(plan, index, component, *start..*end, changes);
        }
        index += 1;
    }
}

/// Gives steps the component that their words ask for.
fn follow_in_place(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    for index in 0..plan.steps.len() {
        let step = &plan.steps[index];
        let found = hits_of(step, lake);
        let itself = is_itself(step, &found);
        let foreign = found.iter().find(|hit| hit.component != step.task);
        let Some(Hit { component, start, end }) = foreign.filter(|hit| may_become(plan, index, hit, itself))
        else {
            continue;
        };
        changes.push(format!("{}: its words ask for {component}, not {}", step.name, step.task));
        if reads_first(plan, index, *start..*end) {
            "data.load".clone_into(&mut plan.steps[index].task);
            separate(plan, index, component, *start..*end, changes);
        } else {
            (*component).clone_into(&mut plan.steps[index].task);
        }
    }
    for step in &mut plan.finally {
        let found = hits_of(step, lake);
        if let [Hit { component, .. }] = found[..]
            && is_notice(component)
            && !is_itself(step, &found)
        {
            changes.push(format!("{}: its words ask for {component}, not {}", step.name, step.task));
            component.clone_into(&mut step.task);
        }
    }
}

fn hits_of(step: &PlannedStep, lake: &Lake) -> Vec<Hit> {
    if is_fixed(&step.task) || step.each.is_some() { Vec::new() } else { hits(&step.text, lake) }
}

/// Whether the words in front of the clause of a hit name an address that nothing loads yet.
fn reads_first(plan: &Plan, index: usize, hit: std::ops::Range<usize>) -> bool {
    let step = &plan.steps[index];
    let Some(clause) = clause(&step.text, hit) else { return false };
    let addresses: Vec<String> = literals(&step.text[..clause.start])
        .into_iter()
        .filter(|literal| literal.kind == LiteralKind::Uri)
        .map(|literal| literal.text)
        .collect();
    let loaded = plan.steps[..index].iter().any(|other| other.task.starts_with("data.load"));
    step.task.starts_with("data.") && !addresses.is_empty() && !loaded
}

/// A training stays one, unless it names no algorithm and predicts with what another step trains; notices replace notices.
fn may_become(plan: &Plan, index: usize, hit: &Hit, itself: bool) -> bool {
    let step = &plan.steps[index];
    let (from, to) = (step.task.as_str(), hit.component);
    if is_training(from) && to == "model.predict" {
        let trained = plan.steps[..index].iter().any(|other| is_training(&other.task));
        return trained && super::algorithms::named_algorithms(&step.text).is_empty();
    }
    !itself && !is_training(from) && (!is_notice(to) || is_notice(from) || from == "report.write")
}

/// Whether a hit is a second wish that no other step has, set apart by a boundary.
fn is_second(plan: &Plan, index: usize, hit: &Hit) -> bool {
    let step = &plan.steps[index];
    let clause = clause(&step.text, hit.start..hit.end);
    let Some(clause) = clause else { return false };
    let own = &step.text[clause.clone()];
    let told = stems(own);
    let words = step.text[hit.start..hit.end].trim().to_lowercase();
    let elsewhere = plan.all_steps().any(|other| {
        let theirs = stems(&other.text);
        let shared = told.iter().filter(|stem| theirs.contains(stem)).count();
        let same = other.text.to_lowercase().contains(&words) || shared * 4 >= told.len() * 3;
        other.name != step.name && other.task == hit.component && same
    });
    let prepares = hit.component.starts_with("data.") || hit.component.starts_with("features.");
    // A prediction that the training is for is no step of its own.
    let purpose =
        (hit.component == "model.predict" && is_training(&step.task)) || hit.component == "tune.search";
    // An evaluation or a message may speak of data without working on it.
    let speaks =
        prepares && (is_notice(&step.task) || step.task.starts_with("model.") || step.task == "report.write");
    !elsewhere && !purpose && !speaks
}

/// The clause around a hit, if something else stands before it.
fn clause(text: &str, hit: std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
    let quoted = |at: usize| {
        literals(text).iter().any(|l| l.kind == LiteralKind::Quoted && l.start <= at && at < l.end)
    };
    let boundary = BOUNDARY.find_iter(&text[..hit.start]).filter(|found| !quoted(found.start())).last()?;
    let before = text[..boundary.start()].split_whitespace().count();
    (before > 1).then(|| boundary.end()..text.len())
}

fn stems(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 3)
        .map(|word| word.chars().take(5).collect())
        .collect()
}

/// Cuts the second wish off.
fn separate(
    plan: &mut Plan,
    index: usize,
    component: &str,
    hit: std::ops::Range<usize>,
    changes: &mut Vec<String>,
) {
    let old = plan.steps[index].clone();
    let Some(range) = clause(&old.text, hit.clone()) else { return };
    let cut = old.text[..range.start].len();
    let boundary = BOUNDARY.find_iter(&old.text[..cut]).last().map_or(cut, |found| found.start());
    let (mut first, mut second) = (old.text[..boundary].to_owned(), old.text[range.clone()].to_owned());
    // What follows the second wish may belong to the first again: a training keeps its words.
    let inside = hit.end - range.start;
    if is_training(&old.task)
        && let Some(next) = BOUNDARY.find_iter(&second[inside..]).next()
    {
        let rest = second[inside + next.end()..].to_owned();
        second.truncate(inside + next.start());
        first = format!("{first}, {rest}");
    }
    changes.push(format!("{}: its words ask for {component} as well, which became a step", old.name));
    let name = plan.fresh_name(&component.replace(['.', '_'], "-"));
    let new = |after: Vec<String>, when: Option<String>| PlannedStep {
        text: second.clone(),
        task: component.to_owned(),
        name: name.clone(),
        after,
        when,
        ..PlannedStep::default()
    };
    let prepares = component.starts_with("data.") || component.starts_with("features.");
    if is_training(&old.task) && prepares {
        // A table is cleaned, scaled or split before a model learns from it.
        let before = new(old.after.clone(), None);
        let ends = [old.name.clone()];
        let own = PlannedStep { text: first, after: vec![name.clone()], ..old };
        plan.replace(index, vec![before, own], &ends);
        return;
    }
    let behind = new(vec![old.name.clone()], old.when.clone());
    let ends = if is_notice(component) { old.name.clone() } else { name.clone() };
    let own = PlannedStep { text: first, ..old };
    plan.replace(index, vec![own, behind], &[ends]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nl::base::plan::testing::chain;

    fn followed(steps: &[(&str, &str)]) -> Vec<(String, String, Vec<String>)> {
        let mut plan = chain(steps);
        follow_cues(&mut plan, &Lake::built_in(), &mut Vec::new());
        plan.steps.into_iter().map(|step| (step.task, step.text, step.after)).collect()
    }

    #[test]
    fn a_step_that_asks_for_two_things_becomes_two() {
        let found = followed(&[
            ("data.load", "Read farm/yields.xlsx and drop duplicate rows"),
            ("sklearn.train", "train a lasso"),
        ]);
        assert_eq!(found[0].1, "Read farm/yields.xlsx");
        assert_eq!((found[1].0.as_str(), found[1].1.as_str()), ("data.clean", "drop duplicate rows"));
        assert_eq!(found[2].2, ["data-clean"]);
    }

    #[test]
    fn the_words_decide_what_a_step_is() {
        for (task, text, expected) in [
            ("data.filter", "make sure there are at least 900 rows", "data.validate"),
            ("data.clean", "drop the column passport_no", "data.select"),
            ("data.select", "keep only the rows where speed > 3", "data.filter"),
            ("data.load", "the query SELECT a, b FROM t", "data.load_sql"),
            ("data.clean", "remove rows with missing values", "data.clean"),
            ("notify.email", "tell #grid-ops that it is done", "notify.slack"),
            ("model.evaluate", "report the RMSE", "model.evaluate"),
        ] {
            assert_eq!(followed(&[(task, text)])[0].0, expected, "{text}");
        }
    }

    #[test]
    fn a_message_beside_a_deployment_is_a_step_under_the_same_condition() {
        let mut plan = chain(&[
            ("model.evaluate", "evaluate F1"),
            ("model.deploy", "deploy the model to s3://mill/m and tell #mill on Slack \"new and shiny\""),
        ]);
        plan.steps[1].when = Some("s0.f1 >= 0.8".into());
        follow_cues(&mut plan, &Lake::built_in(), &mut Vec::new());
        assert_eq!(plan.steps[2].task, "notify.slack");
        assert_eq!(plan.steps[2].when, plan.steps[1].when);
        assert_eq!(plan.steps[2].text, "tell #mill on Slack \"new and shiny\"");
    }
}
