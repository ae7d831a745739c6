//! Searches as a fan-out: several steps share the trials of a `tune.search`, and one that bears its name takes the best.

use std::collections::HashSet;
use std::str::FromStr;

use serde_json::{Value, json};

use super::ORIGIN;
use super::trials::short_name;
use crate::api::{ComponentCall, Function, Input, Program, Step, StepSettings, flatten_steps};

/// The search inside one step, and the two components that it becomes.
const SEARCH: &str = "tune.search";
const PART: &str = "tune.part";
const BEST: &str = "tune.best";
/// The output of a part and the input of the step that takes the best.
const POINTS: &str = "points";
/// Trials of a search that does not say how many it does, as its component has it.
const USUAL_TRIALS: u64 = 20;
/// Trials that are worth a step: a pod takes about as long to start as that many trainings on a small table.
const TRIALS_OF_A_PART: u64 = 4;
/// Most steps that share a search unless somebody asks for more.
const MOST_PARTS: u64 = 8;
/// Most that can be asked for.
const MOST_ASKED: u64 = 200;

/// How many steps share the trials of a search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchParts {
    /// About four trials each, at most eight steps.
    #[default]
    Auto,
    /// One step does all.
    Off,
    /// This many, but no more than there are trials.
    Count(u64),
}

impl FromStr for SearchParts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            number => match number.parse() {
                Ok(count @ 1..=MOST_ASKED) => Ok(Self::Count(count)),
                _ => Err(format!("write auto, off, or the number of steps, 1 to {MOST_ASKED}")),
            },
        }
    }
}

impl SearchParts {
    fn of(self, trials: u64) -> u64 {
        match self {
            Self::Auto => ((trials + TRIALS_OF_A_PART / 2) / TRIALS_OF_A_PART).min(MOST_PARTS),
            Self::Off => 1,
            Self::Count(count) => count.min(trials),
        }
    }
}

/// A search that several steps share.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SharedSearch {
    /// The step.
    pub step: String,
    /// The steps that try, each a part.
    pub parts: Vec<String>,
}

impl std::fmt::Display for SharedSearch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.parts.len();
        write!(formatter, "{}: {count} steps share its trials, and it trains the best", self.step)
    }
}

/// Makes every `tune.search` of a program a fan-out of trials with a selection; what reads the search reads the
/// selection, which has its name, outputs and values. The points, the folds and so the best are those of the one step.
///
/// Left alone are searches with too few trials, and those that run once per item or in a loop.
pub fn share_searches(program: &mut Program, parts: SearchParts) -> Vec<SharedSearch> {
    let mut taken: HashSet<String> =
        flatten_steps(program).into_iter().map(|(_, step)| step.name.clone()).collect();
    taken.extend(program.steps.iter().chain(&program.on_exit).map(|step| step.name.clone()));
    let mut shared = Vec::new();
    share(&mut program.steps, parts, &mut taken, &mut shared);
    shared
}

fn share(
    steps: &mut Vec<Step>,
    parts: SearchParts,
    taken: &mut HashSet<String>,
    shared: &mut Vec<SharedSearch>,
) {
    let mut index = 0;
    while index < steps.len() {
        if let Function::Concurrent(group) = &mut steps[index].run {
            share(&mut group.steps, parts, taken, shared);
        }
        let count = searched(&steps[index]).map_or(1, |call| parts.of(trials(&call.with)));
        if count > 1 {
            let new = parts_of(&mut steps[index], count, taken);
            shared.push(SharedSearch {
                step: steps[index].name.clone(),
                parts: new.iter().map(|step| step.name.clone()).collect(),
            });
            let added = new.len();
            steps.splice(index..index, new);
            index += added;
        }
        index += 1;
    }
}

/// The call of a search that runs once.
fn searched(step: &Step) -> Option<&ComponentCall> {
    let once = step.map.is_none() && step.exec_while.is_none() && !step.settings.daemon;
    match &step.run {
        Function::Component(call) if call.component == SEARCH && once => Some(call),
        _ => None,
    }
}

/// How many trials a search does: no more than its lists of values have points; the usual number where it follows from a
/// parameter or from the script's own grid.
fn trials(with: &indexmap::IndexMap<String, Value>) -> u64 {
    let space = with.get("space").and_then(Value::as_object);
    let grid = with.get("method").and_then(Value::as_str) == Some("grid");
    // A range in a grid becomes five values; drawn from, it has any number of them.
    let size =
        |values: &Value| values.as_array().map_or(if grid { 5 } else { u64::MAX }, |list| list.len() as u64);
    let points = space.map(|space| space.values().map(size).fold(1, u64::saturating_mul));
    if grid {
        return points.unwrap_or(USUAL_TRIALS);
    }
    let wanted = with.get("trials").and_then(Value::as_u64).unwrap_or(USUAL_TRIALS);
    points.map_or(wanted, |points| wanted.min(points))
}

/// The steps that try; the search becomes the one that takes the best of them.
fn parts_of(step: &mut Step, count: u64, taken: &mut HashSet<String>) -> Vec<Step> {
    let Function::Component(call) = &mut step.run else { return Vec::new() };
    BEST.clone_into(&mut call.component);
    let mut with = call.with.clone();
    // Only the model that is handed on is measured.
    with.shift_remove("metrics");
    let mut settings: StepSettings = (*step.settings).clone();
    settings.annotations.retain(|name, _| !name.starts_with(ORIGIN));
    let mut parts = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    for number in 1..=count {
        let mut name = short_name(format!("try-{number}-{}", step.name));
        let mut again = 1;
        while !taken.insert(name.clone()) {
            again += 1;
            name = short_name(format!("try-{number}-{again}-{}", step.name));
        }
        let mut with = with.clone();
        with.insert("part".into(), json!({"number": number, "of": count}));
        parts.push(Step {
            name,
            description: Some(format!("part {number} of {count} of the trials of {}", step.name)),
            run: Function::Component(ComponentCall { component: PART.to_owned(), with }),
            outputs: Vec::new(),
            settings: Box::new(settings.clone()),
            ..step.clone()
        });
    }
    step.inputs.extend(parts.iter().map(|part| Input::Artifact {
        name: POINTS.to_owned(),
        step: part.name.clone(),
        output: POINTS.to_owned(),
        path: None,
    }));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{parse_program, program_from_value};
    use crate::ir::lower;
    use crate::lake::Lake;

    fn arguments(step: &Step) -> &indexmap::IndexMap<String, Value> {
        match &step.run {
            Function::Component(call) => &call.with,
            _ => panic!("{} calls no component", step.name),
        }
    }

    const PROGRAM: &str = "version: couler/v1\nname: p\nsteps:\n\
        - {name: load, run: {function: component, component: data.load, with: {source: a.csv}}}\n\
        - name: tune\n  after: [load]\n  run: {function: component, component: tune.search, with: {target: answer, trials: 12, metrics: [f1]}}\n  settings: {annotations: {couler/origin.space: card}}\n\
        - {name: evaluate, after: [tune], when: tune.best_score > 0.7, run: {function: component, component: model.evaluate}}\n";

    fn shared(text: &str, parts: SearchParts) -> (Program, Vec<SharedSearch>) {
        let mut program = parse_program(text).unwrap();
        let shared = share_searches(&mut program, parts);
        let valid = program_from_value(&serde_json::to_value(&program).unwrap()).unwrap();
        lower(&valid, &Lake::built_in()).unwrap();
        (program, shared)
    }

    #[test]
    fn a_search_becomes_parts_and_a_selection() {
        let (program, shared) = shared(PROGRAM, SearchParts::Auto);
        assert_eq!(shared[0].parts, ["try-1-tune", "try-2-tune", "try-3-tune"]);
        let names: Vec<&str> = program.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["load", "try-1-tune", "try-2-tune", "try-3-tune", "tune", "evaluate"]);
        assert_eq!(arguments(&program.steps[2])["part"], json!({"number": 2, "of": 3}));
        assert!(!arguments(&program.steps[2]).contains_key("metrics"));
        assert!(program.steps[2].settings.annotations.is_empty());
        let workflow = lower(&program, &Lake::built_in()).unwrap();
        let best = workflow.nodes().find(|node| node.name == "tune").unwrap();
        let read: Vec<&str> = best.inputs.iter().map(Input::name).collect();
        assert_eq!(read, ["points", "points", "points", "data"]);
        let evaluated = workflow.nodes().find(|node| node.name == "evaluate").unwrap();
        assert!(
            evaluated
                .inputs
                .iter()
                .all(|input| matches!(input, Input::Artifact { step, .. } if step == "tune"))
        );
    }

    #[test]
    fn conditions_and_groups_hold_for_the_parts() {
        let program = "version: couler/v1\nname: p\nparameters: {go: {default: 'yes'}}\nsteps:\n\
            - {name: load, run: {function: component, component: data.load, with: {source: a.csv}}}\n\
            - name: both\n  after: [load]\n  when: parameters.go == yes\n  run:\n    function: concurrent\n    steps:\n\
            \x20   - {name: one, run: {function: component, component: tune.search, with: {target: answer}}}\n\
            \x20   - {name: two, run: {function: component, component: tune.search, with: {target: answer, trials: 3}}}\n\
            - {name: pick, after: [both], run: {function: component, component: model.select}}\n";
        let (program, shared) = shared(program, SearchParts::Auto);
        assert_eq!((shared.len(), shared[0].parts.len()), (1, 5), "three trials are one step");
        let workflow = lower(&program, &Lake::built_in()).unwrap();
        let part = workflow.nodes().find(|node| node.name == "try-5-one").unwrap();
        assert!(part.condition.is_some());
        let pick = workflow.nodes().find(|node| node.name == "pick").unwrap();
        let models: Vec<&Input> = pick.inputs.iter().filter(|input| input.name() == "models").collect();
        assert_eq!(models.len(), 2, "{models:?}");
    }

    #[test]
    fn what_cannot_or_need_not_be_shared_stays() {
        for change in [
            "trials: 5",
            "trials: 12, method: grid, space: {max_depth: [1, 2, 3]}",
            "trials: 12, space: {max_depth: [1, 2, 3]}",
        ] {
            let text = PROGRAM.replace("trials: 12", change);
            assert_eq!(shared(&text, SearchParts::Auto).1, [], "{change}");
        }
        let (mapped, _) = PROGRAM.split_once("- {name: evaluate").unwrap();
        let list = "  map: {over: {kind: list, items: [1, 2]}}\n  settings:";
        let mut program = parse_program(&mapped.replace("  settings:", list)).unwrap();
        assert_eq!(share_searches(&mut program, SearchParts::Auto), []);
        assert_eq!(shared(PROGRAM, SearchParts::Off).1, []);
        assert_eq!(shared(PROGRAM, SearchParts::Count(50)).1[0].parts.len(), 12);
    }

    #[test]
    fn a_name_that_is_taken_is_not_used_again() {
        let text = PROGRAM.replace("name: load", "name: try-1-tune").replace("[load]", "[try-1-tune]");
        assert_eq!(shared(&text, SearchParts::Auto).1[0].parts[0], "try-1-2-tune");
    }

    #[test]
    fn numbers_of_parts_are_read() {
        assert_eq!("auto".parse(), Ok(SearchParts::Auto));
        assert_eq!("3".parse(), Ok(SearchParts::Count(3)));
        for wrong in ["0", "-1", "many", "1000"] {
            assert!(wrong.parse::<SearchParts>().is_err(), "{wrong}");
        }
    }
}
