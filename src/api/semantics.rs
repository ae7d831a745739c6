//! Checks of meaning: names, references, conditions, cycles, settings.

mod header;
mod map;
mod order;
mod references;
mod texts;

use std::collections::{HashMap, HashSet};

use super::problem::choices;
use super::{
    ArtifactLocation, Function, Input, Job, OutputSource, Problem, Problems, Program, STATUS, Step, Volume,
};
pub use order::ancestors;
pub(crate) use order::{direct_dependencies, value_dependencies};
pub(crate) use texts::texts_with_references;

/// The reserved name by which conditions of `on_exit` steps read `workflow.status`: `Succeeded`, `Failed` or `Error`.
pub const WORKFLOW: &str = "workflow";
/// Names that references begin with; no step may have them.
const RESERVED: [&str; 4] = [WORKFLOW, "run", "item", "parameters"];

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
        if RESERVED.contains(&step.name.as_str()) {
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
            self.check_condition(&format!("{path}/when"), condition, step);
        }
        if let Some(repeat) = &step.exec_while {
            self.check_loop(&format!("{path}/exec_while/condition"), &repeat.condition, step);
        }
        self.check_map(path, step);
        self.check_inputs(path, step);
        self.check_outputs(path, step);
        self.check_texts(path, step);
        self.check_settings(path, step);
        self.check_function(path, step);
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
        let mut seen = HashSet::from(["result", STATUS]);
        for (index, output) in step.outputs.iter().enumerate() {
            self.check_name(format!("{path}/outputs/{index}/name"), &output.name);
            if !seen.insert(&output.name) {
                self.add(
                    format!("{path}/outputs/{index}"),
                    format!("the output {:?} is declared twice", output.name),
                    "rename one; every step has `result`, its standard output, and `status`, how it ended",
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
}

#[cfg(test)]
mod tests {
    use crate::api::parse_program;

    /// The first problem of a program with these steps, with its hint.
    fn problem(steps: &str) -> (String, String) {
        let text =
            format!("version: couler/v1\nname: w\nparameters: {{lr: {{default: '1'}}}}\nsteps:\n{steps}");
        match parse_program(&text).unwrap_err() {
            crate::api::DocumentError::Invalid(mut problems) => {
                let first = problems.0.remove(0);
                (first.message, first.hint)
            }
            other => panic!("{other}"),
        }
    }

    fn ranges(over: &str) -> String {
        let step =
            format!("- {{name: a, run: {{function: run_container, image: i}}, map: {{over: {over}}}}}\n");
        problem(&step).0
    }

    #[test]
    fn statuses_are_read_where_they_mean_something() {
        let flip = "- {name: flip, run: {function: run_container, image: i}}\n";
        let second = |rest: &str| {
            problem(&format!("{flip}- {{name: b, run: {{function: run_container, image: i}}, {rest}}}\n")).0
        };
        for (rest, expected) in [
            ("when: flip.status == Done", "the status of \"flip\" is never \"Done\""),
            ("when: flip.status > Failed", "the status of \"flip\" is no number: it is equal or it is not"),
            ("when: flip.status == flip.result", "the status of \"flip\" can only be compared with a word"),
            (
                "map: {over: {kind: output, step: flip, output: status}}",
                "how step \"flip\" ended cannot be read here",
            ),
            (
                "exec_while: {condition: flip.status == Failed, limit: 3}",
                "how step \"flip\" ended cannot be read here",
            ),
            (
                "outputs: [{name: status, source: {kind: parameter, path: /tmp/s}}]",
                "the output \"status\" is declared twice",
            ),
        ] {
            assert_eq!(second(rest), expected, "{rest}");
        }
    }

    #[test]
    fn what_looks_like_a_reference_is_one() {
        let flip = "- {name: flip, run: {function: run_container, image: i}}\n";
        for (text, message, hint) in [
            ("{{steps.flip.reslt}}", "step \"flip\" has no output \"reslt\"", "existing: result, status"),
            ("{{step.flip.result}}", "{{step.flip.result}} is no reference", "write {{steps.flip.result}}; "),
            (
                "{{steps.flip.outputs.result}}",
                "{{steps.flip.outputs.result}} is no reference",
                "write {{steps.flip.result}}; ",
            ),
            ("{{params.lr}}", "{{params.lr}} is no reference", "write {{parameters.lr}}; "),
            ("{{item}}", "{{item}} is no reference", "add `map` to the step; "),
            (
                "{{workflow.status}}",
                "the outcome of the workflow is known only at its end",
                "move the step to `on_exit`",
            ),
        ] {
            let step =
                format!("- {{name: b, run: {{function: run_container, image: i, args: ['{text}']}}}}\n");
            let found = problem(&(flip.to_owned() + &step));
            assert_eq!(found.0, message);
            assert!(found.1.starts_with(hint), "{}", found.1);
        }
    }

    #[test]
    fn braces_that_are_meant_stay_text() {
        let text = "version: couler/v1\nname: w\nsteps:\n- {name: b, run: {function: run_container, image: i, \
                    args: ['{{item}} {{steps.x.y}}']}, settings: {literal_braces: true}}\n";
        let program = parse_program(text).unwrap();
        assert!(super::texts_with_references(&program.steps[0]).is_empty());
    }

    #[test]
    fn items_are_bounded_and_flat() {
        for (over, expected) in [
            ("{kind: range, start: 3, end: 1}", "the range is empty"),
            ("{kind: range, start: -1, end: 1, pad: 2}", "numbers below zero cannot be padded"),
            ("{kind: range, start: 1, end: 10001}", "there are 10001 items, and at most 10000 are possible"),
            ("{kind: product, of: {a: []}}", "\"a\" has no values"),
            ("{kind: product, of: {a: [[1]]}}", "the values of \"a\" are not all texts, numbers or booleans"),
        ] {
            assert_eq!(ranges(over), expected, "{over}");
        }
    }

    #[test]
    fn words_of_older_yaml_are_texts_and_settings_say_how_they_are_written() {
        let step = |settings: &str| {
            format!(
                "- {{name: a, run: {{function: run_container, image: i, args: [y, no]}}, settings: {settings}}}\n"
            )
        };
        assert_eq!(
            problem(&step("{daemon: yes}")).1,
            "a truth value is written true or false, without quotes"
        );
        assert_eq!(problem(&step("{service_account: true}")).1, "a text is written in quotes: \"true\"");
        let (message, hint) = problem(&step("{tolerations: [{key: k, operator: equal}]}"));
        assert_eq!(
            (message.as_str(), hint.as_str()),
            ("\"equal\" is not known here", "existing: Equal, Exists")
        );
    }
}
