//! `couler tune`: hyperparameters by short real trainings, or the candidates alone.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::compile::read_workflow;
use super::open_cards;
use super::run::parameters;
use crate::api::{Format, Program, parse_program, write_program};
use crate::cards::{ModelTask, ProfileOptions, card_of_profile, profile_file};
use crate::cli::files::{read_text, write_text};
use crate::cli::proposing::ranges_note;
use crate::cli::tuning::{Request, Running, Tuned, asked, tune};
use crate::cli::{Environment, Failure, Output};
use crate::tune::{
    CandidateRequest, Portfolio, SearchParts, TuneError, candidates, fill_spaces, share_searches,
};

/// Choose hyperparameters: short real trainings decide between the library's default and what is proven elsewhere
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  couler tune churn.yaml -o tuned.yaml --plot trials.svg
  couler tune churn.yaml --trials 8 --ask-model       # the language model proposes too
  couler tune churn.yaml --fan-out -o search.yaml     # the trials as steps of the workflow
  couler tune --candidates xgboost --task regression  # what would be tried

What the program says is never changed. Results are kept: a trial that was done is not done again.")]
pub(in crate::cli) struct Arguments {
    /// The program, YAML or JSON (- is standard input)
    #[arg(value_name = "PROGRAM", required_unless_present = "candidates")]
    program: Option<PathBuf>,

    /// Print what would be tried for a model, named by its card; needs no program
    #[arg(long, value_name = "CARD", conflicts_with = "program", requires = "task")]
    candidates: Option<String>,

    /// The task, for --candidates
    #[arg(long, value_enum)]
    task: Option<TaskChoice>,

    /// The table that the language model is told about, for --candidates with --ask-model
    #[arg(long, value_name = "FILE", requires = "candidates")]
    data: Option<PathBuf>,

    /// The column of --data to predict; guessed if absent
    #[arg(long, value_name = "COLUMN", requires = "data")]
    label: Option<String>,

    /// A parameter of the program, for the trials
    #[arg(long = "parameter", short, value_name = "NAME=VALUE")]
    parameters: Vec<String>,

    /// Real trainings for each step, the one of the default included
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=200))]
    trials: u16,

    /// Only this training step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,

    /// Most rows that a trial uses
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(20..))]
    rows: u64,

    /// Decides which rows judge, and what is drawn from ranges
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Let the language model predict training logs and propose two candidates
    #[arg(long)]
    ask_model: bool,

    /// The model: local, a GGUF file, a server's model, or replay:FOLDER
    #[arg(long, short, value_name = "MODEL", requires = "ask_model")]
    model: Option<String>,

    /// Proven configurations made by `make tuning`, instead of those built in
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,

    /// Run nothing: write the trials and the choice as steps of the program
    #[arg(long)]
    fan_out: bool,

    /// Where to write the program; standard output if absent
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write the trials as an SVG drawing
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Print what was tried and chosen as JSON
    #[arg(long)]
    json: bool,
}

/// The tasks of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TaskChoice {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

impl From<TaskChoice> for ModelTask {
    fn from(choice: TaskChoice) -> Self {
        match choice {
            TaskChoice::Classification => Self::Classification,
            TaskChoice::Regression => Self::Regression,
        }
    }
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let portfolio = match &arguments.portfolio {
        Some(path) => Portfolio::read(&read_text(path)?)?,
        None => Portfolio::built_in(),
    };
    if let (Some(card), Some(task)) = (&arguments.candidates, arguments.task) {
        return list_candidates(card, task.into(), arguments, &portfolio, environment, output);
    }
    let path = arguments.program.as_ref().expect("clap requires a program without --candidates");
    let text = read_text(path)?;
    // Reading it as every other command does checks it, too.
    read_workflow(path, &text, environment)?;
    let mut program = parse_program(&text)?;
    let library = open_cards(environment, output)?;
    let filled = fill_spaces(&mut program, &library);
    for (step, card) in &filled {
        output.message(&ranges_note(step, card));
    }
    let request = Request {
        trials: usize::from(arguments.trials),
        rows: arguments.rows,
        seed: arguments.seed,
        step: arguments.step.as_deref(),
        ask_model: arguments.ask_model,
        model: arguments.model.as_deref(),
        fan_out: arguments.fan_out,
        portfolio: &portfolio,
        library: &library,
        running: &Running { parameters: parameters(&arguments.parameters)?, ..Running::default() },
    };
    let shared = if arguments.fan_out { share_searches(&mut program, SearchParts::Auto) } else { Vec::new() };
    for search in &shared {
        output.message(&search.to_string());
    }
    let tuned = match tune(&mut program, &request, environment, output) {
        Ok(tuned) => tuned,
        Err(failure)
            if failure.message() == TuneError::NoTarget.to_string()
                && !(filled.is_empty() && shared.is_empty()) =>
        {
            Vec::new()
        }
        Err(failure) => return Err(failure),
    };
    finish(arguments, &program, &tuned, output)
}

fn finish(arguments: &Arguments, program: &Program, tuned: &[Tuned], output: &Output) -> Result<(), Failure> {
    if let Some(path) = &arguments.plot {
        let drawings: Vec<&Tuned> = tuned.iter().filter(|tuned| !tuned.outcomes.is_empty()).collect();
        for (index, tuned) in drawings.iter().enumerate() {
            let path =
                if index == 0 { path.clone() } else { path.with_extension(format!("{}.svg", index + 1)) };
            write_text(&path, &tuned.plot())?;
            output.message(&format!("wrote {}", path.display()));
        }
    }
    let text = write_program(program, Format::Yaml)?;
    if let Some(path) = &arguments.output {
        write_text(path, &text)?;
        output.message(&format!("wrote {}", path.display()));
    }
    if arguments.json {
        return output.json(&json!({"version": "couler/tune/v1", "steps": tuned, "program": program}));
    }
    if arguments.output.is_none() { output.data(&text) } else { Ok(()) }
}

fn list_candidates(
    name: &str,
    task: ModelTask,
    arguments: &Arguments,
    portfolio: &Portfolio,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let library = open_cards(environment, output)?;
    let (read, _) = library.card(name)?;
    let crate::cards::Card::Model(card) = &read.card else {
        return Err(Failure::usage(
            format!("{name:?} is the card of a data set"),
            "`couler cards list --kind model` shows those of models",
        ));
    };
    let given = Map::new();
    let wanted = CandidateRequest {
        card,
        task,
        given: &given,
        portfolio,
        proposals: &[],
        most: usize::from(arguments.trials),
        seed: arguments.seed,
    };
    let found = if arguments.ask_model {
        let options = ProfileOptions { label: arguments.label.clone(), ..ProfileOptions::default() };
        let profile = arguments.data.as_ref().map(|path| profile_file(path, &options)).transpose()?;
        let data = profile.map(|profile| card_of_profile(&profile, "data"));
        asked(&wanted, data.as_ref(), arguments.model.as_deref(), environment, output)?
    } else {
        candidates(&wanted)
    };
    let known = portfolio.of(&card.name, task);
    if arguments.json {
        let prior = known
            .map(|known| json!({"params": without_nothing(&known.prior.params), "ratio": known.prior.ratio, "written": known.prior.is_worth_writing()}));
        return output.json(&json!({"version": "couler/candidates/v1", "model": card.name, "task": task,
            "prior": prior, "candidates": found}));
    }
    let mut text = String::new();
    for candidate in &found {
        text.push_str(&format!("{}\n    {}\n", candidate.described(), candidate.reason));
    }
    output.data(&text)
}

fn without_nothing(params: &Map<String, Value>) -> Map<String, Value> {
    params
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl From<TuneError> for Failure {
    fn from(error: TuneError) -> Self {
        let hint = error.hint();
        match error {
            TuneError::UnknownStep { .. } | TuneError::Portfolio { .. } | TuneError::NoTarget => {
                Self::usage(error.to_string(), hint)
            }
            _ => Self::failed(error.to_string(), hint),
        }
    }
}
