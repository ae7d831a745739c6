//! What runs once per item, and what waits for what, as the text states it.

use std::sync::LazyLock;

use regex::Regex;

use crate::nl::pattern::regex;
use serde_json::Value;

use super::literals::{LiteralKind, literals};
use super::plan::{Plan, PlannedStep};
use crate::api::{Component, ComponentRun, Task};
use crate::ir::Components;
use crate::lake::Lake;

/// Words that say "once per item".
static EACH: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(each|every|per|respectively|separately|individually|one by one|one (?:job|pod|instance|run|copy) (?:for|per)|loop(?:ing)? over|iterate\w*|map(?:ped)? over|jede[nrsm]?|je|jeweils|chaque|chacun\w*|cada|ogni|ciascun\w*|każd\w*|elke?|voor)\b|每|各|ごと|それぞれ",
    )
});
/// Words that, right before a list, say the same.
static BEFORE_LIST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(for|over|für|pour|para|per|in|with|on|at|of|mit|avec|con|com|dla|voor)\b(?:\s+[\p{L}-]+){0,4}\s*[:(]?\s*$",
    )
});
/// "Which is one of", right before a list of values.
static ONE_OF: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:one|any|either|some|eine[rs]?|une?|uno|una) (?:of|von|de|di)\b(?:\s+[\p{L}-]+){0,4}\s*[:(]?\s*$",
    )
});
/// "Once every file is checked": when something runs, not how often.
static WHEN_ALL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:once|when|whenever|after|as soon as|until|if|sobald|wenn|nachdem|quand|après|cuando|después de|quando|dopo)\b(?: (?:that|also|then))?(?: (?:all|every|each|both|jede\w*|alle|chaque|cada|ogni)\b)[^,.;\n]*",
    )
});
/// "Each element of that list".
static EACH_ELEMENT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:for each|for every|per|each|every|for all)\b(?: (?:of|one of))?(?: (?:the|its|these|those|that|this|such))? ?(?:\w+ )?(?:elements?|items?|entr(?:y|ies)|lines?|values?|parts?|chunks?|shards?|paths?|files?|names?|ids?|of them|one|ones|them)\b",
    )
});
/// "Prints a JSON list".
static PRINTS_LIST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:prints?|lists?|outputs?|writes?|returns?|emits?|produces?|gives?|finds?|enumerates?|gibt|druckt|affiche|imprime)\b.{0,60}\b(?:lists?|array|names?|files?|paths?|ids?|shards?|liste|lista)\b|\bjson list|\bjson array",
    )
});

/// Whether the words say "once per item", apart from those that say when.
fn asks_for_each(text: &str) -> bool {
    EACH.is_match(&WHEN_ALL.replace_all(text, " "))
}

/// Drops, expands or adds the items of steps.
pub(in crate::nl) fn read_items(plan: &mut Plan, description: &str, lake: &Lake, changes: &mut Vec<String>) {
    for step in &mut plan.steps {
        let Some(Value::Array(items)) = &step.each else { continue };
        let Some(component) = lake.component(&step.task) else { continue };
        let columns = !is_plain(component) && takes_columns(component);
        if columns || !asked_for_each(items, description) {
            changes.push(format!("{}: runs once, because nothing asks for one run per value", step.name));
            step.each = None;
        }
    }
    wait_instead_of_mapping(plan, changes);
    add_stated_items(plan, description, changes);
    expand(plan, lake, changes);
    map_over_printed_lists(plan, description, lake, changes);
    limit_instances(plan, description, changes);
}

/// A step that runs "once every file is checked" runs once, behind the step that checks them.
fn wait_instead_of_mapping(plan: &mut Plan, changes: &mut Vec<String>) {
    for index in 1..plan.steps.len() {
        let (before, rest) = plan.steps.split_at_mut(index);
        let step = &mut rest[0];
        let (Some(Value::String(list)), true) = (&step.each, WHEN_ALL.is_match(&step.text)) else { continue };
        let mapped = before.iter().rev().find(|other| other.each.as_ref() == step.each.as_ref());
        let Some(mapped) = mapped.filter(|_| !asks_for_each(&step.text)) else { continue };
        changes.push(format!("{}: runs once, after all items of {list} are done", step.name));
        step.after = vec![mapped.name.clone()];
        step.each = None;
    }
}

static LIST: LazyLock<Regex> = LazyLock::new(|| {
    let item = r#"(?:"[^"\n]+"|'[^'\n]+'|[\p{L}\p{N}][\p{L}\p{N}._-]*[\p{L}\p{N}]|[\p{L}\p{N}])"#;
    regex(&format!(
        r"{item}(?:,\s*{item})*,?\s*(?:\b(?:and|und|et|y|e|i|en)\b|&)\s*{item}|{item}(?:,\s*{item}){{2,}}"
    ))
});

/// "Process U1, U2 and U5 with acme/x:1, 3 at a time": a list, and words that ask for one run per item.
fn add_stated_items(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let lists: Vec<Option<Vec<Value>>> = plan
        .steps
        .iter()
        .map(|step| {
            let plain = step.task == "container.run" || step.task.starts_with("script.");
            let free = step.each.is_none() && step.until.is_none() && !WHEN_ALL.is_match(&step.text);
            let stated = || listed_items(&step.text).or_else(|| items_called(&step.text, description));
            (plain && free).then(stated).flatten()
        })
        .collect();
    let only = lists.iter().flatten().count() == 1 && plan.steps.iter().all(|step| step.each.is_none());
    let asked = |text: &str| {
        let text = WHEN_ALL.replace_all(text, " ");
        EACH_RUN.is_match(&text) || AT_ONCE.is_match(&text)
    };
    for (step, items) in plan.steps.iter_mut().zip(lists) {
        let Some(items) = items.filter(|_| asked(&step.text) || (only && asked(description))) else {
            continue;
        };
        changes.push(format!("{}: runs once for each of {} values", step.name, items.len()));
        step.each = Some(Value::Array(items));
    }
}

static FOR_EACH: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:for (?:each|every)|(?:once |one )?per|for all|each|every|für jede[ns]?|pour chaque|para cada|per ogni) ([\p{L}][\w-]+)",
    )
});

/// "For each fabric" where the description says "fabrics = tweed, denim, loden".
fn items_called(text: &str, description: &str) -> Option<Vec<Value>> {
    FOR_EACH.captures_iter(text).find_map(|found| {
        let stem = regex::escape(found[1].trim_end_matches(['s', 'y', 'e']));
        let named = regex(&format!(r"\b{stem}\w{{0,4}}\s*(?:=|:=|:|\bare)\s*([^\n;]+?)(?:\.\s|\.?$|[;\n])"));
        listed_items(&named.captures(description)?[1])
    })
}

/// The longest list of single words in a text.
fn listed_items(text: &str) -> Option<Vec<Value>> {
    if let Some(items) = IN_BRACKETS.captures(text).and_then(|list| bracketed(&list[1])) {
        return Some(items);
    }
    let outside = without_literals(text);
    let list = LIST.find_iter(&outside).max_by_key(|list| list.as_str().matches(',').count())?;
    let items: Vec<Value> = ITEM_ENDS
        .split(list.as_str())
        .map(|item| item.trim().trim_matches(['"', '\'']))
        .filter(|item| !item.is_empty())
        .map(Value::from)
        .collect();
    let amount = items.iter().any(|item| item.as_str().is_some_and(|item| AMOUNT.is_match(item)));
    (items.len() > 1 && !amount).then_some(items)
}

static IN_BRACKETS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[(\[:]\s*([^()\[\]:;\n]+,[^()\[\]:;\n]+?)\s*(?:[)\]]|\.\s|\.?$)"));

/// Items of a list in brackets may have two or three words.
fn bracketed(list: &str) -> Option<Vec<Value>> {
    let items: Vec<&str> = ITEM_ENDS
        .split(list)
        .map(|item| item.trim().trim_matches(['"', '\'']))
        .filter(|item| !item.is_empty())
        .collect();
    let short = items.iter().all(|item| item.split_whitespace().count() <= 3 && !AMOUNT.is_match(item));
    let plain =
        items.iter().all(|item| !item.contains(['/', '-', '=', '@']) || item.split_whitespace().count() == 1);
    (items.len() > 1 && short && plain).then(|| items.into_iter().map(Value::from).collect())
}

/// Words beside amounts are no items: "8Gi memory and 4 CPU".
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:memory|ram|cpus?|gpus?|cores?|disk|workers?|replicas?|retries|minutes?|hours?|days?|seconds?|\d+(?:gi|mi|gb|mb|m|h|s|d))$",
    )
});

/// "Each run", "per line", "one by one".
static EACH_RUN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:for each|for every|once (?:per|for each)|one (?:run|job|pod|instance|copy|step) (?:per|for each|each)|each (?:one|run|of them|job|instance)|one by one|one after another|separately for|individually|per (?:item|line|value|region|city|file)|für jede\w*|pour chaque|para cada|por cada|per ogni)\b",
    )
});
static ITEM_ENDS: LazyLock<Regex> =
    LazyLock::new(|| regex(r",\s*(?:(?:and|und|et|y|e|i|en)\b|&)?|\s+(?:and|und|et|y|e|i|en)\s+|\s*&\s*"));

/// The text with addresses, images and options blanked out: their parts are no items.
fn without_literals(text: &str) -> String {
    let mut outside = text.to_owned();
    for literal in literals(text) {
        use LiteralKind::{Assignment, Channel, Email, Image, Uri};
        if matches!(literal.kind, Assignment | Channel | Email | Image | Uri) {
            outside.replace_range(literal.start..literal.end, &".".repeat(literal.end - literal.start));
        }
    }
    outside
}

static AT_ONCE: LazyLock<Regex> = LazyLock::new(|| {
    let together = r"(?:at once|at a time|at the same time|at any (?:one )?time|in parallel|concurrently|simultaneously|side by side|gleichzeitig|parallel|auf einmal|à la fois|en parallèle|en même temps|a la vez|en paralelo|al mismo tiempo|por vez|ao mesmo tempo|em paralelo|alla volta|in parallelo|contemporaneamente|naraz|jednocześnie|tegelijk)";
    regex(&format!(
        r"\b(?:no more than|not more than|never more than|at most|at maximum|max(?:imum)?\.?(?: of)?|up to|only|höchstens|maximal|nicht mehr als|au plus|au maximum|pas plus de|como máximo|máximo|no más de|no máximo|al massimo|massimo|maksymalnie|hoogstens|maximaal) (\d+)\b([^.;\n]{{0,30}}?){together}|\b(\d+) (?:of them )?(?:at a time|at once|in parallel|gleichzeitig|à la fois|a la vez|alla volta|por vez)|\bparallelism (?:of |to |= ?|: ?|is )?(\d+)"
    ))
});

/// "At most 2 at a time" limits the one step that runs once per item.
fn limit_instances(plan: &mut Plan, description: &str, changes: &mut Vec<String>) {
    let mut mapped = plan.steps.iter_mut().filter(|step| step.each.is_some());
    let (Some(step), None) = (mapped.next(), mapped.next()) else { return };
    let Some(found) = AT_ONCE.captures(description) else { return };
    let about_steps =
        found.get(2).is_some_and(|words| regex(r"\b(steps?|tasks?)\b").is_match(words.as_str()));
    let limit = [1, 3, 4].into_iter().find_map(|group| found.get(group)?.as_str().parse::<u32>().ok());
    if let Some(limit) = limit.filter(|limit| *limit > 0 && !about_steps) {
        changes.push(format!("{}: at most {limit} at a time, as the description says", step.name));
        step.parallel = Some(limit);
        plan.parallelism = plan.parallelism.filter(|whole| *whole != limit);
    }
}

fn is_plain(component: &Component) -> bool {
    !matches!(component.run, ComponentRun::Script { .. }) || component.name.starts_with("script.")
}

/// Whether the values of a list can be columns that the component works on.
fn takes_columns(component: &Component) -> bool {
    component.task != Task::Train
        && component.arguments["properties"].as_object().is_some_and(|properties| {
            properties.values().any(|property| property["items"]["x-literal"] == "column")
        })
}

/// Whether the sentence that lists the items asks for one run per item.
fn asked_for_each(items: &[Value], description: &str) -> bool {
    let text = description.to_lowercase();
    let first = as_text(&items[0]).to_lowercase();
    let found = text.match_indices(&first).any(|(at, _)| {
        let start = text[..at].rfind(['.', '\n', ';']).map_or(0, |stop| {
            // A dot inside of a name is no end of a sentence.
            text[..at].rfind(". ").or(text[..at].rfind('\n')).map_or(0, |end| end.min(stop) + 1)
        });
        let end = text[at..].find(". ").map_or(text.len(), |stop| at + stop);
        let before = &text[start..at];
        asks_for_each(&text[start..end]) || (BEFORE_LIST.is_match(before) && !ONE_OF.is_match(before))
    });
    found || !text.contains(&first)
}

/// A component that hands files on cannot run once per item inside of an engine: a few items become as many steps, and
/// where the step does not depend on its items, it runs once.
fn expand(plan: &mut Plan, lake: &Lake, changes: &mut Vec<String>) {
    for index in (0..plan.steps.len()).rev() {
        let step = &plan.steps[index];
        let Some(Value::Array(items)) = &step.each else { continue };
        let Some(component) = lake.component(&step.task) else { continue };
        let read = plan.steps[index + 1..].iter().any(|later| {
            later.after.contains(&step.name)
                || lake.component(&later.task).is_some_and(|later| !later.inputs.is_empty())
        });
        if component.outputs.is_empty() || !read {
            continue;
        }
        if !matches!(component.task, Task::Train | Task::Tune | Task::Load | Task::Evaluate)
            || items.len() > 8
        {
            changes.push(format!("{}: runs once, its files could not be told apart otherwise", step.name));
            plan.steps[index].each = None;
            continue;
        }
        changes.push(format!("{}: {} steps, one per value", step.name, items.len()));
        let new: Vec<PlannedStep> = items
            .iter()
            .enumerate()
            .map(|(number, item)| PlannedStep {
                text: only_item(&step.text, &as_text(item), items),
                name: format!("{}-{}", step.name, number + 1),
                each: None,
                ..step.clone()
            })
            .collect();
        let names: Vec<String> = new.iter().map(|step| step.name.clone()).collect();
        plan.replace(index, new, &names);
    }
}

fn as_text(item: &Value) -> String {
    item.as_str().map_or_else(|| item.to_string(), str::to_owned)
}

/// The words of a step with one of the items in place of all of them.
fn only_item(text: &str, item: &str, items: &[Value]) -> String {
    let all: Vec<String> = items.iter().map(as_text).collect();
    let starts = || text.match_indices(all[0].as_str()).map(|(at, _)| at);
    // "Three times … with 3, 6 and 12": the list begins where the second item follows closest.
    let closest = all.get(1).and_then(|second| {
        let distance = |at: usize| text[at + all[0].len()..].find(second.as_str());
        starts().filter_map(|at| Some((distance(at)?, at))).min().map(|(_, at)| at)
    });
    let (Some(start), Some(last)) = (closest.or_else(|| starts().next()), all.last()) else {
        return format!("{text} {item}");
    };
    match text[start..].rfind(last.as_str()) {
        Some(at) => format!("{}{item}{}", &text[..start], &text[start + at + last.len()..]),
        None => format!("{text} {item}"),
    }
}

/// "Once per element of that list" behind a step that prints a list.
fn map_over_printed_lists(plan: &mut Plan, description: &str, lake: &Lake, changes: &mut Vec<String>) {
    if !PRINTS_LIST.is_match(description) || !EACH_ELEMENT.is_match(description) {
        return;
    }
    for index in 1..plan.steps.len() {
        let (before, rest) = plan.steps.split_at_mut(index);
        let step = &mut rest[0];
        let plain = lake.component(&step.task).is_some_and(is_plain);
        if step.each.is_some() || !plain || !EACH_ELEMENT.is_match(&step.text) {
            continue;
        }
        let printer = before
            .iter()
            .rev()
            .find(|other| lake.component(&other.task).is_some_and(is_plain) && other.each.is_none());
        if let Some(printer) = printer {
            changes.push(format!("{}: runs once per item that {} prints", step.name, printer.name));
            step.each = Some(Value::String(format!("{}.result", printer.name)));
            step.after = vec![printer.name.clone()];
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(task: &str, text: &str, each: Option<Value>) -> PlannedStep {
        PlannedStep {
            text: text.into(),
            task: task.into(),
            name: task.replace('.', "-"),
            each,
            ..PlannedStep::default()
        }
    }

    fn read(description: &str, steps: Vec<PlannedStep>) -> Vec<PlannedStep> {
        let mut plan = Plan { steps, ..Plan::default() };
        read_items(&mut plan, description, &Lake::built_in(), &mut Vec::new());
        plan.steps
    }

    #[test]
    fn columns_are_no_items() {
        let text = "one-hot encode the columns purpose and state";
        let found = read(text, vec![step("features.encode", text, Some(json!(["purpose", "state"])))]);
        assert_eq!(found[0].each, None);
    }

    #[test]
    fn items_need_a_word_that_asks_for_them() {
        let text = "run a:1 for each of north and south";
        assert!(
            read(text, vec![step("container.run", text, Some(json!(["north", "south"])))])[0].each.is_some()
        );
        let text = "run a:1 for the regions north and south";
        assert!(
            read(text, vec![step("container.run", text, Some(json!(["north", "south"])))])[0].each.is_some()
        );
        let text = "run a:1 --regions north and south";
        assert!(
            read(text, vec![step("container.run", text, Some(json!(["north", "south"])))])[0].each.is_none()
        );
    }

    #[test]
    fn lists_are_items_where_each_gets_a_run() {
        let text = "Process the lines U1, U2 and U5 with city/forecast:2";
        for (more, mapped) in
            [(". 3 at a time are fine. Each one needs 2 CPUs", true), (", it takes an hour", false)]
        {
            let found = read(&format!("{text}{more}"), vec![step("container.run", text, None)]);
            assert_eq!(found[0].each, mapped.then(|| json!(["U1", "U2", "U5"])));
        }
    }

    #[test]
    fn trainings_per_value_become_steps() {
        let text = "for each of 0.1 and 0.3 as learning rate train xgboost";
        let found = read(
            text,
            vec![
                step("xgboost.train", text, Some(json!([0.1, 0.3]))),
                PlannedStep {
                    after: vec!["xgboost-train".into()],
                    ..step("model.compare", "compare them", None)
                },
            ],
        );
        let texts: Vec<&str> = found.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(
            texts[..2],
            [
                "for each of 0.1 as learning rate train xgboost",
                "for each of 0.3 as learning rate train xgboost"
            ]
        );
        assert_eq!(found[2].after, ["xgboost-train-1", "xgboost-train-2"]);
    }

    #[test]
    fn printed_lists_are_mapped_over() {
        let text =
            "acme/list:1 prints a JSON list of shards. Start acme/reduce:1 once per element of that list.";
        let found = read(
            text,
            vec![
                step("container.run", "acme/list:1 prints a JSON list of shards", None),
                PlannedStep {
                    name: "reduce".into(),
                    ..step("container.run", "Start acme/reduce:1 once per element of that list", None)
                },
            ],
        );
        assert_eq!(found[1].each, Some(json!("container-run.result")));
    }
}
