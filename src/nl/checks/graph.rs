//! The steps fit together: names, references, conditions, cycles, and every port that must be fed is fed.

use super::{Check, Finding, Judged};
use crate::api::{Problem, Program, program_from_value};
use crate::ir::lower;

/// See the module.
pub(super) struct Graph;

impl Check for Graph {
    fn name(&self) -> &'static str {
        "graph"
    }

    fn about(&self) -> &'static str {
        "the steps fit together: names, references, conditions, no cycle, and every port that must be fed is fed"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        if judged.workflow.is_some() {
            return Vec::new();
        }
        let Some(program) = judged.program else {
            return judged
                .answer
                .to_program(judged.lake)
                .err()
                .into_iter()
                .flatten()
                .map(|error| {
                    Finding::error(self.name(), Some(&error.step), error.message).suggest(error.hint)
                })
                .collect();
        };
        let value = serde_json::to_value(program).unwrap_or_default();
        let checked = program_from_value(&value).and_then(|program| lower(&program, judged.lake));
        checked
            .err()
            .map(|problems| problems.0)
            .unwrap_or_default()
            .iter()
            .map(|problem| as_finding(program, problem))
            .collect()
    }
}

/// A problem's path is a pointer into the program (`/steps/2/when`) or a step's name.
fn as_finding(program: &Program, problem: &Problem) -> Finding {
    let mut parts = problem.path.trim_start_matches('/').splitn(3, '/');
    let (list, index, field) = (parts.next(), parts.next(), parts.next());
    let steps = match list {
        Some("steps") => &program.steps,
        Some("on_exit") => &program.on_exit,
        _ => {
            let step = program.steps.iter().chain(&program.on_exit).find(|step| step.name == problem.path);
            let finding = Finding::error("graph", step.map(|step| step.name.as_str()), &problem.message);
            let field = if step.is_none() { problem.path.trim_start_matches('/') } else { "" };
            return finding.at(field).suggest(&problem.hint);
        }
    };
    let step = index.and_then(|index| steps.get(index.parse::<usize>().ok()?)).map(|step| step.name.as_str());
    let field = field.unwrap_or_default();
    let field = field.strip_prefix("run/").unwrap_or(field);
    Finding::error("graph", step, &problem.message).at(field).suggest(&problem.hint)
}
