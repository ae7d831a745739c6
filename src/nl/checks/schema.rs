//! Every part of the answer has the form that the unified API and its components give it.

use super::{Check, Finding, Judged};
use crate::api::validate_against;
use crate::nl::answer::{FragmentAnswer, fragment_schema};

/// See the module.
pub(super) struct Schema;

impl Check for Schema {
    fn name(&self) -> &'static str {
        "schema"
    }

    fn about(&self) -> &'static str {
        "every argument, setting, input and output has the form that its component and the unified API give it"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for step in judged.answer.all_steps() {
            let name = Some(step.name.as_str());
            let Some(component) = judged.lake.components().find(|component| component.name == step.task)
            else {
                let names = judged.lake.components().map(|component| component.name.as_str());
                let hint = crate::api::choices(&step.task, names);
                found.push(
                    Finding::error(self.name(), name, format!("there is no task {:?}", step.task))
                        .at("task")
                        .suggest(hint),
                );
                continue;
            };
            let fragment: FragmentAnswer = step.fragment();
            let value = serde_json::to_value(&fragment).unwrap_or_default();
            let Err(problems) = validate_against(&fragment_schema(component), &value) else { continue };
            for problem in problems.0 {
                let field = problem.path.trim_start_matches('/').to_owned();
                found
                    .push(Finding::error(self.name(), name, problem.message).at(field).suggest(problem.hint));
            }
        }
        found
    }
}
