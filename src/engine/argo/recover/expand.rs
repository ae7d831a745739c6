//! From templates that call each other to a flat list of steps.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::super::super::RecoveredStep;
use super::super::leaf::ROLE;
use super::super::read::{dependencies, list, list_at, string};
use super::super::status::VERDICT;
use super::step::{self, scalar};
use super::words::{Bindings, condition, loop_bound, unified};

/// How many steps are made of templates that call others; beyond that they stay whole.
const MOST_STEPS: usize = 100_000;

/// The steps found so far.
pub(super) struct Expansion<'a> {
    templates: &'a HashMap<&'a str, &'a Value>,
    defaults: &'a Value,
    /// Parameters of the workflow.
    parameters: &'a [Value],
    steps: BTreeMap<String, RecoveredStep>,
    order: Vec<String>,
}

/// What a called template inherits from its callers.
#[derive(Default, Clone)]
struct Surroundings {
    bindings: Bindings,
    after: BTreeSet<String>,
    conditions: Vec<String>,
    /// Templates that are being followed; one that comes up again (recursion) is not.
    path: Vec<String>,
}

/// The steps of a call that nothing inside it waits for, and by which its end is known.
type Ends = BTreeSet<String>;

impl<'a> Expansion<'a> {
    pub(super) fn new(templates: &'a HashMap<&'a str, &'a Value>, spec: &'a Value) -> Self {
        let defaults = spec.get("templateDefaults").unwrap_or(&Value::Null);
        let parameters = list_at(spec, "/arguments/parameters");
        Self { templates, defaults, parameters, steps: BTreeMap::new(), order: Vec::new() }
    }

    /// Follows the calls from a template.
    pub(super) fn start(&mut self, name: &str) {
        let Some(template) = self.templates.get(name).copied() else { return };
        let bindings = self.first_bindings(template);
        let around = Surroundings { bindings, path: vec![name.to_owned()], ..Surroundings::default() };
        if calls(template).is_empty() {
            self.add_leaf(name, &Value::Null, template, &around);
        } else {
            self.expand(template, &around);
        }
    }

    /// The first template gets the arguments of the workflow.
    fn first_bindings(&self, template: &Value) -> Bindings {
        let mut known = bindings(&Value::Null, template, &Bindings::new());
        for parameter in list_at(template, "/inputs/parameters") {
            let name = string(parameter, "name");
            if self.parameters.iter().any(|parameter| string(parameter, "name") == name) {
                known.insert(name.to_owned(), format!("{{{{parameters.{name}}}}}"));
            }
        }
        known
    }

    /// Names of the steps in the order in which they were found.
    pub(super) fn order(&self) -> Vec<String> {
        self.order.clone()
    }

    /// The steps by name.
    pub(super) fn finished(self) -> BTreeMap<String, RecoveredStep> {
        self.steps
    }

    fn expand(&mut self, template: &'a Value, around: &Surroundings) -> Ends {
        if template.get("steps").is_some() {
            self.expand_steps(template, around)
        } else {
            self.expand_dag(template, around)
        }
    }

    /// Each group of a steps template runs after the one before.
    fn expand_steps(&mut self, template: &'a Value, around: &Surroundings) -> Ends {
        let mut before = around.after.clone();
        for group in list(template, "steps") {
            // A group may also be written as one step.
            let members: Vec<&Value> =
                group.as_array().map_or_else(|| vec![group], |items| items.iter().collect());
            let mut ends = Ends::new();
            for call in members {
                let here = Surroundings { after: before.clone(), ..around.clone() };
                ends.extend(self.call(call, &here));
            }
            before = ends;
        }
        before
    }

    fn expand_dag(&mut self, template: &'a Value, around: &Surroundings) -> Ends {
        let tasks: Vec<&Value> =
            list_at(template, "/dag/tasks").iter().filter(|task| !self.is_verdict(task)).collect();
        let mut ends_of: HashMap<&str, Ends> = HashMap::new();
        let mut waited_for: HashSet<&str> = HashSet::new();
        for task in ordered(&tasks) {
            let needed = dependencies(task);
            let mut after: BTreeSet<String> =
                needed.iter().filter_map(|name| ends_of.get(name)).flatten().cloned().collect();
            if needed.is_empty() {
                after.clone_from(&around.after);
            }
            waited_for.extend(&needed);
            let ends = self.call(task, &Surroundings { after, ..around.clone() });
            ends_of.insert(string(task, "name"), ends);
        }
        ends_of
            .into_iter()
            .filter(|(name, _)| !waited_for.contains(name))
            .flat_map(|(_, ends)| ends)
            .collect()
    }

    /// Whether a task is no step, but decides how the workflow went.
    fn is_verdict(&self, task: &Value) -> bool {
        let template = self.templates.get(string(task, "template"));
        let annotations = template.and_then(|template| template.pointer("/metadata/annotations"));
        annotations.is_some_and(|annotations| string(annotations, ROLE) == VERDICT)
    }

    fn call(&mut self, call: &'a Value, around: &Surroundings) -> Ends {
        let name = string(call, "name");
        let inline = call.get("inline");
        let Some(template) = inline.or_else(|| self.templates.get(string(call, "template")).copied()) else {
            return self.add_leaf(name, call, &Value::Null, around);
        };
        if calls(template).is_empty() {
            return self.add_leaf(name, call, template, around);
        }
        if let Some(inner) = mapped_inside(call, template) {
            return self.add_wrapped_map(call, template, inner, around);
        }
        if let Some(again) = calls_itself(template) {
            return self.add_loop(call, template, again, around);
        }
        let mut inside = inside_of(call, template, around);
        if let Some(when) = call.get("when").and_then(Value::as_str) {
            inside.conditions.push(condition(when, &around.bindings));
        }
        let name_of_template = string(call, "template").to_owned();
        if self.steps.len() > MOST_STEPS || inside.path.contains(&name_of_template) {
            return self.add_leaf(name, call, template, around);
        }
        inside.path.push(name_of_template);
        self.expand(template, &inside)
    }

    fn add_leaf(&mut self, name: &str, call: &Value, template: &Value, around: &Surroundings) -> Ends {
        let bindings = bindings(call, template, &around.bindings);
        let mut recovered = step::recovered(template, self.defaults, &bindings);
        step::add_call(&mut recovered, call, &around.bindings);
        self.add(name, recovered, call.get("when").and_then(Value::as_str), around)
    }

    /// A map with a limit: the called template holds the mapped step alone.
    fn add_wrapped_map(
        &mut self,
        call: &Value,
        wrapper: &Value,
        inner: &Value,
        around: &Surroundings,
    ) -> Ends {
        let inside = inside_of(call, wrapper, around);
        let template = self.templates.get(string(inner, "template")).copied().unwrap_or(&Value::Null);
        let mut recovered =
            step::recovered(template, self.defaults, &bindings(inner, template, &inside.bindings));
        step::add_call(&mut recovered, inner, &inside.bindings);
        let parallelism = wrapper.get("parallelism").and_then(Value::as_u64);
        recovered.map_parallelism = parallelism.and_then(|count| u32::try_from(count).ok());
        let mut around = around.clone();
        if let Some(when) = inner.get("when").and_then(Value::as_str) {
            around.conditions.push(condition(when, &inside.bindings));
        }
        self.add(string(call, "name"), recovered, call.get("when").and_then(Value::as_str), &around)
    }

    /// A loop: a template that calls itself while a condition holds. What it repeats may be a loop again (rounds).
    fn add_loop(&mut self, call: &Value, template: &'a Value, again: &Value, around: &Surroundings) -> Ends {
        let inside = inside_of(call, template, around);
        let body = calls(template).into_iter().find(|other| string(other, "name") != string(again, "name"));
        let body_template = body.and_then(|body| self.templates.get(string(body, "template")).copied());
        let (Some(body), Some(body_template)) = (body, body_template) else {
            return self.add_leaf(string(call, "name"), call, template, around);
        };
        if let Some(inner_again) = calls_itself(body_template) {
            let call_of_rounds = call;
            let inner = inside_of(body, body_template, &inside);
            return self.add_loop_of(call_of_rounds, body_template, inner_again, &inner, around);
        }
        self.add_loop_of(call, template, again, &inside, around)
    }

    fn add_loop_of(
        &mut self,
        call: &Value,
        template: &Value,
        again: &Value,
        inside: &Surroundings,
        around: &Surroundings,
    ) -> Ends {
        let body = calls(template).into_iter().find(|other| string(other, "name") != string(again, "name"));
        let body = body.unwrap_or(&Value::Null);
        let leaf = self.templates.get(string(body, "template")).copied().unwrap_or(&Value::Null);
        let mut recovered = step::recovered(leaf, self.defaults, &bindings(body, leaf, &inside.bindings));
        step::add_call(&mut recovered, body, &inside.bindings);
        let (when, limit) = loop_bound(string(again, "when"));
        recovered.exec_while = Some((condition(when, &inside.bindings), limit));
        self.add(string(call, "name"), recovered, call.get("when").and_then(Value::as_str), around)
    }

    fn add(
        &mut self,
        name: &str,
        mut step: RecoveredStep,
        when: Option<&str>,
        around: &Surroundings,
    ) -> Ends {
        step.after.clone_from(&around.after);
        let own = when.map(|when| condition(when, &around.bindings));
        step.when = both(&around.conditions.iter().cloned().chain(own).collect::<Vec<_>>());
        let mut unique = name.to_owned();
        for number in 2.. {
            if !self.steps.contains_key(&unique) {
                break;
            }
            unique = format!("{name}-{number}");
        }
        self.steps.insert(unique.clone(), step);
        self.order.push(unique.clone());
        Ends::from([unique])
    }
}

/// What the inside of a called template knows.
fn inside_of(call: &Value, template: &Value, around: &Surroundings) -> Surroundings {
    Surroundings { bindings: bindings(call, template, &around.bindings), ..around.clone() }
}

/// All conditions at once.
fn both(conditions: &[String]) -> Option<String> {
    match conditions {
        [] => None,
        [only] => Some(only.clone()),
        several => {
            let joined = several.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(" and ");
            Some(joined.parse::<crate::api::Condition>().map_or(joined, |condition| condition.to_string()))
        }
    }
}

/// What a template calls.
fn calls(template: &Value) -> Vec<&Value> {
    let groups = list(template, "steps").iter().flat_map(|group| match group {
        Value::Array(members) => members.iter().collect(),
        single => vec![single],
    });
    list_at(template, "/dag/tasks").iter().chain(groups).collect()
}

/// The mapped step of a template that holds nothing else, if the call itself is not mapped.
fn mapped_inside<'a>(call: &Value, template: &'a Value) -> Option<&'a Value> {
    let is_mapped = |call: &Value| {
        ["withItems", "withParam", "withSequence"].iter().any(|field| call.get(field).is_some())
    };
    match &calls(template)[..] {
        [only]
            if is_mapped(only)
                && !is_mapped(call)
                && (template.get("parallelism").is_some()
                    || string(only, "name") == string(call, "name")) =>
        {
            Some(only)
        }
        _ => None,
    }
}

/// The call by which a template calls itself.
fn calls_itself(template: &Value) -> Option<&Value> {
    let name = string(template, "name");
    calls(template).into_iter().find(|call| string(call, "template") == name)
}

/// What the inputs of a called template stand for: its arguments, else its defaults.
fn bindings(call: &Value, template: &Value, around: &Bindings) -> Bindings {
    let declared = list_at(template, "/inputs/parameters").iter().filter_map(|parameter| {
        let value = parameter.get("value").or_else(|| parameter.get("default"))?;
        Some((string(parameter, "name").to_owned(), scalar(value)))
    });
    let given = list_at(call, "/arguments/parameters").iter().filter_map(|parameter| {
        Some((string(parameter, "name").to_owned(), unified(&scalar(parameter.get("value")?), around)))
    });
    declared.chain(given).collect()
}

/// Tasks so that each comes after those it waits for; those of a cycle come last.
fn ordered<'a>(tasks: &[&'a Value]) -> Vec<&'a Value> {
    let names: HashSet<&str> = tasks.iter().map(|task| string(task, "name")).collect();
    let mut waiting: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut open: Vec<usize> = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let needed: HashSet<&str> =
            dependencies(task).into_iter().filter(|name| names.contains(name)).collect();
        open.push(needed.len());
        for name in needed {
            waiting.entry(name).or_default().push(index);
        }
    }
    let mut ready: std::collections::VecDeque<usize> =
        (0..tasks.len()).filter(|index| open[*index] == 0).collect();
    let mut order = Vec::with_capacity(tasks.len());
    while let Some(index) = ready.pop_front() {
        order.push(index);
        for next in waiting.get(string(tasks[index], "name")).into_iter().flatten() {
            // Of two tasks with one name, which no sound manifest has, the first is waited for.
            if open[*next] > 0 {
                open[*next] -= 1;
                if open[*next] == 0 {
                    ready.push_back(*next);
                }
            }
        }
    }
    let rest: Vec<usize> = (0..tasks.len()).filter(|index| open[*index] > 0).collect();
    order.into_iter().chain(rest).map(|index| tasks[index]).collect()
}
