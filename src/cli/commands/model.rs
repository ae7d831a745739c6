//! `couler model`: the embedded models.

use std::path::PathBuf;
use std::sync::Mutex;

use clap::Subcommand;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::block_on;
use crate::cli::files::write_text;
use crate::cli::{Environment, Failure, Output};
use crate::llm::openai::install_tls_provider;
use crate::llm::store::{Progress, PullOptions, Store, StoreSettings};

/// List, fetch and choose embedded models
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the models that are known and whether they are here
    List {
        /// Read the files and check their hashes
        #[arg(long)]
        verify: bool,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model; an interrupted download goes on where it stopped
    Pull {
        /// Its name; the default model if absent
        name: Option<String>,
        /// Take this file instead of downloading
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Fetch it even if it is here
        #[arg(long)]
        force: bool,
    },
    /// Use a model from now on
    Use {
        /// A name of the list, a GGUF file, or a server's model
        name: String,
    },
}

pub(super) fn run(arguments: Arguments, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let mut settings = StoreSettings::new(environment.models());
    if let Some(python) = &environment.python {
        settings.python.clone_from(python);
    }
    let store = Store::with_settings(settings);
    match arguments.action {
        Action::List { verify, json } => list(&store, verify, json, output),
        Action::Pull { name, from, force } => {
            let name = name.or_else(|| store.default_name().map(str::to_owned)).unwrap_or_default();
            pull(&store, &name, PullOptions { from, force, ..PullOptions::default() }, output)
        }
        Action::Use { name } => choose(&store, &name, environment, output),
    }
}

fn list(store: &Store, verify: bool, json: bool, output: &Output) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["name", "size", "licence", "state", ""]);
    let mut all = Vec::new();
    for entry in store.list() {
        let state = match (entry.installed, verify) {
            (false, _) => "not here".to_owned(),
            (true, false) => "here".to_owned(),
            (true, true) => {
                match block_on(async { store.verify(&entry.name).await.map_err(Failure::from) }) {
                    Ok(()) => "verified".to_owned(),
                    Err(failure) => failure.message().to_owned(),
                }
            }
        };
        let default = if entry.default { "default" } else { "" };
        let size = format!("{} MB", entry.bytes / 1_000_000);
        table.add_row([entry.name.as_str(), &size, &entry.licence, &state, default]);
        all.push(json!({"name": entry.name, "description": entry.description, "bytes": entry.bytes,
            "licence": entry.licence, "state": state, "default": entry.default, "path": entry.path}));
    }
    if json { output.json(&all) } else { output.data(&(table.trim_fmt() + "\n")) }
}

/// A bar on a terminal, a line every tenth elsewhere.
struct Bar<'a> {
    output: &'a Output,
    bar: ProgressBar,
    told: Mutex<u64>,
}

impl Progress for Bar<'_> {
    fn started(&self, total_bytes: u64) {
        self.bar.set_length(total_bytes);
    }

    fn source(&self, name: &str) {
        self.bar.suspend(|| self.output.message(&format!("fetching from {name}")));
    }

    fn advanced(&self, done_bytes: u64) {
        self.bar.set_position(done_bytes);
        let total = self.bar.length().unwrap_or(0).max(1);
        let tenth = done_bytes * 10 / total;
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !self.output.is_terminal() && tenth > *told {
            *told = tenth;
            self.output.message(&format!("{} % of {} MB", tenth * 10, total / 1_000_000));
        }
    }

    fn done(&self) {
        self.bar.finish_and_clear();
    }
}

fn pull(store: &Store, name: &str, options: PullOptions, output: &Output) -> Result<(), Failure> {
    install_tls_provider();
    let bar = if output.is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let progress = Bar { output, bar, told: Mutex::new(0) };
    let path = block_on(async { store.pull(name, &options, &progress).await.map_err(Failure::from) })?;
    progress.bar.finish_and_clear();
    output.message(&format!("{name} is ready: {}", path.display()));
    Ok(())
}

fn choose(store: &Store, name: &str, environment: &Environment, output: &Output) -> Result<(), Failure> {
    let gguf = std::path::Path::new(name)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    if gguf || store.list().iter().any(|entry| entry.name == name) {
        let path = store.resolve(name)?;
        if !path.is_file() {
            return Err(Failure::usage(
                format!("{} is not here", path.display()),
                format!("`couler model pull {name}` fetches it"),
            ));
        }
    }
    let mut known = store.list().into_iter().map(|entry| entry.name);
    let server =
        std::env::var_os("OPENAI_API_KEY").is_some() || std::env::var_os("OPENAI_BASE_URL").is_some();
    if !gguf && !server && name != "local" && !known.any(|one| one == name) {
        output.message(&format!(
            "no model {name:?} is here (`couler model list`); it will be asked for from the server that \
             OPENAI_BASE_URL or OPENAI_API_KEY name, and neither is set now"
        ));
    }
    let path = &environment.config_file;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed(format!("{}: {error}", path.display()), "check the configuration file")
    };
    environment.config()?;
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut document: toml::Table = toml::from_str(&text).map_err(|error| failed(&error))?;
    document.insert("model".into(), toml::Value::String(name.to_owned()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    write_text(path, &toml::to_string(&document).map_err(|error| failed(&error))?)?;
    output.message(&format!("{name} is used from now on (written to {})", path.display()));
    Ok(())
}
