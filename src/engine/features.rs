//! The features of the unified API.

/// Every feature by its name, in the order of the capability tables.
pub const FEATURES: &[&str] = &[
    "run_container",
    "run_script",
    "run_script.requirements",
    "run_job.PyTorchJob",
    "run_job.TFJob",
    "run_job.MPIJob",
    "run_job.XGBoostJob",
    "run_job.Katib",
    "run_job.Manifest",
    "run_job.result",
    "run_job.inputs.artifact",
    "run_job.outputs",
    "component",
    "concurrent",
    "after",
    "when",
    "when.in",
    "map.list",
    "map.range",
    "map.output",
    "map.parameter",
    "map.parallelism",
    "map.outputs.parameter",
    "map.outputs.artifact",
    "exec_while",
    "exec_while.pause",
    "parameters",
    "parameters.choices",
    "schedule",
    "on_exit",
    "on_exit.several",
    "inputs.parameter",
    "inputs.artifact",
    "inputs.external",
    "inputs.external.uri",
    "outputs.parameter",
    "outputs.artifact",
    "outputs.artifact.store",
    "outputs.artifact.store.git",
    "settings.env",
    "settings.secrets",
    "settings.resources",
    "settings.volumes",
    "settings.node_selector",
    "settings.tolerations",
    "settings.retry",
    "settings.timeout",
    "settings.cache",
    "settings.daemon",
    "settings.service_account",
    "settings.labels",
    "settings.annotations",
    "settings.continue_on_failure",
    "workflow.parallelism",
    "workflow.time_limit",
    "workflow.namespace",
    "workflow.service_account",
    "workflow.image_pull_secrets",
    "workflow.labels",
    "workflow.annotations",
    "workflow.node_selector",
    "workflow.tolerations",
    "workflow.volume_claims",
    "workflow.keep_finished",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::engines;

    #[test]
    fn every_engine_says_what_becomes_of_every_feature() {
        for engine in engines() {
            let covered: Vec<&str> = engine.capabilities().iter().map(|(feature, _)| *feature).collect();
            assert_eq!(covered, FEATURES, "{}", engine.name());
        }
    }
}
