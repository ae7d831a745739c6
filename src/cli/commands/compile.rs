//! `couler compile`: a program in, an engine's files out.

use std::path::{Path, PathBuf};

use super::open_lake;
use crate::api::parse_program;
use crate::cli::compile_target::{EngineChoice, TargetChoice};
use crate::cli::files::{Target, read_text};
use crate::cli::optimizing::{PassArguments, SplitArguments, optimized, passes_named};
use crate::cli::parts::{AdmissionArguments, files};
use crate::cli::{Environment, Failure, Output};
use crate::engine::{Engine, GenerateOptions, GeneratedFile};
use crate::ir::{Workflow, lower};

/// Compile a unified-API program for a workflow system
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The program, YAML or JSON (- is standard input)
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// The workflow system to write for
    #[arg(long, short, value_name = "ENGINE", default_value = "argo")]
    engine: String,

    /// Where the steps of an Airflow DAG run
    #[arg(long, value_enum, default_value_t = TargetChoice::Kubernetes)]
    target: TargetChoice,

    /// Where to write: a file, a folder, or - for standard output
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Passes of the optimizer whose changes are written, separated by commas: hyperparameters, fetch, cache, resources; or all, or none
    #[arg(long, value_name = "PASSES", value_delimiter = ',', default_value = "none")]
    passes: Vec<String>,

    #[command(flatten)]
    limits: PassArguments,

    #[command(flatten)]
    split: SplitArguments,

    #[command(flatten)]
    admission: AdmissionArguments,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let choice = EngineChoice::parse(&arguments.engine)?;
    passes_named(&arguments.passes)?;
    let program = read_text(&arguments.program)?;
    let workflow = read_workflow(&arguments.program, &program, environment)?;
    for note in &workflow.notes {
        output.message(&format!("note: {note}"));
    }
    let mut all = Vec::new();
    for engine in choice.engines() {
        all.push(compiled(&workflow, &program, &*engine, arguments, environment, output)?);
    }
    let target = Target::of(arguments.output.as_deref());
    let one_text = !matches!(target, Target::Folder(_));
    let is_python =
        |file: &GeneratedFile| Path::new(&file.name).extension().is_some_and(|ending| ending == "py");
    if one_text && all.iter().any(|files| files.len() > 1 && files.iter().all(is_python)) {
        let hint = "name a folder with --output DIR/, or keep the workflow whole with --split off";
        return Err(Failure::usage(
            "the parts are several files of Python, which one file cannot hold",
            hint,
        ));
    }
    if target.would_write(&all.concat(), &arguments.program) {
        return Err(Failure::usage(
            format!("the manifest would replace the program {}", arguments.program.display()),
            "choose another file or folder with --output",
        ));
    }
    for path in target.write(&all.concat(), output)? {
        output.message(&format!("wrote {}", path.display()));
    }
    // The process ends here; to free a big graph piece by piece would only take time.
    std::mem::forget(workflow);
    Ok(())
}

/// The files for one engine, after the passes.
fn compiled(
    workflow: &Workflow,
    program: &str,
    engine: &dyn Engine,
    arguments: &Arguments,
    environment: &Environment,
    output: &Output,
) -> Result<Vec<GeneratedFile>, Failure> {
    let options: GenerateOptions = arguments.target.into();
    let Arguments { limits, split, admission, .. } = arguments;
    // The parts are found in the end, when it is known how large the engine writes them.
    let mut passes = passes_named(&arguments.passes)?;
    passes.retain(|name| name != "split");
    if passes.is_empty() {
        return files(workflow, engine, &options, split, admission, environment, output);
    }
    let unkept = |node: &crate::ir::Node| !engine.memoizes(node);
    let outcome = optimized(workflow.clone(), program, &passes, limits, split, &unkept, environment, output)?;
    for (report, _) in &outcome.reports {
        output.message(&format!("{}: {}", report.pass, report.summary));
    }
    let mut optimized = outcome.workflow;
    let in_parts = split.budget().is_some_and(|budget| optimized.graph.node_count() > budget.steps);
    if workflow.settings.parallelism.is_none()
        && optimized.settings.parallelism.is_some()
        && !engine.limits(&optimized, in_parts)
    {
        optimized.settings.parallelism = None;
        output.message(&format!(
            "note: {} cannot limit the steps at once here; no limit is set",
            engine.name()
        ));
    }
    files(&optimized, engine, &options, split, admission, environment, output)
}

/// Makes the graph of a program that was read from `path`.
pub(super) fn read_workflow(path: &Path, text: &str, environment: &Environment) -> Result<Workflow, Failure> {
    let program = parse_program(text)?;
    let lake = open_lake(environment)?;
    let workflow = lower(&program, &lake).map_err(|problems| {
        Failure::failed(problems.to_string(), format!("mend {} and compile it again", path.display()))
    });
    // One program per process: to free it would only take time.
    std::mem::forget(program);
    workflow
}
