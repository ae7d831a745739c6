//! `couler lint`: faults of a manifest that a schema cannot find.

use std::path::PathBuf;

use serde_json::json;

use crate::api::Problem;
use crate::cli::files::read_text;
use crate::cli::{Failure, Output};
use crate::engine::argo::lint_argo;
use crate::engine::tekton::{is_tekton, lint_tekton};

/// Check Argo and Tekton manifests for faults of meaning
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The manifests (- is standard input)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print the faults as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let mut found = Vec::new();
    for path in &arguments.files {
        let problems = faults(&read_text(path)?).map_err(|error| {
            Failure::failed(format!("{}: {error}", path.display()), "it must be YAML or JSON")
        })?;
        found.extend(problems.into_iter().map(|problem| (path, problem)));
    }
    if arguments.json {
        let all: Vec<_> = found
            .iter()
            .map(|(path, problem)| json!({"file": path, "path": problem.path, "message": problem.message, "hint": problem.hint}))
            .collect();
        output.json(&all)?;
    } else {
        for (path, problem) in &found {
            output.data(&format!("{}: {problem}\n", path.display()))?;
        }
    }
    match found.len() {
        0 => {
            output.message("no faults found");
            Ok(())
        }
        count => {
            Err(Failure::failed(format!("{count} fault(s) found"), "each line above tells how to mend it"))
        }
    }
}

/// The faults of a text, by the system that it is for.
fn faults(text: &str) -> Result<Vec<Problem>, String> {
    if is_tekton(text) {
        return lint_tekton(text).map_err(|error| error.to_string());
    }
    lint_argo(text).map_err(|error| error.to_string())
}
