//! `couler nl`: description in, workflow out.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use console::Style;
use serde_json::{Value, json};

use super::{block_on, open_lake};
use crate::api::{Format, Program, write_program};
use crate::chat::{Conversation, Reply, ReplyKind, SessionStore, Turn};
use crate::cli::compile_target::{EngineChoice, generate};
use crate::cli::files::{Target, read_text, write_text};
use crate::cli::model_choice;
use crate::cli::progress::Progress;
use crate::cli::proposing::{propose_for, share_for};
use crate::cli::times::seconds_since_1970;
use crate::cli::{Environment, Failure, Output};
use crate::engine::{GenerateOptions, GeneratedFile};
use crate::ir::{Workflow, canonical_json, digest};
use crate::llm::{Budget, LanguageModel, Ledger};
use crate::nl::checks::Severity;
use crate::nl::{Outcome, Pipeline, PipelineError, PipelineOptions, Prompts, Way};
use crate::tune::{SearchParts, SharedSearch, share_searches};

/// Turn a description into a workflow
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  couler nl \"load data/churn.csv, train xgboost to predict churn and report the AUC\"
  couler nl -f request.txt -o workflow.yaml
  echo \"run acme/etl:1 every night at 2\" | couler nl -f - --emit program
  couler nl -c \"retry training 3 times\"

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 the model could not be reached.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(in crate::cli) struct Arguments {
    /// What the workflow should do, in any language
    #[arg(value_name = "DESCRIPTION", conflicts_with = "file")]
    description: Option<String>,

    /// Read the description from a file (- is standard input)
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The workflow system to write for
    #[arg(long, short, value_name = "ENGINE", default_value = "argo")]
    engine: String,

    /// Where to write: a file, a folder, or - for standard output
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,

    /// What to write
    #[arg(long, value_enum, default_value_t = Emit::Manifest)]
    emit: Emit,

    /// The model: local, a GGUF file, a server's model, or replay:FOLDER
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,

    /// Record every answer of the model in a folder
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Change the workflow of the last conversation, or of the last description, as the text says
    #[arg(long = "continue", short = 'c', conflicts_with_all = ["run", "dry_run"])]
    go_on: bool,

    /// Run the workflow on this machine when it is written
    #[arg(long)]
    run: bool,

    /// Run it without asking first
    #[arg(long, short)]
    yes: bool,

    /// Choose hyperparameters by N short real trainings for each training step; asks as --run does
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    tune: Option<u16>,

    /// Write no hyperparameters that the description does not give
    #[arg(long, conflicts_with = "tune")]
    no_proposals: bool,

    /// Steps that share the trials of a search for hyperparameters: auto, off (one step does all), or their number
    #[arg(long, value_name = "auto|N|off", default_value = "auto")]
    search_parts: SearchParts,

    /// Show the exact prompt and a bound of the cost; call nothing
    #[arg(long)]
    dry_run: bool,

    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,

    /// Sampling temperature
    #[arg(long, default_value_t = 0.0, value_name = "T")]
    temperature: f32,

    /// Seed for temperatures above 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,

    /// Folder with prompt templates that replace the built-in ones
    #[arg(long, value_name = "FOLDER")]
    prompts: Option<PathBuf>,

    /// How the model is asked: whole (one answer), steps (a plan, then each step), passes (for small models)
    #[arg(long, value_enum, default_value_t = WayChoice::Auto)]
    way: WayChoice,

    /// Leave a check of the answer out (may be repeated); `couler checks` lists them
    #[arg(long, value_name = "NAME")]
    without_check: Vec<String>,

    /// Leave a rewriting pass of the way `passes` out (may be repeated); `couler checks` lists them
    #[arg(long, value_name = "NAME")]
    without_pass: Vec<String>,

    /// Show what the model, each check and each pass say
    #[arg(long)]
    trace: bool,

    /// Most tokens to spend
    #[arg(long, value_name = "N")]
    budget_tokens: Option<u64>,

    /// Most US dollars to spend
    #[arg(long, value_name = "X")]
    budget_dollars: Option<f64>,
}

/// What `couler nl` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Emit {
    /// The unified-API program.
    Program,
    /// The graph in its canonical form.
    Ir,
    /// The engine's files.
    Manifest,
}

/// How a model is asked for a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum WayChoice {
    /// As suits the model.
    Auto,
    /// The whole workflow in one answer.
    Whole,
    /// A plan, then one answer for each step.
    Steps,
    /// Narrowed to the words of the text, with passes that rewrite the answers.
    Passes,
}

impl From<WayChoice> for Way {
    fn from(choice: WayChoice) -> Self {
        match choice {
            WayChoice::Auto => Self::Auto,
            WayChoice::Whole => Self::Whole,
            WayChoice::Steps => Self::Steps,
            WayChoice::Passes => Self::Passes,
        }
    }
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let description = description(&arguments)?;
    let engine = EngineChoice::parse(&arguments.engine)?;
    if !(0.0..=2.0).contains(&arguments.temperature) {
        return Err(Failure::usage(
            format!("the temperature {} is not between 0 and 2", arguments.temperature),
            "0 is greedy",
        ));
    }
    let prompts = match &arguments.prompts {
        Some(folder) => Prompts::from_folder(folder).map_err(crate::nl::PipelineError::from)?,
        None => Prompts::built_in(),
    };
    if (arguments.run || arguments.tune.is_some()) && !arguments.yes && !std::io::stdin().is_terminal() {
        return Err(Failure::refused(
            "generated code runs only after somebody has agreed, and nobody can be asked here",
            "add --yes, or write the program with --emit program, read it, and `couler run` it",
        ));
    }
    let lake = open_lake(environment)?;
    let options = PipelineOptions {
        temperature: arguments.temperature,
        seed: arguments.seed,
        way: arguments.way.into(),
        without_checks: super::checks::known_checks(&arguments.without_check)?,
        without_passes: super::checks::known_passes(&arguments.without_pass)?,
        ..PipelineOptions::default()
    };
    if arguments.dry_run {
        return dry_run(&description, &prompts, &lake, &options, output);
    }
    let model =
        model_choice::open(arguments.model.as_deref(), arguments.record.as_deref(), environment, output)?;
    let ledger = Ledger::new(Budget { tokens: arguments.budget_tokens, dollars: arguments.budget_dollars });
    let progress = Progress::new(output).tracing(arguments.trace);
    if arguments.go_on {
        let conversation = Conversation {
            model: model.as_ref(),
            lake: &lake,
            prompts: &prompts,
            options,
            observer: &progress,
        };
        return go_on(&arguments, &description, engine, &conversation, environment, output);
    }
    let started = std::time::Instant::now();
    let pipeline = Pipeline {
        model: model.as_ref(),
        lake: &lake,
        prompts: &prompts,
        options,
        ledger: &ledger,
        observer: &progress,
    };
    let result = block_on(async { Ok(pipeline.run(&description).await) });
    output.clear_status();
    let mut outcome = kept_aside(result?, arguments.output.as_deref(), output)?;
    if arguments.tune.is_some() && !arguments.yes {
        agreed(&outcome, &write_program(&outcome.program, Format::Yaml)?, output)?;
    }
    let hyperparameters = if arguments.no_proposals {
        Value::Null
    } else {
        propose_for(&mut outcome, arguments.tune.unwrap_or(0), environment, output)?
    };
    // A conversation goes on with the search as one step; what is written and run is the fan-out.
    let said = outcome.program.clone();
    let shared = share_for(&mut outcome, arguments.search_parts, &lake)?;
    let chosen = Chosen { hyperparameters, searches: shared };
    let files = generate(&outcome.workflow, &engine, &GenerateOptions::default())?;
    report(&outcome, &ledger, model.as_ref(), started.elapsed().as_secs_f64(), output);
    let wrong = outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    write(&arguments, &outcome, &files, &ledger, &chosen, wrong > 0, output)?;
    keep(&description, said, &outcome.notes, &ledger, started.elapsed().as_secs_f64(), environment)?;
    if wrong > 0 {
        let hint = "read the findings above and mend the program, or say it in other words; `couler checks` explains them";
        return Err(Failure::failed(format!("{wrong} faults are left in the workflow"), hint));
    }
    if arguments.run {
        let program = write_program(&outcome.program, Format::Yaml)?;
        if !arguments.yes {
            agreed(&outcome, &program, output)?;
        }
        let (id, report) = super::run::start(
            &outcome.workflow,
            &program,
            std::collections::HashMap::new(),
            super::run::RunOptions::default(),
            environment,
            output,
            super::run::opening_store(environment),
        )?;
        return super::run::verdict(&id, &report);
    }
    Ok(())
}

/// Keeps the workflow as a conversation, so that `couler nl -c` and `couler chat --resume` go on with it.
fn keep(
    description: &str,
    program: Program,
    notes: &[String],
    ledger: &Ledger,
    seconds: f64,
    environment: &Environment,
) -> Result<(), Failure> {
    let mut session = super::chat::new_session();
    let text = format!("{} steps", program.steps.len() + program.on_exit.len());
    session.replace(program);
    let reply = Reply { notes: notes.to_vec(), ..Reply::new(ReplyKind::Changed, text) };
    session.record(Turn { said: description.to_owned(), reply, usage: ledger.total(), seconds });
    Ok(SessionStore::new(super::chat::sessions_folder(environment)).save(&session)?)
}

/// One more turn of the last conversation.
fn go_on(
    arguments: &Arguments,
    remark: &str,
    engine: EngineChoice,
    conversation: &Conversation<'_>,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let store = SessionStore::new(super::chat::sessions_folder(environment));
    let mut session = store.last()?;
    session.apply();
    let ask = !std::mem::replace(&mut session.settings.auto_apply, true);
    if arguments.budget_tokens.is_some() || arguments.budget_dollars.is_some() {
        session.settings.budget =
            Budget { tokens: arguments.budget_tokens, dollars: arguments.budget_dollars };
    }
    let said = block_on(async { conversation.say(&mut session, remark).await.map_err(Failure::from) });
    output.clear_status();
    let reply = said?;
    session.settings.auto_apply = !ask;
    session.updated = seconds_since_1970();
    store.save(&session)?;
    output.message(&reply.text);
    reply.notes.iter().for_each(|note| output.message(&format!("note: {note}")));
    let Some(program) = session.program() else { return Ok(()) };
    let mut program = program.clone();
    for shared in share_searches(&mut program, arguments.search_parts) {
        output.message(&format!("note: {shared}"));
    }
    let workflow = crate::ir::lower(&program, conversation.lake)
        .map_err(|problems| Failure::failed(problems.to_string(), "`couler chat --resume` and /undo"))?;
    let files = match arguments.emit {
        Emit::Manifest => generate(&workflow, &engine, &GenerateOptions::default())?,
        Emit::Program => vec![program_file(&program)?],
        Emit::Ir => vec![graph_file(&workflow)],
    };
    if arguments.json {
        return output.json(&json!({"version": "couler/nl/v1", "reply": reply, "program": program}));
    }
    for path in Target::of(arguments.output.as_deref()).write(&files, output)? {
        output.message(&format!("wrote {}", path.display()));
    }
    Ok(())
}

fn program_file(program: &Program) -> Result<GeneratedFile, Failure> {
    Ok(GeneratedFile {
        name: format!("{}.program.yaml", program.name),
        content: write_program(program, Format::Yaml)?,
    })
}

fn graph_file(workflow: &Workflow) -> GeneratedFile {
    GeneratedFile {
        name: format!("{}.ir.json", workflow.name),
        content: format!("{:#}\n", canonical_json(workflow)),
    }
}

/// Shows what would run and asks. Scripts of components are shown on request.
fn agreed(outcome: &Outcome, program: &str, output: &Output) -> Result<(), Failure> {
    output.message(&format!("{program}\nThis program, or trials of it, would run on this machine."));
    loop {
        output.message("Run it? [y]es, [n]o, [s]how the scripts");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).unwrap_or(0);
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(()),
            "s" | "show" => {
                for node in outcome.workflow.nodes() {
                    if let crate::ir::Action::Script { source, .. } = &node.action {
                        output.message(&format!("--- {}\n{source}", node.name));
                    }
                }
            }
            "n" | "no" => {
                return Err(Failure::refused("it was not run", "--emit program writes it for later"));
            }
            _ if read == 0 => {
                return Err(Failure::refused("it was not run: nobody answered", "add --yes"));
            }
            _ => {}
        }
    }
}

fn description(arguments: &Arguments) -> Result<String, Failure> {
    let text = match (&arguments.description, &arguments.file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => read_text(path)?,
        (None, None) => String::new(),
    };
    if text.trim().is_empty() {
        return Err(crate::nl::PipelineError::Empty.into());
    }
    Ok(text.trim().to_owned())
}

/// Prints the first prompt, and what the whole could cost at most. No model is loaded and no socket opened.
fn dry_run(
    description: &str,
    prompts: &Prompts,
    lake: &crate::lake::Lake,
    options: &PipelineOptions,
    output: &Output,
) -> Result<(), Failure> {
    let request = Pipeline::plan_request(description, lake, prompts, options)
        .map_err(crate::nl::PipelineError::from)?;
    let mut text = String::new();
    for message in &request.messages {
        text.push_str(&format!(
            "--- {}\n{}\n",
            serde_json::to_value(message.role)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default(),
            message.content
        ));
    }
    let characters: usize = request.messages.iter().map(|message| message.content.len()).sum();
    let bound = Pipeline::token_bound(characters, description.len(), options);
    text.push_str(&format!(
        "--- bound\nplan: about {} tokens in, at most {} out; whole request: at most {bound} tokens\n",
        characters / 4,
        request.max_tokens
    ));
    output.data(&text)
}

fn report(outcome: &Outcome, ledger: &Ledger, model: &dyn LanguageModel, seconds: f64, output: &Output) {
    for note in &outcome.notes {
        output.message(&format!("note: {note}"));
    }
    for finding in &outcome.findings {
        output.message(&format!("finding [{}]: {finding}", finding.check));
    }
    let kept = outcome.requirements.literals_kept;
    let total = ledger.total();
    let dollars = total.dollars.map_or(String::new(), |dollars| format!(", ${dollars:.4}"));
    output.message(&format!(
        "{} steps; {} of {} literal values kept; {} tokens in ({} cached), {} out, {seconds:.1} s{dollars}, {}",
        outcome.program.steps.len() + outcome.program.on_exit.len(),
        kept,
        outcome.requirements.literals,
        total.prompt_tokens,
        total.cached_tokens,
        total.completion_tokens,
        model.id()
    ));
    let warning = Style::new().yellow();
    for requirement in outcome.requirements.uncovered() {
        let text = if requirement.missing.is_empty() {
            format!("not covered: {:?}", requirement.quote)
        } else {
            format!("not covered: {:?} (missing: {})", requirement.quote, requirement.missing.join(", "))
        };
        output.message(&output.styled(&warning, &text));
    }
}

/// What was decided beside the description.
struct Chosen {
    hyperparameters: Value,
    searches: Vec<SharedSearch>,
}

fn write(
    arguments: &Arguments,
    outcome: &Outcome,
    files: &[GeneratedFile],
    ledger: &Ledger,
    chosen: &Chosen,
    unfinished: bool,
    output: &Output,
) -> Result<(), Failure> {
    let emitted: Vec<GeneratedFile> = match arguments.emit {
        Emit::Manifest => files.to_vec(),
        Emit::Program => vec![program_file(&outcome.program)?],
        Emit::Ir => vec![graph_file(&outcome.workflow)],
    };
    // What is known to be wrong does not take the place of what is right.
    let path = arguments.output.as_ref().map(|path| match aside(path).filter(|_| unfinished) {
        Some(aside) => aside,
        None => path.clone(),
    });
    let target = Target::of(path.as_deref());
    if arguments.json {
        if !matches!(target, Target::Stdout) {
            target.write(&emitted, output)?;
        }
        return output.json(&as_json(outcome, files, ledger, chosen));
    }
    if arguments.run && arguments.output.is_none() && matches!(arguments.emit, Emit::Manifest) {
        output.message("the manifest is not shown; --output FILE keeps it");
        return Ok(());
    }
    for path in target.write(&emitted, output)? {
        output.message(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// What does not fit together is kept beside the place where it should have been written.
fn kept_aside(
    result: Result<Outcome, PipelineError>,
    path: Option<&Path>,
    output: &Output,
) -> Result<Outcome, Failure> {
    if let Err(PipelineError::Assembly { plan, .. }) = &result
        && let Some(path) = path.and_then(aside)
    {
        let text = serde_saphyr::to_string(plan).unwrap_or_else(|_| plan.to_string());
        write_text(&path, &text)?;
        output.message(&format!("wrote {}", path.display()));
    }
    Ok(result?)
}

/// Where something unfinished is written in the place of a file.
fn aside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name().filter(|_| !path.is_dir() && path != Path::new("-"))?;
    Some(path.with_file_name(format!("{}.unfinished", name.to_string_lossy())))
}

fn as_json(outcome: &Outcome, files: &[GeneratedFile], ledger: &Ledger, chosen: &Chosen) -> Value {
    let files: Vec<Value> =
        files.iter().map(|file| json!({"name": file.name, "content": file.content})).collect();
    let calls = ledger.calls();
    json!({
        "version": "couler/nl/v1",
        "plan": outcome.answer,
        "findings": outcome.findings,
        "program": outcome.program,
        "digest": digest(&outcome.workflow),
        "files": files,
        "steps": outcome.steps,
        "hyperparameters": chosen.hyperparameters,
        "searches": chosen.searches,
        "requirements": outcome.requirements,
        "notes": outcome.notes,
        "ignored": outcome.ignored,
        "usage": ledger.total(),
        "calls": calls,
    })
}
