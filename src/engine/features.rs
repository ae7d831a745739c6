//! The features of the unified API.

use super::{EngineError, Support};
use crate::api::{Network, Piece, RunFact, STATUS, WORKFLOW};
use crate::ir::{Node, Workflow};

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
    "component",
    "component.wait.time",
    "concurrent",
    "after",
    "when",
    "when.in",
    "when.status",
    "map.list",
    "map.range",
    "map.range.step",
    "map.range.pad",
    "map.product",
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
    "on_exit.status",
    "texts.workflow.name",
    "texts.workflow.status",
    "texts.run.id",
    "texts.run.date",
    "texts.status",
    "texts.literal_braces",
    "inputs.parameter",
    "inputs.artifact",
    "inputs.external",
    "inputs.external.uri",
    "outputs.parameter",
    "outputs.artifact",
    "outputs.artifact.store",
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
    "settings.network",
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

/// The features that an engine may lack as a whole, each with a step that uses it, in the order of the steps.
pub(crate) fn used(workflow: &Workflow) -> Vec<(&'static str, &str)> {
    let steps = workflow.graph.node_weights().flat_map(|node| of_step(node, false));
    steps.chain(workflow.on_exit.iter().flat_map(|node| of_step(node, true))).collect()
}

fn of_step(node: &Node, exit: bool) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    if !node.awaited().is_empty() {
        found.push(if exit { "on_exit.status" } else { "when.status" });
    }
    if node.settings.network == Network::None {
        found.push("settings.network");
    }
    for piece in node.pieces() {
        match piece {
            Piece::Run(RunFact::Date) => found.push("texts.run.date"),
            Piece::Run(RunFact::Id) => found.push("texts.run.id"),
            Piece::Output { step, output } if step != WORKFLOW && output == STATUS => {
                found.push("texts.status");
            }
            _ => {}
        }
    }
    found.into_iter().map(|feature| (feature, node.name.as_str())).collect()
}

/// Refuses what the table of an engine says that it lacks.
///
/// # Errors
/// The first feature that is lacked, with its step.
pub(crate) fn refuse_lacking(
    engine: &'static str,
    table: &[(&'static str, Support)],
    workflow: &Workflow,
) -> Result<(), EngineError> {
    for (feature, step) in used(workflow) {
        if let Some((feature, Support::Unsupported(reason))) = table.iter().find(|(name, _)| *name == feature)
        {
            let (step, reason) = (step.to_owned(), (*reason).to_owned());
            return Err(EngineError::Unsupported { engine, step, feature, reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::engine::{Support, engines};

    /// The page with the table, which is generated.
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/engines.md");
    /// Lines around what is generated.
    const MARKS: [&str; 2] =
        ["<!-- generated from the code: features -->\n", "<!-- end of what is generated -->\n"];

    #[test]
    fn every_engine_says_what_becomes_of_every_feature() {
        for engine in engines() {
            let covered: Vec<&str> = engine.capabilities().iter().map(|(feature, _)| *feature).collect();
            assert_eq!(covered, FEATURES, "{}", engine.name());
        }
    }

    #[test]
    fn engines_cover_what_they_promise() {
        for (engine, least) in engines().iter().zip([97.0, 95.0, 90.0]) {
            let all = engine.capabilities();
            let refused =
                all.iter().filter(|(_, support)| matches!(support, Support::Unsupported(_))).count();
            let share = 100.0 * f64::from(u32::try_from(all.len() - refused).unwrap())
                / f64::from(u32::try_from(all.len()).unwrap());
            assert!(share >= least, "{} covers {share} %", engine.name());
        }
    }

    /// The share of features, then how each engine carries out each of them.
    fn generated() -> String {
        let engines = engines();
        let tables: Vec<_> = engines.iter().map(|engine| engine.capabilities()).collect();
        let mut text =
            "| engine | native | lowered | refused | covered |\n|---|---|---|---|---|\n".to_owned();
        for (engine, table) in engines.iter().zip(&tables) {
            let count = |wanted: fn(&Support) -> bool| table.iter().filter(|(_, one)| wanted(one)).count();
            let native = count(|one| matches!(one, Support::Native));
            let lowered = count(|one| matches!(one, Support::Lowered(_)));
            let tenths = (native + lowered) * 1000 / table.len();
            let refused = table.len() - native - lowered;
            let _ = writeln!(
                text,
                "| {} | {native} | {lowered} | {refused} | {}.{} % of {} |",
                engine.name(),
                tenths / 10,
                tenths % 10,
                table.len()
            );
        }
        text.push_str("\n| feature | argo | airflow | tekton |\n|---|---|---|---|\n");
        for (row, feature) in FEATURES.iter().enumerate() {
            let cells: Vec<String> = tables.iter().map(|table| cell(table[row].1)).collect();
            let _ = writeln!(text, "| `{feature}` | {} |", cells.join(" | "));
        }
        text
    }

    fn cell(support: Support) -> String {
        match support {
            Support::Native => "native".to_owned(),
            Support::Lowered(how) => format!("lowered: {how}"),
            Support::Unsupported(why) => format!("**refused**: {why}"),
        }
    }

    #[test]
    fn the_page_shows_what_the_code_says() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(MARKS[0]).unwrap();
        let (shown, after) = rest.split_once(MARKS[1]).unwrap();
        let expected = format!("\n{}\n", generated());
        if std::env::var_os("COULER_BLESS").is_some() {
            std::fs::write(PAGE, format!("{before}{}{expected}{}{after}", MARKS[0], MARKS[1])).unwrap();
            return;
        }
        assert_eq!(shown, expected, "docs/engines.md is out of date; write it with COULER_BLESS=1");
    }
}
