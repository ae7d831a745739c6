//! `couler run`: a program on this machine.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::json;
use tokio::sync::watch;

use super::compile::read_workflow;
use crate::api::{Format, parse_program, write_program};
use crate::cli::files::{read_text, write_text};
use crate::cli::run_progress::RunProgress;
use crate::cli::tuning::{Running, tune_program};
use crate::cli::{Environment, Failure, Output, machine};
use crate::ir::Workflow;
use crate::run::{
    Patterns, RunError, RunFolder, RunManifest, RunReport, RunSettings, StepState, Store, StoreSettings,
    Writable,
};

/// Environment variables that every step gets.
const USUAL: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"];
/// Bytes of a step's log.
const LOG_LIMIT: u64 = 16 << 20;

/// Run a program on this machine
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Results are kept: a step whose program, inputs and environment are as before is not run again.
`couler explain PROGRAM` says which steps would run, `couler resume RUN` goes on with a run that was interrupted."
)]
pub(in crate::cli) struct Arguments {
    /// The program, YAML or JSON (- is standard input)
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// Value of a workflow parameter
    #[arg(long = "parameter", short, value_name = "NAME=VALUE")]
    parameters: Vec<String>,

    /// First choose hyperparameters by N short real trainings for each training step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    tune: Option<u16>,

    #[command(flatten)]
    options: RunOptions,

    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// How a run is done.
#[derive(Debug, Clone, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(in crate::cli) struct RunOptions {
    /// Most steps at the same time; the number of cores if absent
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,

    /// Run the commands of containers directly on this machine
    #[arg(long)]
    pub(super) host: bool,

    /// Run every step, whatever results there are
    #[arg(long)]
    pub(super) fresh: bool,

    /// Do not repeat failures that are known to pass, unless a step asks for it
    #[arg(long)]
    pub(super) no_retry: bool,

    /// A folder or file outside of the working folder that steps may write to
    #[arg(long, value_name = "PATH")]
    pub(super) allow_write: Vec<PathBuf>,

    /// Let steps write wherever you can
    #[arg(long)]
    pub(super) unconfined: bool,

    /// Let no step use the network
    #[arg(long)]
    pub(super) no_network: bool,

    /// Hand an environment variable to all steps
    #[arg(long = "env", value_name = "NAME")]
    pub(super) env: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let parameters = parameters(&arguments.parameters)?;
    let store = opening_store(environment);
    let mut program = read_text(&arguments.program)?;
    let mut workflow = read_workflow(&arguments.program, &program, environment)?;
    if let Some(trials) = arguments.tune {
        let mut tuned = parse_program(&program)?;
        let running = Running { parameters: parameters.clone(), options: arguments.options.clone() };
        tune_program(&mut tuned, trials, &running, environment, output)?;
        program = write_program(&tuned, Format::Yaml)?;
        workflow = read_workflow(&arguments.program, &program, environment)?;
    }
    let (id, report) =
        start(&workflow, &program, parameters, arguments.options.clone(), environment, output, store)?;
    if arguments.json {
        output.json(&as_json(&workflow, &id, &report))?;
    }
    verdict(&id, &report)
}

pub(super) fn as_json(workflow: &Workflow, id: &str, report: &RunReport) -> serde_json::Value {
    let mut value = json!({"version": "couler/run/v1", "run": id, "workflow": workflow.name});
    if let (Some(map), serde_json::Value::Object(rest)) = (value.as_object_mut(), json!(report)) {
        map.extend(rest);
    }
    value
}

pub(super) fn parameters(given: &[String]) -> Result<HashMap<String, String>, Failure> {
    given
        .iter()
        .map(|text| {
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
                Failure::usage(format!("{text:?} is not NAME=VALUE"), "write for example -p source=data.csv")
            })
        })
        .collect()
}

pub(super) fn runs_folder(environment: &Environment) -> PathBuf {
    environment.home.join("runs")
}

pub(in crate::cli) fn cache_folder(environment: &Environment) -> PathBuf {
    environment.home.join("cache")
}

pub(super) fn open_store(environment: &Environment) -> Result<Store, Failure> {
    let folder = cache_folder(environment);
    StoreSettings::read(&folder).and_then(|settings| Store::open(&folder, settings)).map_err(|error| {
        Failure::failed(format!("{}: {error}", folder.display()), "check that the folder may be written")
    })
}

/// A store that is being opened meanwhile: it has a record of every result ever made.
pub(in crate::cli) type Opening = std::thread::JoinHandle<Result<Store, Failure>>;

pub(in crate::cli) fn opening_store(environment: &Environment) -> Opening {
    let environment = environment.clone();
    std::thread::spawn(move || open_store(&environment))
}

/// Temporary files, devices without data of their own, caches of libraries, and what the user allows.
fn writable(allowed: Vec<PathBuf>, environment: &Environment) -> Writable {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home);
    let temporary = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    let usual = temporary.into_iter().chain(machine::harmless_devices()).chain(cache).collect();
    Writable { usual, allowed, private: environment.home.clone() }
}

/// The places as they are meant from here; one that is not there could not be allowed.
fn allowed(places: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let found = places.iter().map(|place| {
        place.canonicalize().map_err(|error| {
            Failure::usage(
                format!("{}: {error}", place.display()),
                "make the folder before steps may write to it",
            )
        })
    });
    found.collect()
}

fn current_folder() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| {
        Failure::failed(format!("the current folder: {error}"), "change to an existing folder")
    })
}

/// Begins a new run.
pub(in crate::cli) fn start(
    workflow: &Workflow,
    program: &str,
    parameters: HashMap<String, String>,
    options: RunOptions,
    environment: &Environment,
    output: &Output,
    store: Opening,
) -> Result<(String, RunReport), Failure> {
    if let Some(unknown) = parameters.keys().find(|name| !workflow.parameters.contains_key(*name)) {
        let known: Vec<&str> = workflow.parameters.keys().map(String::as_str).collect();
        return Err(Failure::usage(
            format!("there is no parameter {unknown:?}"),
            format!("existing: {}", known.join(", ")),
        ));
    }
    let manifest = RunManifest {
        version: 1,
        workflow: workflow.name.clone(),
        working_dir: current_folder()?,
        parameters,
        host: options.host,
        jobs: options.jobs.map_or_else(machine::cores, usize::from),
        env: options.env.clone(),
        unconfined: options.unconfined,
        allow_write: allowed(&options.allow_write)?,
        offline: options.no_network,
    };
    let folder = RunFolder::create(&runs_folder(environment), &workflow.name)?;
    write_text(&folder.path().join("program.yaml"), program)?;
    write_text(&folder.path().join("run.json"), &format!("{:#}\n", json!(manifest)))?;
    let report = carry_out(workflow, &folder, manifest, &options, environment, output, store)?;
    Ok((folder.id(), report))
}

/// The settings of a run.
pub(super) fn settings(
    workflow: &Workflow,
    folder: PathBuf,
    manifest: RunManifest,
    options: &RunOptions,
    environment: &Environment,
) -> Result<RunSettings, Failure> {
    let variable = |name: &str| environment.withheld.variable(name).map(|value| (name.to_owned(), value));
    let asked = manifest.env.iter().map(String::as_str);
    let secrets = workflow.nodes().flat_map(|node| &node.settings.secrets);
    let patterns = match std::fs::read_to_string(environment.home.join("failures.yaml")) {
        Ok(text) => Patterns::with_user(&text).map_err(|error| {
            Failure::usage(error.to_string(), "mend failures.yaml in the folder of couler")
        })?,
        Err(_) => Patterns::built_in(),
    };
    let writable = (!manifest.unconfined).then(|| writable(manifest.allow_write, environment));
    Ok(RunSettings {
        folder,
        writable,
        offline: manifest.offline,
        environments: environment.home.join("python"),
        python: environment.python.clone().unwrap_or_else(|| "python3".into()),
        uv: machine::program(&["uv"]),
        containers: machine::program(&["docker", "podman"]),
        host: manifest.host,
        working_dir: manifest.working_dir,
        parameters: manifest.parameters,
        jobs: manifest.jobs,
        machine: machine::capacity(),
        env: USUAL.into_iter().chain(asked).filter_map(variable).collect(),
        secrets: secrets.filter_map(|secret| variable(&secret.env)).collect(),
        log_limit: LOG_LIMIT,
        reuse: !options.fresh,
        automatic_retries: !options.no_retry,
        patterns,
    })
}

/// Settings for looking at what a run would do.
pub(super) fn looking(workflow: &Workflow, environment: &Environment) -> Result<RunSettings, Failure> {
    let manifest = RunManifest {
        version: 1,
        workflow: workflow.name.clone(),
        working_dir: current_folder()?,
        parameters: HashMap::new(),
        host: machine::program(&["docker", "podman"]).is_none(),
        jobs: machine::cores(),
        env: Vec::new(),
        unconfined: false,
        allow_write: Vec::new(),
        offline: false,
    };
    settings(workflow, runs_folder(environment), manifest, &RunOptions::default(), environment)
}

/// Runs or goes on with a run in its folder, telling what happens.
pub(super) fn carry_out(
    workflow: &Workflow,
    folder: &RunFolder,
    manifest: RunManifest,
    options: &RunOptions,
    environment: &Environment,
    output: &Output,
    store: Opening,
) -> Result<RunReport, Failure> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    if !manifest.unconfined && home.is_some_and(|home| home.starts_with(&manifest.working_dir)) {
        output.message("steps can write everywhere in the folder that this was started in, and that is your home; start in a folder for the project");
    }
    let settings = settings(workflow, folder.path().to_owned(), manifest, options, environment)?;
    let mut store = store.join().expect("to open a store does not panic")?;
    let progress = RunProgress::new(output, workflow.graph.node_count());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(error.to_string(), "too many threads or files are open"))?;
    let id = folder.id();
    let report = runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let interrupted = async {
            signal().await;
            output.message("stopping; the running steps are ended (once more to stop at once)");
            stop.send_replace(true);
            signal().await;
        };
        tokio::select! {
            report = crate::run::run(workflow, &settings, folder, &mut store, &progress, stopped) => report.map_err(Failure::from),
            () = interrupted => Err(Failure::interrupted()),
        }
    });
    // What looks at a big output of a stopped step is not waited for.
    runtime.shutdown_background();
    let report = report.map_err(|failure| {
        failure.with_hint_if_interrupted(&format!("`couler resume {id}` goes on where it stopped"))
    })?;
    progress.summary(&report, &id);
    // The process ends soon; to free a big index would only take time.
    std::mem::forget(store);
    Ok(report)
}

/// Ctrl-C, Ctrl-\\, the request to end, or the end of the terminal.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::quit(), SignalKind::terminate(), SignalKind::hangup()];
    let heard = kinds.into_iter().map(|kind| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut stream) => {
                    stream.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        })
    });
    futures::future::select_all(heard).await;
}

/// A failure if the run was stopped or any step failed whose failure is not tolerated.
pub(super) fn verdict(id: &str, report: &RunReport) -> Result<(), Failure> {
    let hint = format!("`couler resume {id}` goes on where it stopped");
    if report.status == "Stopped" {
        return Err(Failure::interrupted().with_hint_if_interrupted(&hint));
    }
    if report.status == "Succeeded" {
        return Ok(());
    }
    let failed = report.steps.iter().find(|step| step.state == StepState::Failed && !step.tolerated);
    let (name, message) =
        failed.map_or(("", ""), |step| (&step.name, step.message.as_deref().unwrap_or_default()));
    Err(Failure::failed(
        format!("step {name:?} failed: {message}"),
        format!("`couler logs {id} {name}` shows its log; mend the cause and `couler resume {id}`"),
    ))
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let hint = match &error {
            RunError::NoValue { .. } => "give it with `couler run -p NAME=VALUE`",
            RunError::NoChoice { .. } => {
                return Self::usage(error.to_string(), "choose one with -p NAME=VALUE");
            }
            RunError::Unsupported { .. } => "`couler compile` writes the files for an engine that can run it",
            RunError::Io { .. } => {
                "check that the folder may be written and has room (COULER_HOME chooses another)"
            }
            RunError::Journal { .. } => "make room on the disk; `couler resume` goes on where it stopped",
            RunError::Busy { .. } => "wait for it, or end it first",
        };
        Self::failed(error.to_string(), hint)
    }
}
