//! The split pass: which parts the engine is to write.

use super::{Pass, PassError, Report, Settings};
use crate::ir::Workflow;
use crate::optimize::simulate::{Assumptions, Mode, simulate};
use crate::optimize::split::{SplitError, split};
use crate::optimize::{BYTES_PER_STEP, Estimates, Model};

/// Finds the parts; the workflow itself stays as it is.
#[derive(Debug, Clone)]
pub struct SplitParts {
    settings: Settings,
}

impl SplitParts {
    /// A pass with its settings.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Pass for SplitParts {
    fn name(&self) -> &'static str {
        "split"
    }

    fn run(&self, workflow: &mut Workflow) -> Result<Report, PassError> {
        let model = model(self.name(), workflow, &self.settings)?;
        let Settings { budget, method, .. } = &self.settings;
        let parts = split(&model.dag, budget, *method).map_err(|error| {
            let hint = match error {
                SplitError::CyclicParts { .. } => "use the windowed method, whose parts never form a cycle",
                _ => "raise the limit, or divide the step",
            };
            PassError { pass: self.name(), message: model.explain(&error), hint }
        })?;
        let length = model.dag.critical_path().max(f64::MIN_POSITIVE);
        let gated = simulate(&model.dag, Mode::Gated(&parts), &Assumptions::default());
        let summary = match parts.len() {
            0 | 1 => "the workflow fits into one part".to_owned(),
            count => format!("{count} parts, at least {} are needed", budget.lower_bound(&model.dag)),
        };
        let figures = vec![
            ("gates", parts.gates(&model.dag).len().to_string()),
            ("makespan over critical path, gated", format!("{:.3}", gated.makespan / length)),
            (
                "makespan over critical path, barriers",
                format!("{:.3}", parts.barrier_makespan(&model.dag) / length),
            ),
        ];
        let parts = Some(model.names_of_parts(&parts));
        Ok(Report { pass: self.name(), summary, changes: Vec::new(), figures, parts })
    }
}

/// The workflow as numbered tasks.
pub(super) fn model(
    pass: &'static str,
    workflow: &Workflow,
    settings: &Settings,
) -> Result<Model, PassError> {
    let estimates = Estimates::resolve(workflow, &settings.estimates);
    let bytes_of = |node: &crate::ir::Node| settings.bytes.get(&node.name).copied().unwrap_or(BYTES_PER_STEP);
    Model::new(workflow, &estimates, &bytes_of).map_err(|error| PassError {
        pass,
        message: error.to_string(),
        hint: "remove one of the dependencies",
    })
}
