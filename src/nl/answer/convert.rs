//! From an answer to a program and back.

use serde::Serialize;

use super::names::make_legal;
use super::task::{function_of, task_of};
use super::{StepAnswer, WorkflowAnswer};
use crate::api::{Program, Step, VERSION, choices};
use crate::ir::Components;
use crate::lake::Lake;

/// A part of an answer or program that has no form in the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{step}: {message}")]
pub struct Unanswerable {
    /// The step.
    pub step: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

impl WorkflowAnswer {
    /// The program that the answer means. Names are made legal and unique; nothing else is changed.
    ///
    /// # Errors
    /// Every task that the lake does not have, and every step whose arguments are not those of its function.
    pub fn to_program(&self, lake: &Lake) -> Result<Program, Vec<Unanswerable>> {
        let mut wrong = Vec::new();
        let mut convert = |steps: &[StepAnswer]| -> Vec<Step> {
            steps
                .iter()
                .filter_map(|step| step.to_step(lake).map_err(|error| wrong.push(error)).ok())
                .collect()
        };
        let (steps, on_exit) = (convert(&self.steps), convert(&self.on_exit));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut program = Program {
            version: VERSION.to_owned(),
            name: self.name.clone(),
            description: None,
            parameters: self.parameters.clone(),
            schedule: self.schedule.clone(),
            settings: self.settings.clone(),
            steps,
            on_exit,
        };
        make_legal(&mut program);
        Ok(program)
    }

    /// The answer that means a program; `about_whole` and `ignored` are quotes that no step has.
    ///
    /// # Errors
    /// Every step that no task stands for: groups of steps have to be written as single ones.
    pub fn of_program(
        program: &Program,
        about_whole: &[String],
        ignored: &[String],
        lake: &Lake,
    ) -> Result<Self, Vec<Unanswerable>> {
        let mut wrong = Vec::new();
        let mut convert = |steps: &[Step]| -> Vec<StepAnswer> {
            steps
                .iter()
                .filter_map(|step| StepAnswer::of_step(step, lake).map_err(|error| wrong.push(error)).ok())
                .collect()
        };
        let (steps, on_exit) = (convert(&program.steps), convert(&program.on_exit));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Self {
            name: program.name.clone(),
            about_whole: about_whole.to_vec(),
            ignored: ignored.to_vec(),
            parameters: program.parameters.clone(),
            schedule: program.schedule.clone(),
            settings: program.settings.clone(),
            steps,
            on_exit,
        })
    }
}

impl StepAnswer {
    /// The step that the answer means.
    ///
    /// # Errors
    /// The lake does not have the task, or the arguments are not those of its function.
    pub fn to_step(&self, lake: &Lake) -> Result<Step, Unanswerable> {
        let wrong = |message, hint| Unanswerable { step: self.name.clone(), message, hint };
        let component = lake.component(&self.task).ok_or_else(|| {
            let names = lake.components().map(|component| component.name.as_str());
            wrong(format!("there is no task {:?}", self.task), choices(&self.task, names))
        })?;
        let run = function_of(component, &self.with).map_err(|error| {
            let hint = format!("`couler lake show {}` lists the arguments", self.task);
            wrong(format!("its arguments cannot be read: {error}"), hint)
        })?;
        Ok(Step {
            name: self.name.clone(),
            description: (!self.text.is_empty()).then(|| self.text.clone()),
            run,
            after: self.after.clone(),
            when: self.when.clone(),
            map: self.map.clone(),
            exec_while: self.exec_while.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            settings: self.settings.clone(),
        })
    }

    /// The answer that means a step.
    ///
    /// # Errors
    /// No task stands for its function.
    pub fn of_step(step: &Step, lake: &Lake) -> Result<Self, Unanswerable> {
        let (task, with) = task_of(&step.run, lake).ok_or_else(|| Unanswerable {
            step: step.name.clone(),
            message: format!("no task stands for {}", step.run.name()),
            hint: "write its members as steps of their own".into(),
        })?;
        Ok(Self {
            text: step.description.clone().unwrap_or_default(),
            name: step.name.clone(),
            task,
            after: step.after.clone(),
            when: step.when.clone(),
            map: step.map.clone(),
            exec_while: step.exec_while.clone(),
            with,
            inputs: step.inputs.clone(),
            outputs: step.outputs.clone(),
            settings: step.settings.clone(),
        })
    }
}
