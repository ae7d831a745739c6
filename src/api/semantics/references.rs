//! Checks of what steps read: names of steps, outputs and parameters, in conditions and strings.

use super::{Checker, texts_with_references};
use crate::api::problem::choices;
use crate::api::spelling::misspelt;
use crate::api::status::{self, ADDRESS, Compared, STATUS};
use crate::api::{Condition, Function, Operand, Piece, Step, Template, WORKFLOW};

impl Checker<'_> {
    pub(super) fn check_step_name(&mut self, path: &str, name: &str) -> bool {
        let known = self.names.contains_key(name);
        if !known {
            let hint = choices(name, self.names.keys().copied());
            self.add(path, format!("there is no step {name:?}"), hint);
        }
        known
    }

    pub(super) fn check_parameter(&mut self, path: &str, name: &str) {
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
        } else if output != STATUS {
            self.add(path, format!("the workflow has no output {output:?}"), "existing: status");
        }
    }

    /// What an input or a map reads, or a value that is not the status of a step.
    pub(super) fn check_output(&mut self, path: &str, step: &str, output: &str) {
        if step == WORKFLOW {
            self.check_workflow_status(path, output);
            return;
        }
        if !self.check_step_name(path, step) {
            return;
        }
        if output == STATUS {
            self.add(
                path,
                format!("how step {step:?} ended cannot be read here"),
                "conditions (`when`) and texts can read it",
            );
            return;
        }
        let target = self.names[step];
        let declared: Vec<&str> = target
            .outputs
            .iter()
            .map(|output| output.name.as_str())
            .chain(["result"])
            .chain(target.settings.daemon.then_some(ADDRESS))
            .collect();
        let open = matches!(target.run, Function::Component(_));
        if !open && !declared.contains(&output) {
            let hint = choices(output, declared.into_iter().chain([STATUS]));
            self.add(path, format!("step {step:?} has no output {output:?}"), hint);
        }
    }

    /// An output that may be the status of a step.
    fn check_output_or_status(&mut self, path: &str, step: &str, output: &str) {
        if step == WORKFLOW || output != STATUS {
            self.check_output(path, step, output);
        } else if self.check_step_name(path, step) && matches!(self.names[step].run, Function::Concurrent(_))
        {
            self.add(path, format!("the group {step:?} has no status"), "read that of its members");
        }
    }

    pub(super) fn check_condition(&mut self, path: &str, condition: &Condition, step: &Step) {
        for operand in condition.operands() {
            match operand {
                Operand::Output { step: name, .. } if name == &step.name => {
                    self.add(
                        path,
                        "the condition reads the step's own output",
                        "use `exec_while` for a loop",
                    );
                }
                Operand::Output { step: name, output } => self.check_output_or_status(path, name, output),
                other => self.check_operand(path, other, step),
            }
        }
        self.check_statuses(path, condition);
    }

    /// The condition of a loop may read the outputs of its own step, and no statuses of others.
    pub(super) fn check_loop(&mut self, path: &str, condition: &Condition, step: &Step) {
        for operand in condition.operands() {
            match operand {
                Operand::Output { step: name, output } => self.check_output(path, name, output),
                other => self.check_operand(path, other, step),
            }
        }
        self.check_statuses(path, condition);
    }

    fn check_operand(&mut self, path: &str, operand: &Operand, step: &Step) {
        match operand {
            Operand::Parameter(name) => self.check_parameter(path, name),
            Operand::Item(_) if step.map.is_none() => {
                self.add(path, "`item` is used without `map`", "add `map`, or compare something else");
            }
            _ => {}
        }
    }

    /// A status is equal to one of the words that it may be, or not.
    fn check_statuses(&mut self, path: &str, condition: &Condition) {
        for (step, value) in status::compared(condition) {
            let message = match value {
                Compared::Text(text) if status::statuses_of(step).contains(&text) => continue,
                Compared::Text(text) => format!("the status of {step:?} is never {text:?}"),
                Compared::Other => format!("the status of {step:?} can only be compared with a word"),
                Compared::Order => format!("the status of {step:?} is no number: it is equal or it is not"),
            };
            let known = status::statuses_of(step).join(", ");
            self.add(path, message, format!("compare it by == or != with one of {known}"));
        }
    }

    /// Every reference in the strings of a step, and what looks like one.
    pub(super) fn check_texts(&mut self, path: &str, step: &Step) {
        for text in texts_with_references(step) {
            for piece in &Template::parse(&text, step.references()).0 {
                match piece {
                    Piece::Parameter(name) => self.check_parameter(path, name),
                    Piece::Output { step: name, output } if output == STATUS && *name == step.name => {
                        self.add(path, "the step reads its own status", "read it in a step after this one");
                    }
                    Piece::Output { step, output } => self.check_output_or_status(path, step, output),
                    Piece::Text(_) | Piece::Item(_) | Piece::Run(_) => {}
                }
            }
            let wrong = misspelt(&text, step.references(), &|name| self.names.contains_key(name));
            for one in wrong {
                let message = format!("{} is no reference", one.text);
                let literal = "if it is meant as text, write `literal_braces: true` in the step's settings";
                self.add(path, message, format!("{}; {literal}", one.hint));
            }
        }
    }
}
