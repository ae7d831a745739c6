//! Checks of meaning: names, references, conditions, cycles, settings.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::problem::choices;
use super::{
    ArtifactLocation, Condition, Function, Input, Job, MapItems, Operand, OutputSource, Piece, Problem,
    Problems, Program, Step, Template, VERSION, Volume,
};

/// The reserved name by which conditions of `on_exit` steps read `workflow.status`: `Succeeded`, `Failed` or `Error`.
pub const WORKFLOW: &str = "workflow";

/// All steps of a program, members of `concurrent` groups included, with their JSON pointers.
pub fn flatten_steps(program: &Program) -> Vec<(String, &Step)> {
    let mut found = Vec::new();
    for (list, steps) in [("steps", &program.steps), ("on_exit", &program.on_exit)] {
        for (index, step) in steps.iter().enumerate() {
            flatten_into(&mut found, format!("/{list}/{index}"), step);
        }
    }
    found
}

fn flatten_into<'a>(found: &mut Vec<(String, &'a Step)>, path: String, step: &'a Step) {
    if let Function::Concurrent(group) = &step.run {
        for (index, member) in group.steps.iter().enumerate() {
            flatten_into(found, format!("{path}/run/steps/{index}"), member);
        }
    }
    found.push((path, step));
}

/// The steps that `step` waits for directly: `after`, inputs, conditions, maps and strings.
pub(crate) fn direct_dependencies(step: &Step) -> Vec<String> {
    let mut names: Vec<String> = step.after.clone();
    let mut add = |name: &str| {
        if name != step.name && name != WORKFLOW && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    for input in &step.inputs {
        if let Input::Artifact { step, .. } = input {
            add(step);
        }
    }
    for condition in
        [step.when.as_ref(), step.exec_while.as_ref().map(|l| &l.condition)].into_iter().flatten()
    {
        condition.outputs().iter().for_each(|(name, _)| add(name));
    }
    if let Some(MapItems::Output { step, .. }) = step.map.as_ref().map(|map| &map.over) {
        add(step);
    }
    for text in texts_with_references(step) {
        Template::parse(&text, false).outputs().for_each(|(name, _)| add(name));
    }
    names
}

/// The strings of a step that hold references, or look so: those with `{{`.
pub(crate) fn texts_with_references(step: &Step) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    match &step.run {
        Function::RunContainer(call) => {
            let texts = call.command.iter().chain(&call.args).chain(&call.working_dir);
            texts.chain([&call.image]).for_each(|text| keep_reference(text, &mut found));
        }
        Function::RunScript(call) => keep_reference(&call.source, &mut found),
        Function::RunJob(job) => keep_references_of(job, &mut found),
        Function::Component(call) => call.with.values().for_each(|value| keep_references(value, &mut found)),
        Function::Concurrent(_) => {}
    }
    let cache_key = step.settings.cache.as_ref().and_then(|cache| cache.key.as_ref());
    step.settings.env.values().chain(cache_key).for_each(|text| keep_reference(text, &mut found));
    for output in &step.outputs {
        if let OutputSource::Artifact { store: Some(location), .. } = &output.source {
            keep_references_of(location, &mut found);
        }
    }
    for input in &step.inputs {
        match input {
            Input::External { location, .. } => keep_references_of(location, &mut found),
            Input::Parameter { value, .. } => keep_reference(value, &mut found),
            Input::Artifact { .. } => {}
        }
    }
    found
}

fn keep_reference<'a>(text: &'a str, found: &mut Vec<Cow<'a, str>>) {
    if text.contains("{{") {
        found.push(Cow::Borrowed(text));
    }
}

fn keep_references<'a>(value: &'a Value, found: &mut Vec<Cow<'a, str>>) {
    match value {
        Value::String(text) => keep_reference(text, found),
        Value::Array(items) => items.iter().for_each(|item| keep_references(item, found)),
        Value::Object(map) => map.values().for_each(|item| keep_references(item, found)),
        _ => {}
    }
}

fn keep_references_of(part: &impl serde::Serialize, found: &mut Vec<Cow<'_, str>>) {
    let value = serde_json::to_value(part).unwrap_or_default();
    let mut inside = Vec::new();
    keep_references(&value, &mut inside);
    found.extend(inside.into_iter().map(|text| Cow::Owned(text.into_owned())));
}

/// The steps that must be finished before each step, directly or not. Cycles are cut.
pub fn ancestors(program: &Program) -> HashMap<String, HashSet<String>> {
    let direct = dependency_map(program);
    let mut all = HashMap::new();
    for name in direct.keys() {
        let mut seen = HashSet::new();
        let mut stack: Vec<&String> = direct[name].iter().collect();
        while let Some(next) = stack.pop() {
            if seen.insert(next.clone()) {
                stack.extend(direct.get(next).into_iter().flatten());
            }
        }
        all.insert(name.clone(), seen);
    }
    all
}

fn dependency_map(program: &Program) -> HashMap<String, Vec<String>> {
    let mut direct: HashMap<String, Vec<String>> = HashMap::new();
    for (_, step) in flatten_steps(program) {
        direct.entry(step.name.clone()).or_default().extend(direct_dependencies(step));
        if let Function::Concurrent(group) = &step.run {
            for member in &group.steps {
                direct.entry(member.name.clone()).or_default().extend(direct_dependencies(step));
                direct.entry(step.name.clone()).or_default().push(member.name.clone());
            }
        }
    }
    direct
}

struct Checker<'a> {
    program: &'a Program,
    names: HashMap<&'a str, &'a Step>,
    problems: Vec<Problem>,
}

/// Checks everything that the schema cannot say. Outputs of components are checked when the IR is made.
///
/// # Errors
/// Every problem found.
pub fn check_program(program: &Program) -> Result<(), Problems> {
    let steps = flatten_steps(program);
    let mut checker = Checker { program, names: HashMap::new(), problems: Vec::new() };
    checker.check_header();
    for (path, step) in &steps {
        if [WORKFLOW, "item", "parameters"].contains(&step.name.as_str()) {
            checker.add(
                format!("{path}/name"),
                format!("the name {:?} is reserved", step.name),
                "choose another name",
            );
        }
        if checker.names.insert(&step.name, step).is_some() {
            checker.add(
                format!("{path}/name"),
                format!("the name {:?} is used twice", step.name),
                "give each step its own name",
            );
        }
    }
    for (path, step) in &steps {
        checker.check_step(path, step);
    }
    if checker.problems.is_empty() {
        checker.check_cycles();
    }
    if checker.problems.is_empty() { Ok(()) } else { Err(Problems(checker.problems)) }
}

impl Checker<'_> {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(path, message, hint));
    }

    /// Names that references can spell.
    fn check_name(&mut self, path: String, name: &str) {
        let spelled = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !spelled {
            self.add(
                path,
                format!("{name:?} cannot be used as a name"),
                "use letters, digits, - and _, beginning with a letter",
            );
        }
    }

    fn check_header(&mut self) {
        for name in self.program.parameters.keys() {
            self.check_name("/parameters".to_owned(), name);
        }
        if self.program.version != VERSION {
            self.add(
                "/version",
                format!("unknown version {:?}", self.program.version),
                format!("write {VERSION}"),
            );
        }
        let schedule = self.program.schedule.as_ref();
        for (index, cron) in schedule.map(|s| s.cron.iter()).into_iter().flatten().enumerate() {
            let fields = cron.split_whitespace().count();
            let parsed =
                croner::parser::CronParser::builder().seconds(croner::parser::Seconds::Disallowed).build();
            if fields != 5 {
                self.add(
                    format!("/schedule/cron/{index}"),
                    format!("the cron expression {cron:?} has {fields} fields instead of 5"),
                    "write minute, hour, day of month, month, day of week, for example 0 16 * * 0",
                );
            } else if let Err(error) = parsed.parse(cron) {
                self.add(
                    format!("/schedule/cron/{index}"),
                    format!("the cron expression {cron:?} is wrong: {error}"),
                    "write minute, hour, day of month, month, day of week, for example 0 16 * * 0",
                );
            }
        }
    }

    fn check_step(&mut self, path: &str, step: &Step) {
        for (index, name) in step.after.iter().enumerate() {
            if name == &step.name {
                self.add(
                    format!("{path}/after/{index}"),
                    "the step depends on itself",
                    "remove it from `after`",
                );
            } else {
                self.check_step_name(&format!("{path}/after/{index}"), name);
            }
        }
        if let Some(condition) = &step.when {
            self.check_condition(&format!("{path}/when"), condition, step, false);
        }
        if let Some(repeat) = &step.exec_while {
            self.check_condition(&format!("{path}/exec_while/condition"), &repeat.condition, step, true);
        }
        self.check_map(path, step);
        self.check_inputs(path, step);
        self.check_outputs(path, step);
        for text in texts_with_references(step) {
            self.check_template(path, &Template::parse(&text, step.map.is_some()));
        }
        self.check_settings(path, step);
        self.check_function(path, step);
    }

    fn check_step_name(&mut self, path: &str, name: &str) -> bool {
        let known = self.names.contains_key(name);
        if !known {
            let hint = choices(name, self.names.keys().copied());
            self.add(path, format!("there is no step {name:?}"), hint);
        }
        known
    }

    fn check_parameter(&mut self, path: &str, name: &str) {
        if !self.program.parameters.contains_key(name) {
            let hint = choices(name, self.program.parameters.keys().map(String::as_str));
            self.add(
                path,
                format!("there is no workflow parameter {name:?}"),
                format!("{hint}; declare it under `parameters`"),
            );
        }
    }

    /// `workflow.status` is known to the steps of `on_exit` only.
    fn check_workflow_status(&mut self, path: &str, output: &str) {
        if !path.starts_with("/on_exit") {
            self.add(
                path,
                "the outcome of the workflow is known only at its end",
                "move the step to `on_exit`",
            );
        } else if output != "status" {
            self.add(path, format!("the workflow has no output {output:?}"), "existing: status");
        }
    }

    fn check_output(&mut self, path: &str, step: &str, output: &str) {
        if step == WORKFLOW {
            self.check_workflow_status(path, output);
            return;
        }
        if !self.check_step_name(path, step) {
            return;
        }
        let target = self.names[step];
        let declared: Vec<&str> =
            target.outputs.iter().map(|output| output.name.as_str()).chain(["result"]).collect();
        let open = matches!(target.run, Function::Component(_));
        if !open && !declared.contains(&output) {
            let hint = choices(output, declared.into_iter());
            self.add(path, format!("step {step:?} has no output {output:?}"), hint);
        }
    }

    fn check_condition(&mut self, path: &str, condition: &Condition, step: &Step, own: bool) {
        for operand in condition.operands() {
            match operand {
                Operand::Output { step: name, output } => {
                    if !own && name == &step.name {
                        self.add(
                            path,
                            "the condition reads the step's own output",
                            "use `exec_while` for a loop",
                        );
                    } else {
                        self.check_output(path, name, output);
                    }
                }
                Operand::Parameter(name) => self.check_parameter(path, name),
                Operand::Item(_) if step.map.is_none() => {
                    self.add(path, "`item` is used without `map`", "add `map`, or compare something else");
                }
                Operand::Item(_) | Operand::Literal(_) => {}
            }
        }
    }

    fn check_map(&mut self, path: &str, step: &Step) {
        match step.map.as_ref().map(|map| &map.over) {
            Some(MapItems::Output { step: name, output }) => {
                self.check_output(&format!("{path}/map/over"), name, output);
            }
            Some(MapItems::Parameter { name }) => {
                self.check_parameter(&format!("{path}/map/over/name"), name);
            }
            Some(MapItems::Range { start, end }) if start > end => {
                self.add(
                    format!("{path}/map/over"),
                    "the range is empty",
                    "`end` is included and must not be below `start`",
                );
            }
            _ => {}
        }
        if step.map.is_some() && step.exec_while.is_some() {
            self.add(
                path,
                "`map` and `exec_while` cannot be combined on one step",
                "split it into two steps",
            );
        }
    }

    fn check_inputs(&mut self, path: &str, step: &Step) {
        let mut seen = HashSet::new();
        for (index, input) in step.inputs.iter().enumerate() {
            let here = format!("{path}/inputs/{index}");
            if !seen.insert(input.name()) && !matches!(step.run, Function::Component(_)) {
                self.add(&here, format!("the input {:?} is declared twice", input.name()), "rename one");
            }
            if let Input::Artifact { step: from, output, .. } = input {
                self.check_output(&here, from, output);
            }
            if matches!(step.run, Function::RunJob(_)) && !matches!(input, Input::Parameter { .. }) {
                self.add(
                    &here,
                    format!(
                        "the input {:?} would not arrive: nothing puts files into the pods of a job",
                        input.name()
                    ),
                    "mount a volume, or give its address as a parameter",
                );
            }
        }
    }

    fn check_outputs(&mut self, path: &str, step: &Step) {
        let mut seen = HashSet::from(["result"]);
        for (index, output) in step.outputs.iter().enumerate() {
            self.check_name(format!("{path}/outputs/{index}/name"), &output.name);
            if !seen.insert(&output.name) {
                self.add(
                    format!("{path}/outputs/{index}"),
                    format!("the output {:?} is declared twice", output.name),
                    "rename one; `result` is always standard output",
                );
            }
            let (OutputSource::Parameter { path: file, .. } | OutputSource::Artifact { path: file, .. }) =
                &output.source;
            if matches!(step.run, Function::RunJob(_)) {
                self.add(
                    format!("{path}/outputs/{index}"),
                    format!("the output {:?} cannot be handed on: nothing reads files from the pods of a job", output.name),
                    "let the job write to a volume or store, and read it in a following step; `result` needs no declaration",
                );
            }
            if let OutputSource::Artifact { store: Some(store), .. } = &output.source
                && matches!(store, ArtifactLocation::Git { .. } | ArtifactLocation::Raw { .. })
            {
                self.add(
                    format!("{path}/outputs/{index}"),
                    format!(
                        "the output {:?} cannot be stored there: git and raw text are read only",
                        output.name
                    ),
                    "use an object store",
                );
            }
            if !file.starts_with('/') {
                self.add(
                    format!("{path}/outputs/{index}"),
                    format!("the path {file:?} is not absolute"),
                    "write a path that starts with /",
                );
            }
        }
    }

    fn check_template(&mut self, path: &str, template: &Template) {
        for piece in &template.0 {
            match piece {
                Piece::Parameter(name) => self.check_parameter(path, name),
                Piece::Output { step, output } => self.check_output(path, step, output),
                Piece::Text(_) | Piece::Item(_) => {}
            }
        }
    }

    fn check_settings(&mut self, path: &str, step: &Step) {
        let mut mounts = HashSet::new();
        for (index, volume) in step.settings.volumes.iter().enumerate() {
            let here = format!("{path}/settings/volumes/{index}");
            if !volume.path().starts_with('/') {
                self.add(
                    &here,
                    format!("the mount path {:?} is not absolute", volume.path()),
                    "start it with /",
                );
            }
            if !mounts.insert(volume.path()) {
                self.add(&here, format!("two volumes are mounted at {:?}", volume.path()), "change one path");
            }
            if let Volume::Shared { name, .. } = volume
                && !self.program.settings.volume_claims.iter().any(|claim| &claim.name == name)
            {
                let hint = choices(name, self.program.settings.volume_claims.iter().map(|c| c.name.as_str()));
                self.add(&here, format!("there is no volume claim {name:?}"), hint);
            }
        }
        for secret in &step.settings.secrets {
            if step.settings.env.contains_key(&secret.env) {
                self.add(
                    format!("{path}/settings/secrets"),
                    format!("the variable {:?} is both in `env` and in `secrets`", secret.env),
                    "remove one",
                );
            }
        }
    }

    fn check_function(&mut self, path: &str, step: &Step) {
        match &step.run {
            Function::RunJob(run) => {
                if let Job::MPIJob(job) | Job::XGBoostJob(job) = &run.job
                    && job.masters == 0
                {
                    let message = format!("a {} needs a master", run.job.kind());
                    self.add(format!("{path}/run/job/masters"), message, "write 1");
                }
                if let Job::PyTorchJob(job) | Job::MPIJob(job) | Job::XGBoostJob(job) = &run.job
                    && job.parameter_servers > 0
                {
                    self.add(
                        format!("{path}/run/job/parameter_servers"),
                        format!("a {} has no parameter servers", run.job.kind()),
                        "use a TFJob, or remove them",
                    );
                }
                if let Job::Manifest(job) = &run.job
                    && !(job.manifest.contains_key("apiVersion") && job.manifest.contains_key("kind"))
                {
                    self.add(
                        format!("{path}/run/job/manifest"),
                        "the manifest has no apiVersion or kind",
                        "add both",
                    );
                }
            }
            Function::Concurrent(_) => {
                if path.starts_with("/on_exit") {
                    self.add(path, "exit steps run one after the other", "list its members in `on_exit`");
                }
                let plain = step.map.is_none() && step.exec_while.is_none() && step.outputs.is_empty();
                if !plain {
                    self.add(
                        path,
                        "a `concurrent` group has no map, loop or outputs of its own",
                        "put them on its members",
                    );
                }
            }
            _ => {}
        }
    }

    fn check_cycles(&mut self) {
        let direct = dependency_map(self.program);
        let mut state: HashMap<&str, bool> = HashMap::new();
        let mut names: Vec<&str> = direct.keys().map(String::as_str).collect();
        names.sort_unstable();
        for start in names {
            if let Some(cycle) = find_cycle(&direct, start, &mut state) {
                self.add(
                    "/steps",
                    format!("steps wait for each other: {}", cycle.join(" -> ")),
                    "remove one of these dependencies",
                );
                return;
            }
        }
    }
}

/// Depth-first search without recursion; returns the names along the first cycle.
fn find_cycle<'a>(
    direct: &'a HashMap<String, Vec<String>>,
    start: &'a str,
    done: &mut HashMap<&'a str, bool>,
) -> Option<Vec<String>> {
    let mut path: Vec<(&str, usize)> = Vec::new();
    if done.get(start).is_none() {
        path.push((start, 0));
        done.insert(start, false);
    }
    while let Some((name, next)) = path.last_mut() {
        let Some(child) = direct.get(*name).and_then(|children| children.get(*next)) else {
            done.insert(name, true);
            path.pop();
            continue;
        };
        *next += 1;
        match done.get(child.as_str()) {
            Some(true) => {}
            Some(false) => {
                let from = path.iter().position(|(name, _)| name == child).unwrap_or(0);
                let mut cycle: Vec<String> =
                    path[from..].iter().map(|(name, _)| (*name).to_owned()).collect();
                cycle.push(child.clone());
                return Some(cycle);
            }
            None => {
                done.insert(child, false);
                path.push((child, 0));
            }
        }
    }
    None
}
