//! `couler eval`: how good the generation is.

use std::path::PathBuf;
use std::time::Instant;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::{block_on, open_lake};
use crate::cli::files::read_text;
use crate::cli::model_choice;
use crate::cli::{Environment, Failure, Output};
use crate::engine::argo::{Argo, lint_argo, recover};
use crate::engine::{Engine, GenerateOptions};
use crate::eval::{Case, Suite, Verdict, check};
use crate::llm::{LanguageModel, Ledger, Usage};
use crate::nl::{Pipeline, PipelineError, PipelineOptions, Prompts, Silent};

/// Run suites of descriptions and check the results
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a suite and print each case
    Run(RunArguments),
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    /// The suite, for example eval/suites/smoke.yaml
    suite: PathBuf,

    /// The model: local, a GGUF file, a server's model, or replay:FOLDER
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,

    /// Record every answer of the model in a folder
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Only cases whose id or category contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Write each manifest into a folder
    #[arg(long, value_name = "FOLDER")]
    manifests: Option<PathBuf>,

    /// Fail if fewer cases pass
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_pass: usize,

    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// The result of one case.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    category: String,
    passed: bool,
    failures: Vec<String>,
    seconds: f64,
    usage: Usage,
    uncached_tokens: u32,
    literals: usize,
    literals_kept: usize,
    lint_faults: usize,
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let Action::Run(arguments) = arguments.action;
    let suite = Suite::parse(&read_text(&arguments.suite)?).map_err(|error| {
        Failure::usage(format!("{}: {error}", arguments.suite.display()), "see docs/evaluation.md")
    })?;
    let lake = open_lake(environment)?;
    let prompts = Prompts::built_in();
    let model =
        model_choice::open(arguments.model.as_deref(), arguments.record.as_deref(), environment, output)?;
    let mut rows = Vec::new();
    for case in suite.cases.iter().filter(|case| wanted(case, arguments.filter.as_deref())) {
        let row = run_case(case, model.as_ref(), &lake, &prompts, arguments.manifests.as_deref())?;
        output.message(&shown(&row));
        rows.push(row);
    }
    let passed = rows.iter().filter(|row| row.passed).count();
    output.message(&summary(&rows));
    if arguments.json {
        output.json(&json!({"version": "couler/eval/v1", "suite": suite.name, "model": model.id(), "passed": passed, "cases": rows}))?;
    }
    if passed < arguments.min_pass {
        return Err(Failure::failed(
            format!(
                "{passed} of {} cases passed, at least {} were asked for",
                rows.len(),
                arguments.min_pass
            ),
            "the lines above tell what does not hold",
        ));
    }
    Ok(())
}

fn wanted(case: &Case, filter: Option<&str>) -> bool {
    filter.is_none_or(|filter| case.id.contains(filter) || case.category.contains(filter))
}

fn run_case(
    case: &Case,
    model: &dyn LanguageModel,
    lake: &crate::lake::Lake,
    prompts: &Prompts,
    manifests: Option<&std::path::Path>,
) -> Result<Row, Failure> {
    let ledger = Ledger::default();
    let pipeline = Pipeline {
        model,
        lake,
        prompts,
        options: PipelineOptions::default(),
        ledger: &ledger,
        observer: &Silent,
    };
    let started = Instant::now();
    let result = block_on(async { Ok(pipeline.run(&case.description).await) })?;
    let seconds = started.elapsed().as_secs_f64();
    let (mut literals, mut literals_kept, mut lint_faults) = (0, 0, 0);
    let verdict = match result {
        Ok(outcome) => {
            literals = outcome.requirements.literals;
            literals_kept = outcome.requirements.literals_kept;
            let files = Argo.generate(&outcome.workflow, &GenerateOptions::default())?;
            let manifest: String = files.into_iter().map(|file| file.content).collect();
            if let Some(folder) = manifests {
                crate::cli::files::write_text(&folder.join(format!("{}.yaml", case.id)), &manifest)?;
            }
            let failed = |error: &dyn std::fmt::Display| {
                Failure::failed(format!("{}: {error}", case.id), "this is a bug of couler")
            };
            lint_faults = lint_argo(&manifest).map_err(|error| failed(&error))?.len();
            let graph = recover(&manifest).map_err(|error| failed(&error))?;
            check(&case.checks, Some((&graph, &manifest)))
        }
        Err(PipelineError::Refused { .. } | PipelineError::Empty) => check(&case.checks, None),
        Err(PipelineError::Assembly { problems, .. }) => {
            Verdict { failures: vec![format!("the steps do not fit together: {problems}")] }
        }
        Err(error) => return Err(error.into()),
    };
    let usage = ledger.total();
    Ok(Row {
        id: case.id.clone(),
        category: case.category.clone(),
        passed: verdict.passed(),
        failures: verdict.failures,
        seconds,
        uncached_tokens: usage.uncached_tokens(),
        usage,
        literals,
        literals_kept,
        lint_faults,
    })
}

fn shown(row: &Row) -> String {
    let mut text = format!(
        "{} {:<22} {:>5.1} s  {:>5} tokens ({} uncached)  literals {}/{}",
        if row.passed { "pass" } else { "FAIL" },
        row.id,
        row.seconds,
        row.usage.prompt_tokens + row.usage.completion_tokens,
        row.uncached_tokens,
        row.literals_kept,
        row.literals
    );
    for failure in &row.failures {
        text.push_str(&format!("\n     {failure}"));
    }
    text
}

fn summary(rows: &[Row]) -> String {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        match values.len() {
            0 => 0.0,
            count if count % 2 == 1 => values[count / 2],
            count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
        }
    };
    let literals: usize = rows.iter().map(|row| row.literals).sum();
    let kept: usize = rows.iter().map(|row| row.literals_kept).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let share = 100.0 * kept as f64 / literals.max(1) as f64;
    format!(
        "{} of {} cases passed; literals kept {kept} of {literals} ({share:.1} %); lint faults {}; median {:.1} s, {} tokens, {} uncached",
        rows.iter().filter(|row| row.passed).count(),
        rows.len(),
        rows.iter().map(|row| row.lint_faults).sum::<usize>(),
        median(rows.iter().map(|row| row.seconds).collect()),
        median(
            rows.iter().map(|row| f64::from(row.usage.prompt_tokens + row.usage.completion_tokens)).collect()
        ),
        median(rows.iter().map(|row| f64::from(row.uncached_tokens)).collect()),
    )
}
