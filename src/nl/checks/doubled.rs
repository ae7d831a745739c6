//! No step is there twice.

use serde_json::json;

use super::{Check, Finding, Judged};
use crate::nl::answer::StepAnswer;

/// See the module.
pub(super) struct Doubled;

impl Check for Doubled {
    fn name(&self) -> &'static str {
        "doubled"
    }

    fn about(&self) -> &'static str {
        "no two steps do the same for the same words"
    }

    fn check(&self, judged: &Judged<'_>) -> Vec<Finding> {
        let steps: Vec<&StepAnswer> = judged.answer.all_steps().collect();
        let mut found = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let twin = steps[..index].iter().find(|other| {
                let same = json!([other.task, other.with, other.inputs, other.map])
                    == json!([step.task, step.with, step.inputs, step.map]);
                let place = other.after == step.after || step.after == [other.name.as_str()];
                other.text == step.text && same && place
            });
            if let Some(twin) = twin {
                let message = format!("it does the same as {} for the same words", twin.name);
                found.push(
                    Finding::error(self.name(), Some(&step.name), message).suggest("leave one of them out"),
                );
            }
        }
        found
    }
}
