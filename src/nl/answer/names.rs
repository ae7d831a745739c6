//! Names become legal and unique; that is all that is ever changed in an answer.

use std::collections::HashSet;

use crate::api::{Program, Step, WORKFLOW};
use crate::nl::edit::rename_in;

const LONGEST_STEP: usize = 63;
const LONGEST_WORKFLOW: usize = 52;

/// Makes the names of the workflow and its steps legal and unique; whatever names a step follows.
pub(super) fn make_legal(program: &mut Program) {
    program.name = legal(&program.name, "workflow", LONGEST_WORKFLOW);
    let mut taken: HashSet<String> = ["item", "parameters", "run", WORKFLOW].map(str::to_owned).into();
    let mut given = HashSet::new();
    let all: Vec<String> =
        program.steps.iter().chain(&program.on_exit).map(|step| step.name.clone()).collect();
    for (index, name) in all.iter().enumerate() {
        let mut wanted = legal(name, "step", LONGEST_STEP);
        if wanted.starts_with(|first: char| !first.is_ascii_lowercase()) {
            wanted = legal(&format!("step-{wanted}"), "step", LONGEST_STEP);
        }
        let free = unique(&wanted, &taken, &all);
        taken.insert(free.clone());
        if free == *name {
            given.insert(name.clone());
            continue;
        }
        if given.insert(name.clone()) {
            let Program { steps, on_exit, .. } = program;
            rename_in(steps, name, &free);
            rename_in(on_exit, name, &free);
        } else {
            // The second step of a name: what refers to the name means the first one.
            step_mut(program, index).name = free;
        }
    }
}

fn step_mut(program: &mut Program, index: usize) -> &mut Step {
    let steps = program.steps.len();
    if index < steps { &mut program.steps[index] } else { &mut program.on_exit[index - steps] }
}

/// Lower-case letters and digits with single dashes between them.
fn legal(name: &str, otherwise: &str, longest: usize) -> String {
    let mut made = String::new();
    for character in name.trim().chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            made.push(character);
        } else if !made.ends_with('-') && !made.is_empty() {
            made.push('-');
        }
    }
    made.truncate(longest);
    let made = made.trim_end_matches('-');
    if made.is_empty() { otherwise.to_owned() } else { made.to_owned() }
}

fn unique(wanted: &str, taken: &HashSet<String>, all: &[String]) -> String {
    if !taken.contains(wanted) {
        return wanted.to_owned();
    }
    (2..=all.len() + 2)
        .map(|number| format!("{}-{number}", &wanted[..wanted.len().min(LONGEST_STEP - 4)]))
        .find(|name| !taken.contains(name) && !all.contains(name))
        .unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ContainerCall, Function};

    fn step(name: &str, after: &[&str]) -> Step {
        let call = ContainerCall {
            image: "a/b:1".into(),
            args: vec![format!("{{{{steps.{name}.x}}}}")],
            ..ContainerCall::default()
        };
        Step {
            name: name.into(),
            description: None,
            run: Function::RunContainer(call),
            after: after.iter().map(|name| (*name).to_owned()).collect(),
            when: None,
            map: None,
            exec_while: None,
            inputs: vec![],
            outputs: vec![],
            settings: Box::default(),
        }
    }

    #[test]
    fn names_become_legal_and_references_follow() {
        let mut program = Program {
            version: "couler/v1".into(),
            name: "Nightly Run!".into(),
            description: None,
            parameters: indexmap::IndexMap::default(),
            schedule: None,
            settings: crate::api::WorkflowSettings::default(),
            steps: vec![
                step("Load_Data", &[]),
                step("2nd", &["Load_Data"]),
                step("2nd", &["2nd"]),
                step("workflow", &[]),
            ],
            on_exit: vec![],
        };
        make_legal(&mut program);
        let names: Vec<&str> = program.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(
            (program.name.as_str(), names),
            ("nightly-run", vec!["load-data", "step-2nd", "step-2nd-2", "workflow-2"])
        );
        assert_eq!(program.steps[1].after, ["load-data"]);
        assert_eq!(program.steps[2].after, ["step-2nd"]);
        let Function::RunContainer(call) = &program.steps[0].run else { panic!() };
        assert_eq!(call.args, ["{{steps.load-data.x}}"]);
    }
}
