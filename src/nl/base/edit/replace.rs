//! One thing in the place of another: algorithms, images, versions, values.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::address;
use super::certain::certain;
use super::place;
use super::read::{Context, Wish};
use super::steps::{Meant, component_name, image_of};
use crate::api::{Component, ComponentCall, Function, Step, Task, validate_against};
use crate::ir::Components;
use crate::nl::base::algorithms::named_algorithms;
use crate::nl::base::literals::{Literal, LiteralKind, literals};
use crate::nl::edit::Edit;
use crate::nl::pattern::regex;

static INSTEAD_OF: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(.*?)[,;]?\s*\b(?:instead of|rather than|in (?:the )?place of|in lieu of|anstatt|statt|au lieu de|en lugar de)\b\s+(.+)$",
    )
});
static OF_FIRST: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(?:instead of|rather than|in place of)\s+(.+?),\s*(.+)$"));
/// "I'd rather have X than Y", "prefer X over Y".
static RATHER: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\brather (?:have |use |see |take |like )?(.+?) than (.+)$|^.*\bprefer (.+?) (?:over|to) (.+)$")
});
static NOT: LazyLock<Regex> = LazyLock::new(|| regex(r"^(.+?)(?:,| and| but)? not (?:the |an? )?(.+)$"));
static VERB_NOT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:does|do|did|is|are|was|should|must|need|can|could|will|has|have|may|might|would|if|only|why)(?:,| and| but)? not\b",
    )
});
static SWAP: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:replace|exchange|substitute|swap(?: out)?|change)\s+(.+?)\s+(?:with|by|for|against|through|into)\s+(.+)$",
    )
});
static FROM_TO: LazyLock<Regex> = LazyLock::new(|| regex(r"^(.*?)\bfrom\s+(.+?)\s+to\s+(.+)$"));
static TO: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:switch|change|go|move|bump|upgrade|update|downgrade|convert|turn)\b(.*?)\b(?:over )?(?:in)?to\s+(.+)$",
    )
});
static INSTEAD: LazyLock<Regex> = LazyLock::new(|| regex(r"^(.+?),?\s+instead\W*$"));
/// Words with which one thing takes the place of another even without "instead".
static TAKES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:use|try|take|make (?:it|that|this)|go (?:for|with)|switch|prefer|would like|i'd (?:like|prefer|rather)|rather|let'?s have|should be|train(?:ed)? (?:with|by)?|fit|learn with|model should)\b",
    )
});
static VERSION: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|\s|:)(v?\d+(?:\.\d+)*(?:-[a-z0-9.]+)?)\W*$"));
static VERSION_WORDS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:bump|upgrade|update|downgrade|version|tag|release)\b"));

/// What a replacement speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// What is wanted.
    pub(super) new: String,
    /// What it takes the place of.
    pub(super) old: Option<String>,
}

/// The parts of a replacement, if the text is one.
pub(super) fn parts(text: &str) -> Option<Parts> {
    let two =
        |new: &str, old: &str| Some(Parts { new: new.trim().to_owned(), old: Some(old.trim().to_owned()) });
    if let Some(found) = OF_FIRST.captures(text) {
        return two(&found[2], &found[1]);
    }
    if let Some(found) = RATHER.captures(text) {
        let pair = found.get(1).zip(found.get(2)).or(found.get(3).zip(found.get(4)))?;
        return two(pair.0.as_str(), pair.1.as_str());
    }
    if let Some(found) = INSTEAD_OF.captures(text) {
        return two(&found[1], &found[2]);
    }
    if let Some(found) = SWAP.captures(text) {
        return two(&found[2], &found[1]);
    }
    if let Some(found) = FROM_TO.captures(text).filter(|_| TO.is_match(text) || RAISE.is_match(text)) {
        return two(&format!("{} {}", &found[1], &found[3]), &found[2]);
    }
    if let Some(found) = NOT.captures(text).filter(|_| !VERB_NOT.is_match(text)) {
        return two(&found[1], &found[2]);
    }
    if let Some(found) = TO.captures(text) {
        let subject = found[1].trim();
        let old = (!subject.is_empty()).then(|| subject.to_owned());
        return Some(Parts { new: found[2].trim().to_owned(), old });
    }
    INSTEAD.captures(text).map(|found| Parts { new: found[1].trim().to_owned(), old: None })
}

static RAISE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:raise|lower|increase|decrease|reduce|set|put|extend|shorten)\b"));

/// A text without what is replaced.
pub(super) fn wanted(text: &str) -> String {
    match parts(text) {
        Some(Parts { new, old: Some(_) }) if !TO.is_match(text) && !SWAP.is_match(text) => new,
        _ => text.to_owned(),
    }
}

pub(super) fn read(context: &Context<'_>) -> Option<Wish> {
    let text = context.clause;
    let parts = parts(text);
    let new = parts.as_ref().map_or(text, |parts| parts.new.as_str());
    let old = parts.as_ref().and_then(|parts| parts.old.as_deref());
    algorithm(context, new, old, parts.is_some())
        .or_else(|| image(context, new, old, parts.is_some()))
        .or_else(|| version(context, new))
        .or_else(|| old.and_then(|old| value(context, new, old)))
        .or_else(|| parts.is_some().then(|| address::same_kind(context, new)).flatten())
}

/// "Use LightGBM instead", "make it an SVM".
fn algorithm(context: &Context<'_>, new: &str, old: Option<&str>, marked: bool) -> Option<Wish> {
    if place::ADDS.is_match(context.clause) && old.is_none() {
        return None;
    }
    let (component, words) = match named_algorithms(new).first() {
        Some((component, words)) => (*component, *words),
        // "A neural network", "nearest neighbours": what scikit-learn calls otherwise.
        None if marked || TAKES.is_match(context.clause) => ("sklearn.train", estimator(context, new)?),
        None => return None,
    };
    // "The LightGBM learning rate" speaks of a step that there is.
    let start = new.find(words)?;
    let known =
        context.steps.named(new).iter().any(|place| place.start <= start && place.end >= start + words.len());
    if known && !marked {
        return None;
    }
    let trains = |step: &&Step| {
        context
            .steps
            .component(step)
            .is_some_and(|component| matches!(component.task, Task::Train | Task::Tune))
    };
    let all: Vec<&Step> = context.steps.program.steps.iter().filter(trains).collect();
    let among = |text: &str| -> Vec<&Step> {
        let named = match context.steps.meant(text) {
            Meant::Steps(names) | Meant::Unclear(names) => names,
            Meant::Nothing => Vec::new(),
        };
        all.iter().filter(|step| named.contains(&step.name)).copied().collect()
    };
    let rest = new.replace(words, " ");
    let mut target: Vec<&Step> = match context.chosen {
        Some(chosen) => all.iter().filter(|step| step.name == chosen).copied().collect(),
        None => old.map(among).unwrap_or_default(),
    };
    if target.is_empty() {
        target = among(&rest);
    }
    if target.is_empty() {
        target = all.iter().filter(|step| context.focus.contains(&step.name)).copied().collect();
    }
    if target.is_empty() {
        target.clone_from(&all);
    }
    let component = context.steps.lake.component(component)?;
    match &target[..] {
        [] => None,
        [step] => {
            let mut run = swapped(step, component, new, context);
            // Which estimator is meant the name of the algorithm alone decides.
            let choices = component.arguments.pointer("/properties/estimator/enum").and_then(Value::as_array);
            let choices: Vec<&str> = choices.into_iter().flatten().filter_map(Value::as_str).collect();
            let estimator = crate::nl::base::evidence::mentioned_choices(&choices, words).into_iter().next();
            if let (Some(estimator), Function::Component(call)) = (estimator, &mut run)
                && !call.with.contains_key("estimator")
            {
                call.with.shift_insert(0, "estimator".to_owned(), json!(estimator));
            }
            if run == step.run {
                return Some(Wish::Already(format!("{} uses it already", step.name)));
            }
            Some(Wish::Edits(vec![Edit::Replace { step: step.name.clone(), run }]))
        }
        // "Use X" where several train does not say which.
        several => Some(Wish::Which { steps: several.iter().map(|step| step.name.clone()).collect() }),
    }
}

/// The words of an estimator that has no name of its own.
fn estimator<'t>(context: &Context<'_>, text: &'t str) -> Option<&'t str> {
    let component = context.steps.lake.component("sklearn.train")?;
    let choices = component.arguments.pointer("/properties/estimator/enum")?.as_array()?;
    let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
    let found = crate::nl::base::evidence::mentioned_choices(&choices, text);
    (found.len() == 1).then_some(text)
}

/// A call of another component with the arguments that both know, and what the text states beside that.
pub(super) fn swapped(step: &Step, component: &Component, text: &str, context: &Context<'_>) -> Function {
    let empty = Map::new();
    let properties = component.arguments["properties"].as_object().unwrap_or(&empty);
    let old: Map<String, Value> = match &step.run {
        Function::Component(call) => call.with.clone().into_iter().collect(),
        _ => Map::new(),
    };
    let mut with: Map<String, Value> = Map::new();
    let mut further = old.get("params").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in &old {
        // CatBoost calls the number of trees otherwise.
        let name = match name.as_str() {
            "n_estimators" if properties.contains_key("iterations") => "iterations",
            "iterations" if !properties.contains_key("iterations") => "n_estimators",
            name => name,
        };
        match properties.get(name) {
            Some(property) if name != "params" && validate_against(property, value).is_ok() => {
                with.insert(name.to_owned(), value.clone());
            }
            None if ["n_estimators", "max_depth"].contains(&name) => {
                further.insert(name.to_owned(), value.clone());
            }
            _ => {}
        }
    }
    further.retain(|name, value| {
        let known = properties.get(name).is_some_and(|property| validate_against(property, value).is_ok());
        if known {
            with.entry(name.clone()).or_insert(value.clone());
        }
        !known
    });
    with.shift_remove("estimator");
    let stated = certain(component, text, &step.name, context.spelled);
    with.extend(stated.values);
    // Another kind of model has hyperparameters of its own; trees have their number and depth in common.
    let trees = with.get("estimator").and_then(Value::as_str).is_some_and(|name| TREES.contains(&name));
    further.retain(|name, _| trees && ["n_estimators", "max_depth"].contains(&name.as_str()));
    if properties.contains_key("params") && !further.is_empty() {
        with.entry("params").or_insert(Value::Object(further));
    }
    // Written in the order in which the component declares them.
    let ordered =
        properties.keys().filter_map(|name| Some((name.clone(), with.get(name)?.clone()))).collect();
    Function::Component(ComponentCall { component: component.name.clone(), with: ordered })
}

/// Estimators that are many trees.
const TREES: [&str; 3] = ["random_forest", "extra_trees", "gradient_boosting"];

/// "Use acme/x:2 instead of acme/x:1".
fn image(context: &Context<'_>, new: &str, old: Option<&str>, marked: bool) -> Option<Wish> {
    let image = literals(new).into_iter().find(|literal| literal.kind == LiteralKind::Image)?;
    if place::ADDS.is_match(context.clause) && old.is_none() {
        return None;
    }
    let repository = |image: &str| image.rsplit_once(':').map_or(image, |(name, _)| name).to_owned();
    let runs = |step: &&Step| image_of(&step.run).is_some();
    let all: Vec<&Step> =
        context.steps.program.steps.iter().chain(&context.steps.program.on_exit).filter(runs).collect();
    let of = |text: &str| match context.steps.meant(text) {
        Meant::Steps(names) => all.iter().filter(|step| names.contains(&step.name)).copied().collect(),
        _ => Vec::new(),
    };
    let same: Vec<&Step> = all
        .iter()
        .filter(|step| {
            image_of(&step.run)
                .is_some_and(|known| repository(known) == repository(&image.text) && known != image.text)
        })
        .copied()
        .collect();
    let mut target: Vec<&Step> = old.map(of).unwrap_or_default();
    if target.is_empty() {
        target.clone_from(&same);
    }
    if target.is_empty() && marked {
        target = of(&new.replace(&image.text, " "));
    }
    if target.is_empty() && marked {
        target = all.iter().filter(|step| context.focus.contains(&step.name)).copied().collect();
    }
    match &target[..] {
        [step] => Some(Wish::Edits(vec![Edit::set(&step.name, image_field(&step.run)?, image.text)])),
        _ => None,
    }
}

/// Where a function keeps its image.
fn image_field(run: &Function) -> Option<&'static str> {
    image_of(run)?;
    Some(if component_name(run).is_some_and(|name| name.starts_with("job.") || name == "tune.katib") {
        "/run/job/image"
    } else {
        "/run/image"
    })
}

/// "Bump transform to 1.5", "use version 2 of acme/x".
fn version(context: &Context<'_>, new: &str) -> Option<Wish> {
    static OF: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:version|tag|release) (v?\d[\w.-]*\w|\d)\b"));
    if !VERSION_WORDS.is_match(context.clause) {
        return None;
    }
    let version =
        OF.captures(context.clause).or_else(|| VERSION.captures(new)).map(|found| found[1].to_owned())?;
    let target: Vec<&Step> =
        context.target_steps().into_iter().filter(|step| image_of(&step.run).is_some()).collect();
    let [step] = &target[..] else { return None };
    let image = image_of(&step.run)?;
    let name =
        image.rsplit_once(':').map_or(image, |(name, tag)| if tag.contains('/') { image } else { name });
    Some(Wish::Edits(vec![Edit::set(&step.name, image_field(&step.run)?, format!("{name}:{version}"))]))
}

static EVERY: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:both|all|every|each|the models|they)\b"));

/// A value that stands in a step takes another one: "14 days instead of 7", "predict cancelled, not churn".
fn value(context: &Context<'_>, new: &str, old: &str) -> Option<Wish> {
    let old_words: Vec<&str> = old.trim_end_matches(['.', '!', ',']).split_whitespace().collect();
    let bare = old.trim_end_matches(['.', '!', ',']).trim().trim_matches(['"', '\'', '`']);
    let olds: Vec<String> = std::iter::once(bare.to_owned())
        .chain(literals(old).into_iter().map(|literal| literal.text))
        .chain(old_words.last().map(|word| word.trim_matches(['"', '\'', '`']).to_owned()))
        .collect();
    let named: Vec<String> = match (context.chosen, context.steps.meant(new)) {
        (Some(chosen), _) => vec![chosen.to_owned()],
        (None, Meant::Steps(names)) => names,
        _ => Vec::new(),
    };
    let all: Vec<&Step> = context.steps.program.steps.iter().chain(&context.steps.program.on_exit).collect();
    for old in &olds {
        let mut found: Vec<(&Step, String, Value)> = Vec::new();
        for step in &all {
            let run = serde_json::to_value(&step.run).ok()?;
            places(&run, "/run", &mut |field, value| {
                if same(value, old) && !field.ends_with("/function") && !field.ends_with("/component") {
                    found.push((step, field.to_owned(), value.clone()));
                }
            });
        }
        let of_named: Vec<&(&Step, String, Value)> =
            found.iter().filter(|(step, ..)| named.contains(&step.name)).collect();
        let of_focus: Vec<&(&Step, String, Value)> =
            found.iter().filter(|(step, ..)| context.focus.contains(&step.name)).collect();
        let all_meant = EVERY.is_match(new) && found.iter().all(|(_, field, _)| *field == found[0].1);
        let candidates: Vec<&(&Step, String, Value)> = if all_meant {
            found.iter().collect()
        } else if !of_named.is_empty() {
            of_named
        } else if context.steps.names().iter().any(|name| new.split_whitespace().any(|word| word == *name)) {
            // Whoever names a step that does not have the value means no other one.
            Vec::new()
        } else if found.len() > 1 && !of_focus.is_empty() {
            of_focus
        } else {
            found.iter().collect()
        };
        if candidates.is_empty() {
            continue;
        }
        let edits: Option<Vec<Edit>> = candidates
            .iter()
            .map(|(step, field, known)| {
                let property = property(context, step, field);
                let value = in_place_of(known, new, property.as_ref())?;
                Some(Edit::set(&step.name, field.clone(), value))
            })
            .collect();
        let one_kind = candidates.iter().all(|(_, field, _)| *field == candidates[0].1);
        return match (edits, candidates.len()) {
            (Some(edits), 1) => Some(Wish::Edits(edits)),
            // The same argument of several steps, such as what all of them predict.
            (Some(edits), _) if one_kind => Some(Wish::Edits(edits)),
            _ => None,
        };
    }
    None
}

/// The schema of an argument.
fn property(context: &Context<'_>, step: &Step, field: &str) -> Option<Value> {
    let name = field.strip_prefix("/run/with/")?.split('/').next()?;
    let property = context.steps.component(step)?.arguments.pointer(&format!("/properties/{name}"))?.clone();
    Some(if property["type"] == "array" { property["items"].clone() } else { property })
}

fn same(value: &Value, old: &str) -> bool {
    match value {
        Value::String(text) => text.eq_ignore_ascii_case(old),
        Value::Number(number) => old.parse::<f64>().ok().is_some_and(|old| number.as_f64() == Some(old)),
        _ => false,
    }
}

/// What the text gives in the place of a known value: of the same kind.
fn in_place_of(known: &Value, new: &str, property: Option<&Value>) -> Option<Value> {
    if let Some(choices) = property.and_then(|property| property["enum"].as_array()) {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return crate::nl::base::evidence::mentioned_choices(&choices, new)
            .into_iter()
            .next()
            .map(Value::from);
    }
    let found = literals(new);
    let number = |literal: &&Literal| literal.number().is_some();
    match known {
        Value::Number(_) => {
            found.iter().rev().find(number).and_then(Literal::number).map(crate::nl::base::amounts::as_value)
        }
        Value::String(text) if text.parse::<f64>().is_ok() => {
            found.iter().rev().find(number).map(|literal| json!(literal.text.trim()))
        }
        Value::String(text) => {
            let kind = kind(text);
            let literal =
                found.iter().rev().find(|literal| address::alike(literal.kind, &literal.text, kind, text));
            let quoted = found.iter().rev().find(|literal| literal.kind == LiteralKind::Quoted);
            let named = found.iter().rev().find(|literal| literal.kind == LiteralKind::Name);
            let word = || {
                let plain = kind.is_none() && !text.contains(' ');
                let last = new.split_whitespace().last()?.trim_matches(['"', '\'', '`', '.', ',', '!']);
                plain.then(|| last.to_owned())
            };
            literal
                .or(quoted)
                .or(named)
                .map(|literal| literal.text.clone())
                .or_else(word)
                .filter(|value| !value.is_empty())
                .map(Value::from)
        }
        _ => None,
    }
}

/// The kind of literal that a whole text is.
pub(super) fn kind(text: &str) -> Option<LiteralKind> {
    let found = literals(text);
    let [only] = &found[..] else { return None };
    (only.text == text).then_some(only.kind)
}

/// Every value inside of another one, with its JSON pointer.
pub(super) fn places(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                places(inner, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                places(inner, &format!("{at}/{index}"), visit);
            }
        }
        _ => visit(at, value),
    }
}
