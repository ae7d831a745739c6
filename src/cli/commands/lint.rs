//! `couler lint`: faults of a manifest that a schema cannot find.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::api::Problem;
use crate::cli::files::read_text;
use crate::cli::{Failure, Output};
use crate::engine::airflow::lint_airflow;
use crate::engine::argo::lint_argo;
use crate::engine::tekton::{is_tekton, lint_tekton};

/// Check Argo and Tekton manifests and Airflow DAG files for faults of meaning
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The manifests or DAG files (- is standard input)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print the faults as JSON
    #[arg(long)]
    json: bool,
}

/// Python itself reads a DAG file, but runs nothing of it.
fn lint_dag(text: String) -> Result<Vec<Problem>, Failure> {
    lint_airflow(Path::new("python3"), &[text])
        .map(|found| found.into_iter().flatten().collect())
        .map_err(|error| Failure::failed(error.to_string(), "DAG files are read by python3; install it"))
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let mut found = Vec::new();
    for path in &arguments.files {
        if path.is_dir() {
            let hint = format!("name its files: couler lint {}/*", path.display());
            return Err(Failure::usage(format!("{} is a folder", path.display()), hint));
        }
        let text = read_text(path)?;
        let problems = of_file(path, text)?;
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

/// The faults of a file, by its ending and content.
pub(super) fn of_file(path: &Path, text: String) -> Result<Vec<Problem>, Failure> {
    if path.extension().is_some_and(|ending| ending == "py") {
        return lint_dag(text);
    }
    if crate::api::parse_program(&text).is_ok() {
        return Err(Failure::usage(
            format!("{} is a program of couler, no manifest", path.display()),
            "`couler compile` writes manifests, and `couler explain` checks a program",
        ));
    }
    faults(&text)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display()), "it must be YAML or JSON"))
}

/// The faults of a text, by the system that it is for.
fn faults(text: &str) -> Result<Vec<Problem>, String> {
    if is_tekton(text) {
        return lint_tekton(text).map_err(|error| error.to_string());
    }
    lint_argo(text).map_err(|error| error.to_string())
}
