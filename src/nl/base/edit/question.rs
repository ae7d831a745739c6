//! Questions are answered from the program and its graph; nothing changes.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::steps::{Meant, Steps, image_of};
use crate::api::{Function, Input, Step, ancestors, direct_dependencies};
use crate::ir::{Workflow, lower};
use crate::nl::pattern::regex;

static QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:why|what|which|how|when|where|who|whose|does|do|did|is|are|was|has|have|will it|explain|describe|tell me|show me|list|can you (?:explain|tell|show|describe|list)|could you (?:explain|tell|show|describe|list))\b",
    )
});
/// Wishes that are asked for: "could you …?", "what about …?".
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:(?:can|could|would|will|may|might|shall|should) (?:you|we|i|it|the|an?)\b|(?:what|how) about\b|why (?:not|don'?t (?:you|we))\b|do (?:not|n'?t)\b|do (?:it|that|the same|so)\b|is it possible to\b|have (?:it|the|both|all|every)\b|when (?:it|the|everything|all|anything|something|one|a|any|training|done|that|this)\b|(?:do|have) \w+ (?:retr|run|wait))",
    )
});
static WHY: LazyLock<Regex> = LazyLock::new(|| regex(r"\bwhy\b|\bhow come\b|\bwhat for\b"));
static WHEN: LazyLock<Regex> = LazyLock::new(|| regex(r"\bwhen\b|\bhow often\b|\bschedule\b"));
static FIRST: LazyLock<Regex> = LazyLock::new(|| regex(r"\bfirst\b|\bbegins?\b|\bstarts?\b"));
static LAST: LazyLock<Regex> = LazyLock::new(|| regex(r"\blast\b|\bends?\b|\bfinal\w*\b"));
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:depends? on|waits? for|comes? after|follows?|needs?|reads?|uses?|after)\b")
});
static PARALLEL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:parallel|same time|at once|side by side|concurrent\w*)\b"));
static COUNT: LazyLock<Regex> = LazyLock::new(|| regex(r"\bhow many (?:steps|tasks)\b"));
static STEPS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:steps|tasks|models|everything|workflow|pipeline|this do|it do)\b"));
static MODELS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?:models?|algorithms?|candidates?|compared?)\b"));

/// Whether a remark only asks.
pub(super) fn is_question(remark: &str) -> bool {
    let text = super::clause::without_opening(remark.trim());
    !REQUEST.is_match(text) && (QUESTION.is_match(text) || text.ends_with('?'))
}

/// The answer to a question about a program.
pub(super) fn answer(steps: &Steps<'_>, question: &str) -> String {
    let workflow = lower(steps.program, steps.lake).ok();
    let named: Vec<&Step> = match steps.meant(question) {
        Meant::Steps(names) | Meant::Unclear(names) => {
            names.iter().filter_map(|name| steps.get(name)).collect()
        }
        Meant::Nothing => Vec::new(),
    };
    let exact: Vec<&Step> = in_order(steps, question, &named);
    if WHY.is_match(question)
        && let Some(text) = why(steps, workflow.as_ref(), &exact, question)
    {
        return text;
    }
    if let Some(text) = stated_value(steps, question, &named) {
        return text;
    }
    if COUNT.is_match(question) {
        let exit = steps.program.on_exit.len();
        let at_end = if exit > 0 { format!(", and {exit} at the end") } else { String::new() };
        return format!("{} steps{at_end}: {}", steps.program.steps.len(), steps.names().join(", "));
    }
    if PARALLEL.is_match(question) {
        return side_by_side(steps);
    }
    if named.is_empty()
        || (WHEN.is_match(question) && !question.to_lowercase().contains("step") && exact.is_empty())
    {
        if WHEN.is_match(question) {
            return schedule(steps);
        }
        if let Some(text) = ends(steps, question) {
            return text;
        }
        if MODELS.is_match(question)
            && let Some(text) = models(steps)
        {
            return text;
        }
        if STEPS.is_match(question) {
            return overview(steps);
        }
        return format!(
            "I can only answer questions about this workflow; its steps are {}. Ask for example \"what does {} do?\"",
            steps.names().join(", "),
            steps.names().first().map_or("it", String::as_str)
        );
    }
    if let (Some(found), [step]) = (NEIGHBOURS.captures(question), &exact[..]) {
        return neighbours(steps, step, found[1].eq_ignore_ascii_case("before"));
    }
    if question.to_lowercase().contains("which") && AFTER.is_match(question) {
        return related(steps, &named, question);
    }
    if MODELS.is_match(question)
        && question.to_lowercase().contains("which models")
        && let Some(text) = models(steps)
    {
        return text;
    }
    let cost = COSTS.is_match(question);
    let line = |step: &&Step| {
        if cost { needs(steps, step) } else { described(steps, workflow.as_ref(), step) }
    };
    named.iter().map(line).collect::<Vec<_>>().join("\n")
}

static COSTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:costs?|expensive|how long|resources?|how much|(?:does|do|will) [^?]*\btake)\b")
});
static VALUE_ASKED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(?:what|which|how (?:many|much|big|large|high|long|deep)|tell me|show me)\b"));

/// "What is the test size?": the value of an argument, or what holds where nobody gave one.
fn stated_value(steps: &Steps<'_>, question: &str, named: &[&Step]) -> Option<String> {
    if !VALUE_ASKED.is_match(super::clause::without_opening(question)) {
        return None;
    }
    let asked = question.to_lowercase().replace(['_', '-'], " ");
    let all: Vec<&Step> = steps.program.steps.iter().chain(&steps.program.on_exit).collect();
    let about = |step: &&&Step| named.is_empty() || named.iter().any(|other| other.name == step.name);
    let own: Vec<&Step> = all.iter().filter(about).copied().collect();
    // A word such as "split" in "the split's test size" may name a step that does not have the argument.
    let lines =
        [own, all].into_iter().map(|list| lines_of(steps, &list, &asked)).find(|lines| !lines.is_empty())?;
    Some(lines.join("\n"))
}

fn lines_of(steps: &Steps<'_>, list: &[&Step], asked: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for step in list {
        let settings = serde_json::to_value(&step.settings).unwrap_or_default();
        for (words, pointer) in SETTINGS {
            if words.iter().any(|word| asked.contains(word))
                && let Some(value) = settings.pointer(pointer)
            {
                lines.push(format!("{} of {}: {}", words[0], step.name, shown(value)));
            }
        }
        let (Function::Component(call), Some(component)) = (&step.run, steps.component(step)) else {
            continue;
        };
        for (name, schema) in component.arguments["properties"].as_object().into_iter().flatten() {
            // One word such as "columns" or "task" is too common to mean an argument.
            if !name.contains('_') || !asked.contains(&name.replace('_', " ")) {
                continue;
            }
            let about = schema["description"].as_str().unwrap_or_default();
            lines.push(match call.with.get(name) {
                Some(value) => format!("{name} of {}: {}", step.name, shown(value)),
                None => format!("{name} of {}: not set; {about}", step.name),
            });
        }
    }
    lines
}

/// Words for settings, and where they stand.
const SETTINGS: [(&[&str], &str); 6] = [
    (&["timeout", "time out", "time limit"], "/timeout"),
    (&["retries", "retry limit"], "/retry/limit"),
    (&["memory"], "/resources/memory"),
    (&["cpu"], "/resources/cpu"),
    (&["gpu"], "/resources/gpu"),
    (&["service account"], "/service_account"),
];

/// What a step takes: what it asks for, and what its component is known to need.
fn needs(steps: &Steps<'_>, step: &Step) -> String {
    let mut parts = Vec::new();
    let settings = serde_json::to_value(&step.settings).unwrap_or_default();
    for (name, value) in settings.as_object().into_iter().flatten() {
        let value = match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| format!("{name} {}", shown(value)))
                .collect::<Vec<_>>()
                .join(" "),
            other => shown(other),
        };
        parts.push(format!("{} {value}", name.replace('_', " ")));
    }
    if parts.is_empty() {
        parts.push("no resources, limits or retries are set".to_owned());
    }
    let estimate = steps
        .component(step)
        .and_then(|component| serde_json::to_value(component).ok()?.pointer("/estimate/seconds")?.as_f64());
    if let Some(seconds) = estimate {
        parts.push(format!("about {seconds} seconds on small data, as its component says"));
    }
    format!("{}: {}; /cost shows what the conversation took", step.name, parts.join("; "))
}

static NEIGHBOURS: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"\b(?:what|which|who)\b[^.;]*\b(?:comes?|runs?|happens?|is|goes|steps?)\b[^.;]*\b(before|after)\b")
});

/// What a step waits for, or who waits for it.
fn neighbours(steps: &Steps<'_>, step: &Step, before: bool) -> String {
    let found: Vec<String> = if before {
        direct_dependencies(step)
    } else {
        let waits = |other: &&Step| direct_dependencies(other).contains(&step.name);
        steps.program.steps.iter().filter(waits).map(|other| other.name.clone()).collect()
    };
    let list = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    format!("{} {}: {list}", if before { "before" } else { "after" }, step.name)
}

/// The named steps in the order of the text.
fn in_order<'a>(steps: &Steps<'a>, question: &str, named: &[&'a Step]) -> Vec<&'a Step> {
    let mut found: Vec<&Step> = Vec::new();
    for place in steps.named(question) {
        for name in &place.steps {
            if let Some(step) = named.iter().find(|step| step.name == *name)
                && !found.iter().any(|other| other.name == step.name)
            {
                found.push(step);
            }
        }
    }
    found
}

fn why(steps: &Steps<'_>, workflow: Option<&Workflow>, named: &[&Step], question: &str) -> Option<String> {
    let [first, second, ..] = named else {
        let step = named.first()?;
        return Some(reasons(steps, workflow, step));
    };
    let before = ancestors(steps.program);
    let waits = |a: &Step, b: &Step| before.get(&a.name).is_some_and(|all| all.contains(&b.name));
    let turned = question.to_lowercase().contains(" before ");
    let (later, earlier) = if waits(first, second) || (!waits(second, first) && !turned) {
        (first, second)
    } else {
        (second, first)
    };
    if !waits(later, earlier) {
        return Some(format!("{} and {} do not wait for each other.", first.name, second.name));
    }
    let mut parts = read_from(workflow, &later.name, &earlier.name);
    parts.extend(values_from(later, &earlier.name));
    if later.when.as_ref().is_some_and(|when| when.outputs().iter().any(|(step, _)| *step == earlier.name)) {
        parts.push(format!(
            "its condition \"{}\" reads what {} measured",
            later.when.as_ref()?,
            earlier.name
        ));
    }
    if parts.is_empty() && later.after.contains(&earlier.name) {
        parts.push("the workflow says so, although it reads nothing of it".to_owned());
    }
    if parts.is_empty() {
        let path = path(steps, &later.name, &earlier.name);
        return Some(format!("{} comes after {} through {}.", later.name, earlier.name, path.join(" → ")));
    }
    Some(format!("{} comes after {}: {}.", later.name, earlier.name, parts.join("; ")))
}

/// What one step reads of another.
fn read_from(workflow: Option<&Workflow>, later: &str, earlier: &str) -> Vec<String> {
    let Some(node) = workflow.and_then(|workflow| workflow.nodes().find(|node| node.name == later)) else {
        return Vec::new();
    };
    let artifacts = node.inputs.iter().filter_map(|input| match input {
        Input::Artifact { name, step, output, .. } if step == earlier => {
            Some(format!("it reads the {output} that {earlier} writes (as its {name})"))
        }
        _ => None,
    });
    artifacts.collect()
}

/// Values of one step that another one reads in its strings, parameters or items: `steps.train.result`.
fn values_from(step: &Step, earlier: &str) -> Vec<String> {
    static VALUE: LazyLock<Regex> = LazyLock::new(|| regex(r"\{\{\s*steps\.([a-z0-9-]+)\.([\w-]+)\s*\}\}"));
    let mut found: Vec<String> = Vec::new();
    let mut note = |text: String| {
        if !found.contains(&text) {
            found.push(text);
        }
    };
    for input in &step.inputs {
        let Input::Parameter { name, value } = input else { continue };
        for read in VALUE.captures_iter(value).filter(|read| read[1] == *earlier) {
            note(format!("it reads the value steps.{earlier}.{} (as its {name})", &read[2]));
        }
    }
    if let Some(crate::api::MapItems::Output { step, output }) = step.map.as_ref().map(|map| &map.over)
        && step == earlier
    {
        note(format!("it runs once per item of steps.{earlier}.{output}"));
    }
    let run = serde_json::to_string(&step.run).unwrap_or_default();
    let env = serde_json::to_string(&step.settings).unwrap_or_default();
    for read in VALUE.captures_iter(&run).chain(VALUE.captures_iter(&env)).filter(|read| read[1] == *earlier)
    {
        note(format!("it reads the value steps.{earlier}.{}", &read[2]));
    }
    found
}

fn path(steps: &Steps<'_>, later: &str, earlier: &str) -> Vec<String> {
    let before = ancestors(steps.program);
    let mut found = vec![later.to_owned()];
    let mut at = later.to_owned();
    while at != earlier {
        let next = steps.get(&at).and_then(|step| {
            direct_dependencies(step)
                .into_iter()
                .find(|name| name == earlier || before.get(name).is_some_and(|all| all.contains(earlier)))
        });
        let Some(next) = next else { break };
        found.push(next.clone());
        at = next;
    }
    found.reverse();
    found
}

fn reasons(steps: &Steps<'_>, workflow: Option<&Workflow>, step: &Step) -> String {
    let waits = direct_dependencies(step);
    if waits.is_empty() {
        return format!(
            "{} waits for nothing: it starts at once. {}",
            step.name,
            described(steps, workflow, step)
        );
    }
    let lines: Vec<String> = waits
        .iter()
        .map(|earlier| {
            let read = [read_from(workflow, &step.name, earlier), values_from(step, earlier)].concat();
            if read.is_empty() { format!("it waits for {earlier}") } else { read.join(" and ") }
        })
        .collect();
    format!("{}: {}.", step.name, lines.join("; "))
}

fn side_by_side(steps: &Steps<'_>) -> String {
    let before = ancestors(steps.program);
    let waits = |a: &str, b: &str| before.get(a).is_some_and(|all| all.contains(b));
    let all = &steps.program.steps;
    let mut pairs = Vec::new();
    for (index, a) in all.iter().enumerate() {
        for b in &all[index + 1..] {
            if !waits(&a.name, &b.name) && !waits(&b.name, &a.name) {
                pairs.push(format!("{} and {}", a.name, b.name));
            }
        }
    }
    if pairs.is_empty() {
        "no two steps run at the same time".into()
    } else {
        format!("at the same time can run: {}", pairs.join("; "))
    }
}

fn schedule(steps: &Steps<'_>) -> String {
    match &steps.program.schedule {
        None => "it runs when somebody starts it; there is no schedule".into(),
        Some(schedule) => format!(
            "it runs by itself: {} ({}){}",
            schedule.cron.join("; "),
            schedule.timezone.as_deref().unwrap_or("the cluster's time zone"),
            if schedule.suspend { "; the schedule is paused" } else { "" }
        ),
    }
}

fn ends(steps: &Steps<'_>, question: &str) -> Option<String> {
    let list = |names: Vec<&str>| names.join(", ");
    if FIRST.is_match(question) {
        let roots: Vec<&str> = steps
            .program
            .steps
            .iter()
            .filter(|step| direct_dependencies(step).is_empty())
            .map(|step| step.name.as_str())
            .collect();
        return Some(format!("first: {}", list(roots)));
    }
    if LAST.is_match(question) {
        let waited: Vec<String> = steps.program.steps.iter().flat_map(direct_dependencies).collect();
        let last = steps.program.steps.iter().map(|step| step.name.as_str());
        let last: Vec<&str> = last.filter(|name| !waited.iter().any(|other| other == name)).collect();
        let exit: Vec<&str> = steps.program.on_exit.iter().map(|step| step.name.as_str()).collect();
        let exit =
            if exit.is_empty() { String::new() } else { format!("; whatever happens: {}", list(exit)) };
        return Some(format!("last: {}{exit}", list(last)));
    }
    None
}

fn models(steps: &Steps<'_>) -> Option<String> {
    let trains: Vec<String> = steps
        .program
        .steps
        .iter()
        .filter(|step| {
            steps.component(step).is_some_and(|component| component.task == crate::api::Task::Train)
        })
        .map(|step| format!("{} ({})", step.name, short(step)))
        .collect();
    (!trains.is_empty()).then(|| format!("models: {}", trains.join(", ")))
}

fn overview(steps: &Steps<'_>) -> String {
    let line = |step: &Step| {
        let after = direct_dependencies(step);
        let after = if after.is_empty() { String::new() } else { format!(", after {}", after.join(" and ")) };
        format!("{}: {}{after}", step.name, short(step))
    };
    let mut lines: Vec<String> = steps.program.steps.iter().map(line).collect();
    lines.extend(
        steps.program.on_exit.iter().map(|step| format!("{}: {}, at the end", step.name, short(step))),
    );
    lines.join("\n")
}

fn related(steps: &Steps<'_>, named: &[&Step], question: &str) -> String {
    let lower = question.to_lowercase();
    let names: Vec<&str> = named.iter().map(|step| step.name.as_str()).collect();
    // "Which steps does X need?" asks for what is before; "which steps need X?" for what is behind.
    let before = lower.contains("does ") || lower.contains("do ") || lower.contains("is ");
    let found: Vec<String> = if before {
        named.iter().flat_map(|step| direct_dependencies(step)).collect()
    } else {
        let waits =
            |step: &&Step| direct_dependencies(step).iter().any(|name| names.contains(&name.as_str()));
        steps.program.steps.iter().filter(waits).map(|step| step.name.clone()).collect()
    };
    let list = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    if before {
        format!("{} waits for: {list}", names.join(", "))
    } else {
        format!("wait for {}: {list}", names.join(", "))
    }
}

fn short(step: &Step) -> String {
    match &step.run {
        Function::Component(call) => {
            let with: Vec<String> =
                call.with.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
            if with.is_empty() {
                call.component.clone()
            } else {
                format!("{} {}", call.component, with.join(" "))
            }
        }
        other => image_of(other).map_or_else(|| other.name().to_owned(), str::to_owned),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn described(steps: &Steps<'_>, workflow: Option<&Workflow>, step: &Step) -> String {
    let mut parts = Vec::new();
    if let Some(component) = steps.component(step).filter(|_| matches!(step.run, Function::Component(_))) {
        parts.push(component.summary.trim_end_matches('.').to_owned());
    }
    parts.push(match &step.run {
        Function::RunContainer(call) => {
            let words = [call.command.clone(), call.args.clone()].concat();
            format!("runs {} {}", call.image, words.join(" ")).trim().to_owned()
        }
        _ => short(step),
    });
    let node = workflow.and_then(|workflow| workflow.nodes().find(|node| node.name == step.name));
    let reads: Vec<String> = node
        .into_iter()
        .flat_map(|node| &node.inputs)
        .filter_map(|input| match input {
            Input::Artifact { name, step, output, .. } => Some(format!("{name} from {step}.{output}")),
            _ => None,
        })
        .collect();
    if !reads.is_empty() {
        parts.push(format!("reads {}", reads.join(", ")));
    }
    if let Some(when) = &step.when {
        parts.push(format!("only if {when}"));
    }
    if let Some(retry) = &step.settings.retry {
        parts.push(format!("{} retries", retry.limit));
    }
    if let Some(timeout) = &step.settings.timeout {
        parts.push(format!("at most {timeout}"));
    }
    format!("{}: {}", step.name, parts.join("; "))
}
